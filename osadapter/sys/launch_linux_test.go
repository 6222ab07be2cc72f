//go:build amd64 || arm64

package sys

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/stuck"
	"golang.org/x/sys/unix"
)

// eventually waits for the condition, with a deadline.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// underWay starts a program whose exec takes a while.
func underWay(t *testing.T, p *Process) *Launch {
	t.Helper()
	p.Patience = core.Millisecond
	l, step, e := kernel.Start(p)
	if l.PID == 0 || step != core.StartNone || e != core.EINPROGRESS {
		t.Fatalf("pid %d, step %d, %v; want one that is under way", l.PID, step, e)
	}
	return &l
}

// become waits for the result of the start.
func become(t *testing.T, l *Launch) (step core.StartStep, e core.Errno) {
	t.Helper()
	eventually(t, "the exec comes to an end", func() bool {
		step, e = kernel.Launched(l, core.Millisecond)
		return e != core.EINPROGRESS
	})
	return step, e
}

// A program whose exec is late runs with everything that it was given, whatever was
// started meanwhile.
func TestSlowExecIsSeenLater(t *testing.T) {
	for name, reserved := range map[string]int{"copy": 0, "low": 3} {
		t.Run(name, func(t *testing.T) {
			gate := stuck.NewGate(t, "/bin/sh")
			var low []FD
			if reserved > 0 {
				low = reserve(t, reserved)
				crowd(t)
			}
			read, write, e := kernel.Pipe()
			must(t, e)
			defer kernel.Close(read)
			p := process(gate.Path, "-c", `printf "$1 $LANG" >&3`, "sh", "late")
			p.Files, p.Low = []FD{0, 1, 2, write}, low
			l := underWay(t, p)
			must(t, kernel.Close(write))
			if low != nil {
				standForNothing(t, low)
			}
			other := *p // would share the memory, were it not given away
			other.Path, other.Argv, other.Env = "/bin/true", []string{"true"}, []string{"LANG=D"}
			other.Files, other.Patience = []FD{0, 1, 2}, core.Duration(patience)
			for range 3 {
				next, step, e := kernel.Start(&other)
				if e != 0 {
					t.Fatal(step, e)
				}
				reap(t, next.PID)
				runtime.GC()
			}
			if step, e := kernel.Launched(l, 0); step != core.StartNone || e != core.EINPROGRESS {
				t.Fatalf("before the gate is open: step %d, %v", step, e)
			}
			gate.Open()
			if step, e := become(t, l); step != core.StartNone || e != 0 {
				t.Fatalf("step %d, %v", step, e)
			}
			if r := reap(t, l.PID); r.Status != core.ExitedWith(0) {
				t.Errorf("%+v", r)
			}
			expect(t, read, "late C")
			expect(t, read, "")
		})
	}
}

// Start notices at once when the exec it waits for has happened.
func TestStartWaitsForASlowExec(t *testing.T) {
	gate := stuck.NewGate(t, "/bin/true")
	go func() {
		for gate.Arrived() == 0 {
			time.Sleep(time.Millisecond)
		}
		gate.Open()
	}()
	l, step, e := kernel.Start(process(gate.Path))
	if e != 0 {
		t.Fatal(step, e)
	}
	reap(t, l.PID)
}

// A late failure is reported with its step.
func TestLateFailureOfAnExecIsTold(t *testing.T) {
	disk := stuck.NewDisk(t)
	l := underWay(t, process(filepath.Join(disk.Dir, "program")))
	eventually(t, "the disk is asked", func() bool { return disk.Asked() > 0 })
	disk.TakeAway()
	step, e := become(t, l)
	if step != core.StartExec || e == 0 {
		t.Errorf("step %d, %v", step, e)
	}
	if r := reap(t, l.PID); r.Status != core.ExitedWith(127) {
		t.Errorf("%+v", r)
	}
}

// The process cannot even be killed; it dies when the disk is gone, and its memory
// is reserved until then.
func TestProcessOnADeadDiskEndsWithIt(t *testing.T) {
	disk := stuck.NewDisk(t)
	l := underWay(t, process(filepath.Join(disk.Dir, "program")))
	eventually(t, "the disk is asked", func() bool { return disk.Asked() > 0 })
	must(t, kernel.Kill(l.PID, core.SIGKILL))
	for range 20 {
		runtime.GC()
		if r, e := kernel.WaitFor(l.PID); e != 0 || !r.Alive {
			t.Fatalf("%+v, %v: it was to be stuck", r, e)
		}
	}
	disk.TakeAway()
	if r := reap(t, l.PID); r.Status != core.KilledBy(core.SIGKILL) {
		t.Errorf("%+v", r)
	}
	become(t, l) // its memory is free
}

