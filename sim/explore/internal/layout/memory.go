package layout

// Chunked is a list that grows without copying what it has: the lists of a
// search are hundreds of megabytes long.
type Chunked[T any] struct {
	Chunks [][]T
	N      int
}

const (
	chunkBits = 16
	ChunkSize = 1 << chunkBits
)

func (c *Chunked[T]) At(i int) *T { return &c.Chunks[i>>chunkBits][i&(ChunkSize-1)] }

// Add appends values, all of them in one chunk, and returns the place of the
// first. Places that did not fit stay empty.
func (c *Chunked[T]) Add(values ...T) int {
	if len(values) > ChunkSize {
		panic("explore: more values than a chunk holds")
	}
	if len(values) == 0 {
		return c.N
	}
	room := len(c.Chunks)<<chunkBits - c.N
	if room < len(values) {
		c.N += room
		c.Chunks = append(c.Chunks, make([]T, ChunkSize))
	}
	at := c.N
	copy(c.Chunks[at>>chunkBits][at&(ChunkSize-1):], values)
	c.N += len(values)
	return at
}

// Push appends one value.
func (c *Chunked[T]) Push(v *T) {
	if c.N == len(c.Chunks)<<chunkBits {
		c.Chunks = append(c.Chunks, make([]T, ChunkSize))
	}
	c.Chunks[c.N>>chunkBits][c.N&(ChunkSize-1)] = *v
	c.N++
}

func (c *Chunked[T]) Slice(at, n int) []T {
	if n == 0 {
		return nil
	}
	return c.Chunks[at>>chunkBits][at&(ChunkSize-1):][:n]
}

// Reset empties the list and keeps its memory.
func (c *Chunked[T]) Reset() { c.N = 0 }

// The sizes of what is kept in numbers, in bytes: for the bound on memory.
const (
	StateSize = 52
	CellSize  = 16
)

// TableOf finds values by keys that are not zero. Linear probing; nothing is
// ever taken out. A value of zero is none.
type TableOf[V uint32 | uint8] struct {
	Cells []TableCell[V]
	used  int
	shift uint8
}

type TableCell[V uint32 | uint8] struct {
	key uint64
	val V
}

func (t *TableOf[V]) Get(key uint64) V {
	if t.used == 0 {
		return 0
	}
	mask := uint64(len(t.Cells) - 1)
	for i := (key * mix1) >> t.shift; ; i = (i + 1) & mask {
		switch c := &t.Cells[i]; c.key {
		case key:
			return c.val
		case 0:
			return 0
		}
	}
}

func (t *TableOf[V]) Put(key uint64, val V) {
	if 4*(t.used+1) > 3*len(t.Cells) {
		t.grow()
	}
	t.insert(key, val)
	t.used++
}

func (t *TableOf[V]) insert(key uint64, val V) {
	mask := uint64(len(t.Cells) - 1)
	i := (key * mix1) >> t.shift
	for t.Cells[i].key != 0 {
		i = (i + 1) & mask
	}
	t.Cells[i] = TableCell[V]{key, val}
}

func (t *TableOf[V]) grow() {
	old := t.Cells
	if t.shift == 0 {
		t.shift = 64 - 10 + 1
	}
	t.shift--
	t.Cells = make([]TableCell[V], 1<<(64-t.shift))
	for _, c := range old {
		if c.key != 0 {
			t.insert(c.key, c.val)
		}
	}
}

// Visited is the set of hashes of the situations that were met. It is split by
// the highest bits, so that what grows at one moment is small.
type Visited struct {
	parts [1 << visitedBits]hashes
	Used  uint64
}

const visitedBits = 10

type hashes struct {
	cells []uint64
	used  int
}

// Add reports whether the hash is new. Hash zero stands for one.
func (v *Visited) Add(h uint64) bool {
	if h == 0 {
		h = 1
	}
	p := &v.parts[h>>(64-visitedBits)]
	if 5*(p.used+1) > 4*len(p.cells) {
		p.grow()
	}
	mask := uint64(len(p.cells) - 1)
	i := h & mask
	for p.cells[i] != 0 {
		if p.cells[i] == h {
			return false
		}
		i = (i + 1) & mask
	}
	p.cells[i] = h
	p.used++
	v.Used++
	return true
}

func (p *hashes) grow() {
	old := p.cells
	p.cells = make([]uint64, max(64, 2*len(old)))
	mask := uint64(len(p.cells) - 1)
	for _, h := range old {
		if h == 0 {
			continue
		}
		i := h & mask
		for p.cells[i] != 0 {
			i = (i + 1) & mask
		}
		p.cells[i] = h
	}
}

func (v *Visited) Bytes() uint64 {
	n := uint64(0)
	for i := range v.parts {
		n += uint64(len(v.parts[i].cells)) * 8
	}
	return n
}
