// Package sys is the border to the kernel: one method of Linux for about one
// system call each, with plain values in and out. Descriptors are FD, errors
// are core.Errno in Linux numbering, and nothing here remembers anything.
//
// It refuses to decide: in what order a listener is made, and what is undone
// when a step fails, is the business of the packages that use it, each through
// a small interface of its own, so that the same code also runs over a kernel
// that is made up. It never blocks unless PollWait is told to, makes every
// descriptor close-on-exec, retries interrupted calls itself, and never wraps a
// descriptor in an os.File, which would register it with the runtime's poller
// and change its blocking mode (spec go-traps, G3).
package sys

import (
	"github.com/stationmaster/stationmaster/core"
)

// FD is a file descriptor of this process.
type FD int32

// None is no descriptor.
const None FD = -1

// SocketPathLimit is the longest path, in bytes, that fits a unix-domain
// socket address with its closing NUL (spec runtime, 6).
const SocketPathLimit = 107

// Error numbers that only adapters meet; core names the others.
const (
	ENXIO        core.Errno = 6   // a FIFO has no reader
	ENODEV       core.Errno = 19  // a zone names no network interface
	ENOSYS       core.Errno = 38  // this system has no such call
	EAFNOSUPPORT core.Errno = 97  // the kernel lacks the address family
	EALREADY     core.Errno = 114 // a connection attempt is still under way
)

// FileID tells one file from all others that exist at the same time. The
// number of a removed file can be given again once nobody holds it open.
type FileID struct {
	Device uint64
	Inode  uint64
}

// FileType is what kind of thing is at a path.
type FileType uint8

// The kinds of file that adapters tell apart.
const (
	OtherFile FileType = iota
	RegularFile
	Directory
	SymbolicLink
	NamedPipe
	SocketFile
	CharacterDevice
)

// FileStatus is what Lstat and Fstat tell.
type FileStatus struct {
	ID    FileID
	Type  FileType
	Mode  uint32 // permission bits only, with set-id and sticky bits
	Links uint64
	UID   uint32
	GID   uint32
}

// OpenMode says how Open opens. Every mode is non-blocking, follows no
// symbolic link in the last element and never makes the file.
type OpenMode uint8

// The modes of Open.
const (
	OpenReadWrite OpenMode = iota + 1
	OpenWriteOnly
)

// Family is the address family of a socket.
type Family uint8

// The families of Socket.
const (
	FamilyUnix Family = iota + 1
	FamilyInet4
	FamilyInet6
)

// FamilyOf is the family of the socket that serves the endpoint.
func FamilyOf(e core.Endpoint) Family {
	switch {
	case e.Path != "":
		return FamilyUnix
	case e.Address.Addr().Is4():
		return FamilyInet4
	default:
		return FamilyInet6
	}
}

// SocketKind is the kind of a socket.
type SocketKind uint8

// The kinds of Socket.
const (
	Stream SocketKind = iota + 1
	Datagram
)

// Option is a socket option with an integer value.
type Option uint8

// The options of SetOption.
const (
	OptionOnlyIPv6 Option = iota + 1
	OptionReuseAddress
	OptionReusePort
	OptionSendBuffer
	OptionReceiveBuffer
)

// PollEvent is one descriptor of a poll set that is ready. Hangup and Error
// are reported even for a descriptor without any interest.
type PollEvent struct {
	Key    uint64 // as given to PollAdd
	Read   bool
	Write  bool
	Hangup bool // both directions are closed
	Error  bool // SocketError tells which
}

// Reaped is one report about a child process. PID 0: none is waiting.
type Reaped struct {
	PID     core.PID
	Alive   bool            // only with PID 0: there are children that live on
	Stopped core.Signal     // not 0: it did not end but was stopped by this signal
	Status  core.ExitStatus // how it ended; means nothing if Stopped
}

// Process says what to start. To start with the same one again, its fields changed,
// takes no new memory.
type Process struct {
	Path  string   // executed exactly; no search, so it should contain a slash
	Argv  []string // from argv[0]; at least one
	Env   []string // NAME=VALUE, all of it
	Files []FD     // Files[n] becomes descriptor n of the child; at least one, None is none of them
	Root  bool     // run as root with the groups {0}, whatever groups we have

	// Patience is how long Start waits for the program to be executed.
	Patience core.Duration

	// Low are descriptors of ours with numbers below LowEnd, of any one file that
	// is open for nothing else. With them a start costs the same however many
	// descriptors we have open: those of Files that have higher numbers take the
	// places of Low, but for the first, until the child has its copies; when there
	// are too few, all that we have open is copied as without. One that cannot be
	// put back is closed and becomes None. Nil: none.
	Low []FD

	plan *plan // memory of the start before
}

// Launch is what Start has begun.
type Launch struct {
	PID  core.PID // 0: there is no process
	plan *plan    // nil: it works with nothing of ours
}

// LowEnd is the first number that is not low: so many descriptors a process has
// room for from the start.
const LowEnd FD = 64
