package object

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Inode is one file. Its number is given again as soon as no name and nobody
// holds it, lowest first.
type Inode struct {
	Number   uint64
	Kind     sys.FileType
	Mode     uint32
	UID, GID uint32
	links    uint64
	Holds    int
	Pipe     *Pipe        // of a FIFO
	Socket   *Description // of a socket file, while it is bound
	Strange  bool         // a stranger made it
}

func (t *Table) newInode(kind sys.FileType, mode, uid, gid uint32) *Inode {
	f := t.inodes.get()
	*f = Inode{Kind: kind, Mode: mode, UID: uid, GID: gid, links: 1}
	if len(t.freeInodes) > 0 {
		f.Number = t.freeInodes[0]
		t.freeInodes = t.freeInodes[:copy(t.freeInodes, t.freeInodes[1:])]
	} else {
		t.lastInode++
		f.Number = t.lastInode
	}
	return f
}

func (t *Table) dropInode(f *Inode) {
	f.Holds--
	t.freeInode(f)
}

func (t *Table) freeInode(f *Inode) {
	if f.Holds == 0 && f.links == 0 {
		n, _ := slices.BinarySearch(t.freeInodes, f.Number)
		t.freeInodes = slices.Insert(t.freeInodes, n, f.Number)
		if f.Pipe != nil {
			t.pipes.put(f.Pipe)
		}
		t.inodes.put(f)
	}
}

// Status returns what stat reports of the file.
func (f *Inode) Status() sys.FileStatus {
	return sys.FileStatus{
		ID: sys.FileID{Device: 1, Inode: f.Number}, Type: f.Kind, Mode: f.Mode, Links: f.links, UID: f.UID, GID: f.GID,
	}
}

// MayChange checks that the caller may change entries of the directory that
// the path is in. The root directory is root's.
func (t *Table) MayChange(path string) core.Errno {
	name, _, nested := strings.Cut(path, "/")
	if d := t.Files[name]; nested && d != nil && t.UID != d.UID {
		t.Breach("%s is changed by user %d", path, t.UID)
	}
	if !nested {
		if t.UID != 0 {
			return core.EACCES
		}
		return 0
	}
	switch d := t.Files[name]; {
	case d == nil:
		return core.ENOENT
	case d.Kind != sys.Directory:
		return core.ENOTDIR
	case t.UID != 0 && t.UID != d.UID:
		return core.EACCES
	}
	return 0
}

// Create makes a file that is not there yet.
func (t *Table) Create(path string, kind sys.FileType, mode uint32) (*Inode, core.Errno) {
	if e := t.MayChange(path); e != 0 {
		return nil, e
	}
	if t.Files[path] != nil {
		return nil, core.EEXIST
	}
	f := t.newInode(kind, mode, t.UID, t.GID)
	t.Files[path] = f
	return f, 0
}

// Put makes a file of root at the path, as a stranger would, in place of what
// is there.
func (t *Table) Put(path string, kind sys.FileType) {
	if t.Files[path] != nil {
		t.RemoveName(path)
	}
	t.Files[path] = t.newInode(kind, 0o600, 0, 0)
	t.Files[path].Strange = true
}

// Take removes what is at the path, as a stranger would.
func (t *Table) Take(path string) {
	if t.Files[path] != nil {
		t.RemoveName(path)
	}
}

// Names are the paths of all files, in order.
func (t *Table) Names() []string {
	names := make([]string, 0, len(t.Files))
	for path := range t.Files {
		names = append(names, path)
	}
	slices.Sort(names)
	return names
}

// RemoveName removes the name of a file that is there.
func (t *Table) RemoveName(path string) {
	f := t.Files[path]
	delete(t.Files, path)
	f.links--
	t.freeInode(f)
}

// Lookup returns what kind of file is at the path.
func (t *Table) Lookup(path string) (sys.FileType, core.Errno) {
	f, e := t.InodeAt(path)
	if e != 0 {
		return 0, e
	}
	return f.Kind, 0
}

// InodeAt returns what is at the path.
func (t *Table) InodeAt(path string) (*Inode, core.Errno) {
	if name, _, nested := strings.Cut(path, "/"); nested {
		switch d := t.Files[name]; {
		case d == nil:
			return nil, core.ENOENT
		case d.Kind != sys.Directory:
			return nil, core.ENOTDIR
		}
	}
	if f := t.Files[path]; f != nil {
		return f, 0
	}
	return nil, core.ENOENT
}

// OpenFIFO returns a new end of a FIFO.
func (t *Table) OpenFIFO(f *Inode, reads, writes bool) *Description {
	f.Holds++
	return t.OpenPipe(f.Pipe, reads, writes, f)
}
