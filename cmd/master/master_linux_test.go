package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestStartFailures(t *testing.T) {
	tests := []struct {
		name   string
		change func(s *station)
		args   []string
		want   []string // contained in standard error
	}{
		{"missing_main_cf", func(s *station) { os.Remove(s.path("c/main.cf")) }, nil, []string{"fatal: open ", "/c/main.cf: No such file or directory"}},
		{"malformed_main_cf", func(s *station) { s.main += "nonsense\n"; s.write() }, nil, []string{"main.cf, line 13: missing '=' after attribute name: \"nonsense\""}},
		{"bad_value", func(s *station) { s.main += "default_process_limit = many\n"; s.write() }, nil, []string{"fatal: bad numerical configuration: default_process_limit = many"}},
		{"missing_master_cf", func(s *station) { os.Remove(s.path("c/master.cf")) }, nil, []string{"fatal: open ", "/c/master.cf: No such file or directory"}},
		{"malformed_master_cf", func(s *station) { s.master += "# a comment\nfoo unix maybe - n - 1 echo\n"; s.write() }, nil, []string{`master.cf: line 3: field "private": bad value: "maybe"`}},
		{"directory_for_socket", func(s *station) {
			s.master += "foo unix - - n - 1 echo\n"
			s.write()
			must(s.t, os.Mkdir(s.path("q/private/foo"), 0o755))
		}, nil, []string{"fatal: remove private/foo: Is a directory", `master.cf: line 2: service "foo" cannot listen on private/foo; there is a directory at this path`}},
		{"missing_queue", func(s *station) { must(s.t, os.RemoveAll(s.path("q"))) }, nil, []string{"fatal: chdir ", "/q: No such file or directory", "create the directory"}},
		{"missing_queue_after_a_warning", func(s *station) {
			s.main += "mail_name = a\nmail_name = b\n"
			s.write()
			must(s.t, os.RemoveAll(s.path("q")))
		}, nil, []string{"warning: ", "overriding earlier entry: mail_name=a\n", "fatal: chdir "}},
		{"missing_log_directory", func(s *station) { must(s.t, os.RemoveAll(s.path("log"))) }, nil, []string{"fatal: open logfile '", "/log/mail.log': cannot create file exclusively: No such file or directory"}},
		{"full_log", func(s *station) { s.main += "maillog_file = /dev/full\nmaillog_file_prefixes = /dev\n"; s.write() }, nil, []string{"fatal: logfile '/dev/full' write error: No space left on device"}},
		{"full_log_with_wait", func(s *station) { s.main += "maillog_file = /dev/full\nmaillog_file_prefixes = /dev\n"; s.write() }, []string{"-w"}, []string{"fatal: logfile '/dev/full' write error: No space left on device", "fatal: daemon initialization failure"}},
		{"unknown_owner", func(s *station) { s.main += "mail_owner = nobody-here\n"; s.write() }, nil, []string{"parameter mail_owner: unknown user name value: nobody-here"}},
		{"wrong_flag", func(*station) {}, []string{"-x"}, []string{"fatal: usage: master [-c config_dir]"}},
		{"operand", func(*station) {}, []string{"start"}, []string{"fatal: usage: master"}},
		{"test_and_wait", func(*station) {}, []string{"-t", "-w"}, []string{"fatal: the -t and -w options cannot be used together"}},
		{"init_mode", func(*station) {}, []string{"-i"}, []string{"fatal: -i is allowed only for PID 1 process"}},
		{"negative_exit_time", func(*station) {}, []string{"-e", "-5"}, []string{"fatal: usage: master"}},
		{"daemon_that_fails", func(s *station) { s.main += "nonsense\n"; s.write() }, []string{"-w"}, []string{"missing '='", "fatal: daemon initialization failure -- see logs for details"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStation(t)
			test.change(s)
			code, stderr := s.run(test.args...)
			if code != 1 {
				t.Errorf("exit status %d, want 1", code)
			}
			for _, part := range test.want {
				if !strings.Contains(stderr, part) {
					t.Errorf("standard error:\n%s\nwant: %s", stderr, part)
				}
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", s.port))
	must(t, err)
	defer l.Close()
	code, stderr := s.run()
	want := fmt.Sprintf("fatal: bind 127.0.0.1 port %d: Address already in use", s.port)
	if code != 1 || !strings.Contains(stderr, want) || !strings.Contains(stderr, "another program holds this address") {
		t.Errorf("exit status %d\n%s\nwant: %s", code, stderr, want)
	}
}

func TestSecondMasterIsKeptOut(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	if code, _ := s.run("-t"); code != 0 {
		t.Errorf("-t without a master: exit status %d, want 0", code)
	}
	p := s.start()
	if code, stderr := s.run("-t"); code != 1 || stderr != "" {
		t.Errorf("-t beside a master: exit status %d, %q, want 1 and nothing", code, stderr)
	}
	code, stderr := s.run()
	for _, part := range []string{"fatal: open lock file pid/master.pid: unable to set exclusive lock: Resource temporarily unavailable", fmt.Sprint(p.Process.Pid)} {
		if code != 1 || !strings.Contains(stderr, part) {
			t.Errorf("exit status %d\n%s\nwant: %s", code, stderr, part)
		}
	}
	s.connect().echo(t, "still here")
}

func TestStaleLockIsNoObstacle(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	must(t, os.WriteFile(s.path("q/pid/master.pid"), []byte("                               1\nmore than the record\n"), 0o600))
	if os.Getuid() == 0 {
		must(t, os.Chown(s.path("q/pid/master.pid"), 0, 0))
	}
	p := s.start()
	text, err := os.ReadFile(s.path("q/pid/master.pid"))
	must(t, err)
	if want := fmt.Sprintf("%32d\n", p.Process.Pid); !strings.HasPrefix(string(text), want) {
		t.Errorf("got %q, want %q at the start", text, want)
	}
}

func TestEndsBySignal(t *testing.T) {
	for _, sig := range []syscall.Signal{
		syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGILL, syscall.SIGBUS, syscall.SIGSEGV,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGVTALRM, syscall.SIGPROF, syscall.SIGXCPU, syscall.SIGPWR, syscall.SIGIO,
	} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := newStation(t)
			p := s.start()
			x := s.connect()
			must(t, p.Process.Signal(sig))
			select {
			case <-p.ended:
			case <-time.After(20 * time.Second):
				t.Fatal("it lives on")
			}
			status := p.ProcessState.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != sig {
				t.Errorf("ended with %v, want signal %v", p.ProcessState, sig)
			}
			handled := strings.Contains(s.log(), fmt.Sprintf("terminating on signal %d", sig))
			switch sig {
			case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGILL, syscall.SIGBUS, syscall.SIGSEGV:
				if !handled {
					t.Errorf("log:\n%s", s.log())
				}
				s.eventually("the child is told, too", func() bool { return gone(x.pid) })
			default:
				if handled {
					t.Errorf("log:\n%s", s.log())
				}
				x.echo(t, "children finish their work")
				x.Close()
				s.eventually("the child leaves by itself", func() bool { return gone(x.pid) })
			}
		})
	}
}

func TestAlarmFromOutsideDoesNothing(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	for range 5 {
		must(t, p.Process.Signal(syscall.SIGALRM))
	}
	must(t, p.Process.Signal(syscall.SIGHUP)) // delivered after them
	s.eventually("the reload", func() bool { return strings.Contains(s.log(), "reload -- version") })
	s.connect().echo(t, "still here")
	must(t, p.Process.Signal(syscall.SIGTERM))
	s.eventually("the end", func() bool { return gone(p.Process.Pid) })
}

// The kernel's own watchdog runs, and three ticks without a sign of life end the
// master. The test sends the ticks as the kernel's timer does.
func TestKernelsWatchdogEndsTheMaster(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	x := s.connect()
	timers := func(pid int) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/timers", pid))
		if err != nil {
			t.Skip("this system does not show timers: ", err)
		}
		return string(text)
	}
	if text := timers(p.Process.Pid); !strings.Contains(text, "signal: 14/") {
		t.Fatalf("its timers: %q", text)
	}
	if text := timers(x.pid); text != "" {
		t.Errorf("a child has timers: %q", text)
	}
	const siTimer = -2
	tick := unix.Siginfo{Signo: int32(unix.SIGALRM), Code: siTimer}
	s.eventually("the master ends", func() bool {
		_, _, e := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(p.Process.Pid), uintptr(unix.SIGALRM), uintptr(unsafe.Pointer(&tick)))
		select {
		case <-p.ended:
			return true
		default:
			return e != 0
		}
	})
	<-p.ended
	if code := p.ProcessState.ExitCode(); code != 1 {
		t.Errorf("ended with %v, want exit status 1", p.ProcessState)
	}
	x.Close()
	s.eventually("the child leaves", func() bool { return gone(x.pid) })
}

