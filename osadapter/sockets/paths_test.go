package sockets

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// outage is a kernel in which the calls of the given kinds fail from call number
// from on, until it is repaired.
type outage struct {
	*fakeKernel
	from int
	what string
}

func (k *outage) fails(name string) bool {
	return k.from >= 0 && len(k.calls) > k.from && strings.Contains(k.what, name)
}

func (k *outage) Assume(uid, gid uint32) (core.ListenStep, core.Errno) {
	if step, e := k.fakeKernel.Assume(uid, gid); e != 0 || !k.fails("assume") {
		return step, e
	}
	return core.StepUser, core.EAGAIN
}

func (k *outage) Rename(from, to string) core.Errno {
	if k.fails("rename") {
		return core.EIO
	}
	return k.fakeKernel.Rename(from, to)
}

func (k *outage) Unlink(path string) core.Errno {
	if k.fails("unlink") {
		return core.EIO
	}
	return k.fakeKernel.Unlink(path)
}

func (k *outage) Lstat(path string) (sys.FileStatus, core.Errno) {
	if k.fails("lstat") {
		return sys.FileStatus{}, core.EIO
	}
	return k.fakeKernel.Lstat(path)
}

func (k *outage) Chmod(path string, mode uint32) core.Errno {
	if k.fails("chmod") {
		return core.EIO
	}
	return k.fakeKernel.Chmod(path, mode)
}

// contested is the path of a running service that two listeners of one reload
// request.
type contested struct {
	k       *outage
	p       *Paths
	running Listener
	opened  []Opened
}

const contestedPath = "private/x"

func newContested(t *testing.T, from int, what string, watch func(int, sys.FD) core.Errno) *contested {
	t.Helper()
	c := &contested{k: &outage{newFakeKernel(-1, 0), -1, what}}
	c.p = NewPaths(c.k)
	var e core.Errno
	if c.running, _, e = c.p.Open(pathRequest(core.Unix, false)); e != 0 {
		t.Fatal(e)
	}
	if from >= 0 {
		c.k.from = len(c.k.calls) + from
	}
	requests := []Request{pathRequest(core.UnixDatagram, true), pathRequest(core.FIFO, true)}
	c.opened = make([]Opened, len(requests))
	c.p.OpenAll(requests, c.opened, watch)
	return c
}

// abandon undoes the listeners in the given order.
func (c *contested) abandon(order ...int) {
	for _, i := range order {
		if o := &c.opened[i]; o.Errno == 0 {
			c.p.Abandon(&o.Listener)
		}
	}
}

// mend ends the outage and puts back what is owed.
func (c *contested) mend(t *testing.T) {
	t.Helper()
	c.k.from = -1
	for _, path := range c.p.Displaced() {
		if e := c.p.PutBack(path); e != 0 {
			t.Errorf("put back %s: %v", path, e)
		}
	}
}

// belongs checks that the path leads to the listener, and that nothing else is left
// except what could not be removed.
func (c *contested) belongs(t *testing.T, where string, l *Listener) {
	t.Helper()
	if c.k.files[contestedPath].ID != l.File {
		t.Errorf("%s: the path leads to %+v, want %+v; files %v", where, c.k.files[contestedPath].ID, l.File, c.k.names())
	}
	if len(c.k.files) != 1 || len(c.k.open) != 1 || c.k.uid != 0 {
		t.Errorf("%s: files %v, open %v, identity %d", where, c.k.names(), c.k.open, c.k.uid)
	}
}

