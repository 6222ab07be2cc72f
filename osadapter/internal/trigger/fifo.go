package trigger

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// fifo sends the request byte, without a closing NUL, into the service's FIFO, as
// the owner where the contract says so.
func (a *Attempt) fifo(k Calls, entry *core.ServiceConfig) core.Errno {
	path := entry.Endpoints[0].Path
	var e core.Errno
	if !entry.SwitchIdentity {
		e = writeFIFO(k, path)
	} else if _, denied := sys.AsOwner(k, entry.Owner, func() { e = writeFIFO(k, path) }); denied != 0 {
		e = denied
	}
	if e == 0 {
		a.State = Done
	}
	return e
}

// writeFIFO opens the FIFO, checks that it is the only name of a FIFO, and writes
// the request byte. A full FIFO does not accept it; enough requests wait in it
// then, and as with sockets a write error is no failure.
func writeFIFO(k Calls, path string) core.Errno {
	fd, e := k.Open(path, sys.OpenWriteOnly)
	switch e {
	case 0:
	case core.ELOOP: // a symbolic link: reported like other unsafe files
		return core.EPERM
	default:
		return e
	}
	if e = safeFIFO(k, path, fd); e == 0 {
		k.Write(fd, []byte{wire.WakeupByte})
	}
	k.Close(fd)
	return e
}

// safeFIFO returns EPERM if the open file is not what the path should name: less
// trusted programs can write to the owner's directory. The open itself followed no
// symbolic link.
func safeFIFO(k Calls, path string, fd sys.FD) core.Errno {
	opened, e := k.Fstat(fd)
	if e != 0 {
		return e
	}
	named, e := k.Lstat(path)
	if e != 0 {
		return e
	}
	if opened.Type != sys.NamedPipe || opened.Links != 1 || named.ID != opened.ID {
		return core.EPERM
	}
	return 0
}
