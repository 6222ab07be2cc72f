//go:build linux

package parity

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hold stops the first thread of a Go master, which runs the loop, and keeps it
// stopped; the other threads continue.
func (p *process) hold() error {
	held := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the tracer is a thread
		defer runtime.UnlockOSThread()
		t := tracee(p.master())
		err := t.stop()
		held <- err
		if err == nil {
			t.awaitEnd() // the parent is told of the end only after the tracer
		}
	}()
	return <-held
}

// tracee is a thread that this one traces.
type tracee int

func (t tracee) stop() error {
	if err := unix.PtraceSeize(int(t)); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	if err := unix.PtraceInterrupt(int(t)); err != nil {
		return fmt.Errorf("interrupt: %w", err)
	}
	return t.awaitStop()
}

func (t tracee) awaitStop() error {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(int(t), &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("wait for the thread: %w", err)
		case !status.Stopped():
			return fmt.Errorf("the thread has ended")
		default:
			return nil
		}
	}
}

// awaitEnd waits until the thread is dead.
func (t tracee) awaitEnd() {
	for t.awaitStop() == nil {
	}
}

// turnHeld is turn for a master that is held. All its threads are interrupted,
// because some of them sleep until a time by the old clock; when they rest, it has
// read the new one.
func (p *process) turnHeld(d time.Duration) {
	s := p.station
	s.require("stop", unix.Kill(p.master(), unix.SIGSTOP))
	s.eventually("the threads stand still", func() bool {
		states, _ := threads(p.master())
		return !strings.ContainsAny(states, "RSD") && !readsClock(p.master())
	})
	err := changeClock(p.master(), d)
	s.require("continue", unix.Kill(p.master(), unix.SIGCONT))
	s.require("turn the clock", err)
	last, since := "", time.Now()
	s.eventually("the threads rest", func() bool {
		now, _ := threads(p.master())
		if now != last || strings.ContainsAny(now, "RD") {
			last, since = now, time.Now()
		}
		return time.Since(since) >= still
	})
}
