//go:build amd64 || arm64

package boot

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tickInTests is long enough for a busy machine.
const tickInTests = 100 * time.Millisecond

// standStill blocks the only processor of the runtime, as a system call does that
// the runtime does not know of: no goroutine and no timer runs any more.
func standStill() {
	for {
		_, _, _ = unix.RawSyscall(unix.SYS_PPOLL, 0, 0, 0)
	}
}

func init() {
	guarded := func() {
		must(NeutralizeRuntime())
		must(DefaultSignals())
		must(InstallWatchdog())
	}
	roles["stands-still"] = func() {
		guarded()
		runtime.LockOSThread()
		runtime.GOMAXPROCS(1)
		time.AfterFunc(tickInTests, func() { os.Exit(97) })
		feedWatchdog(tickInTests)
		standStill()
	}
	// The first thread cannot be interrupted: it waits for a child that shares its
	// memory and never executes anything.
	roles["starts-for-ever"] = func() {
		guarded()
		runtime.LockOSThread()
		runtime.GOMAXPROCS(1)
		feedWatchdog(tickInTests)
		_, _, e := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.CLONE_VFORK|unix.SIGCHLD), 0, 0, 0, 0, 0)
		if e != 0 {
			must(e)
		}
		// The child; the parent, whose death ends it, never gets here.
		_, _, _ = unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
		standStill()
	}
	roles["fed"] = func() {
		guarded()
		say("ready")
		for range 40 {
			feedWatchdog(tickInTests)
			time.Sleep(tickInTests / 4)
		}
		say("well")
	}
	roles["guarded"] = func() {
		guarded()
		FeedWatchdog()
		child("/bin/cat", "/proc/self/timers")
		timers, err := os.ReadFile("/proc/self/timers")
		must(err)
		say("%s.", timers)
	}
	roles["guarded-executes"] = func() {
		guarded()
		FeedWatchdog()
		must(syscall.Exec("/bin/cat", []string{"cat", "/proc/self/timers", "/proc/self/status"}, os.Environ()))
	}
	roles["deadman-guarded"] = func() {
		guarded()
		feedWatchdog(time.Hour)
		ArmDeadmanFor(tickInTests)
		standStill()
	}
}

// alone makes the role process 1 of a namespace.
func alone(t *testing.T) func(*exec.Cmd) {
	if os.Getuid() != 0 {
		t.Skip("a process namespace needs root")
	}
	return func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID} }
}

func (p *process) expectExit(code int) {
	p.t.Helper()
	err := p.cmd.Wait()
	p.state = p.cmd.ProcessState
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code {
		p.t.Errorf("ended with %v, want exit status %d", err, code)
	}
}

// No goroutine runs any more, or the loop's thread is in the kernel forever: the
// process ends nevertheless, with the original's status, also as process 1.
func TestWatchdogDoesWithoutTheRuntime(t *testing.T) {
	for _, role := range []string{"stands-still", "starts-for-ever"} {
		t.Run(role, func(t *testing.T) { launch(t, role, "", nil).expectExit(1) })
		t.Run(role+" as process 1", func(t *testing.T) { launch(t, role, "", alone(t)).expectExit(1) })
	}
}

// A process that was stopped for longer than the watchdog's time gets one tick when
// it continues.
func TestWatchdogSparesAProcessThatWasStopped(t *testing.T) {
	p := launch(t, "fed", "", nil)
	p.expect("ready")
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * watchdogTicks * tickInTests) // this is what is tested
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.expect("well")
}

// Children and an executed program have neither the timer nor an action for its
// signal; alarms from outside do nothing.
func TestWatchdogStaysWithTheProcess(t *testing.T) {
	p := launch(t, "guarded", "", nil)
	if timers := p.block(); len(timers) > 0 {
		t.Errorf("a child has timers: %q", timers)
	}
	timers := strings.Join(p.block(), "\n")
	for _, want := range []string{"signal: 14/", "notify: signal/tid.", "ClockID: 1"} {
		if !strings.Contains(timers, want) {
			t.Errorf("its timers: %q, want %q", timers, want)
		}
	}
	for range 2 * watchdogTicks {
		if err := p.cmd.Process.Signal(syscall.SIGALRM); err != nil {
			t.Fatal(err)
		}
	}
	if status := p.end(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("ended with %v", status)
	}
	launch(t, "guarded-executes", "", nil).expect("Name:\tcat") // no timers come before
}

// ArmDeadman works for process 1 as well.
func TestDeadmanOfProcess1(t *testing.T) {
	launch(t, "deadman-guarded", "", nil).expectDeathBy(syscall.SIGALRM)
	launch(t, "deadman-guarded", "", alone(t)).expectExit(1)
}