// Two listeners of one reload request the path of a running service, and the reload
// is undone: whichever calls fail meanwhile, and in whichever order they are
// undone, the service has its path in the end.
func TestPathOfARunningServiceIsNeverLost(t *testing.T) {
	for _, what := range []string{"", "chmod", "rename", "unlink", "lstat", "assume", "rename unlink", "rename unlink lstat assume chmod"} {
		for _, order := range [][]int{{1, 0}, {0, 1}} {
			for refused := -1; refused < 2; refused++ { // whose last step fails
				for from := 0; from < 60; from++ {
					c := newContested(t, from, what, func(n int, _ sys.FD) core.Errno {
						if n == refused {
							return core.ENOMEM
						}
						return 0
					})
					c.abandon(order...)
					c.mend(t)
					c.belongs(t, fmt.Sprintf("%q fails from call %d on, listener %d is not watched, undone in order %v", what, from, refused, order), &c.running)
					if t.Failed() {
						return
					}
				}
			}
		}
	}
}

// After a committed reload the path belongs to the last listener that requested it.
func TestPathGoesToTheLastThatWantsIt(t *testing.T) {
	c := newContested(t, -1, "", nil)
	for i := range c.opened {
		if e := c.p.Commit(&c.opened[i].Listener); e != 0 {
			t.Error(e)
		}
	}
	for _, l := range []*Listener{&c.running, &c.opened[0].Listener} {
		if e := c.p.Remove(l); e != 0 {
			t.Error(e)
		}
	}
	c.belongs(t, "committed", &c.opened[1].Listener)
}

// A service's file need not be put back once a later reload assigns its path to
// another service, or removes it.
func TestNothingIsOwedToAServiceThatGoes(t *testing.T) {
	owing := func(t *testing.T) *contested {
		c := newContested(t, -1, "rename", nil)
		c.k.from = len(c.k.calls)
		c.abandon(1, 0)
		if c.k.from = -1; !slices.Equal(c.p.Displaced(), []string{contestedPath}) {
			t.Fatalf("owed: %q", c.p.Displaced())
		}
		return c
	}
	t.Run("removed", func(t *testing.T) {
		c := owing(t)
		if e := c.p.Remove(&c.running); e != 0 || len(c.k.files) != 0 || c.p.RetriesPending() {
			t.Errorf("%v, files %v, owed %q", e, c.k.names(), c.p.Displaced())
		}
	})
	t.Run("displaced", func(t *testing.T) {
		c := owing(t)
		l, _, e := c.p.Open(pathRequest(core.Pass, true))
		if e != 0 || c.p.RetriesPending() {
			t.Fatalf("%v, owed %q", e, c.p.Displaced())
		}
		if e := firstOf(c.p.Remove(&c.running), c.p.Commit(&l)); e != 0 {
			t.Error(e)
		}
		c.belongs(t, "committed", &l)
	})
	t.Run("displaced in vain", func(t *testing.T) {
		c := owing(t)
		l, _, e := c.p.Open(pathRequest(core.Pass, true))
		if e := firstOf(e, c.p.Abandon(&l)); e != 0 {
			t.Fatal(e)
		}
		c.belongs(t, "undone", &c.running)
	})
	t.Run("used by nobody", func(t *testing.T) { // its listener went to a service of another path
		c := owing(t)
		l, _, e := c.p.Open(pathRequest(core.Pass, false))
		if e != 0 || c.p.RetriesPending() {
			t.Fatalf("%v, owed %q", e, c.p.Displaced())
		}
		c.k.Close(c.running.FD)
		c.belongs(t, "opened", &l)
	})
}

// If the path that two listeners of one reload request had no file, it has none
// after the reload is undone, in whichever order.
func TestPathWithoutAFileIsLeftWithoutOne(t *testing.T) {
	for _, order := range [][]int{{1, 0}, {0, 1}} {
		k := newFakeKernel(-1, 0)
		p := NewPaths(k)
		requests := []Request{pathRequest(core.UnixDatagram, true), pathRequest(core.FIFO, true)}
		opened := make([]Opened, len(requests))
		p.OpenAll(requests, opened, nil)
		for _, i := range order {
			if e := firstOf(opened[i].Errno, p.Abandon(&opened[i].Listener)); e != 0 {
				t.Error(e)
			}
		}
		if len(k.files) != 0 || len(k.open) != 0 {
			t.Errorf("undone in order %v: files %v, open %v", order, k.names(), k.open)
		}
	}
}