func TestWaitFlagReturnsWhenTheDaemonServes(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	code, stderr := s.run("-w")
	text, err := os.ReadFile(s.path("q/pid/master.pid"))
	must(t, err)
	pid := number(strings.TrimSpace(string(text)))
	defer syscall.Kill(-pid, syscall.SIGKILL)
	if code != 0 || stderr != "" {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
	if n := strings.Count(s.log(), "this master is stationmaster "+stamp+", built with go"); n != 1 {
		t.Errorf("the log names the build %d times, not once:\n%s", n, s.log())
	}
	s.connect().echo(t, "at once")
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("session %d of process %d: %v", sid, pid, err)
	}
	must(t, unix.Kill(pid, unix.SIGTERM))
	s.eventually("the daemon ends", func() bool { code, _ := s.run("-t"); return code == 0 })
}

// The timers of servers, and of the master, are as exact as those of the process
// that started the master, except for the runtime's monitor (boot.RelaxMonitor).
func TestTheMonitorAloneRests(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root: to change other threads takes a right")
	}
	if runtime.NumCPU() == 1 {
		t.Skip("needs two processors: with one the monitor is left alone")
	}
	slack := func(process string) string {
		text, err := os.ReadFile("/proc/" + process + "/timerslack_ns")
		must(t, err)
		return strings.TrimSpace(string(text))
	}
	s := newStation(t)
	p := s.start()
	if got, want := slack(fmt.Sprint(s.connect().pid)), slack("self"); got != want {
		t.Errorf("a server has a slack of %s, want %s", got, want)
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.Process.Pid))
	must(t, err)
	resting := 0
	for _, thread := range threads {
		if slack(thread.Name()) == "10000000" {
			resting++
		}
	}
	if resting == 0 || resting > len(threads)/2 { // threads that it starts rest as well
		t.Errorf("%d of %d threads rest", resting, len(threads))
	}
}

