package object

import (
	"github.com/stationmaster/stationmaster/core"
)

// Pipe is what stands behind a pipe or a FIFO.
type Pipe struct {
	bytes            []byte
	limit            int
	Passed           core.Endpoint // where its reading end was sent; the daemon writes a request
	Asked            int           // bytes of that
	taken            uint64        // reads since ever
	Readers, writers int           // descriptions
	ends             []*Description
}

// NewPipe returns a pipe without ends.
func (t *Table) NewPipe() *Pipe {
	p := t.pipes.get()
	*p = Pipe{limit: t.BufferSize, bytes: p.bytes[:0], ends: p.ends[:0]}
	return p
}

// OpenPipe returns a new end of the pipe; f is its file, if it is a FIFO.
func (t *Table) OpenPipe(p *Pipe, reads, writes bool, f *Inode) *Description {
	if reads {
		p.Readers++
	}
	if writes {
		p.writers++
	}
	d := t.Describe(PipeKind)
	d.Pipe, d.Reads, d.Writes, d.File = p, reads, writes, f
	p.ends = append(p.ends, d)
	return d
}

// closePipe ends one end. A pipe without name ends with its last one.
func (t *Table) closePipe(d *Description) {
	p := d.Pipe
	if d.Reads {
		p.Readers--
	}
	if d.Writes {
		p.writers--
	}
	p.ends = drop(p.ends, d)
	d.Pipe = nil
	t.pipeChanged(p)
	if d.File == nil && len(p.ends) == 0 {
		t.pipes.put(p)
	}
}

func (t *Table) pipeChanged(p *Pipe) {
	for _, d := range p.ends {
		t.Changed(d)
	}
}

func (t *Table) readPipe(p *Pipe, b []byte) (int, core.Errno) {
	if len(p.bytes) == 0 {
		if p.writers > 0 {
			return 0, core.EAGAIN
		}
		return 0, 0
	}
	n := copy(b, p.bytes)
	p.bytes = p.bytes[:copy(p.bytes, p.bytes[n:])]
	p.taken++
	t.pipeChanged(p)
	return n, 0
}

// WritePipe writes all of b, or nothing.
func (t *Table) WritePipe(p *Pipe, b []byte) (int, core.Errno) {
	switch {
	case p.Readers == 0:
		return 0, core.EPIPE
	case len(p.bytes)+len(b) > p.limit:
		return 0, core.EAGAIN
	}
	p.bytes = append(p.bytes, b...)
	t.pipeChanged(p)
	return len(b), 0
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
