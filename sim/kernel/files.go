package kernel

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// inode is one file. Its number is given again as soon as no name and nobody
// holds it, lowest first.
type inode struct {
	number   uint64
	kind     sys.FileType
	mode     uint32
	uid, gid uint32
	links    uint64
	holds    int
	pipe     *pipe        // of a FIFO
	socket   *Description // of a socket file, while it is bound
	strange  bool         // a stranger made it
}

func (k *Kernel) newInode(kind sys.FileType, mode, uid, gid uint32) *inode {
	f := k.inodes.get()
	*f = inode{kind: kind, mode: mode, uid: uid, gid: gid, links: 1}
	if len(k.freeInodes) > 0 {
		f.number = k.freeInodes[0]
		k.freeInodes = k.freeInodes[:copy(k.freeInodes, k.freeInodes[1:])]
	} else {
		k.lastInode++
		f.number = k.lastInode
	}
	return f
}

func (k *Kernel) dropInode(f *inode) {
	f.holds--
	k.freeInode(f)
}

func (k *Kernel) freeInode(f *inode) {
	if f.holds == 0 && f.links == 0 {
		n, _ := slices.BinarySearch(k.freeInodes, f.number)
		k.freeInodes = slices.Insert(k.freeInodes, n, f.number)
		if f.pipe != nil {
			k.pipes.put(f.pipe)
		}
		k.inodes.put(f)
	}
}

func (f *inode) status() sys.FileStatus {
	return sys.FileStatus{
		ID: sys.FileID{Device: 1, Inode: f.number}, Type: f.kind, Mode: f.mode, Links: f.links, UID: f.uid, GID: f.gid,
	}
}

// directory checks that the caller may change entries of the directory that
// the path is in. The root directory is root's.
func (k *Kernel) directory(path string) core.Errno {
	name, _, nested := strings.Cut(path, "/")
	if d := k.files[name]; nested && d != nil && k.uid != d.uid {
		k.breach("%s is changed by user %d", path, k.uid)
	}
	if !nested {
		if k.uid != 0 {
			return core.EACCES
		}
		return 0
	}
	switch d := k.files[name]; {
	case d == nil:
		return core.ENOENT
	case d.kind != sys.Directory:
		return core.ENOTDIR
	case k.uid != 0 && k.uid != d.uid:
		return core.EACCES
	}
	return 0
}

// create makes a file that is not there yet.
func (k *Kernel) create(path string, kind sys.FileType, mode uint32) (*inode, core.Errno) {
	if e := k.directory(path); e != 0 {
		return nil, e
	}
	if k.files[path] != nil {
		return nil, core.EEXIST
	}
	f := k.newInode(kind, mode, k.uid, k.gid)
	k.files[path] = f
	return f, 0
}

// Put makes a file of root at the path, as a stranger would, in place of what
// is there.
func (k *Kernel) Put(path string, kind sys.FileType) {
	if k.files[path] != nil {
		k.removeName(path)
	}
	k.files[path] = k.newInode(kind, 0o600, 0, 0)
	k.files[path].strange = true
}

// Take removes what is at the path, as a stranger would.
func (k *Kernel) Take(path string) {
	if k.files[path] != nil {
		k.removeName(path)
	}
}

// Names are the paths of all files, in order.
func (k *Kernel) Names() []string {
	names := make([]string, 0, len(k.files))
	for path := range k.files {
		names = append(names, path)
	}
	slices.Sort(names)
	return names
}

func (k *Kernel) removeName(path string) {
	f := k.files[path]
	delete(k.files, path)
	f.links--
	k.freeInode(f)
}

// Lookup returns what kind of file is at the path.
func (k *Kernel) Lookup(path string) (sys.FileType, core.Errno) {
	f, e := k.lookup(path)
	if e != 0 {
		return 0, e
	}
	return f.kind, 0
}

// lookup returns what is at the path.
func (k *Kernel) lookup(path string) (*inode, core.Errno) {
	if name, _, nested := strings.Cut(path, "/"); nested {
		switch d := k.files[name]; {
		case d == nil:
			return nil, core.ENOENT
		case d.kind != sys.Directory:
			return nil, core.ENOTDIR
		}
	}
	if f := k.files[path]; f != nil {
		return f, 0
	}
	return nil, core.ENOENT
}

// Lstat describes what is at the path.
func (k *Kernel) Lstat(path string) (sys.FileStatus, core.Errno) {
	if e := k.enter(callLstat); e != 0 {
		if e == core.ENOENT && k.files[path] != nil {
			k.denied[path] = true
		}
		return sys.FileStatus{}, e
	}
	f, e := k.lookup(path)
	if e != 0 {
		return sys.FileStatus{}, e
	}
	return f.status(), 0
}

