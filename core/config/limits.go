package config

import "github.com/stationmaster/stationmaster/core"

// Bounds of what a system can run. The original has none and fails when it
// reaches the system's.
const (
	// maxListeners bounds the sockets of one service: a child inherits them all,
	// and its limit does not allow more than 1024 descriptors.
	maxListeners = 1024
	// maxSockets bounds the sockets of all services: no system allows one process
	// more descriptors.
	maxSockets = 1 << 20
	// maxArgumentSpace is the most that Linux allows for the arguments and the
	// environment of a program; other systems allow less.
	maxArgumentSpace = 6 << 20
)

// fitsLimits reports whether a service may listen on this many more addresses, and
// adds a diagnostic if not.
func (r *resolver) fitsLimits(e *MasterEntry, addresses int) bool {
	hint := "name fewer addresses in inet_interfaces, or put a host before the port"
	if addresses > maxListeners {
		r.refuse(e, e.Fields[ColumnName], number(addresses)+" addresses to listen on, of which at most "+
			number(maxListeners)+" are possible", hint)
		return false
	}
	full := r.sockets > maxSockets
	if r.sockets += addresses; r.sockets > maxSockets && !full {
		r.refuse(e, e.Fields[ColumnName], "more than "+number(maxSockets)+" sockets up to here", hint)
	}
	return r.sockets <= maxSockets
}

// argumentSpace warns about arguments with which no program can be started: the
// original would retry forever.
func (r *resolver) argumentSpace(s *core.ServiceConfig, e *MasterEntry) {
	space := 0
	for _, arg := range s.Args {
		space += len(arg) + 1 + 8 // the end of the text, and the pointer to it
	}
	if space > maxArgumentSpace {
		r.say(core.Warning, e.At(e.Args[0]), r.where(e)+number(len(s.Args))+" arguments take "+number(space)+
			" bytes, more than any program can be started with", "remove most of the arguments")
	}
}
