package logs

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/disk"
)

// beside carries out what all logs of the process ask of disks.
var beside disk.Beside

// realSystem is the system of a real process.
type realSystem struct{ *disk.Beside }

var _ System = realSystem{}

func (realSystem) Zone(value string, present bool) *time.Location { return loadZone(value, present) }

func (realSystem) Connect(path string, kind Kind) (int, error) {
	how := unix.SOCK_DGRAM
	if kind == Stream {
		how = unix.SOCK_STREAM
	}
	fd, err := newSocket(how)
	if err != nil {
		return -1, err
	}
	fd = disk.AwayFromStandard(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		closeDescriptor(fd)
		return -1, err
	}
	return fd, nil
}

func (realSystem) Write(fd int, b []byte) (int, error) {
	return disk.Interrupted(func() (int, error) { return unix.Write(fd, b) })
}

func (realSystem) Receive(fd int, buffer []byte) (int, error) {
	n, _, err := unix.Recvfrom(fd, buffer, unix.MSG_DONTWAIT)
	return n, err
}

func (realSystem) LocalPath(fd int) string {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return ""
	}
	if address, ok := name.(*unix.SockaddrUnix); ok {
		return address.Name
	}
	return ""
}

func (realSystem) Writable(fd int) bool { return disk.Writable(fd, 0) }

func (realSystem) AwaitWritable(fd int, limit time.Duration) {
	if fd < 0 {
		_, _ = unix.Poll(nil, int(limit.Milliseconds())) // only waits
		return
	}
	disk.Writable(fd, int(limit.Milliseconds()))
}

func (realSystem) Close(fd int) { closeDescriptor(fd) }

func (realSystem) CopyOfStderr() int {
	var st, null unix.Stat_t
	if unix.Fstat(stderrFD, &st) != nil {
		return -1
	}
	if unix.Stat("/dev/null", &null) == nil &&
		st.Mode&unix.S_IFMT == unix.S_IFCHR && null.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == null.Rdev {
		return -1
	}
	fd, err := unix.FcntlInt(stderrFD, unix.F_DUPFD_CLOEXEC, stderrFD+1)
	if err != nil {
		return -1
	}
	return fd
}

// AppendOnly: without it, a process whose standard output a shell opened with ">" would
// write over the lines of postlogd, which opens the file anew. All processes that
// inherited the descriptor write at the end then, which is what each of them wants.
func (realSystem) AppendOnly(fd int) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil {
		// It can only fail for a file that may never be written elsewhere.
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_APPEND)
	}
}

func (realSystem) Later(d time.Duration, act func()) (cancel func()) {
	timer := time.AfterFunc(d, act)
	return func() { timer.Stop() }
}

func closeDescriptor(fd int) {
	// Nothing was buffered: there is nothing to learn from an error.
	_ = unix.Close(fd)
}
