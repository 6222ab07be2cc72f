package kernel

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
)

// Lstat describes what is at the path.
func (k *Kernel) Lstat(path string) (sys.FileStatus, core.Errno) {
	if e := k.Enter(fault.Lstat); e != 0 {
		if e == core.ENOENT && k.Files[path] != nil {
			k.Denied[path] = true
		}
		return sys.FileStatus{}, e
	}
	f, e := k.InodeAt(path)
	if e != 0 {
		return sys.FileStatus{}, e
	}
	return f.Status(), 0
}

// Fstat describes an open FIFO; about anything else only its kind.
func (k *Kernel) Fstat(fd sys.FD) (sys.FileStatus, core.Errno) {
	if e := k.Enter(fault.Fstat); e != 0 {
		return sys.FileStatus{}, e
	}
	d := k.at(fd, fault.Fstat)
	switch {
	case d == nil:
		return sys.FileStatus{}, core.EBADF
	case d.File != nil:
		return d.File.Status(), 0
	}
	return sys.FileStatus{Type: sys.OtherFile}, 0
}

// Unlink removes a name.
func (k *Kernel) Unlink(path string) core.Errno {
	if e := k.Enter(fault.Unlink); e != 0 {
		if f := k.Files[path]; e == core.ENOENT && f != nil && f.Kind != sys.Directory { // somebody was faster
			k.RemoveName(path)
		}
		return e
	}
	if e := k.MayChange(path); e != 0 {
		return e
	}
	switch f := k.Files[path]; {
	case f == nil:
		return core.ENOENT
	case f.Kind == sys.Directory:
		return core.EISDIR
	}
	k.RemoveName(path)
	return 0
}

// Rename gives a file another name, in place of what has that name.
func (k *Kernel) Rename(from, to string) core.Errno {
	if e := k.Enter(fault.Rename); e != 0 {
		return e
	}
	if k.Requests && !strings.Contains(from+to, " ") { // the columns of master.cf end at blanks
		k.Breach("%s is set aside as %s, a name that a service can have", from, to)
	}
	for _, path := range [...]string{from, to} {
		if e := k.MayChange(path); e != 0 {
			return e
		}
	}
	f := k.Files[from]
	switch there := k.Files[to]; {
	case f == nil:
		return core.ENOENT
	case there == f:
		return 0
	case there != nil && there.Kind == sys.Directory && f.Kind != sys.Directory:
		return core.EISDIR
	case there != nil:
		k.RemoveName(to)
	}
	delete(k.Files, from)
	k.Files[to] = f
	return 0
}

// Mkfifo makes a FIFO.
func (k *Kernel) Mkfifo(path string, mode uint32) core.Errno {
	if e := k.Enter(fault.Mkfifo); e != 0 {
		return e
	}
	f, e := k.Create(path, sys.NamedPipe, mode&^umask)
	if e == 0 {
		f.Pipe = k.NewPipe()
	}
	return e
}

// Chmod sets the mode of what is at the path.
func (k *Kernel) Chmod(path string, mode uint32) core.Errno {
	if e := k.Enter(fault.Chmod); e != 0 {
		return e
	}
	f, e := k.InodeAt(path)
	if e != 0 {
		return e
	}
	return k.setMode(f, mode)
}

// Fchmod sets the mode of an open FIFO.
func (k *Kernel) Fchmod(fd sys.FD, mode uint32) core.Errno {
	if e := k.Enter(fault.Fchmod); e != 0 {
		return e
	}
	d := k.at(fd, fault.Fchmod)
	switch {
	case d == nil:
		return core.EBADF
	case d.File == nil:
		return core.EINVAL
	}
	return k.setMode(d.File, mode)
}

func (k *Kernel) setMode(f *object.Inode, mode uint32) core.Errno {
	if k.UID != 0 && k.UID != f.UID {
		return core.EPERM
	}
	f.Mode = mode
	return 0
}

// Open opens a FIFO without blocking. Other kinds of file are of no use here
// and answer as Linux does.
func (k *Kernel) Open(path string, mode sys.OpenMode) (sys.FD, core.Errno) {
	if e := k.Enter(fault.Open); e != 0 {
		return sys.None, e
	}
	f, e := k.InodeAt(path)
	switch {
	case e != 0:
		return sys.None, e
	case f.Kind == sys.SymbolicLink:
		return sys.None, core.ELOOP
	case f.Kind == sys.Directory:
		return sys.None, core.EISDIR
	case f.Kind == sys.SocketFile:
		return sys.None, sys.ENXIO
	case k.UID != 0 && k.UID != f.UID:
		return sys.None, core.EACCES
	case f.Kind == sys.NamedPipe && k.UID != f.UID:
		k.Breach("%s is opened by user %d", path, k.UID)
		return sys.None, core.EACCES
	case !k.Room(1):
		return sys.None, core.EMFILE
	}
	reads := mode == sys.OpenReadWrite
	if f.Kind != sys.NamedPipe {
		f.Holds++
		d := k.Describe(object.DeviceKind)
		d.File = f
		return k.Install(d), 0
	}
	if !reads && f.Pipe.Readers == 0 {
		return sys.None, sys.ENXIO
	}
	d := k.OpenFIFO(f, reads, true)
	if !reads {
		d.Target = core.Endpoint{Path: path}
	}
	return k.Install(d), 0
}
