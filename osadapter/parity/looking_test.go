//go:build linux

package parity

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// answerOr gives the n-th answer of the actor if it is there already.
func (x *child) answerOr(n int, otherwise string) string {
	c := x.station.company
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(x.answers) < n {
		return otherwise
	}
	return x.answers[n-1]
}

// startedAt waits for the start of a child of the service and tells when the
// scenario saw it.
func (s *station) startedAt(service string) (*child, time.Time) {
	a := s.child(service)
	return a, time.Now()
}

// lastLog gives the time of the last log line with this text.
func (s *station) lastLog(text string) time.Time {
	want := s.expand(text)
	for _, line := range slices.Backward(s.log.all()) {
		if strings.Contains(line.text, want) {
			return line.at
		}
	}
	s.stop("no log line has " + text)
	return time.Time{}
}

// forOneSide is how long is waited for what only one of the masters does within
// a second or so.
const forOneSide = 3 * time.Second

// child1 is the first child that was given out, or the next one.
func (s *station) child1() *child {
	s.company.mu.Lock()
	given := s.company.taken > 0
	s.company.mu.Unlock()
	if !given {
		return s.child()
	}
	return s.company.all[0]
}

// freeze stops the master, and waits until it stands still.
func (p *process) freeze() {
	p.signal(unix.SIGSTOP)
	p.station.eventually("the master stands still", func() bool { return stateOf(p.master()) == "T" })
}

// settle waits until the master has slept for a while and every child that it
// has started has called in: what has not been started by then never is.
func (p *process) settle() {
	s := p.station
	p.quietFor(still)
	s.eventually("all children call in", func() bool {
		for _, pid := range childrenOf(p.master()) {
			if s.isOnItsWay(pid) {
				return false
			}
		}
		return true
	})
}

// isOnItsWay tells whether a process is a child that has not become an actor
// yet, or an actor that has not called in.
func (s *station) isOnItsWay(pid int) bool {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil || program != s.binary && program != s.path("s/actor") {
		return false // gone, or something else
	}
	s.company.mu.Lock()
	defer s.company.mu.Unlock()
	return !slices.ContainsFunc(s.company.all, func(x *child) bool { return x.pid == pid })
}
