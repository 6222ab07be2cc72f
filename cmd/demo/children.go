package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is one that runs, or has ended and is not yet waited for.
type process struct {
	pid  int
	name string
}

// children lists the children of a process, by pid.
func children(parent int) ([]process, error) {
	self := strconv.Itoa(os.Getpid())
	var found []process
	var err error
	if _, missing := os.Stat("/proc/self/task/" + self + "/children"); missing == nil {
		found, err = childrenFromProc(parent)
	} else {
		found, err = childrenFromPS(parent)
	}
	slices.SortFunc(found, func(a, b process) int { return a.pid - b.pid })
	return found, err
}

// childrenFromProc reads what the kernel says of each thread of the parent.
func childrenFromProc(parent int) ([]process, error) {
	lists, err := filepath.Glob("/proc/" + strconv.Itoa(parent) + "/task/*/children")
	if err != nil {
		return nil, err
	}
	var found []process
	for _, path := range lists {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			name, err := os.ReadFile("/proc/" + word + "/comm")
			if err != nil {
				continue // gone since
			}
			found = append(found, process{pid, strings.TrimSpace(string(name))})
		}
	}
	return found, nil
}

// childrenFromPS asks ps, where there is no /proc or an old one.
func childrenFromPS(parent int) ([]process, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "comm=").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("processes cannot be counted: this system has neither /proc nor ps")
	}
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w, %s", err, strings.Join(strings.Fields(string(failed.Stderr)), " "))
		}
		return nil, fmt.Errorf("processes cannot be counted: there is no /proc, and ps fails: %w", err)
	}
	var found []process
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		pid, err := strconv.Atoi(f[0])
		if err != nil || f[1] != strconv.Itoa(parent) {
			continue
		}
		found = append(found, process{pid, filepath.Base(f[2])})
	}
	return found, nil
}
