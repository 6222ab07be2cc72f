package sys

import (
	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// Close closes the descriptor. It is closed even if an error is returned: Linux
// releases the number before it can fail, so a retry could close another file.
func (Linux) Close(fd FD) core.Errno {
	e := number(unix.Close(int(fd)))
	if e == core.EINTR {
		return 0
	}
	return e
}

// Read reads at most len(p) bytes. For a non-empty p, (0, 0) means end of file;
// EAGAIN means that a non-blocking descriptor has nothing to read.
func (Linux) Read(fd FD, p []byte) (n int, e core.Errno) {
	e = ignoringEINTR(func() (err error) {
		n, err = unix.Read(int(fd), p)
		return err
	})
	return max(n, 0), e
}

// Write writes to a pipe or FIFO; SIGPIPE must be ignored. Sockets use Send.
func (Linux) Write(fd FD, p []byte) (n int, e core.Errno) {
	e = ignoringEINTR(func() (err error) {
		n, err = unix.Write(int(fd), p)
		return err
	})
	return max(n, 0), e
}

// FlowPipe creates the flow-control pipe with both ends non-blocking (spec runtime,
// 7.3).
func (Linux) FlowPipe() (read, write FD, e core.Errno) {
	return pipe(unix.O_NONBLOCK)
}

// Pipe creates a pipe with blocking ends. Only what certainly fits is written to
// it.
func (Linux) Pipe() (read, write FD, e core.Errno) {
	return pipe(0)
}

func pipe(flags int) (read, write FD, e core.Errno) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|flags); err != nil {
		return None, None, number(err)
	}
	return FD(p[0]), FD(p[1]), 0
}

// Open opens the file at the path. A symbolic link fails with ELOOP, a FIFO without
// a reader with ENXIO for OpenWriteOnly.
func (Linux) Open(path string, mode OpenMode) (FD, core.Errno) {
	flags := unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOFOLLOW | unix.O_NOCTTY
	switch mode {
	case OpenReadWrite:
		flags |= unix.O_RDWR
	case OpenWriteOnly:
		flags |= unix.O_WRONLY
	default:
		return None, core.EINVAL
	}
	fd := int(None)
	e := ignoringEINTR(func() (err error) {
		fd, err = unix.Open(path, flags, 0)
		return err
	})
	if e != 0 {
		return None, e
	}
	return FD(fd), 0
}

// Unlink removes the name of a file; a directory fails with EISDIR.
func (Linux) Unlink(path string) core.Errno { return number(unix.Unlink(path)) }

// Rename renames the file from to to, and replaces an existing file.
func (Linux) Rename(from, to string) core.Errno { return number(unix.Rename(from, to)) }

// Mkfifo creates a FIFO; the umask clears bits of mode.
func (Linux) Mkfifo(path string, mode uint32) core.Errno { return number(unix.Mkfifo(path, mode)) }

// Chmod sets the permission bits of the file at the path.
func (Linux) Chmod(path string, mode uint32) core.Errno { return number(unix.Chmod(path, mode)) }

// Fchmod sets the permission bits of the open file.
func (Linux) Fchmod(fd FD, mode uint32) core.Errno { return number(unix.Fchmod(int(fd), mode)) }

// Lstat returns the status of the file at the path, without following a symbolic
// link.
func (Linux) Lstat(path string) (FileStatus, core.Errno) {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return FileStatus{}, number(err)
	}
	return status(&s), 0
}

// Fstat returns the status of the open file.
func (Linux) Fstat(fd FD) (FileStatus, core.Errno) {
	var s unix.Stat_t
	if err := unix.Fstat(int(fd), &s); err != nil {
		return FileStatus{}, number(err)
	}
	return status(&s), 0
}

func status(s *unix.Stat_t) FileStatus {
	return FileStatus{
		ID:    FileID{Device: uint64(s.Dev), Inode: s.Ino},
		Type:  fileType(s.Mode),
		Mode:  s.Mode & 0o7777,
		Links: uint64(s.Nlink),
		UID:   s.Uid,
		GID:   s.Gid,
	}
}

func fileType(mode uint32) FileType {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return RegularFile
	case unix.S_IFDIR:
		return Directory
	case unix.S_IFLNK:
		return SymbolicLink
	case unix.S_IFIFO:
		return NamedPipe
	case unix.S_IFSOCK:
		return SocketFile
	case unix.S_IFCHR:
		return CharacterDevice
	default:
		return OtherFile
	}
}
