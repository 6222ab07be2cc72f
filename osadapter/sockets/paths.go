package sockets

import (
	"maps"
	"path"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Paths opens and ends listeners, and remembers which files stand aside: those
// that a reload under way has displaced, and those that could not be put back
// when one was undone.
//
// A path has one file aside at most, the one that was there before the reload.
// What a second listener of the same reload finds at the path was made by the
// first: it is removed, not set aside, and whichever of them is abandoned first
// puts the right file back.
type Paths struct {
	k     Kernel
	aside map[string]*aside // by keyOf the path
}

// NewPaths has nothing aside.
func NewPaths(k Kernel) *Paths { return &Paths{k, map[string]*aside{}} }

// aside is a file that was renamed to make its path free.
type aside struct {
	path           string // where it was
	file           sys.FileID
	owner          core.Account
	switchIdentity bool
	nothing        bool // there was no file at the path
	owed           bool // it must go back, and could not be put back
}

// asideSuffix makes the name of a file that stands aside. It has a blank, as no
// path of a service has: the columns of master.cf end at blanks. What is there
// already was left by a master that died within a reload, and is replaced.
const asideSuffix = " aside"

// AsideName is the name that a file from path has while it stands aside.
func AsideName(path string) string { return path + asideSuffix }

func (a *aside) name() string { return AsideName(a.path) }

// keyOf is the same for all spellings of a path.
func keyOf(e core.Endpoint) string { return path.Clean(e.Path) }

// take forgets what stands aside for the path, and returns it; nil is nothing.
func (p *Paths) take(e core.Endpoint) *aside {
	key := keyOf(e)
	a := p.aside[key]
	delete(p.aside, key)
	return a
}

// giveBack leaves the path as it was before the first listener of the reload
// under way was made there; remove takes away the file of the one that ends.
func (p *Paths) giveBack(at core.Endpoint, remove func() core.Errno) core.Errno {
	a := p.aside[keyOf(at)]
	if a == nil || a.nothing {
		p.take(at)
		return remove()
	}
	if e := p.restore(a); e != 0 { // ours must not stay in the way of whoever repairs it
		remove()
		return e
	}
	return 0
}

// restore gives what was set aside its name back.
func (p *Paths) restore(a *aside) core.Errno {
	e := p.k.Rename(a.name(), a.path)
	if e == 0 {
		delete(p.aside, path.Clean(a.path))
	}
	return e
}

// dropAside removes what stands aside for the path.
func (p *Paths) dropAside(e core.Endpoint) core.Errno {
	a := p.take(e)
	if a == nil || a.nothing {
		return 0
	}
	return unlink(p.k, a.name())
}

// owe notes that what stands aside for the path must go back.
func (p *Paths) owe(e core.Endpoint) {
	switch a := p.aside[keyOf(e)]; {
	case a == nil:
	case a.nothing:
		p.take(e)
	default:
		a.owed = true
	}
}

// outdated removes what stands aside if it is the file of the listener, which
// is removed: it is owed to nobody any more.
func (p *Paths) outdated(l *Listener) core.Errno {
	if a := p.aside[keyOf(l.Endpoint)]; a != nil && a.file == l.File {
		return p.dropAside(l.Endpoint)
	}
	return 0
}

// Owed returns the paths whose files could not be put back, in order: their
// services are there and no client finds them.
func (p *Paths) Owed() []string {
	var owed []string
	for _, key := range slices.Sorted(maps.Keys(p.aside)) {
		if a := p.aside[key]; a.owed {
			owed = append(owed, a.path)
		}
	}
	return owed
}

// Owing reports whether Owed has any.
func (p *Paths) Owing() bool {
	for _, a := range p.aside {
		if a.owed {
			return true
		}
	}
	return false
}

// PutBack tries once more to put back what is owed at the path.
func (p *Paths) PutBack(path string) core.Errno {
	a := p.aside[keyOf(core.Endpoint{Path: path})]
	if a == nil || !a.owed {
		return 0
	}
	return p.asOwner(a.owner, a.switchIdentity, func() core.Errno { return p.restore(a) })
}

// asOwner runs act with the identity that made the file.
func (p *Paths) asOwner(owner core.Account, switches bool, act func() core.Errno) core.Errno {
	if !switches {
		return act()
	}
	var e core.Errno
	if _, denied := sys.AsOwner(p.k, owner, func() { e = act() }); denied != 0 {
		return denied
	}
	return e
}
