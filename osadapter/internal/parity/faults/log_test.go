//go:build linux && amd64

package faults

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
)

// The calls with which a daemon without a log file passes its lines to the system's
// log, and the errors that they may return when the log is full, slow, or being
// restarted.
var logCalls = map[place][]core.Errno{
	{call: "write", label: "socket"}:     {core.EAGAIN, enobufs, core.ECONNREFUSED, core.ENOMEM},
	{call: "connect", label: "/dev/log"}: {core.ENOENT, core.ECONNREFUSED, core.EACCES, core.EAGAIN},
}

// sleepingFor is how long the log accepts nothing.
const sleepingFor = time.Second

// withSyslog creates a system log as usual, at /dev/log.
func (l *life) withSyslog() error {
	l.system.lines = func() string { return theSyslog.of(l.watcher.everyone(), l.began) }
	path := l.system.path("c/main.cf")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return strings.HasPrefix(line, "maillog_file") })
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644)
}

// TestFaultsOfTheSystemLog makes the log accept nothing for a second, in each way
// that a kernel has for that and in each part of a life. The daemon serves as
// before, and in the end every line has arrived.
func TestFaultsOfTheSystemLog(t *testing.T) {
	if reason := unable(); reason != "" {
		t.Skip(reason)
	}
	r, err := rehearse(circumstances{syslog: true})
	if err != nil {
		t.Fatalf("a life without a fault: %v", err)
	}
	var plan []*fault
	for _, p := range r.order {
		for i, e := range logCalls[place{call: p.call, label: p.label}] {
			if p.who != daemon || !*all && (len(plan)+i)%3 != 0 {
				continue
			}
			for _, n := range occurrences(r.counts[p]) {
				plan = append(plan, &fault{place: p, n: n, errno: e, lasting: sleepingFor})
				if !*all {
					break
				}
			}
		}
	}
	plan = slices.DeleteFunc(plan, func(f *fault) bool { return !strings.Contains(f.String(), *only) })
	if len(plan) == 0 && *only == "" {
		t.Fatal("the daemon hands nothing to the system's log")
	}
	tally := newTally()
	playAll(plan, r.descriptors, circumstances{syslog: true}, func(o outcome) {
		tally.add(o)
		if *outcomes {
			t.Logf("%s: %s: %s", o.fault, outcomeNames[o.kind], o.line)
		}
		if o.wrong != nil {
			t.Errorf("%v", o.wrong)
		}
	})
	t.Logf("%s", tally)
}

// allArrived returns an error that lists the lines of a life that are missing in
// the system's log. The log is read even after the daemon has ended.
func (l *life) allArrived() error {
	if err := eventually("every line is in the log", func() bool { return l.missing() == nil }); err != nil {
		return errors.Join(err, l.missing())
	}
	return nil
}

func (l *life) missing() error {
	text := l.system.log()
	var err error
	for what, times := range map[string]int{"daemon started": 1, reloadText: l.reloads, "terminating on signal": 1} {
		if n := strings.Count(text, what); n != times {
			err = errors.Join(err, fmt.Errorf("%d lines with %q, want %d", n, what, times))
		}
	}
	if strings.Contains(text, " lost: ") {
		err = errors.Join(err, errors.New("lines were lost"))
	}
	return err
}

// circumstances are what a daemon is started with.
type circumstances struct {
	options []string
	syslog  bool // it logs to /dev/log; else to a file
}

func (c circumstances) String() string {
	return strings.TrimSpace(fmt.Sprintf("options %v", c.options) + map[bool]string{true: ", to syslog"}[c.syslog])
}
