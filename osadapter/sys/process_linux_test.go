package sys

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// process returns a command with the standard descriptors of this test.
func process(path string, args ...string) *Process {
	return &Process{
		Path: path, Argv: append([]string{filepath.Base(path)}, args...),
		Env: []string{"LANG=C"}, Files: []FD{0, 1, 2}, Patience: core.Duration(patience),
	}
}

// startOf starts the process as the daemon does.
func startOf(p *Process) (core.PID, core.StartStep, core.Errno) {
	l, step, e := kernel.Start(p)
	return l.PID, step, e
}

// ways are the two ways of Start: the list of calls, and its substitute.
var ways = map[string]func(*Process) (core.PID, core.StartStep, core.Errno){
	"list": startOf, "library": forkExec,
}

// script writes an executable file.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "command")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// reap waits until Wait reports pid.
func reap(t *testing.T, pid core.PID) Reaped {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		r, e := kernel.Wait()
		must(t, e)
		if r.PID == pid {
			return r
		}
		if r.PID != 0 {
			t.Fatalf("reaped a stranger: %+v", r)
		}
	}
	t.Fatalf("process %d does not end", pid)
	return Reaped{}
}

func TestWaitTellsHowAProcessEnded(t *testing.T) {
	if r, e := kernel.Wait(); e != 0 || r.PID != 0 {
		t.Fatalf("without a child: %+v, %v", r, e)
	}
	for text, want := range map[string]core.ExitStatus{
		"#!/bin/sh\nexit 0\n":         core.ExitedWith(0),
		"#!/bin/sh\nexit 75\n":        core.ExitedWith(75),
		"#!/bin/sh\nkill -TERM $$\n":  core.KilledBy(core.SIGTERM),
		"#!/bin/sh\nkill -SEGV $$\n":  core.KilledBy(core.SIGSEGV), // with or without a core file
		"#!/bin/sh\nkill -KILL $$ \n": core.KilledBy(core.SIGKILL),
	} {
		pid, step, e := startOf(process(script(t, text)))
		if e != 0 {
			t.Fatal(step, e)
		}
		if r := reap(t, pid); r.Status != want || r.Stopped != 0 {
			t.Errorf("%q: %+v, want %v", text, r, want)
		}
	}
}

func TestAwaitEndLeavesTheStatus(t *testing.T) {
	if e := kernel.AwaitEnd(); e != core.ECHILD {
		t.Fatalf("without a child: %v", e)
	}
	first, _, e := startOf(process("/bin/sleep", "60"))
	must(t, e)
	second, _, e := startOf(process("/bin/sleep", "60"))
	must(t, e)
	ended := make(chan core.Errno)
	go func() { ended <- kernel.AwaitEnd() }()
	select {
	case e := <-ended:
		t.Fatalf("nobody has ended: %v", e)
	case <-time.After(10 * time.Millisecond):
	}
	must(t, kernel.Kill(second, core.SIGKILL))
	must(t, <-ended)
	must(t, kernel.AwaitEnd()) // it is still there
	reap(t, second)
	must(t, kernel.Kill(first, core.SIGKILL))
	must(t, kernel.AwaitEnd())
	reap(t, first)
}

// A stopped child is not a dead one.
func TestWaitIgnoresStoppedProcesses(t *testing.T) {
	pid, _, e := startOf(process("/bin/sleep", "60"))
	must(t, e)
	must(t, kernel.Kill(pid, core.Signal(unix.SIGSTOP)))
	if r, e := kernel.Wait(); e != 0 || r.PID != 0 {
		t.Errorf("%+v, %v", r, e)
	}
	must(t, kernel.Kill(pid, core.SIGKILL))
	if r := reap(t, pid); r.Status != core.KilledBy(core.SIGKILL) {
		t.Errorf("%+v", r)
	}
	if e := kernel.Kill(pid, core.SIGKILL); e != core.ESRCH {
		t.Errorf("signal to a process that is gone: %v", e)
	}
}

