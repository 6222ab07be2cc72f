package boot

import (
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/options"
)

const (
	selfPath = "/proc/self/exe"
	commPath = "/proc/self/comm"
	// tableSize is how many descriptors the kernel's table has room for before
	// it must grow; each doubling of a threaded process costs 10 to 20 ms.
	tableSize = 4096
)

// programPath is a path under which this very program can be executed. The
// link's target is better, because it gives the process its name; but another
// file may stand there by now.
func programPath() (string, error) {
	var buffer [unix.PathMax]byte
	n, err := unix.Readlink(selfPath, buffer[:])
	if err != nil {
		return "", &failure{"read " + selfPath, err}
	}
	path := string(buffer[:n])
	var running, named unix.Stat_t
	if n < len(buffer) && unix.Stat(selfPath, &running) == nil && unix.Stat(path, &named) == nil &&
		running.Dev == named.Dev && running.Ino == named.Ino {
		return path, nil
	}
	return selfPath, nil
}

// executeUnmasked is execve with no signal blocked: a new image inherits the
// mask of the thread that executes it.
func executeUnmasked(program string, argv, environ []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var none, before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &before); err != nil {
		return &failure{"unblock signals", err}
	}
	err := syscall.Exec(program, argv, environ)
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	return &failure{"execute " + program, err}
}

// reserveTable makes the descriptor table large until release is called; what
// is forked or executed meanwhile gets a table of that size. Without room for it
// nothing happens.
func reserveTable() (release func()) {
	size := tableSize
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && limit.Cur < uint64(size) {
		size = int(limit.Cur)
	}
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, size-1)
	if err != nil {
		return func() {}
	}
	return func() { _ = unix.Close(fd) }
}

// nameProcess gives the process the name that ps and pidof show; an execution by
// way of a link's target may have changed it.
func nameProcess() {
	if len(os.Args) == 0 {
		return
	}
	fd, err := unix.Open(commPath, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return // a cosmetic matter
	}
	_, _ = unix.Write(fd, []byte(strings.ReplaceAll(options.ProcessName(os.Args[0]), "\n", "?")))
	_ = unix.Close(fd)
}

func closeOnExecPipe(ends *[2]int) error { return unix.Pipe2(ends[:], unix.O_CLOEXEC) }