// Fstat describes an open FIFO; about anything else only its kind.
func (k *Kernel) Fstat(fd sys.FD) (sys.FileStatus, core.Errno) {
	if e := k.enter(callFstat); e != 0 {
		return sys.FileStatus{}, e
	}
	d := k.at(fd, callFstat)
	switch {
	case d == nil:
		return sys.FileStatus{}, core.EBADF
	case d.file != nil:
		return d.file.status(), 0
	}
	return sys.FileStatus{Type: sys.OtherFile}, 0
}

// Unlink removes a name.
func (k *Kernel) Unlink(path string) core.Errno {
	if e := k.enter(callUnlink); e != 0 {
		if f := k.files[path]; e == core.ENOENT && f != nil && f.kind != sys.Directory { // somebody was faster
			k.removeName(path)
		}
		return e
	}
	if e := k.directory(path); e != 0 {
		return e
	}
	switch f := k.files[path]; {
	case f == nil:
		return core.ENOENT
	case f.kind == sys.Directory:
		return core.EISDIR
	}
	k.removeName(path)
	return 0
}

// Rename gives a file another name, in place of what has that name.
func (k *Kernel) Rename(from, to string) core.Errno {
	if e := k.enter(callRename); e != 0 {
		return e
	}
	if k.Requests && !strings.Contains(from+to, " ") { // the columns of master.cf end at blanks
		k.breach("%s is set aside as %s, a name that a service can have", from, to)
	}
	for _, path := range [...]string{from, to} {
		if e := k.directory(path); e != 0 {
			return e
		}
	}
	f := k.files[from]
	switch there := k.files[to]; {
	case f == nil:
		return core.ENOENT
	case there == f:
		return 0
	case there != nil && there.kind == sys.Directory && f.kind != sys.Directory:
		return core.EISDIR
	case there != nil:
		k.removeName(to)
	}
	delete(k.files, from)
	k.files[to] = f
	return 0
}

// Mkfifo makes a FIFO.
func (k *Kernel) Mkfifo(path string, mode uint32) core.Errno {
	if e := k.enter(callMkfifo); e != 0 {
		return e
	}
	f, e := k.create(path, sys.NamedPipe, mode&^umask)
	if e == 0 {
		f.pipe = k.newPipe()
	}
	return e
}

// Chmod sets the mode of what is at the path.
func (k *Kernel) Chmod(path string, mode uint32) core.Errno {
	if e := k.enter(callChmod); e != 0 {
		return e
	}
	f, e := k.lookup(path)
	if e != 0 {
		return e
	}
	return k.setMode(f, mode)
}

// Fchmod sets the mode of an open FIFO.
func (k *Kernel) Fchmod(fd sys.FD, mode uint32) core.Errno {
	if e := k.enter(callFchmod); e != 0 {
		return e
	}
	d := k.at(fd, callFchmod)
	switch {
	case d == nil:
		return core.EBADF
	case d.file == nil:
		return core.EINVAL
	}
	return k.setMode(d.file, mode)
}

func (k *Kernel) setMode(f *inode, mode uint32) core.Errno {
	if k.uid != 0 && k.uid != f.uid {
		return core.EPERM
	}
	f.mode = mode
	return 0
}

// Open opens a FIFO without blocking. Other kinds of file are of no use here
// and answer as Linux does.
func (k *Kernel) Open(path string, mode sys.OpenMode) (sys.FD, core.Errno) {
	if e := k.enter(callOpen); e != 0 {
		return sys.None, e
	}
	f, e := k.lookup(path)
	switch {
	case e != 0:
		return sys.None, e
	case f.kind == sys.SymbolicLink:
		return sys.None, core.ELOOP
	case f.kind == sys.Directory:
		return sys.None, core.EISDIR
	case f.kind == sys.SocketFile:
		return sys.None, sys.ENXIO
	case k.uid != 0 && k.uid != f.uid:
		return sys.None, core.EACCES
	case f.kind == sys.NamedPipe && k.uid != f.uid:
		k.breach("%s is opened by user %d", path, k.uid)
		return sys.None, core.EACCES
	case !k.room(1):
		return sys.None, core.EMFILE
	}
	reads := mode == sys.OpenReadWrite
	if f.kind != sys.NamedPipe {
		f.holds++
		d := k.describe(deviceKind)
		d.file = f
		return k.install(d), 0
	}
	if !reads && f.pipe.readers == 0 {
		return sys.None, sys.ENXIO
	}
	d := k.openFIFO(f, reads, true)
	if !reads {
		d.target = core.Endpoint{Path: path}
	}
	return k.install(d), 0
}

func (k *Kernel) openFIFO(f *inode, reads, writes bool) *Description {
	f.holds++
	return k.openPipe(f.pipe, reads, writes, f)
}
