//go:build linux && amd64

package faults

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// outcome is the result of one fault.
type outcome struct {
	fault *fault
	kind  outcomeKind
	line  string // the line that reports it, if there is one
	wrong error
}

type outcomeKind int

const (
	absorbed outcomeKind = iota // invisible from outside
	told                        // a line reports it, and service continues
	declined                    // a reload was refused
	ended                       // the daemon ended with a line
	unmet                       // the call was not made this time
)

var outcomeNames = [...]string{"absorbed", "told", "reload refused", "ended", "not met"}

// try plays a life with the fault and judges it.
func try(f *fault, healthy []string, c circumstances) outcome {
	o := outcome{fault: f}
	l, err := newLife(f, []string{f.place.call}, c)
	if err != nil {
		o.wrong = err
		return o
	}
	defer l.system.close()
	err = l.until(min(f.place.phase, undo))
	if err == nil && f.place.phase != end {
		err = l.heal(healthy)
	}
	gone := errors.Is(err, errGone)
	if gone {
		err = nil
	}
	err = errors.Join(err, l.finish())
	if c.syslog {
		err = errors.Join(err, l.allArrived())
	}
	switch {
	case !l.fired:
		o.kind = unmet
	case gone:
		o.kind = ended
		err = errors.Join(err, l.mayEnd(), l.again())
	case l.refused > 1 || l.refused > 0 && f.place.phase < undo: // one refusal belongs to that phase
		o.kind = declined
	}
	o.line = l.tells(f, o.kind)
	switch {
	case o.kind == absorbed && o.line != "":
		o.kind = told
	case (o.kind == ended || o.kind == declined) && o.line == "":
		err = errors.Join(err, errors.New("no line tells why"))
	case (o.kind == ended || o.kind == declined) && ofListener.MatchString(o.line) && !strings.Contains(l.everything(), `: service "`):
		err = errors.Join(err, errors.New("no line tells for which service"))
	}
	if err = errors.Join(err, l.clean()); err != nil {
		o.wrong = fmt.Errorf("%s\n%w\n%s", f, err, l.everything())
	}
	return o
}

const crashFile = "d/master.crash"

// ofListener matches the lines about a listener that could not be opened.
var ofListener = regexp.MustCompile(`(fatal|error): (socket|setsockopt|bind|listen|chmod|remove|rename|fstat private|fifo_listen|unix_dgram_listen)`)

// compare returns an error that lists missing and surplus descriptors. That of the
// runtime's crash report may be missing: a warning says so.
func compare(got, want []string) error {
	if !slices.Contains(got, crashFile) {
		want = slices.DeleteFunc(slices.Clone(want), func(kind string) bool { return kind == crashFile })
	}
	if want == nil || slices.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("open at rest: %v\nwithout a fault: %v", got, want)
}

// waitingText is in the line that says why -w fails; as in the original, the fatal
// line after it does not say why.
const waitingText = "while waiting for daemon initialization"

// tells returns the line that names the error; if the daemon ended, that must be
// its last fatal line.
func (l *life) tells(f *fault, kind outcomeKind) string {
	line := ""
	for _, candidate := range strings.Split(l.everything(), "\n") {
		fatal := strings.Contains(candidate, "fatal: ") || strings.Contains(candidate, waitingText)
		if strings.Contains(candidate, f.errno.String()) && (kind != ended || fatal) {
			if line = candidate; kind != ended {
				break
			}
		}
	}
	return line
}

// everything returns all lines of the daemon.
func (l *life) everything() string {
	text, _ := os.ReadFile(l.system.path("stderr"))
	crash, _ := os.ReadFile(l.system.path(crashFile))
	return string(text) + l.system.log() + string(crash) + theSyslog.of(l.watcher.everyone(), l.began)
}

// clean returns an error if the Go runtime has printed a trace.
func (l *life) clean() error {
	text := l.everything()
	for _, trace := range []string{"goroutine ", "runtime error", "fatal error: ", "SIGSEGV", "panic: "} {
		if strings.Contains(text, trace) {
			return fmt.Errorf("a trace: %q", trace)
		}
	}
	return nil
}

// mayEnd judges an end that was not requested. A daemon that has started continues
// whatever happens, except that it must not continue without being root.
func (l *life) mayEnd() error {
	if strings.Contains(l.everything(), "cannot become root again") {
		return nil
	}
	if l.phase > boot || l.says("daemon started") {
		return errors.New("the daemon ended in the midst of service")
	}
	if !l.watcher.twofold && l.cmd.ProcessState.ExitCode() != 1 {
		return fmt.Errorf("the daemon ended with %s", l.cmd.ProcessState)
	}
	return nil
}

// again starts a daemon in the same place, which must come up and serve.
func (l *life) again() error {
	next := &life{system: l.system, watcher: newWatcher(l.watcher.binary), ended: make(chan struct{}), current: first}
	if err := next.system.configure(first); err != nil {
		return err
	}
	if err := next.begin(nil); err != nil {
		return err
	}
	before := strings.Count(l.system.log(), "daemon started")
	err := next.await("daemon started again", func() bool { return strings.Count(l.system.log(), "daemon started") > before })
	if err == nil {
		err = next.serveAll()
	}
	if err = errors.Join(err, next.finish()); err != nil {
		return fmt.Errorf("another start: %w", err)
	}
	return nil
}
