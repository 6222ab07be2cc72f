//go:build linux

package parity

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A station's processes live under a keeper: a process that starts them, reaps them
// and all orphans, and has a /dev of its own in which /dev/log is the station's.
// When the test ends, in whatever way, it ends them all.

// keep is the role of the keeper. Orders are lines of JSON launches; the answers
// are "started PID", "failed TEXT" and "ended PID TIME STATUS", with the time in
// nanoseconds.
func keep() {
	runtime.LockOSThread()
	must(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	must(privateDev(os.Args[1]))
	must(privateHosts(os.Args[1]))
	self, err := os.Executable()
	must(err)
	var mu sync.Mutex // a start is reported before the end
	answer := func(format string, a ...any) { fmt.Printf(format+"\n", a...) }
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	signal.Ignore(unix.SIGPIPE) // the reader of the answers may end before we do
	go func() {
		for range children {
			mu.Lock()
			reap(answer)
			mu.Unlock()
		}
	}()
	orders := bufio.NewReader(os.Stdin)
	for {
		line, err := orders.ReadString('\n')
		if err != nil {
			break
		}
		var l launch
		must(json.Unmarshal([]byte(line), &l))
		attr := &syscall.ProcAttr{
			Env:   []string{roleVariable + "=launch", "PARITY_LAUNCH=" + line},
			Files: []uintptr{0, 2, 2},
			Sys:   &syscall.SysProcAttr{},
		}
		if l.PIDNamespace {
			attr.Sys.Cloneflags = unix.CLONE_NEWPID
		}
		mu.Lock()
		if pid, err := syscall.ForkExec(self, []string{"launch"}, attr); err != nil {
			answer("failed %v", err)
		} else {
			answer("started %d", pid)
		}
		mu.Unlock()
	}
	mu.Lock()
	endAll()
}

// reap reports every process that has ended.
func reap(answer func(string, ...any)) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		text := fmt.Sprintf("exit status %d", status.ExitStatus())
		if status.Signaled() {
			text = fmt.Sprintf("signal %d", status.Signal())
		}
		answer("ended %d %d %s", pid, time.Now().UnixNano(), text)
	}
}

// endAll ends all processes below this one.
func endAll() {
	for {
		for _, pid := range childrenOf(os.Getpid()) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			return
		}
	}
}

// privateDev mounts the station's directory dev over /dev, for us and our children
// only.
func privateDev(dir string) error {
	dev := filepath.Join(dir, "dev")
	for _, name := range []string{"null", "zero", "full", "random", "urandom"} {
		path := filepath.Join(dev, name)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", path, err)
		}
	}
	if err := unix.Mount(dev, "/dev", "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	return nil
}

// keeper is the test's side of the keeper process.
type keeper struct {
	cmd    *exec.Cmd
	orders io.WriteCloser

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	started []int
	failed  []string
	ended   map[int]string // how each process ended
	endedAt map[int]time.Time
	gone    bool
}

func newKeeper(dir string) (*keeper, error) {
	k := &keeper{cmd: exec.Command(filepath.Join(binaries, "keeper"), dir), changed: make(chan struct{}), ended: map[int]string{}, endedAt: map[int]time.Time{}}
	k.cmd.Args[0] = "parity-keeper"
	k.cmd.Env = []string{roleVariable + "=keeper", "GOMAXPROCS=1"}
	k.cmd.Dir = "/"
	k.cmd.Stderr = os.Stderr
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Setsid: true}
	var err error
	if k.orders, err = k.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	answers, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the keeper: %w", err)
	}
	go k.listen(answers)
	return k, nil
}

func (k *keeper) listen(answers io.Reader) {
	lines := bufio.NewScanner(answers)
	for lines.Scan() {
		k.mu.Lock()
		words := strings.SplitN(lines.Text(), " ", 4)
		pid, _ := strconv.Atoi(words[1])
		switch words[0] {
		case "started":
			k.started = append(k.started, pid)
		case "failed":
			k.failed = append(k.failed, lines.Text())
		case "ended":
			at, _ := strconv.ParseInt(words[2], 10, 64)
			k.ended[pid], k.endedAt[pid] = words[3], time.Unix(0, at)
		}
		k.tell()
		k.mu.Unlock()
	}
	k.mu.Lock()
	k.gone = true
	k.tell()
	k.mu.Unlock()
}

// tell wakes the waiting goroutines; the caller holds the lock.
func (k *keeper) tell() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// wait waits until holds returns true; the caller holds the lock. It returns false
// when patience is over or the keeper has ended.
func (k *keeper) wait(holds func() bool) bool {
	limit := newLimit(patience)
	k.mu.Lock()
	defer k.mu.Unlock()
	for !holds() {
		if k.gone {
			return false
		}
		changed := k.changed
		k.mu.Unlock()
		ok := limit.wait(changed)
		k.mu.Lock()
		if !ok {
			return holds()
		}
	}
	return true
}

// start starts a program and returns its process ID.
func (k *keeper) start(l *launch) (int, error) {
	order, err := json.Marshal(l)
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	before, failures := len(k.started), len(k.failed)
	k.mu.Unlock()
	if _, err := fmt.Fprintf(k.orders, "%s\n", order); err != nil {
		return 0, err
	}
	if !k.wait(func() bool { return len(k.started) > before || len(k.failed) > failures }) || len(k.failed) > failures {
		return 0, fmt.Errorf("the keeper started nothing: %v", k.failed)
	}
	return k.started[before], nil
}

// status returns how a process ended; "" while it runs.
func (k *keeper) status(pid int) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended[pid]
}

// awaitEnd waits until the process has ended and returns how; "" if it still runs
// when patience is over.
func (k *keeper) awaitEnd(pid int) string {
	k.wait(func() bool { return k.ended[pid] != "" })
	return k.status(pid)
}

// close ends all processes.
func (k *keeper) close() {
	_ = k.orders.Close()
	_ = k.cmd.Wait()
}
