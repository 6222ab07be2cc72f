package kernel

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// pipe is what stands behind a pipe or a FIFO.
type pipe struct {
	bytes            []byte
	limit            int
	passed           core.Endpoint // where its reading end was sent; the daemon writes a request
	asked            int           // bytes of that
	taken            uint64        // reads since ever
	readers, writers int           // descriptions
	ends             []*Description
}

func (k *Kernel) newPipe() *pipe {
	p := k.pipes.get()
	*p = pipe{limit: k.BufferSize, bytes: p.bytes[:0], ends: p.ends[:0]}
	return p
}

func (k *Kernel) openPipe(p *pipe, reads, writes bool, f *inode) *Description {
	if reads {
		p.readers++
	}
	if writes {
		p.writers++
	}
	d := k.describe(pipeKind)
	d.pipe, d.reads, d.writes, d.file = p, reads, writes, f
	p.ends = append(p.ends, d)
	return d
}

// closePipe ends one end. A pipe without name ends with its last one.
func (k *Kernel) closePipe(d *Description) {
	p := d.pipe
	if d.reads {
		p.readers--
	}
	if d.writes {
		p.writers--
	}
	p.ends = drop(p.ends, d)
	d.pipe = nil
	k.pipeChanged(p)
	if d.file == nil && len(p.ends) == 0 {
		k.pipes.put(p)
	}
}

func (k *Kernel) pipeChanged(p *pipe) {
	for _, d := range p.ends {
		k.changed(d)
	}
}

func (k *Kernel) readPipe(p *pipe, b []byte) (int, core.Errno) {
	if len(p.bytes) == 0 {
		if p.writers > 0 {
			return 0, core.EAGAIN
		}
		return 0, 0
	}
	n := copy(b, p.bytes)
	p.bytes = p.bytes[:copy(p.bytes, p.bytes[n:])]
	p.taken++
	k.pipeChanged(p)
	return n, 0
}

func (k *Kernel) writePipe(p *pipe, b []byte) (int, core.Errno) {
	switch {
	case p.readers == 0:
		return 0, core.EPIPE
	case len(p.bytes)+len(b) > p.limit:
		return 0, core.EAGAIN
	}
	p.bytes = append(p.bytes, b...)
	k.pipeChanged(p)
	return len(b), 0
}

// FlowPipe makes the flow-control pipe.
func (k *Kernel) FlowPipe() (read, write sys.FD, e core.Errno) { return k.makePipe(callFlowPipe) }

// Pipe makes a pipe.
func (k *Kernel) Pipe() (read, write sys.FD, e core.Errno) { return k.makePipe(callPipe) }

func (k *Kernel) makePipe(c Call) (read, write sys.FD, e core.Errno) {
	if e := k.enter(c); e != 0 {
		return sys.None, sys.None, e
	}
	if !k.room(2) {
		return sys.None, sys.None, core.EMFILE
	}
	p := k.newPipe()
	read = k.install(k.openPipe(p, true, false, nil))
	write = k.install(k.openPipe(p, false, true, nil))
	return read, write, 0
}

// drop removes one element, keeping the order.
func drop[T comparable](list []T, x T) []T {
	for i := range list {
		if list[i] == x {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
