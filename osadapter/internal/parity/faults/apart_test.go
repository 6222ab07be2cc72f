//go:build linux && amd64

package faults

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// apartRole is the role of the test program that plays.
const apartRole = "apart"

// directoryVariable names the directory of that program, which is removed when it
// has ended, in whatever way.
const directoryVariable = "FAULTS_DIRECTORY"

// apart runs this program once more with processes and mounts of its own: when it
// ends, all of its processes end, and other tests that handle processes on this
// machine do not meet ours. It is not ok if that is impossible.
func apart() (code int, ok bool) {
	if os.Getuid() != 0 {
		return 0, false
	}
	dir, err := os.MkdirTemp("/tmp", "ft")
	if err != nil {
		return 0, false
	}
	defer os.RemoveAll(dir)
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Args[0] = os.Args[0]
	again.Env = append(os.Environ(), roleVariable+"="+apartRole, directoryVariable+"="+dir)
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL,
	}
	if err := again.Start(); err != nil {
		return 0, false
	}
	var exit *exec.ExitError
	switch err := again.Wait(); {
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1), true
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

// surround mounts a /proc with this program's processes, and a /dev in which
// /dev/log is ours.
func surround(dir string) error {
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	dev := filepath.Join(dir, "dev")
	if err := os.Mkdir(dev, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "random", "urandom"} {
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
	return theSyslog.open()
}

// syslog receives the lines that do not go to a system's own log.
type syslog struct {
	mu    sync.Mutex
	lines []syslogLine
	conn  *net.UnixConn
}

type syslogLine struct {
	at   time.Time
	text string
}

var theSyslog syslog

func (y *syslog) open() (err error) {
	if y.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "/dev/log", Net: "unixgram"}); err != nil {
		return err
	}
	go func() {
		b := make([]byte, 8192)
		for {
			n, err := y.conn.Read(b)
			if err != nil {
				return
			}
			y.mu.Lock()
			y.lines = append(y.lines, syslogLine{time.Now(), string(b[:n])})
			y.mu.Unlock()
		}
	}()
	return nil
}

func (y *syslog) close() { _ = y.conn.Close() }

// of returns the lines of the processes; earlier processes may have had their IDs.
func (y *syslog) of(processes []int, since time.Time) string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var b strings.Builder
	for _, line := range y.lines {
		if line.at.After(since) && slices.ContainsFunc(processes, func(pid int) bool {
			return strings.Contains(line.text, fmt.Sprintf("[%d]:", pid))
		}) {
			b.WriteString(line.text + "\n")
		}
	}
	return b.String()
}