// The special targets of kill would reach processes that are not ours.
func TestKillRefusesToSignalEverybody(t *testing.T) {
	for _, target := range []core.PID{0, -1} {
		if e := kernel.Kill(target, 0); e != core.EINVAL {
			t.Errorf("kill %d: %v", target, e)
		}
	}
	if e := kernel.Kill(kernel.PID(), 0); e != 0 {
		t.Errorf("signal 0 to ourselves: %v", e)
	}
	if e := kernel.Kill(-core.PID(unix.Getpgrp()), 0); e != 0 {
		t.Errorf("signal 0 to our process group: %v", e)
	}
}

func TestFailedExecIsToldAndEnds(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path  string
		errno core.Errno
	}{
		"missing":             {filepath.Join(dir, "none"), core.ENOENT},
		"directory":           {dir, core.EACCES},
		"not executable":      {plain, core.EACCES},
		"missing interpreter": {script(t, "#!/nowhere/sh\n"), core.ENOENT},
		"file as directory":   {filepath.Join(plain, "x"), core.ENOTDIR},
		"no search in PATH":   {"sleep", core.ENOENT},
		"NUL in the name":     {"/bin/\x00", core.EINVAL},
	} {
		for way, start := range ways {
			pid, step, e := start(process(test.path, "1"))
			if step != core.StartExec || e != test.errno {
				t.Errorf("%s, %s: step %d, %v; want %v", name, way, step, e, test.errno)
			}
			if pid == 0 {
				continue // package syscall has reaped it
			}
			if r := reap(t, pid); r.Status != core.ExitedWith(127) {
				t.Errorf("%s, %s: %+v", name, way, r)
			}
		}
	}
	if r, e := kernel.Wait(); e != 0 || r.PID != 0 {
		t.Errorf("a process is left: %+v, %v", r, e)
	}
}

// As execvp does.
func TestFileWithoutInterpreterLineRunsInTheShell(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	path := script(t, `echo "$0 $# $1 $2" >`+out+"\n")
	pid, step, e := startOf(process(path, "-t", "in et"))
	if e != 0 {
		t.Fatal(step, e)
	}
	reap(t, pid)
	text, err := os.ReadFile(out)
	if want := path + " 2 -t in et\n"; err != nil || string(text) != want {
		t.Errorf("got %q, %v; want %q", text, err, want)
	}
}

func TestStepOfEachErrno(t *testing.T) {
	for e, want := range map[core.Errno]core.StartStep{
		core.EAGAIN: core.StartFork, core.ENOMEM: core.StartFork, core.EMFILE: core.StartFork,
		core.ENFILE: core.StartFork, core.EBADF: core.StartFork, ENOSYS: core.StartFork,
		core.ENOENT: core.StartExec, core.EACCES: core.StartExec, core.ENOEXEC: core.StartExec,
		core.E2BIG: core.StartExec, core.ELOOP: core.StartExec, core.EPERM: core.StartExec,
		core.ENOTDIR: core.StartExec, core.EIO: core.StartExec, core.EINVAL: core.StartExec,
	} {
		if got := startStep(e); got != want {
			t.Errorf("%v: step %d, want %d", e, got, want)
		}
	}
}

// Descriptors arrive at their numbers although each has the number of another, and
// one has an unused one.
func TestStartArrangesCrossingDescriptors(t *testing.T) {
	for way, start := range ways {
		t.Run(way, func(t *testing.T) {
			var read, write [3]FD
			highest := FD(0)
			for n := range read {
				var e core.Errno
				read[n], write[n], e = kernel.Pipe()
				must(t, e)
				defer kernel.Close(read[n])
				highest = max(highest, write[n])
			}
			text := "#!/bin/sh\n"
			for n, fd := range []FD{write[0], write[1], highest + 1} {
				text += fmt.Sprintf("printf %d >/proc/self/fd/%d\n", n, fd)
			}
			p := process(script(t, text))
			p.Files = make([]FD, highest+2)
			p.Files[1], p.Files[2] = 1, 2
			p.Files[write[0]], p.Files[write[1]], p.Files[highest+1] = write[1], write[0], write[2]
			pid, step, e := start(p)
			if e != 0 {
				t.Fatal(step, e)
			}
			for _, fd := range write {
				must(t, kernel.Close(fd))
			}
			reap(t, pid)
			expect(t, read[0], "1")
			expect(t, read[1], "0")
			expect(t, read[2], "2")
		})
	}
}

