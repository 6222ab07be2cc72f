// Package sys is the interface to the kernel: about one method of Linux per system
// call, with plain values in and out. Descriptors are FD, errors are core.Errno in
// Linux numbering, and nothing here keeps state.
//
// It makes no decisions: in which order a listener is created, and what is undone
// when a step fails, is up to the packages that use it, each through a small
// interface of its own, so that the same code also runs over a fake kernel. It
// never blocks unless PollWait is told to, creates every descriptor close-on-exec,
// retries interrupted calls itself, and never wraps a descriptor in an os.File,
// which would register it with the runtime's poller and change its blocking mode
// (spec go-traps, G3).
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

// FileID distinguishes a file from all others that exist at the same time. The
// number of a removed file can be reused once no process holds it open.
type FileID struct {
	Device uint64
	Inode  uint64
}

// FileType is the type of a file.
type FileType uint8

// The types of file that adapters distinguish.
const (
	OtherFile FileType = iota
	RegularFile
	Directory
	SymbolicLink
	NamedPipe
	SocketFile
	CharacterDevice
)

// FileStatus is the result of Lstat and Fstat.
type FileStatus struct {
	ID    FileID
	Type  FileType
	Mode  uint32 // permission bits only, with set-id and sticky bits
	Links uint64
	UID   uint32
	GID   uint32
}

// OpenMode selects how Open opens. Every mode is non-blocking, does not follow a
// symbolic link in the last component, and never creates the file.
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

// FamilyOf returns the family of the socket that serves the endpoint.
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

// PollEvent is a ready descriptor of a poll set. Hangup and Error are reported even
// for a descriptor without interest.
type PollEvent struct {
	Key    uint64 // as passed to PollAdd
	Read   bool
	Write  bool
	Hangup bool // both directions are closed
	Error  bool // SocketError returns it
}

// Reaped is a report about a child process. With PID 0, none is waiting.
type Reaped struct {
	PID     core.PID
	Alive   bool            // only with PID 0: other children are alive
	Stopped core.Signal     // not 0: the child did not end but was stopped by this signal
	Status  core.ExitStatus // how the child ended; meaningless if Stopped
}

// Process describes a process to start. Starting the same Process again, with
// changed fields, allocates nothing.
type Process struct {
	Path  string   // executed as it is, without a search, so it should contain a slash
	Argv  []string // including argv[0]; at least one
	Env   []string // NAME=VALUE, all of it
	Files []FD     // Files[n] becomes descriptor n of the child; at least one; None is not allowed
	Root  bool     // run as root with the groups {0}, whatever our groups are

	// Patience is how long Start waits for the exec.
	Patience core.Duration

	// Low holds descriptors of ours with numbers below LowEnd that are duplicates
	// of one file and used for nothing else. With them, the cost of a start does
	// not depend on the number of open descriptors: Files with higher numbers take
	// the places of Low, except the first, until the child has its copies. If there
	// are too few, the whole table is copied, as without Low. One that cannot be
	// put back is closed and becomes None. It may be nil.
	Low []FD

	plan *plan // memory of the previous start
}

// Launch is a start that Start has begun.
type Launch struct {
	PID  core.PID // 0: there is no process
	plan *plan    // nil: the process uses no memory of ours
}

// LowEnd is the first number that is not low: a process starts with room for this
// many descriptors.
const LowEnd FD = 64
