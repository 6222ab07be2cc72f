package boot

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// handledSignals are those that the daemon handles (spec runtime, 12).
var handledSignals = []syscall.Signal{
	syscall.SIGHUP, syscall.SIGCHLD, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGILL,
	syscall.SIGBUS, syscall.SIGSEGV, syscall.SIGTERM,
}

// ownDeaths are the signals by which the daemon ends itself, and one that the
// runtime leaves blocked.
var ownDeaths = []syscall.Signal{
	syscall.SIGINT, syscall.SIGQUIT, syscall.SIGILL, syscall.SIGBUS, syscall.SIGSEGV, syscall.SIGTERM,
	syscall.SIGABRT, syscall.SIGUSR1,
}

// deadly are the signals that end a program that does nothing about signals.
func deadly() []syscall.Signal {
	var all []syscall.Signal
	for s := syscall.Signal(1); s <= lastSignal; s++ {
		switch s {
		case syscall.SIGPIPE, syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGSTOP, syscall.SIGTSTP,
			syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGURG, syscall.SIGWINCH, 32, 33:
			continue
		}
		all = append(all, s)
	}
	return all
}

func init() {
	roles["default"] = func() {
		must(DefaultSignals())
		say("ready")
	}
	roles["default-masked"] = func() {
		must(DefaultSignals())
		// As while the runtime creates a thread on the first one: another thread
		// takes signals from outside.
		var all unix.Sigset_t
		for i := range all.Val {
			all.Val[i] = ^all.Val[i]
		}
		must(unix.PthreadSigmask(unix.SIG_SETMASK, &all, nil))
		say("ready")
	}
	roles["caught"] = func() {
		must(DefaultSignals())
		c := make(chan os.Signal, 8)
		Catch(c, handledSignals...)
		go func() {
			for s := range c {
				say("caught %d", s.(syscall.Signal))
			}
		}()
		say("ready")
	}
	roles["status-of-child"] = func() {
		must(DefaultSignals())
		c := make(chan os.Signal, 8)
		Catch(c, handledSignals...)
		child("/bin/cat", "/proc/self/status")
	}
	roles["recovered"] = func() {
		must(DefaultSignals())
		c := make(chan os.Signal, 8)
		Catch(c, handledSignals...)
		func() {
			defer func() { say("recovered %v", recover()) }()
			fault()
		}()
	}
	roles["unrecovered"] = func() {
		must(NeutralizeRuntime())
		must(DefaultSignals())
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		must(err)
		must(unix.Dup2(null, 2))
		fault()
	}
	for _, s := range ownDeaths {
		roles[fmt.Sprintf("die-%d", s)] = func() { DieBySignal(s) }
		roles[fmt.Sprintf("die-%d-caught", s)] = func() {
			must(DefaultSignals())
			Catch(make(chan os.Signal, 8), handledSignals...)
			IgnoreSignal(syscall.SIGTERM)
			DieBySignal(s)
		}
		roles[fmt.Sprintf("die-%d-blocked", s)] = func() { blocked(fmt.Sprintf("die-%d", s)) }
	}
	roles["deadman"] = func() {
		must(DefaultSignals())
		ArmDeadmanFor(20 * time.Millisecond)
		select {}
	}
	roles["deadman-caught"] = func() {
		must(DefaultSignals())
		Catch(make(chan os.Signal, 8), syscall.SIGALRM)
		ArmDeadmanFor(20 * time.Millisecond)
		select {}
	}
	roles["deadman-interval"] = func() {
		ArmDeadman()
		left, err := unix.Getitimer(unix.ItimerReal)
		must(err)
		say("%d", left.Value.Sec)
	}
	roles["deadman-first"] = func() {
		go DieBySignal(syscall.SIGCONT) // which does not kill
		for {
			left, err := unix.Getitimer(unix.ItimerReal)
			must(err)
			if left.Value.Sec != 0 {
				say("armed")
				break
			}
		}
	}
	roles["fatal"] = func() { ExitFatal(func() {}, func() {}) }
	roles["panic"] = func() { ExitPanic(func() {}, func() {}) }
	roles["broken-pipe"] = func() {
		must(DefaultSignals())
		var ends [2]int
		must(unix.Pipe2(ends[:], unix.O_CLOEXEC))
		must(unix.Close(ends[0]))
		must(unix.Dup2(ends[1], 2)) // the runtime checks 1 and 2
		_, err := os.Stderr.WriteString("x")
		say("%v", err != nil)
	}
}

// fault reads an unmapped address.
func fault() {
	var nowhere *int
	say("%d", *nowhere)
}

// TestUnhandledSignalsEndTheProcess sends every signal that ends a C program that
// does not handle it, before the handlers are installed.
func TestUnhandledSignalsEndTheProcess(t *testing.T) {
	for _, s := range deadly() {
		if testing.Short() && s > 36 && s < lastSignal {
			continue // the realtime signals behave alike
		}
		t.Run(fmt.Sprint(int(s)), func(t *testing.T) {
			t.Parallel()
			p := launch(t, "default", "", nil)
			p.expect("ready")
			p.kill(s)
			p.expectDeathBy(s)
		})
	}
}

// The kernel spares process 1 signals that it does not handle, but not if the first
// thread has the signal blocked at that moment and another has not.
func TestProcess1LivesThroughSignals(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: a namespace of processes")
	}
	for _, role := range []string{"default", "default-masked"} {
		p := launch(t, role, "", func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		})
		if line := p.line(); line != "ready" {
			t.Fatal(line)
		}
		for _, s := range deadly() {
			switch s {
			case syscall.SIGKILL, syscall.SIGPROF, syscall.SIGSTKFLT, 34:
			default:
				_ = p.cmd.Process.Signal(s)
			}
		}
		if p.end(); !p.state.Success() {
			t.Errorf("%s: %v", role, p.state)
		}
	}
}