// expect reads what is available.
func expect(t *testing.T, fd FD, want string) {
	t.Helper()
	var got [8]byte
	if n, e := kernel.Read(fd, got[:]); e != 0 || string(got[:n]) != want {
		t.Errorf("got %q, %v; want %q", got[:n], e, want)
	}
}

// A process gets its files and no others, close-on-exec or not.
func TestStartLeavesNothingElseOpen(t *testing.T) {
	stray, err := unix.FcntlInt(0, unix.F_DUPFD, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(stray)
	for name, low := range map[string][]FD{"copy": nil, "low": reserve(t, 3)} {
		out := filepath.Join(t.TempDir(), "out")
		p := process(script(t, "#!/bin/sh\nls /proc/self/fd >"+out+"\n"))
		p.Low = low
		pid, step, e := startOf(p)
		if e != 0 {
			t.Fatal(step, e)
		}
		reap(t, pid)
		// ls reads the directory through descriptor 3.
		if text, err := os.ReadFile(out); err != nil || string(text) != "0\n1\n2\n3\n" {
			t.Errorf("%s: open are %q, %v", name, text, err)
		}
	}
}

// reserve opens low descriptors and closes them after the test.
func reserve(t testing.TB, n int) []FD {
	t.Helper()
	low := kernel.ReserveLow(n)
	if low == nil {
		t.Skip("this kernel copies a part of a table wrongly")
	}
	if len(low) != n {
		t.Fatalf("%d low descriptors, want %d", len(low), n)
	}
	t.Cleanup(func() {
		for _, fd := range low {
			if fd != None {
				kernel.Close(fd)
			}
		}
	})
	return low
}

// standForNothing checks that low is as ReserveLow returned it.
func standForNothing(t *testing.T, low []FD) {
	t.Helper()
	for _, fd := range low {
		to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil || to != "anon_inode:[eventfd]" {
			t.Fatalf("%d stands for %q, %v", fd, to, err)
		}
		if _, closeOnExec := flags(t, fd); !closeOnExec {
			t.Errorf("%d is not close-on-exec", fd)
		}
	}
}

// crowd opens descriptors until new ones have high numbers.
func crowd(t testing.TB) {
	t.Helper()
	for fd := 0; fd < int(LowEnd); {
		var err error
		if fd, err = unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
	}
}

func TestReleasesThatCopyAPartOfATable(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.44-fc-v595": true, "6.11.0": true, "7.0": true, "6.10.7": true, "6.10.6": false, "6.9.12": false,
		"6.1.176-1-cloud": true, "6.1.106": false, "6.1": false, "5.15.0-91-generic": false, "5.15.166": true,
		"5.10.225+": true, "5.14.0-427.el9": false, "4.19.300": false, "10.1": true, "": false, "six": false,
	} {
		if got := copiesPart(release); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}

// writer starts a process that writes 3 and 1 to its descriptors of these numbers.
func writer(t *testing.T, low []FD, files ...FD) core.PID {
	t.Helper()
	p := process(script(t, "#!/bin/sh\nprintf 3 >&3; printf 1 >&1\n"))
	p.Files, p.Low = files, low
	pid, step, e := startOf(p)
	if e != 0 {
		t.Fatal(step, e)
	}
	return pid
}

func TestHighDescriptorsGoByLowOnes(t *testing.T) {
	low := reserve(t, 3)
	crowd(t)
	read, write, e := kernel.Pipe()
	must(t, e)
	defer kernel.Close(read)
	a, b, e := kernel.StatusPair()
	must(t, e)
	defer kernel.Close(a)
	pid := writer(t, low, 0, write, 2, b)
	standForNothing(t, low)
	must(t, kernel.Close(write))
	must(t, kernel.Close(b))
	reap(t, pid)
	expect(t, read, "1")
	expect(t, a, "3")
	expect(t, a, "") // we hold no other end of it
	expect(t, read, "")
}

func TestFailedStartPutsLowDescriptorsBack(t *testing.T) {
	low := reserve(t, 2)
	crowd(t)
	read, write, e := kernel.Pipe()
	must(t, e)
	defer kernel.Close(read)
	p := process("/nowhere")
	p.Files, p.Low = []FD{0, write, 2}, low
	pid, step, e := startOf(p)
	if step != core.StartExec || e != core.ENOENT {
		t.Errorf("step %d, %v", step, e)
	}
	standForNothing(t, low)
	reap(t, pid)
	must(t, kernel.Close(write))
	expect(t, read, "")
}

// With more high descriptors than low ones, or with low ones lost, the process gets
// a copy of all.
func TestTooFewLowDescriptorsWillDo(t *testing.T) {
	low := append(reserve(t, 2), None)
	crowd(t)
	read, write, e := kernel.Pipe()
	must(t, e)
	defer kernel.Close(read)
	pid := writer(t, low, 0, write, 2, write)
	standForNothing(t, low[:2])
	must(t, kernel.Close(write))
	reap(t, pid)
	expect(t, read, "31")
	expect(t, read, "")
}

// While a child uses our table of descriptors, other threads keep working with it.
func TestStartLeavesTheDescriptorsOfOtherThreadsAlone(t *testing.T) {
	low := reserve(t, 2)
	crowd(t)
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failed)
		for n := byte(0); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			read, write, e := kernel.Pipe()
			if e != 0 {
				failed <- fmt.Errorf("pipe: %v", e)
				return
			}
			_, e1 := kernel.Write(write, []byte{n})
			var got [2]byte
			count, e2 := kernel.Read(read, got[:])
			if e3, e4 := kernel.Close(read), kernel.Close(write); count != 1 || got[0] != n || e1|e2|e3|e4 != 0 {
				failed <- fmt.Errorf("byte %d through a pipe: %d bytes, %v; %v, %v, %v, %v", n, count, got, e1, e2, e3, e4)
				return
			}
		}
	}()
	a, b, e := kernel.StatusPair()
	must(t, e)
	p := process("/bin/true")
	p.Files, p.Low = []FD{0, 1, 2, b}, low
	for range 100 {
		pid, step, e := startOf(p)
		if e != 0 {
			t.Fatal(step, e)
		}
		reap(t, pid)
	}
	close(stop)
	if err := <-failed; err != nil {
		t.Error(err)
	}
	must(t, kernel.Close(a))
	must(t, kernel.Close(b))
}

// BenchmarkStart starts, executes and reaps the smallest program available, with
// and without many open descriptors.
func BenchmarkStart(b *testing.B) {
	low := reserve(b, 2)
	for _, way := range []struct {
		name  string
		start func(*Process) (core.PID, core.StartStep, core.Errno)
		low   []FD
		open  int
	}{
		{"list", startOf, nil, 0},
		{"library", forkExec, nil, 0},
		{"list/2000", startOf, nil, 2000},
		{"low/2000", startOf, low, 2000},
		{"library/2000", forkExec, nil, 2000},
	} {
		b.Run(way.name, func(b *testing.B) {
			for range way.open {
				fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
				if err != nil {
					b.Skip(err)
				}
				defer unix.Close(fd)
			}
			p := process("/bin/true")
			p.Low = way.low
			b.ReportAllocs()
			for b.Loop() {
				pid, step, e := way.start(p)
				if e != 0 {
					b.Fatal(step, e)
				}
				if _, err := unix.Wait4(int(pid), nil, 0, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
