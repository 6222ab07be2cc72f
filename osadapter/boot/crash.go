package boot

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// Names of the crash reports in the data directory: of this process, and of an
// earlier process.
const (
	crashName    = "master.crash"
	oldCrashName = "master.crash.old"
)

// OpenCrashOutput makes the runtime write its crash report to a file in directory;
// standard error, where it would go otherwise, is /dev/null (spec go-traps, G22).
// earlier is the path of the report of an earlier process that crashed, or "": it
// was renamed to that path, where it stays until another crash. The file has mode
// 0600 and belongs to the calling thread's effective user or to root; anything else
// is refused. The caller must hold the lock of the directory.
func OpenCrashOutput(directory string) (earlier string, err error) {
	path, old := directory+"/"+crashName, directory+"/"+oldCrashName
	var st unix.Stat_t
	if unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size > 0 {
		if err := unix.Rename(path, old); err != nil {
			return "", &failure{"rename " + path, err}
		}
		earlier = old
	}
	fd, err := lock.SafeOpen(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	if err != nil {
		return earlier, fmt.Errorf("open crash output %s: %w", path, err)
	}
	if err := checkCrashFile(fd); err != nil {
		_ = unix.Close(fd)
		return earlier, fmt.Errorf("open crash output %s: %w", path, err)
	}
	// The runtime keeps a copy of the descriptor, close-on-exec.
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	if err := debug.SetCrashOutput(file, debug.CrashOptions{}); err != nil {
		return earlier, fmt.Errorf("open crash output %s: %w", path, err)
	}
	return earlier, nil
}

func checkCrashFile(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return errors.New("not a regular file")
	}
	if st.Uid != 0 && int(st.Uid) != unix.Geteuid() {
		return errors.New("owned by another user")
	}
	if st.Mode&0o077 != 0 {
		return errors.New("other users may read or write it")
	}
	return nil
}
