//go:build linux

package parity

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What takes minutes is shown by turning the master's clock forward.
var _ = topic("clock", overdueWakeups(), clockScenarios, watchdogScenarios)

const (
	overdueText = "read timeout for service"
	remindText  = "has reached its process limit"
)

// rested turns the clock and waits until the master has done everything that is
// due.
func (p *process) rested(d time.Duration) {
	p.turn(d)
	p.settle()
}

// overdueWakeups are wakeups whose connection the server keeps open: the master
// closes it after 101 seconds and says so.
func overdueWakeups() []scenario {
	var list []scenario
	for _, c := range []struct{ kind, entry, accept string }{
		{"unix", "x unix n - n 5000 1 actor", "accept"},
		{"private unix", "x unix - - n 5000 1 actor", "accept"},
		{"inet", "127.0.0.1:@port1 inet n - n 5000 1 actor", "accept"},
		{"pass", "x pass n - n 5000 1 actor", "pass"},
	} {
		list = append(list, scenario{name: "a wakeup of a " + c.kind + " service that nobody ends", needs: noTurnedClock, play: func(s *station) {
			s.master(c.entry)
			p := s.start()
			a := s.child()
			s.observe("wakeup", a.do(c.accept))
			s.observe("it says", a.do("take 2"))
			p.settle()
			p.rested(95 * time.Second)
			s.observef("told after 95 s", "%d", s.countLog(overdueText))
			p.rested(10 * time.Second)
			s.observef("told after 105 s", "%d", s.countLog(overdueText))
			s.observe("then it hears", a.do("hear"))
			p.rested(300 * time.Second)
		}})
	}
	return append(list, scenario{name: "a wakeup that the server ends is over", needs: noTurnedClock, play: func(s *station) {
		s.master("x unix n - n 5000 1 actor", "f fifo n - n 5000 1 actor fifo")
		s.loose = true // two starts at one time
		p := s.start()
		a := s.child("x")
		s.observe("wakeup", a.do("accept"))
		s.observe("it says", a.do("take 2"))
		a.do("close")
		s.child("f").awaitAnswer(1)
		p.settle()
		p.rested(300 * time.Second)
		s.observef("told", "%d", s.countLog(overdueText))
	}})
}

var clockScenarios = []scenario{
	{name: "a wakeup comes after its interval and not before", needs: noTurnedClock, play: func(s *station) {
		s.master("x unix n - n 1000 1 actor")
		p := s.start()
		a := s.child()
		s.observe("first", a.do("accept"))
		s.observe("it says", a.do("take 2"))
		a.do("close")
		p.settle()
		p.rested(990 * time.Second)
		nextIs(s, "public/x", a)
		a.do("close")
		p.rested(15 * time.Second)
		s.observe("second", a.do("accept"))
		s.observe("it says", a.do("take 2"))
		a.do("close")
		p.rested(5000 * time.Second)
		s.observe("one for all that were missed", a.do("accept"))
		s.observe("it says", a.do("take 2"))
		a.do("close")
		nextIs(s, "public/x", a)
	}},
	{name: "a throttle lasts for a minute", needs: noTurnedClock, play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 1 actor")
		p := s.start()
		s.dial("public/x")
		s.child().exit(1)
		s.awaitLog(throttlingText, 1)
		p.settle()
		p.rested(55 * time.Second)
		s.observef("children after 55 s", "%d", s.childCount())
		p.turn(10 * time.Second)
		s.observe("then", s.child().do("accept"))
	}},
	{name: "stress is over after a thousand seconds", needs: noTurnedClock, play: func(s *station) {
		s.loose = true
		s.master("p pass n - n - 3 actor")
		p := s.start()
		all := []*child{busy(s, "public/p"), busy(s, "public/p"), busy(s, "public/p")}
		for _, a := range all[1:] {
			a.exit(0)
		}
		p.settle()
		p.rested(990 * time.Second)
		all[1] = busy(s, "public/p") // started with stress=yes
		p.settle()
		p.rested(15 * time.Second)
		all[2] = busy(s, "public/p") // the last place: stress begins anew
		p.settle()
		all[1].exit(0)
		all[2].exit(0)
		p.settle()
		p.rested(1005 * time.Second)
		busy(s, "public/p") // started without stress=yes
		p.settle()
	}},
	{name: "the warning at the limit comes again after a thousand seconds", needs: noTurnedClock, play: func(s *station) {
		s.loose = true
		s.master("p pass n - n - 2 actor")
		p := s.start()
		a, _ := busy(s, "public/p"), busy(s, "public/p")
		s.awaitLog(remindText, 1)
		p.settle()
		for _, turned := range []time.Duration{500, 490, 15} {
			p.rested(turned * time.Second)
			a.exit(0)
			p.settle()
			a = busy(s, "public/p")
			p.settle()
			s.observef("told", "%d", s.countLog(remindText))
		}
	}},
	{name: "the exit time of an hour", needs: noTurnedClock, play: func(s *station) {
		s.master("x unix n - n - 1 actor")
		p := s.start("-e", "3600")
		p.settle()
		p.rested(3500 * time.Second)
		serveAt(s, "public/x").do("avail")
		p.settle()
		p.turn(105 * time.Second)
		s.observe("the master", p.awaitEnd())
		s.child1().exit(0)
	}},
}

// watchdogScenarios are about loops that hang. Each master hangs in a way of its
// own: no way is known that makes both hang.
var watchdogScenarios = []scenario{
	{name: "the watchdog ends a loop that hangs", needs: noTurnedClock, play: func(s *station) {
		s.master(one, "127.0.0.1:@port2 inet n - n - 1 actor deaf; accept; taken")
		l := s.command()
		l.Nice = 10 // the original never rests
		p := s.startAs(l)
		s.dial("@port2")
		a := s.child()
		a.awaitAnswer(3)
		p.settle()
		if s.binary == originalMaster {
			hangOriginal(s, p)
		} else {
			hangOurs(s, p)
		}
		s.observe("the master", p.awaitEnd())
		s.observe("the channel of its child", a.do("eof"))
		a.exit(0)
	}},
}

// hangOriginal removes a service whose child ignores SIGTERM: the original waits
// for its end. Alarms are its watchdog's clock.
func hangOriginal(s *station, p *process) {
	s.setMaster(one)
	s.ignore(`^log: info .*reload -- version`)
	p.reload()
	before := ticksOf(p.master())
	s.eventually("it waits for its deaf child", func() bool { return ticksOf(p.master()) > before+20 })
	for range 3 {
		s.require("alarm", unix.Kill(p.master(), unix.SIGALRM))
		s.eventually("the alarm has come", func() bool {
			return s.keeper.status(p.master()) != "" || !isPending(p.master(), unix.SIGALRM)
		})
	}
}

// hangOurs stops the thread of the loop, and turns the clock that the watchdog
// uses.
func hangOurs(s *station, p *process) {
	p.turn(0) // makes its clock adjustable
	s.require("hold the loop", p.hold())
	for range 3 {
		p.turnHeld(334 * time.Second)
	}
	s.awaitLog("watchdog timeout", 1)
}

// ticksOf returns the processor time of a process, in hundredths of a second.
func ticksOf(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}
