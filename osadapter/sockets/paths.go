package sockets

import (
	"maps"
	"path"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Paths opens and ends listeners, and remembers which files are set aside: those
// that a reload in progress has displaced, and those that could not be put back
// when one was undone.
//
// At most one file is set aside per path, the one from before the reload. What a
// second listener of the same reload finds at the path was created by the first: it
// is removed, not set aside, and whichever of the two is abandoned first puts the
// original file back.
type Paths struct {
	k     Calls
	aside map[string]*aside // by keyOf the path
}

// NewPaths returns a Paths without files set aside.
func NewPaths(k Calls) *Paths { return &Paths{k, map[string]*aside{}} }

// aside is a file that was renamed to make its path free.
type aside struct {
	path           string // where it was before
	file           sys.FileID
	owner          core.Account
	switchIdentity bool
	nothing        bool // there was no file at the path
	owed           bool // it could not be put back yet
}

// asideSuffix is the suffix of a file that is set aside. It contains a blank, which
// no path of a service can: the columns of master.cf end at blanks. A file with
// that name was left by a master that died during a reload, and is replaced.
const asideSuffix = " aside"

// AsideName returns the name of a file from path while it is set aside.
func AsideName(path string) string { return path + asideSuffix }

func (a *aside) name() string { return AsideName(a.path) }

// keyOf returns the same key for all spellings of a path.
func keyOf(e core.Endpoint) string { return path.Clean(e.Path) }

// take removes and returns the entry of the path; nil if there is none.
func (p *Paths) take(e core.Endpoint) *aside {
	key := keyOf(e)
	a := p.aside[key]
	delete(p.aside, key)
	return a
}

// giveBack restores the path to its state before the first listener of the reload
// was created there; remove removes the file of the listener that ends.
func (p *Paths) giveBack(at core.Endpoint, remove func() core.Errno) core.Errno {
	a := p.aside[keyOf(at)]
	if a == nil || a.nothing {
		p.take(at)
		return remove()
	}
	if e := p.restore(a); e != 0 { // our file must not block the path for a later repair
		remove()
		return e
	}
	return 0
}

// restore renames the file that was set aside back.
func (p *Paths) restore(a *aside) core.Errno {
	e := p.k.Rename(a.name(), a.path)
	if e == 0 {
		delete(p.aside, path.Clean(a.path))
	}
	return e
}

// dropAside removes the file that is set aside for the path.
func (p *Paths) dropAside(e core.Endpoint) core.Errno {
	a := p.take(e)
	if a == nil || a.nothing {
		return 0
	}
	return unlink(p.k, a.name())
}

// owe records that the file that is set aside for the path must be put back.
func (p *Paths) owe(e core.Endpoint) {
	switch a := p.aside[keyOf(e)]; {
	case a == nil:
	case a.nothing:
		p.take(e)
	default:
		a.owed = true
	}
}

// outdated removes the file that is set aside if it belongs to the listener, which
// is removed: nobody needs it any more.
func (p *Paths) outdated(l *Listener) core.Errno {
	if a := p.aside[keyOf(l.Endpoint)]; a != nil && a.file == l.File {
		return p.dropAside(l.Endpoint)
	}
	return 0
}

// Displaced returns the paths whose files could not be put back, sorted. Their services
// run, but clients cannot find them.
func (p *Paths) Displaced() []string {
	var owed []string
	for _, key := range slices.Sorted(maps.Keys(p.aside)) {
		if a := p.aside[key]; a.owed {
			owed = append(owed, a.path)
		}
	}
	return owed
}

// RetriesPending reports whether Displaced returns any path.
func (p *Paths) RetriesPending() bool {
	for _, a := range p.aside {
		if a.owed {
			return true
		}
	}
	return false
}

// PutBack tries again to put the file of the path back.
func (p *Paths) PutBack(path string) core.Errno {
	a := p.aside[keyOf(core.Endpoint{Path: path})]
	if a == nil || !a.owed {
		return 0
	}
	return p.asOwner(a.owner, a.switchIdentity, func() core.Errno { return p.restore(a) })
}

// asOwner runs act with the identity that created the file.
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
