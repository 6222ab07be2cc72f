//go:build linux

package parity

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// answerOr returns the n-th answer of the actor if it has arrived.
func (x *child) answerOr(n int, otherwise string) string {
	c := x.station.company
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(x.answers) < n {
		return otherwise
	}
	return x.answers[n-1]
}

// startedAt waits for the start of a child of the service and returns the time at
// which the scenario saw it.
func (s *station) startedAt(service string) (*child, time.Time) {
	a := s.child(service)
	return a, time.Now()
}

// lastLog returns the time of the last log line with this text.
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

// forOneSide is how long to wait for what only one of the masters does within about
// a second.
const forOneSide = 6 * time.Second

// child1 returns the first child that was received, or the next one.
func (s *station) child1() *child {
	s.company.mu.Lock()
	given := s.company.taken > 0
	s.company.mu.Unlock()
	if !given {
		return s.child()
	}
	return s.company.all[0]
}

// freeze stops the master, and waits until it is stopped.
func (p *process) freeze() {
	p.signal(unix.SIGSTOP)
	p.station.eventually("the master stands still", func() bool { return stateOf(p.master()) == "T" })
}

// startTime returns the start time of a living actor's process, rounded down to a
// tick of the kernel's clock.
func (x *child) startTime() time.Time {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.pid))
	x.station.require("look at the actor", err)
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	const startTime, ticksPerSecond = 19, 100 // of the fields after the name; USER_HZ
	ticks, err := strconv.ParseInt(fields[startTime], 10, 64)
	x.station.require("look at the actor", err)
	var sinceBoot unix.Timespec
	x.station.require("clock", unix.ClockGettime(unix.CLOCK_BOOTTIME, &sinceBoot))
	return time.Now().Add(-time.Duration(sinceBoot.Nano())).Add(time.Duration(ticks) * time.Second / ticksPerSecond)
}