// A process that is kept from its first call would lose its descriptors, so it is
// killed.
func TestProcessThatTakesNoTableIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the time limit")
	}
	what := process("/bin/true")
	p := &plan{shares: true}
	what.plan = p
	if !p.program(what) {
		t.Fatal("the program cannot be said")
	}
	p.clone = cloneArgs{
		cloneFlags:      unix.CLONE_VM | unix.CLONE_CHILD_CLEARTID | unix.CLONE_CLEAR_SIGHAND,
		cloneChildTID:   uint64(uintptr(unsafe.Pointer(&p.held))),
		cloneExitSignal: uint64(unix.SIGCHLD),
	}
	p.add(unix.SYS_PPOLL) // of nothing, forever: arm64 has no pause
	p.execute()
	what.Patience = 0
	l, step, e, tried := p.carryOut(what)
	if step != core.StartFork || e != core.ETIMEDOUT || !tried || what.plan != nil {
		t.Errorf("step %d, %v, tried %v; memory to be used again: %v", step, e, tried, what.plan != nil)
	}
	if r := reap(t, l.PID); r.Status != core.KilledBy(core.SIGKILL) {
		t.Errorf("%+v", r)
	}
}

// The memory that a process works with is kept although nothing here refers to it:
// the kernel reads the arguments after it has opened the program.
func TestMemoryOfALaunchOutlivesItsOwner(t *testing.T) {
	gate := stuck.NewGate(t, "/bin/sh")
	read, write, e := kernel.Pipe()
	must(t, e)
	defer kernel.Close(read)
	p := process(gate.Path, "-c", `printf mine >&3`)
	p.Files = []FD{0, 1, 2, write}
	pid := underWay(t, p).PID
	must(t, kernel.Close(write))
	eventually(t, "it is held up", func() bool { return gate.Arrived() > 0 })
	for size := range 5000 {
		if size%1000 == 0 {
			runtime.GC()
			time.Sleep(time.Millisecond) // finalizers run on a goroutine of their own
		}
		others = append(others[:size%100], bytes.Repeat([]byte{'x'}, size))
	}
	gate.Open()
	if r := reap(t, pid); r.Status != core.ExitedWith(0) {
		t.Errorf("%+v", r)
	}
	expect(t, read, "mine")
}

var others [][]byte // allocated to reuse freed memory

// processorVariable makes this program show, on one processor, that the Go runtime
// keeps running while an exec hangs.
const processorVariable = "SYS_TEST_ONE_PROCESSOR"

func init() {
	gate := os.Getenv(processorVariable)
	if gate == "" {
		return
	}
	runtime.LockOSThread()
	p := &Process{Path: gate, Argv: []string{"true"}, Files: []FD{0, 1, 2}, Patience: 60 * core.Second}
	go func() {
		time.Sleep(10 * time.Millisecond) // a timer fires
		runtime.GC()                      // the collector stops the world
		os.Stdout.WriteString("alive")
	}()
	l, _, _ := kernel.Start(p)
	_, _ = unix.Wait4(int(l.PID), nil, 0, nil)
	os.Exit(0)
}

func TestRuntimeGoesOnWhileAnExecHangs(t *testing.T) {
	gate := stuck.NewGate(t, "/bin/true")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{processorVariable + "=" + gate.Path, "GOMAXPROCS=1"}
	var words strings.Builder
	said := make(chan struct{})
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(said)
		b := make([]byte, 64)
		for words.Len() < len("alive") {
			n, err := out.Read(b)
			words.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	select {
	case <-said:
	case <-time.After(patience):
		t.Error("nothing of the runtime moves")
		_ = cmd.Process.Kill()
	}
	if gate.Arrived() == 0 && !t.Failed() {
		t.Error("no exec hung: nothing was tested")
	}
	gate.Open()
	if err := cmd.Wait(); err != nil || words.String() != "alive" {
		t.Errorf("%q, %v", words.String(), err)
	}
}
