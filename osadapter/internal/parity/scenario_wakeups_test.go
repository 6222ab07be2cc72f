//go:build linux

package parity

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("wakeups", wakeupScenarios, conditionalScenarios(), failingWakeups)

const wakeupFailed = "master_wakeup_timer_event: "

// nextIs makes the actor accept a client that connects now, which shows what waited
// before it.
func nextIs(s *station, address string, a *child) {
	c := s.dial(address)
	_, err := c.Write([]byte("it is me\n"))
	s.require("write", err)
	s.observe("next", a.do("accept"))
	s.observe("it says", a.do("hear"))
}

var wakeupScenarios = []scenario{
	{name: "a unix service is woken at the start", play: func(s *station) {
		s.loose = true // two starts at one time
		s.master("x unix n - n 1000 1 actor", "y unix - - n 1000 0 actor")
		s.start()
		for _, name := range []string{"x", "y"} {
			a := s.child(name)
			s.observe(name, a.do("accept"))
			s.observe(name+" by", a.do("peer"))
			s.observe(name+" hears", a.do("take 2"))
			a.do("close")
		}
	}},
	{name: "an inet service is woken at the start", play: func(s *station) {
		s.loose = true // two starts at one time
		s.master("127.0.0.1:@port1 inet n - n 1000 1 actor", "127.0.0.2:@port2 inet n - n 1000 1 actor")
		s.start()
		for _, name := range []string{"127.0.0.1:@port1", "127.0.0.2:@port2"} {
			a := s.child(name)
			s.observe(name, a.do("accept"))
			s.observe(name+" hears", a.do("take 2"))
			a.do("close")
		}
	}},
	{name: "an inet service on IPv6 is woken", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_protocols", "all")
		s.master("[::1]:@port1 inet n - n 1000 1 actor")
		s.start()
		a := s.child()
		s.observe("accept", a.do("accept"))
		s.observe("hears", a.do("take 2"))
	}},
	{name: "an inet service with a port alone is woken", play: func(s *station) {
		s.master("@port1 inet n - n 1000 1 actor")
		s.start()
		a := s.child()
		s.observe("accept", a.do("accept"))
		s.observe("hears", a.do("take 2"))
	}},
	{
		name: "an inet service with a port alone that is not on localhost",
		shows: []shown{{
			row:      "Q20",
			original: `^log: warning .*master_wakeup_timer_event: service @port1\(@port1\): Connection refused$`,
			ours:     `^(child 1\.|process: child 1 starts|wakeup: (accepted|".*"))`,
		}, {row: "Q20", original: `^wakeup: none$`}},
		needs: noIPv6,
		play: func(s *station) {
			s.setMain("inet_protocols", "all")
			s.setMain("inet_interfaces", "::1")
			s.setHosts("127.0.0.1 localhost\n")
			s.master("@port1 inet n - n 1000 1 actor")
			s.start()
			s.eventually("a wakeup", func() bool { return s.countLog(wakeupFailed) > 0 || s.childCount() > 0 })
			if s.childCount() == 0 {
				s.observe("wakeup", "none")
				return
			}
			a := s.child()
			s.observe("wakeup", a.do("accept"))
			s.observe("wakeup", a.do("take 2"))
		},
	},
	{name: "a pass service is woken at the start", play: func(s *station) {
		s.master("p pass n - n 1000 1 actor")
		s.start()
		a := s.child()
		s.observe("passed", a.do("pass"))
		s.observe("hears", a.do("take 2"))
	}},
	{name: "a fifo service is woken at the start", play: func(s *station) {
		s.master("f fifo n - n 1000 1 actor")
		s.start()
		s.observe("hears", s.child().do("fifo"))
	}},
	{name: "a datagram service cannot be woken", play: func(s *station) {
		s.master("t unix-dgram n - n 1000 1 actor")
		p := s.start()
		s.awaitLog(wakeupFailed, 1)
		p.settle()
	}},
	{name: "services are woken in the order of the file, before the start is told", play: func(s *station) {
		s.master("t1 unix-dgram n - n 1000 1 actor", "t2 unix-dgram - - n 1000 1 actor")
		s.start()
		s.awaitLog(wakeupFailed, 2)
	}},
	{name: "no wakeup for intervals that are none", play: func(s *station) {
		s.master("a unix n - n - 1 actor", "b unix n - n 0 1 actor", "c fifo n - n 0? 1 actor")
		s.start().settle()
		s.observef("children", "%d", s.childCount())
	}},
	{name: "a unix service is woken again and again", play: func(s *station) {
		s.master("x unix n - n 1 1 actor")
		s.start()
		a := s.child()
		for i := range 3 {
			s.observe(fmt.Sprintf("wakeup %d", i+1), a.do("accept"))
			s.observe("it says", a.do("take 2"))
			a.do("close")
		}
	}},
	{name: "a fifo service is woken again and again, also when it left", play: func(s *station) {
		s.master("f fifo n - n 1 1 actor")
		s.start()
		for i := range 3 {
			a := s.child()
			s.observe(fmt.Sprintf("wakeup %d", i+1), a.do("fifo")[:2]) // two of them look like "WW"
			if i < 2 {                                                 // the last one stays, for there may be another wakeup before the end
				a.exit(0)
			}
		}
	}},
	{name: "a wakeup waits for a service that is busy", play: func(s *station) {
		s.master("x unix n - n 1 1 actor")
		s.start()
		a := s.child()
		s.observe("first", a.do("accept"))
		s.observe("it says", a.do("take 2"))
		a.do("taken")
		a.do("sleep 1200")
		a.do("avail")
		s.observe("second", a.do("accept"))
		s.observe("it says", a.do("take 2"))
	}},
	{name: "a throttled service is not woken", play: func(s *station) {
		s.main("default_process_limit = 1")
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n 4 1 actor") // enough time to crash before the second wakeup
		s.start()
		a := s.child()
		a.do("accept")
		a.exit(1)
		s.awaitLog(throttlingText, 1)
		begun := time.Now()
		s.eventually("two wakeups would have been sent", func() bool { return time.Since(begun) > 8200*time.Millisecond })
		for _, name := range []string{"first", "second", "third"} {
			s.observe("the "+name+" in the queue", s.dialResult("public/x")) // there is room for two
		}
	}},
	{name: "an idle child gets the wakeup without another one being started", play: func(s *station) {
		s.master("x unix n - n 1000 5 actor")
		p := s.start()
		a := s.child()
		s.observe("accept", a.do("accept"))
		p.settle()
		s.observef("children", "%d", s.childCount())
	}},
	{name: "a server that crashes over its first wakeup", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("f fifo n - n 1000 1 actor fifo; exit 7")
		p := s.start()
		s.awaitLog(throttlingText, 1)
		p.settle()
	}},
}