// TestInheritedIgnoresAreUndone starts under a parent that ignores everything.
func TestInheritedIgnoresAreUndone(t *testing.T) {
	const deaf = `trap "" HUP INT QUIT USR1 USR2 ALRM TERM CHLD TSTP TTIN TTOU XCPU XFSZ IO PWR 34 35 64; exec "$@"`
	for _, s := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGALRM,
		syscall.SIGTERM, syscall.SIGXFSZ, syscall.SIGIO, 34, 35, 64,
	} {
		t.Run(fmt.Sprint(int(s)), func(t *testing.T) {
			t.Parallel()
			p := launch(t, "default", deaf, nil)
			p.expect("ready")
			p.kill(s)
			p.expectDeathBy(s)
		})
	}
	t.Run("children", func(t *testing.T) {
		p := launch(t, "status-of-child", deaf, nil)
		expectCleanSignals(t, p.block())
	})
	t.Run("caught", func(t *testing.T) {
		p := launch(t, "caught", deaf, nil)
		p.expect("ready")
		expectCaught(p)
	})
}

// expectCleanSignals: PIPE ignored, nothing else ignored, blocked or caught.
func expectCleanSignals(t *testing.T, status []string) {
	t.Helper()
	for name, want := range map[string]string{
		"SigIgn": "0000000000001000", "SigBlk": "0000000000000000", "SigCgt": "0000000000000000",
	} {
		if got := field(status, name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestChildrenStartWithDefaultSignals(t *testing.T) {
	p := launch(t, "status-of-child", "", nil)
	expectCleanSignals(t, p.block())
}

func expectCaught(p *process) {
	p.t.Helper()
	for _, s := range handledSignals {
		p.kill(s)
		p.expect(fmt.Sprintf("caught %d", s))
	}
}

func TestCatchDeliversSignalsFromOutside(t *testing.T) {
	p := launch(t, "caught", "", nil)
	p.expect("ready")
	expectCaught(p)
	if status := p.end(); status.ExitStatus() != 0 {
		t.Errorf("ended with %v", p.state)
	}
}

// TestUnhandledSignalsEndTheRunningDaemon: as before, with the handlers installed.
func TestUnhandledSignalsEndTheRunningDaemon(t *testing.T) {
	for _, s := range []syscall.Signal{
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGVTALRM, syscall.SIGPROF, syscall.SIGIO,
		syscall.SIGPWR, syscall.SIGXCPU, syscall.SIGALRM, syscall.SIGFPE, syscall.SIGTRAP, syscall.SIGABRT, 40,
	} {
		t.Run(fmt.Sprint(int(s)), func(t *testing.T) {
			t.Parallel()
			p := launch(t, "caught", "", nil)
			p.expect("ready")
			p.kill(s)
			p.expectDeathBy(s)
		})
	}
}

func TestSignalsThatDoNothingDoNothing(t *testing.T) {
	p := launch(t, "caught", "", nil)
	p.expect("ready")
	for _, s := range []syscall.Signal{syscall.SIGPIPE, syscall.SIGURG, syscall.SIGWINCH, syscall.SIGCONT} {
		p.kill(s)
	}
	p.kill(syscall.SIGHUP)
	p.expect("caught 1")
}

func TestBrokenPipeIsAnError(t *testing.T) {
	launch(t, "broken-pipe", "", nil).expect("true")
}

func TestOwnFaultIsAPanic(t *testing.T) {
	launch(t, "recovered", "", nil).
		expect("recovered runtime error: invalid memory address or nil pointer dereference")
	launch(t, "unrecovered", "", nil).expectDeathBy(syscall.SIGABRT)
}

func TestDieBySignal(t *testing.T) {
	for _, s := range ownDeaths {
		for _, state := range []string{"", "-caught", "-blocked"} {
			t.Run(fmt.Sprintf("%d%s", s, state), func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				launch(t, fmt.Sprintf("die-%d%s", s, state), "", nil).expectDeathBy(s)
				if took := time.Since(began); took > deadmanDelay {
					t.Errorf("took %v", took)
				}
			})
		}
	}
}

func TestDeadmanEndsWhatHangs(t *testing.T) {
	launch(t, "deadman", "", nil).expectDeathBy(syscall.SIGALRM)
	launch(t, "deadman-caught", "", nil).expectDeathBy(syscall.SIGALRM)
	launch(t, "deadman-interval", "", nil).expect("4") // of five seconds, some have passed
}

func TestDieBySignalArmsTheDeadmanAndEndsAnyhow(t *testing.T) {
	p := launch(t, "deadman-first", "", nil)
	p.expect("armed")
	_, _ = io.Copy(io.Discard, p.lines) // until it ends by itself
	if status := p.end(); status.ExitStatus() != 1 {
		t.Errorf("ended with %v", p.state)
	}
}

func TestFatalEndPausesAndExits1(t *testing.T) {
	began := time.Now()
	p := launch(t, "fatal", "", nil)
	if status := p.end(); status.ExitStatus() != 1 {
		t.Errorf("ended with %v", p.state)
	}
	if took := time.Since(began); took < failurePause {
		t.Errorf("took %v", took)
	}
}

func TestPanicEndIsAnAbort(t *testing.T) {
	launch(t, "panic", "", nil).expectDeathBy(syscall.SIGABRT)
}