func TestExitTime(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	if code, stderr := s.run("-d", "-e", "1"); code != 0 || !strings.Contains(s.log(), "master exit time has arrived") {
		t.Errorf("exit status %d: %s\n%s", code, stderr, s.log())
	}
}

func TestReloadWithMistakeKeepsServing(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	x := s.connect()
	mistakes := []struct {
		what   string
		change func()
		want   string
	}{
		{"master.cf", func() { s.master += "foo unix maybe - n - 1 echo\n" }, `error: ` + s.path("c/master.cf") + `: line 2: field "private": bad value: "maybe"`},
		{"main.cf", func() { s.main += "default_process_limit = many\n" }, "error: bad numerical configuration: default_process_limit = many"},
	}
	for i, m := range mistakes {
		main, master := s.main, s.master
		m.change()
		s.write()
		must(t, p.Process.Signal(syscall.SIGHUP))
		s.eventually("the refusal of "+m.what, func() bool { return strings.Count(s.log(), "reload refused") == i+1 })
		if !strings.Contains(s.log(), m.want) {
			t.Errorf("log:\n%s\nwant: %s", s.log(), m.want)
		}
		s.main, s.master = main, master
		s.write()
	}
	x.echo(t, "the old session goes on")
	if y := s.connect(); y.greeting == "" {
		t.Error("no greeting")
	}
}