// conditionalScenarios are about wakeups that wait for the first use.
func conditionalScenarios() []scenario {
	list := []scenario{
		{name: "a conditional wakeup comes once for many starts", play: func(s *station) {
			s.master("x unix n - n 1000? 0 actor")
			p := s.start()
			s.dial("public/x")
			a := s.child()
			s.observe("the client", a.do("accept"))
			s.observe("the wakeup", a.do("accept"))
			s.observe("it says", a.do("take 2"))
			a.do("taken")
			p.settle()
			s.dial("public/x")
			b := s.child()
			s.observe("the second client", b.do("accept"))
			nextIs(s, "public/x", b)
		}},
		{name: "a conditional wakeup goes on when the child has left", play: func(s *station) {
			s.master("x unix n - n 1? 1 actor")
			s.start()
			s.dial("public/x")
			a := s.child()
			s.observe("the client", a.do("accept"))
			s.observe("the wakeup", a.do("accept"))
			a.exit(0)
			b := s.child()
			s.observe("the next", b.do("accept"))
			s.observe("it says", b.do("take 2"))
		}},
		{name: "a conditional wakeup waits again after a reload", play: func(s *station) {
			s.loose = true
			s.master("x unix n - n 1000? 1 actor")
			p := s.start()
			s.dial("public/x")
			a := s.child()
			s.observe("the client", a.do("accept"))
			s.observe("the wakeup", a.do("accept"))
			a.exit(0)
			p.settle()
			p.reload()
			p.settle()
			s.observef("children", "%d", s.childCount())
			s.dial("public/x")
			b := s.child()
			s.observe("the client", b.do("accept"))
			s.observe("the wakeup", b.do("accept"))
			s.observe("it says", b.do("take 2"))
		}},
		{name: "a conditional wakeup when the first child crashed", play: func(s *station) {
			s.setMain("service_throttle_time", "1s")
			s.master("x unix n - n 1000? 1 actor")
			s.start()
			s.dial("public/x")
			a := s.child()
			s.observe("the client", a.do("accept"))
			a.exit(1)
			b := s.child()
			s.observe("the next", b.do("accept"))
			s.observe("it says", b.do("take 2"))
			nextIs(s, "public/x", b)
		}},
	}
	for _, c := range []struct{ kind, interval string }{{"unix", "1000?"}, {"pass", "1000?"}, {"fifo", "1000?"}, {"unix", "1000x?"}, {"unix", "01000?"}} {
		list = append(list, scenario{name: fmt.Sprintf("a %s service with wakeup %s is woken at its first use", c.kind, c.interval), shows: oddNumber(c.interval), play: func(s *station) {
			s.master("x " + c.kind + " n - n " + c.interval + " 1 actor")
			s.start().settle()
			s.observef("children", "%d", s.childCount())
			if c.kind == "fifo" {
				s.poke("public/x", "c")
				a := s.child()
				s.eventually("the wakeup", func() bool { return waiting(s.path("q/public/x")) >= 2 })
				s.observe("hears", a.do("fifo"))
				return
			}
			s.dial("public/x")
			a := s.child()
			s.observe("the client", a.do("accept"))
			if c.kind == "pass" {
				s.observe("the wakeup", a.do("pass"))
			} else {
				s.observe("the wakeup", a.do("accept"))
			}
			s.observe("it says", a.do("take 2"))
		}})
	}
	return list
}

