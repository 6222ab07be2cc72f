//go:build linux && amd64

package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// life is one daemon, from its start to its end.
type life struct {
	system  *system
	watcher *watcher
	options []string
	more    []uint32 // additional calls to ask about

	began  time.Time
	cmd    *exec.Cmd
	stderr *os.File
	ended  chan struct{} // closed when the started process has ended

	// The results.
	phase       phase
	fired       bool
	reloads     int // all, and those refused
	refused     int
	current     []service
	descriptors []string // while the daemon rests, at the end
}

// errGone says that the daemon ended by itself.
var errGone = errors.New("the daemon ended")

// newLife prepares a life with or without a fault, in which the filter asks about
// the calls with those names.
func newLife(f *fault, calls []string, c circumstances) (*life, error) {
	l, err := preparedLife(c.options...)
	if err == nil && c.syslog {
		err = l.withSyslog()
	}
	if err != nil {
		return nil, err
	}
	l.watcher.fault, l.watcher.record = f, f == nil
	return l, l.begin(calls)
}

// preparedLife returns a life that has not begun.
func preparedLife(options ...string) (*life, error) {
	s, err := newSystem()
	if err != nil {
		return nil, err
	}
	l := &life{system: s, options: options, watcher: newWatcher(filepath.Join(binaries, "master")), ended: make(chan struct{}), current: first}
	l.watcher.twofold = slices.Contains(options, "-w")
	return l, s.configure(first)
}

