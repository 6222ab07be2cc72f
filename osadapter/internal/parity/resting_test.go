//go:build linux

package parity

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What must not happen has no condition to wait for. Waiting for a time proves
// nothing either: on a busy machine nothing may have happened because no process
// got a processor. So the processes concerned are checked for having slept.

const (
	// still is how long nothing must happen before we say that nothing happens.
	still = 100 * time.Millisecond
	// shortRest is the rest before something that must not happen in the middle of
	// other things.
	shortRest = 20 * time.Millisecond
	// busyLimit is how long to wait for a master that may work without a pause.
	busyLimit = 3 * time.Second
)

// quietFor waits until the master and its children have slept for this time, and
// every child that it has started has connected: what has not been started by then
// is never started.
func (p *process) quietFor(d time.Duration) {
	s, l := p.station, newLimit(patience)
	s.await("the master rests", l.poll(func() bool {
		return l.rest(p.master(), d) && !slices.ContainsFunc(childrenOf(p.master()), s.isOnItsWay)
	}))
}

// settle is quietFor with the usual time.
func (p *process) settle() { p.quietFor(still) }

// fate waits until what was sent to the master has had its effect: either it has
// ended, and fate returns how; or it and its children have slept or been stopped
// for this time, and fate returns "".
func (p *process) fate(d time.Duration) string {
	p.quietFor(d)
	if text, _ := threads(p.master()); text != "" {
		return ""
	}
	return p.station.keeper.awaitEnd(p.master())
}

// isOnItsWay reports whether a process is a child that has not become an actor yet,
// or an actor that has not connected but will.
func (s *station) isOnItsWay(pid int) bool {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil || program != s.binary && program != s.path("s/actor") {
		return false // it has ended, or is something else
	}
	argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || strings.Contains(string(argv), "\x00alone") {
		return false
	}
	s.company.mu.Lock()
	defer s.company.mu.Unlock()
	return !slices.ContainsFunc(s.company.all, func(x *child) bool { return x.pid == pid })
}

// rest waits until a process and its children have slept for this time and have
// nothing left to do: a process that waits for a processor does not sleep, and
// there may be neither unread reports nor zombies. (The original that is signalled
// while it logs may hang in its handler until its alarm ends it.)
func (l limit) rest(pid int, d time.Duration) bool {
	last, since := "", time.Now()
	for {
		at := time.Now()
		now, resting := household(pid)
		switch {
		case now == "":
			return true // it has ended
		case now != last || !resting:
			last, since = now, time.Now()
		case at.Sub(since) >= d:
			if !hasUnread(pid) {
				return true
			}
			since = time.Now()
		}
		if time.Now().After(l.at) {
			return false
		}
		time.Sleep(max(d/5, time.Millisecond))
	}
}

// restChildren waits until the living children are idle.
func (s *station) restChildren() {
	s.company.mu.Lock()
	living := slices.DeleteFunc(slices.Clone(s.company.all), func(x *child) bool { return x.ended })
	s.company.mu.Unlock()
	for _, x := range living {
		newLimit(busyLimit).rest(x.pid, shortRest)
	}
}

// household returns the activity of a process and of its children, "" if it has
// ended, and whether they rest. A zombie does not rest: it must be reaped.
func household(pid int) (text string, resting bool) {
	text, resting = threads(pid)
	if text == "" {
		return "", true
	}
	for _, child := range childrenOf(pid) {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", child))
		if err == nil && slices.Contains(companions, filepath.Base(program)) {
			continue
		}
		of, rests := threads(child)
		text += fmt.Sprintf(" %d:%s", child, of)
		resting = resting && rests && of != ""
	}
	return text, resting
}

// companions are programs that scenarios run beside a master's children; they act
// only when time passes.
var companions = []string{"sh", "dash", "bash", "busybox", "sleep"}

// threads returns the states of the threads of a process and how often each went to
// sleep, "" if it has ended, and whether all sleep or are stopped.
func threads(pid int) (text string, resting bool) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", true
	}
	resting = true
	for _, e := range entries {
		status, err := os.ReadFile(filepath.Join(dir, e.Name(), "status"))
		if err != nil {
			resting = false
			continue
		}
		_, state, _ := strings.Cut(string(status), "\nState:\t")
		_, switches, _ := strings.Cut(string(status), "\nvoluntary_ctxt_switches:\t")
		switches, _, _ = strings.Cut(switches, "\n")
		state = state[:min(1, len(state))]
		if state == "Z" && len(entries) == 1 {
			return "", true
		}
		text += state + switches + ","
		resting = resting && (state == "S" || state == "T")
	}
	return text, resting
}

// childrenOf returns the processes whose parent is pid.
func childrenOf(pid int) []int {
	if !kernelListsChildren() {
		return childrenByParent(pid)
	}
	var found []int
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(word); err == nil {
				found = append(found, n)
			}
		}
	}
	return found
}

// kernelListsChildren reports whether the kernel has lists of children.
var kernelListsChildren = sync.OnceValue(func() bool {
	_, err := os.Stat("/proc/thread-self/children")
	return err == nil
})

// childrenByParent checks every process.
func childrenByParent(pid int) []int {
	var found []int
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, after, ok := strings.Cut(string(text), ") ")
		fields := strings.Fields(after)
		if !ok || len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			found = append(found, n)
		}
	}
	return found
}

// isPending reports whether a signal has been sent to a process and has not been
// delivered yet.
func isPending(pid int, n unix.Signal) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for _, name := range []string{"\nSigPnd:\t", "\nShdPnd:\t"} {
		_, after, _ := strings.Cut(string(text), name)
		digits, _, _ := strings.Cut(after, "\n")
		if mask, err := strconv.ParseUint(digits, 16, 64); err == nil && mask&(1<<(n-1)) != 0 {
			return true
		}
	}
	return false
}
