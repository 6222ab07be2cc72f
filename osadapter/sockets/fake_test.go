package sockets

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// fakeKernel is a small system in memory: files by name, open descriptors, one
// identity. Call number failAt fails with errno, and so does every later call of
// the kinds in alsoFail.
type fakeKernel struct {
	files    map[string]sys.FileStatus
	open     map[sys.FD]string // what each descriptor refers to
	nextFD   sys.FD
	nextFile uint64
	uid      uint32
	calls    []string
	failAt   int
	errno    core.Errno
	alsoFail string
}

func newFakeKernel(failAt int, errno core.Errno) *fakeKernel {
	return &fakeKernel{
		files:  map[string]sys.FileStatus{},
		open:   map[sys.FD]string{},
		nextFD: 10, nextFile: 100, failAt: failAt, errno: errno,
	}
}

// put creates a file as another process would.
func (k *fakeKernel) put(path string, t sys.FileType) sys.FileID {
	k.nextFile++
	id := sys.FileID{Device: 1, Inode: k.nextFile}
	k.files[path] = sys.FileStatus{ID: id, Type: t, Links: 1, UID: k.uid}
	return id
}

func (k *fakeKernel) call(name string, args ...any) core.Errno {
	k.calls = append(k.calls, strings.TrimSpace(name+" "+fmt.Sprintln(args...)))
	if k.failAt == len(k.calls)-1 {
		return k.errno
	}
	if k.alsoFail != "" && k.failAt >= 0 && len(k.calls)-1 > k.failAt && strings.Contains(k.alsoFail, name) {
		return core.EIO
	}
	return 0
}

func (k *fakeKernel) openFD(of string) sys.FD {
	k.nextFD++
	k.open[k.nextFD] = of
	return k.nextFD
}

func (k *fakeKernel) Assume(uid, _ uint32) (core.ListenStep, core.Errno) {
	if e := k.call("assume", uid); e != 0 {
		return core.StepUser, e
	}
	k.uid = uid
	return core.StepNone, 0
}

func (k *fakeKernel) Resume() core.Errno {
	if e := k.call("resume"); e != 0 {
		return e
	}
	k.uid = 0
	return 0
}

func (k *fakeKernel) Socket(f sys.Family, kind sys.SocketKind) (sys.FD, core.Errno) {
	if e := k.call("socket", f, kind); e != 0 {
		return sys.None, e
	}
	return k.openFD("socket"), 0
}

func (k *fakeKernel) SetOption(_ sys.FD, option sys.Option, value int) core.Errno {
	return k.call("option", option, value)
}

func (k *fakeKernel) Bind(_ sys.FD, to core.Endpoint) core.Errno {
	if e := k.call("bind", to); e != 0 {
		return e
	}
	if to.Path == "" {
		return 0
	}
	if _, there := k.files[to.Path]; there {
		return core.EADDRINUSE
	}
	k.put(to.Path, sys.SocketFile)
	return 0
}

func (k *fakeKernel) Listen(_ sys.FD, backlog int) core.Errno {
	return k.call("listen", backlog, "as", k.uid)
}
func (k *fakeKernel) Shutdown(sys.FD) core.Errno { return k.call("shutdown") }

func (k *fakeKernel) Close(fd sys.FD) core.Errno {
	e := k.call("close")
	if _, there := k.open[fd]; !there {
		panic("close of a descriptor that is not open")
	}
	delete(k.open, fd)
	return e
}

func (k *fakeKernel) Read(sys.FD, []byte) (int, core.Errno) {
	if e := k.call("read"); e != 0 {
		return 0, e
	}
	return 0, core.EAGAIN
}

func (k *fakeKernel) Open(path string, _ sys.OpenMode) (sys.FD, core.Errno) {
	if e := k.call("open", path); e != 0 {
		return sys.None, e
	}
	return k.openFD(path), 0
}

func (k *fakeKernel) Mkfifo(path string, mode uint32) core.Errno {
	if e := k.call("mkfifo", path, mode); e != 0 {
		return e
	}
	if _, there := k.files[path]; there {
		return core.EEXIST
	}
	k.put(path, sys.NamedPipe)
	return 0
}

func (k *fakeKernel) Chmod(path string, mode uint32) core.Errno { return k.call("chmod", path, mode) }
func (k *fakeKernel) Fchmod(_ sys.FD, mode uint32) core.Errno   { return k.call("fchmod", mode) }

func (k *fakeKernel) Lstat(path string) (sys.FileStatus, core.Errno) {
	if e := k.call("lstat", path); e != 0 {
		return sys.FileStatus{}, e
	}
	return k.find(path)
}

func (k *fakeKernel) Fstat(fd sys.FD) (sys.FileStatus, core.Errno) {
	if e := k.call("fstat"); e != 0 {
		return sys.FileStatus{}, e
	}
	return k.find(k.open[fd])
}

func (k *fakeKernel) find(path string) (sys.FileStatus, core.Errno) {
	if s, there := k.files[path]; there {
		return s, 0
	}
	return sys.FileStatus{}, core.ENOENT
}

func (k *fakeKernel) Unlink(path string) core.Errno {
	if e := k.call("unlink", path); e != 0 {
		return e
	}
	s, e := k.find(path)
	if e == 0 && s.Type == sys.Directory {
		return core.EISDIR
	}
	delete(k.files, path)
	return e
}

func (k *fakeKernel) Rename(from, to string) core.Errno {
	if e := k.call("rename", from, to); e != 0 {
		return e
	}
	s, e := k.find(from)
	if e == 0 {
		delete(k.files, from)
		k.files[to] = s
	}
	return e
}

// names returns the names of all files.
func (k *fakeKernel) names() []string { return slices.Sorted(maps.Keys(k.files)) }