// begin starts the daemon.
func (l *life) begin(calls []string) (err error) {
	l.began = time.Now()
	if l.stderr, err = os.OpenFile(l.system.path("stderr"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	asked := slices.Clone(l.more)
	for _, name := range append(calls, "execute", "bind") {
		for _, n := range numbers[name] {
			if !slices.Contains(asked, n) {
				asked = append(asked, n)
			}
		}
	}
	// Under the lock, nothing is decided before we know the processes.
	w := l.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	cmd, listener, err := launch(w.binary, append([]string{"master", "-c", l.system.path("c")}, l.options...), l.stderr, asked)
	if err != nil {
		return err
	}
	l.cmd = cmd
	w.directory = l.system.dir
	w.daemon = cmd.Process.Pid
	if w.twofold {
		w.daemon, w.parent = 0, cmd.Process.Pid
	}
	go w.watch(listener)
	go func() {
		_ = cmd.Wait()
		close(l.ended)
	}()
	return nil
}

// over reports whether the daemon has ended.
func (l *life) over() bool {
	if l.watcher.twofold {
		if pid := l.watcher.process(); pid != 0 {
			return !alive(pid)
		}
	}
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// alive reports whether a process runs.
func alive(pid int) bool {
	state, _, _ := status(pid)
	return state != "" && state != "Z" && state != "X"
}

// status reads /proc/PID/stat.
func status(pid int) (state string, parent, session int) {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if at := strings.LastIndex(string(text), ") "); at >= 0 {
		if f := strings.Fields(string(text)[at+2:]); len(f) > 3 {
			return f[0], number(f[1]), number(f[3])
		}
	}
	return "", 0, 0
}

// processes returns the processes for which fits returns true.
func processes(fits func(pid int) bool) []int {
	var found []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid := number(e.Name()); pid > 0 && fits(pid) {
			found = append(found, pid)
		}
	}
	return found
}

// await waits for a condition or for the daemon's end.
func (l *life) await(what string, holds func() bool) error {
	gone := false
	err := eventually(what, func() bool {
		if holds() {
			return true
		}
		gone = l.over()
		return gone
	})
	if gone {
		return errGone
	}
	return err
}

func (l *life) says(text string) bool { return strings.Contains(l.system.log(), text) }

func (l *life) enter(p phase) {
	l.phase = p
	l.watcher.enter(p)
}

// until plays the life up to the end of a phase.
func (l *life) until(last phase) error {
	l.phase = boot
	if err := l.await("daemon started", func() bool {
		return l.says("daemon started") || time.Since(l.began) > lostLine && l.watcher.hasFired() && l.has(first)
	}); err != nil {
		return err
	}
	if l.watcher.twofold {
		if err := eventually("-w returns", func() bool {
			select {
			case <-l.ended:
				return true
			default:
				return false
			}
		}); err != nil {
			return err
		}
	}
	if last >= serve {
		l.enter(serve)
		if err := errors.Join(l.serveAll(), l.crash()); err != nil {
			return err
		}
	}
	if last >= reload {
		l.enter(reload)
		if err := l.reload(second); err != nil {
			return err
		}
		if err := l.serveAll(); err != nil {
			return err
		}
	}
	if last >= undo && l.refused == 0 {
		if err := l.takeBack(); err != nil {
			return err
		}
	}
	return l.rest() // everything that it has begun is done
}

// serveAll makes every service serve a client.
func (l *life) serveAll() error {
	for _, v := range l.current {
		if err := l.system.serves(v); err != nil {
			if l.over() {
				return errGone
			}
			return err
		}
	}
	return nil
}

// crash kills an idle server; its service continues.
func (l *life) crash() error {
	victims := l.children()
	if len(victims) == 0 {
		return nil
	}
	victim := victims[len(victims)-1]
	_ = unix.Kill(victim, unix.SIGKILL)
	return l.await("the crashed server is reaped", func() bool { return !slices.Contains(l.children(), victim) })
}

// children returns the daemon's children, including zombies.
func (l *life) children() []int {
	daemon := l.watcher.process()
	return processes(func(pid int) bool {
		_, parent, _ := status(pid)
		return parent == daemon && daemon != 0
	})
}

// What the log says about a reload, and how long to wait for it if the fault may
// have kept the line out of the log.
const (
	reloadText  = "reload -- version"
	refusedText = "reload refused"
	lostLine    = 3 * time.Second
)

// reload reloads other services, and waits for the end of the reload.
func (l *life) reload(services []service) error {
	if err := l.system.configure(services); err != nil {
		return err
	}
	l.reloads++
	begun := strings.Count(l.system.log(), reloadText)
	refused := strings.Count(l.system.log(), refusedText)
	if pid := l.watcher.process(); pid == 0 || unix.Kill(pid, unix.SIGHUP) != nil {
		return errGone
	}
	asked := time.Now()
	if err := l.await("a reload", func() bool {
		log := l.system.log()
		return strings.Count(log, refusedText) > refused || strings.Count(log, reloadText) > begun && l.has(services) ||
			time.Since(asked) > lostLine && l.watcher.hasFired()
	}); err != nil {
		return err
	}
	// Either the sockets exist, or it is refused; it is over when the loop rests.
	if err := l.rest(); err != nil {
		return err
	}
	if strings.Count(l.system.log(), refusedText) > refused {
		l.refused++
		return nil
	}
	if l.has(services) {
		l.current = services
	}
	return nil
}

// has reports whether the sockets of the services exist. A reload leaves all of
// them, or no new one.
func (l *life) has(services []service) bool {
	for _, v := range services {
		if v.kind == "inet" {
			continue
		}
		var st unix.Stat_t
		if unix.Lstat(l.system.path("q/private/"+v.name), &st) != nil || (st.Mode&unix.S_IFMT == unix.S_IFIFO) != (v.kind == "fifo") {
			return false
		}
	}
	return true
}

// rest waits until every thread of the daemon sleeps for a while, or hangs.
func (l *life) rest() error {
	const looks = 8
	quiet := 0
	return l.await("the daemon rests", func() bool {
		quiet++
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", l.watcher.process()))
		for _, path := range tasks {
			text, _ := os.ReadFile(path)
			if at := strings.LastIndex(string(text), ") "); at >= 0 && text[at+2] != 'S' && !l.watcher.holds(number(filepath.Base(filepath.Dir(path)))) {
				quiet = 0
			}
		}
		return quiet >= looks
	})
}

// takeBack plays a reload that fails at its last listener but one, and so undoes
// the others.
func (l *life) takeBack() error {
	l.watcher.mu.Lock()
	l.watcher.companion = &fault{place: place{undo, daemon, "bind", "private/x"}, errno: core.ENOSPC}
	l.watcher.mu.Unlock()
	l.enter(undo)
	before := l.current
	if err := l.reload(third); err != nil {
		return err
	}
	if l.has(third) {
		return errors.New("a reload whose listener cannot be opened was not refused")
	}
	if err := l.system.configure(before); err != nil {
		return err
	}
	return l.serveAll()
}

// heal checks, once the fault is gone, that all clients are served, a reload
// succeeds, and nothing is left over: no process, and no descriptor that a healthy
// daemon would not have.
func (l *life) heal(healthy []string) error {
	l.fired = l.watcher.hush()
	if err := l.serveAll(); err != nil {
		return fmt.Errorf("after the fault: %w", err)
	}
	refused := l.refused
	if err := l.reload(second); err != nil {
		return err
	}
	if l.refused > refused {
		return errors.New("a reload is refused after the fault")
	}
	if err := l.serveAll(); err != nil {
		return fmt.Errorf("after a reload: %w", err)
	}
	// Once more, so that idle servers leave.
	if err := l.reload(second); err != nil {
		return err
	}
	if err := l.await("no process is left", func() bool { return len(l.children()) == 0 }); err != nil {
		return fmt.Errorf("%w: %s", err, l.portrait())
	}
	if err := l.rest(); err != nil {
		return err
	}
	_ = eventually("no descriptor is too many", func() bool {
		l.descriptors = l.open()
		return healthy == nil || compare(l.descriptors, healthy) == nil
	})
	return compare(l.descriptors, healthy)
}

// isOurs recognises the processes of this life by their arguments.
func (l *life) isOurs(pid int) bool {
	words, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.Contains(string(words), l.system.dir+"/") && pid != os.Getpid()
}

// portrait describes the processes of the daemon.
func (l *life) portrait() string {
	var b strings.Builder
	for _, pid := range l.children() {
		state, _, _ := status(pid)
		words, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		fmt.Fprintf(&b, "%d %s %q; ", pid, state, words)
	}
	return b.String()
}

// open lists the kinds of the daemon's descriptors.
func (l *life) open() []string {
	pid := l.watcher.process()
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, l.watcher.kind(pid, number(e.Name())))
	}
	slices.Sort(kinds)
	return kinds
}

