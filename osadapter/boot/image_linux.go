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
	// tableSize is the number of descriptors that the kernel's table has room for
	// before it must grow; each doubling costs a process with threads 10 to 20 ms.
	tableSize = 4096
)

// programPath returns a path under which this very program can be executed. The
// target of the link is better, because it gives the process its name; but it may
// be another file by now.
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

// executeUnmasked is execve with no signal blocked: a new image inherits the mask
// of the thread that executes it.
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

// forkUnmasked starts a program with no signal blocked, with ready as its
// descriptor readyFD, and with a large descriptor table: the long list of files
// makes the table grow between fork and exec, where it is not shared and growing is
// cheap.
func forkUnmasked(program string, argv, environ []string, ready int) (int, error) {
	files := make([]uintptr, listSize())
	for i := range files {
		files[i] = noFile
	}
	files[0], files[1], files[2], files[readyFD] = 0, 1, 2, uintptr(ready)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var none, before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &before); err != nil {
		return 0, &failure{"unblock signals", err}
	}
	pid, err := syscall.ForkExec(program, argv, &syscall.ProcAttr{Env: environ, Files: files})
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	return pid, err
}

// noFile in a list of files means that the number is closed.
const noFile = ^uintptr(0)

// listSize returns the length of a list of files that makes a table of tableSize:
// the kernel doubles. The fork needs some numbers above the list for itself; if the
// limit leaves no room for them, the table stays small.
func listSize() int {
	const size, spare = tableSize/2 + 1, 8
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && limit.Cur < size+spare {
		return readyFD + 1
	}
	return size
}

// reserveTable makes the descriptor table large until release is called; a process
// that is forked or executed meanwhile gets a table of that size. Without room for
// it, nothing happens.
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

// nameProcess sets the name that ps and pidof show; an execution through the target
// of a link may have changed it.
func nameProcess() {
	if len(os.Args) == 0 {
		return
	}
	fd, err := unix.Open(commPath, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return // only cosmetic
	}
	_, _ = unix.Write(fd, []byte(strings.ReplaceAll(options.ProcessName(os.Args[0]), "\n", "?")))
	_ = unix.Close(fd)
}

func closeOnExecPipe(ends *[2]int) error { return unix.Pipe2(ends[:], unix.O_CLOEXEC) }

// tryPoller opens what the runtime's poller will need, and closes it again.
func tryPoller() error {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return &failure{"epoll_create", err}
	}
	defer unix.Close(set)
	waker, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return &failure{"eventfd", err}
	}
	defer unix.Close(waker)
	event := unix.EpollEvent{Events: unix.EPOLLIN}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, waker, &event); err != nil {
		return &failure{"epoll_ctl", err}
	}
	return nil
}
