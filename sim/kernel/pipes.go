package kernel

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
)

// FlowPipe makes the flow-control pipe.
func (k *Kernel) FlowPipe() (read, write sys.FD, e core.Errno) { return k.makePipe(fault.FlowPipe) }

// Pipe makes a pipe.
func (k *Kernel) Pipe() (read, write sys.FD, e core.Errno) { return k.makePipe(fault.Pipe) }

func (k *Kernel) makePipe(c fault.Call) (read, write sys.FD, e core.Errno) {
	if e := k.Enter(c); e != 0 {
		return sys.None, sys.None, e
	}
	if !k.Room(2) {
		return sys.None, sys.None, core.EMFILE
	}
	p := k.NewPipe()
	read = k.Install(k.OpenPipe(p, true, false, nil))
	write = k.Install(k.OpenPipe(p, false, true, nil))
	return read, write, 0
}