// finish ends the daemon, if it has not ended, and checks that no process is left.
func (l *life) finish() error {
	pid := l.watcher.process()
	defer func() {
		l.fired = l.watcher.hush() || l.fired
		_ = l.cmd.Process.Kill()
		<-l.ended
		for _, orphan := range processes(l.isOurs) {
			_ = unix.Kill(orphan, unix.SIGKILL)
			_, _ = unix.Wait4(orphan, nil, 0, nil) // it is our child: we are process 1 here
		}
		<-l.watcher.done
		_ = l.stderr.Close()
	}()
	if !l.over() {
		l.enter(end)
		began := time.Now()
		if pid == 0 {
			return errors.New("nobody knows which process the daemon is")
		}
		if err := unix.Kill(pid, unix.SIGTERM); err != nil {
			return fmt.Errorf("kill %d: %w", pid, err)
		}
		if err := eventually("the daemon ends", l.over); err != nil {
			return err
		}
		if !l.watcher.twofold {
			<-l.ended
			if st, ok := l.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || st.Signal() != unix.SIGTERM {
				return fmt.Errorf("after SIGTERM: %s, after %s", l.cmd.ProcessState, time.Since(began).Round(time.Millisecond))
			}
		}
	}
	return eventually("nobody is left", func() bool {
		return len(processes(func(p int) bool {
			state, _, session := status(p)
			return session == pid && pid != 0 && state != "Z"
		})) == 0
	})
}
