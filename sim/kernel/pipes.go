package kernel

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// pipe is what stands behind a pipe or a FIFO.
type pipe struct {
	bytes            []byte
	limit            int
	taken            int // bytes that were read since ever
	readers, writers int // descriptions
}

func (k *Kernel) openPipe(p *pipe, reads, writes bool, f *inode) *description {
	if reads {
		p.readers++
	}
	if writes {
		p.writers++
	}
	return k.describe(description{kind: pipeKind, pipe: p, reads: reads, writes: writes, inode: f})
}

func (p *pipe) read(b []byte) (int, core.Errno) {
	if len(p.bytes) == 0 {
		if p.writers > 0 {
			return 0, core.EAGAIN
		}
		return 0, 0
	}
	n := copy(b, p.bytes)
	p.bytes = p.bytes[n:]
	p.taken += n
	return n, 0
}

func (p *pipe) write(b []byte) (int, core.Errno) {
	switch {
	case p.readers == 0:
		return 0, core.EPIPE
	case len(p.bytes)+len(b) > p.limit:
		return 0, core.EAGAIN
	}
	p.bytes = append(p.bytes, b...)
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
	p := &pipe{limit: k.BufferSize}
	read = k.install(k.openPipe(p, true, false, nil))
	write = k.install(k.openPipe(p, false, true, nil))
	return read, write, 0
}