func oddNumber(interval string) []shown {
	if interval == "1000x?" {
		return []shown{{row: "D13", ours: `^log: info .* is taken as `}}
	}
	return nil
}

// waiting returns the number of bytes in a fifo.
func waiting(path string) int {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// afterWakeup plays a wakeup every second whose path is changed after the first
// one.
func afterWakeup(kind string, change func(s *station) error) func(s *station) {
	return func(s *station) {
		s.master("x " + kind + " n - n 1 1 actor")
		s.once = true // there may be another wakeup before the end
		s.start()
		s.child()
		s.require("change", change(s))
		s.awaitLog(wakeupFailed, 1)
	}
}

var failingWakeups = []scenario{
	{name: "a unix wakeup whose socket is gone", play: afterWakeup("unix", func(s *station) error {
		return os.Remove(s.path("q/public/x"))
	})},
	{name: "a unix wakeup where a file stands", play: afterWakeup("unix", func(s *station) error {
		return replace(s, func(path string) error { return os.WriteFile(path, nil, 0o666) })
	})},
	{name: "a pass wakeup whose socket is gone", play: afterWakeup("pass", func(s *station) error {
		return os.Remove(s.path("q/public/x"))
	})},
	{name: "a unix wakeup where a socket stands that nobody listens at", play: afterWakeup("unix", func(s *station) error {
		return replace(s, func(path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o777, 0) })
	})},
	{name: "a fifo wakeup whose fifo is gone", play: afterWakeup("fifo", func(s *station) error {
		return os.Remove(s.path("q/public/x"))
	})},
	{name: "a fifo wakeup where nobody reads", play: afterWakeup("fifo", func(s *station) error {
		return replace(s, func(path string) error {
			if err := unix.Mkfifo(path, 0o666); err != nil {
				return err
			}
			return os.Chmod(path, 0o666)
		})
	})},
	{name: "a fifo wakeup through a symlink", play: afterWakeup("fifo", func(s *station) error {
		return replace(s, func(path string) error { return os.Symlink("/dev/null", path) })
	})},
	{name: "a fifo wakeup through a name with a second link", play: afterWakeup("fifo", func(s *station) error {
		return os.Link(s.path("q/public/x"), s.path("q/public/y"))
	})},
	{name: "a fifo wakeup that may not be written", play: afterWakeup("fifo", func(s *station) error {
		return os.Chmod(s.path("q/public/x"), 0o444)
	})},
	{
		name: "a fifo wakeup where a file stands",
		shows: []shown{{
			row: "D8", original: `^file: q/public/x file .* size [1-9]|^written: true$`,
			ours: `^log: warning .*master_wakeup_timer_event: .*: Operation not permitted$|^file: q/public/x file .* size 0$|^written: false$`,
		}},
		play: func(s *station) {
			s.master("x fifo n - n 1000 1 actor")
			p := s.start()
			s.child()
			s.require("replace", replace(s, func(path string) error {
				if err := os.WriteFile(path, nil, 0o666); err != nil {
					return err
				}
				return os.Chmod(path, 0o666)
			}))
			p.reload()
			written := func() bool {
				info, err := os.Stat(s.path("q/public/x"))
				return err == nil && info.Size() > 0
			}
			s.eventually("the wakeup", func() bool { return written() || s.countLog(wakeupFailed) > 0 })
			s.observef("written", "%v", written())
			p.settle()
		},
	},
	{name: "a unix wakeup of a service whose queue is full", play: func(s *station) {
		s.once = true
		s.main("default_process_limit = 1")
		s.master("x unix n - n 4 1 actor") // enough time for the client to be the second
		s.start()
		s.child()
		s.dial("public/x") // with the wakeup of the start, two wait
		s.awaitLog(wakeupFailed, 1)
	}},
	{name: "a failed wakeup is tried again", play: func(s *station) {
		s.once = true // there may be a fourth one
		s.master("t unix-dgram n - n 1 1 actor")
		s.start()
		s.awaitLog(wakeupFailed, 3)
	}},
	{
		name:  "a wakeup that gets no answer keeps nobody waiting",
		shows: []shown{{row: "Q19", original: `^the other service: waits$`, ours: `^the other service: at once$`}},
		play: func(s *station) {
			s.main("default_process_limit = 1")
			s.master("127.0.0.1:@port1 inet n - n 1000? 1 actor", "x unix n - n - 1 actor")
			s.loose = true
			p := s.start()
			p.freeze()
			s.dial("@port1") // two fill the queue
			s.dial("@port1")
			s.dial("public/x")
			p.signal(unix.SIGCONT)
			x := s.child("x")
			s.child()
			s.awaitLog(wakeupFailed, 1)
			word := "at once"
			// The wakeup's time is a second, of which the kernel's ticks lose a
			// part.
			if x.startTime().After(s.lastLog(wakeupFailed).Add(-200 * time.Millisecond)) {
				word = "waits" // until the wakeup's time was over
			}
			s.observe("the other service", word)
		},
	},
}

// replace creates something else at public/x.
func replace(s *station, make func(path string) error) error {
	path := s.path("q/public/x")
	if err := os.Remove(path); err != nil {
		return err
	}
	return make(path)
}
