package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/stuck"
)

// onOneProcessor restricts the processes that start runs to one processor.
func onOneProcessor(t *testing.T, start func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	must(t, unix.SchedGetaffinity(0, &before))
	for cpu := 0; one.Count() == 0; cpu++ {
		if before.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	must(t, unix.SchedSetaffinity(0, &one))
	defer func() { must(t, unix.SchedSetaffinity(0, &before)) }()
	start()
}

// childrenOf returns the children of a process.
func childrenOf(t *testing.T, pid int) (children []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	must(t, err)
	for _, list := range lists {
		text, err := os.ReadFile(list)
		must(t, err)
		for _, word := range strings.Fields(string(text)) {
			children = append(children, number(word))
		}
	}
	return children
}

// TestHungExecHoldsNobodyUp: with one processor, thirty services have their
// programs on a disk that hangs. Another service is served, a reload succeeds,
// SIGTERM works, and no process is left when the disk is gone.
func TestHungExecHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	disk := stuck.NewDisk(t)
	const services = 30
	s := newStation(t)
	must(t, os.Mkdir(s.path("programs"), 0o755))
	must(t, os.Symlink(filepath.Join(binaries, "echo"), s.path("programs/echo")))
	must(t, os.Symlink(filepath.Join(disk.Dir, "dead"), s.path("programs/dead")))
	s.main = strings.Replace(s.main, "daemon_directory = "+binaries, "daemon_directory = "+s.path("programs"), 1)
	for n := range services {
		s.master += fmt.Sprintf("dead%d unix - n n - 1 dead\n", n)
	}
	s.write()
	var p *process
	onOneProcessor(t, func() { p = s.start() })
	for n := range services {
		c, err := net.Dial("unix", s.path(fmt.Sprintf("q/private/dead%d", n)))
		must(t, err)
		defer c.Close()
	}
	s.eventually("all execs hang", func() bool { return len(childrenOf(t, p.Process.Pid)) == services })
	if disk.Asked() == 0 {
		t.Error("the disk was not asked: nothing was tested")
	}
	s.connect().echo(t, "served")
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("the reload is done", func() bool { return strings.Contains(s.log(), "reload -- version") })
	s.connect().echo(t, "served again")
	hung := childrenOf(t, p.Process.Pid)
	must(t, p.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		t.Fatalf("it does not end\n%s", s.log())
	}
	disk.TakeAway()
	for _, pid := range hung {
		s.eventually("the process on the disk is gone", func() bool { return gone(pid) })
	}
	if log := s.log(); strings.Contains(log, "warning: ") || strings.Contains(log, "fatal: ") {
		t.Errorf("log:\n%s", log)
	}
}