func TestReloadToMissingLogFileKeepsTheLog(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	good := s.main
	s.main = strings.Replace(good, "/log/mail.log", "/nowhere/mail.log", 1)
	s.write()
	must(t, p.Process.Signal(syscall.SIGHUP))
	want := "warning: open logfile '" + s.path("nowhere/mail.log") + "': cannot create file exclusively: No such file or directory; " +
		"the log stays as it was; correct this or maillog_file, and reload\n"
	s.eventually("the warning", func() bool { return strings.Contains(s.log(), want) })

	// Repaired: lines go to the configured log.
	must(t, os.Mkdir(s.path("nowhere"), 0o755))
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("the second reload", func() bool { return strings.Count(s.log(), "reload -- version") == 2 })
	x := s.connect()
	must(t, p.Process.Signal(syscall.SIGTERM))
	<-p.ended
	x.Close()
	moved, _ := os.ReadFile(s.path("nowhere/mail.log"))
	if !strings.Contains(string(moved), "terminating on signal 15") {
		t.Errorf("the new log says:\n%s", moved)
	}
	if n := strings.Count(s.log(), "open logfile"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, s.log())
	}
}

func TestReloadChangesWhatNewChildrenSay(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	x := s.connect()
	s.main = strings.Replace(s.main, "hello", "welcome", 1)
	s.write()
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("a new child greets anew", func() bool {
		y := s.connect()
		defer y.Close()
		return strings.HasPrefix(y.greeting, "welcome")
	})
	x.echo(t, "the old session goes on")
	x.Close()
	s.eventually("the old child leaves after its session", func() bool { return gone(x.pid) })
}

func TestMissingDaemonIsThrottledAndMended(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.master = strings.Replace(s.master, "echo", "nosuchd", 1)
	s.write()
	p := s.start()
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", s.port))
	must(t, err)
	defer c.Close()
	s.eventually("the failure is told", func() bool {
		return strings.Contains(s.log(), "nosuchd: No such file or directory") && strings.Contains(s.log(), "nosuchd: bad command startup -- throttling")
	})
	s.master = strings.Replace(s.master, "nosuchd", "echo", 1)
	s.write()
	must(t, p.Process.Signal(syscall.SIGHUP))
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := c.Read(make([]byte, 64)); n == 0 {
		t.Errorf("the waiting client was not served: %v", err)
	}
}

// With few descriptors, what is possible works; what is not is logged and retried.
func TestNoDescriptorsLeft(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.master = fmt.Sprintf("127.0.0.1:%d inet n - n - 100 echo\n", s.port)
	s.write()
	p := s.start()
	must(t, unix.Prlimit(p.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 32, Max: 32}, nil))
	var open []*session
	for !strings.Contains(s.log(), "throttling") {
		if len(open) > 30 {
			t.Fatalf("%d children and no word\n%s", len(open), s.log())
		}
		c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", s.port))
		must(t, err)
		s.t.Cleanup(func() { c.Close() })
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, _ := c.Read(make([]byte, 64))
		if n > 0 {
			open = append(open, &session{Conn: c})
		}
	}
	if !strings.Contains(s.log(), "(Too many open files) -- throttling") {
		t.Errorf("log:\n%s", s.log())
	}
	for _, x := range open {
		x.Close()
	}
	s.connect().echo(t, "served again")
}

func TestKilledMasterLeavesChildrenAndANewOneStarts(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	x := s.connect()
	must(t, p.Process.Kill())
	<-p.ended
	x.echo(t, "the child finishes its work")
	must(t, os.Remove(s.path("log/mail.log")))
	s.start()
	x.Close()
	s.eventually("the orphan leaves after its session", func() bool { return gone(x.pid) })
}
