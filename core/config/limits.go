package config

import "github.com/stationmaster/stationmaster/core"

// Bounds of what a system can carry out. The original has none and fails when
// it comes to it.
const (
	// maxListeners bounds the sockets of one service: a child gets them all, and
	// more than 1024 descriptors do not fit its limit.
	maxListeners = 1024
	// maxSockets bounds the sockets of all services: more descriptors than any
	// system gives to one process.
	maxSockets = 1 << 20
	// maxArgumentSpace is what Linux gives to the arguments and the environment
	// of a program at most; other systems give less.
	maxArgumentSpace = 6 << 20
)

// room tells whether a service may listen on so many addresses more, and
// reports it if not.
func (r *resolver) room(e *MasterEntry, addresses int) bool {
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

// argumentSpace warns of arguments with which no program can be started: the
// original would try for ever.
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
