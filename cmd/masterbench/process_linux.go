package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A process is a running master.
type process int

func (p process) path(name string) string { return "/proc/" + strconv.Itoa(int(p)) + "/" + name }

// cpu returns the CPU time of all its threads so far. A thread that ends takes its
// share with it; masters keep their threads.
func (p process) cpu() (time.Duration, error) {
	tasks, err := os.ReadDir(p.path("task"))
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, task := range tasks {
		text, err := os.ReadFile(p.path("task/" + task.Name() + "/schedstat"))
		if err != nil {
			return 0, err
		}
		ran, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("schedstat %q: %w", text, err)
		}
		total += time.Duration(ns)
	}
	return total, nil
}

// settle waits until the process has not run for a while.
func (p process) settle() error {
	const quiet, limit = 30 * time.Millisecond, 20 * time.Second
	before, err := p.cpu()
	began, since := time.Now(), time.Now()
	for err == nil && time.Since(since) < quiet {
		if time.Since(began) > limit {
			return fmt.Errorf("process %d is still busy after %v", p, limit)
		}
		time.Sleep(3 * time.Millisecond)
		var now time.Duration
		if now, err = p.cpu(); now != before {
			before, since = now, time.Now()
		}
	}
	return err
}

// spent returns the CPU time that the process uses during work, until it rests
// again.
func (p process) spent(work func() error) (time.Duration, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	if err := p.settle(); err != nil {
		return 0, err
	}
	after, err := p.cpu()
	return after - before, err
}

// memory returns the resident memory and the anonymous part of it, in kB. What else
// the kernel counts as private depends on which other processes run the same files.
func (p process) memory() (resident, anonymous float64, err error) {
	text, err := os.ReadFile(p.path("smaps_rollup"))
	if err != nil {
		return 0, 0, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		kB, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "Rss:":
			resident = kB
		case "Anonymous:":
			anonymous = kB
		}
	}
	if resident == 0 {
		return 0, 0, fmt.Errorf("process %d: no resident memory in smaps_rollup", p)
	}
	return resident, anonymous, nil
}

// files returns the number of its open descriptors.
func (p process) files() (float64, error) {
	all, err := os.ReadDir(p.path("fd"))
	return float64(len(all)), err
}

// wakeups returns how often its threads have been scheduled so far.
func (p process) wakeups() (float64, error) {
	tasks, err := os.ReadDir(p.path("task"))
	if err != nil {
		return 0, err
	}
	var total float64
	for _, task := range tasks {
		text, err := os.ReadFile(p.path("task/" + task.Name() + "/status"))
		if err != nil {
			return 0, err
		}
		for _, line := range strings.Split(string(text), "\n") {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(name, "ctxt_switches") {
				n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				if err != nil {
					return 0, err
				}
				total += n
			}
		}
	}
	return total, nil
}

// endOthers ends every process of the namespace except this one, and reaps them.
// They are all ours: no other process can start one here.
func endOthers() error {
	const limit = 20 * time.Second
	for began := time.Now(); time.Since(began) < limit; {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if errors.Is(err, unix.ECHILD) {
				return nil
			}
			if err == nil && pid == 0 || err != nil && !errors.Is(err, unix.EINTR) {
				break
			}
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("processes have not ended after %v", limit)
}
