package explore

// chunked is a list that grows without copying what it has: the lists of a
// search are hundreds of megabytes long.
type chunked[T any] struct {
	chunks [][]T
	n      int
}

const (
	chunkBits = 16
	chunkSize = 1 << chunkBits
)

func (c *chunked[T]) at(i int) *T { return &c.chunks[i>>chunkBits][i&(chunkSize-1)] }

// add appends values, all of them in one chunk, and gives the place of the
// first. Places that did not fit stay empty.
func (c *chunked[T]) add(values ...T) int {
	if len(values) > chunkSize {
		panic("explore: more values than a chunk holds")
	}
	if len(values) == 0 {
		return c.n
	}
	room := len(c.chunks)<<chunkBits - c.n
	if room < len(values) {
		c.n += room
		c.chunks = append(c.chunks, make([]T, chunkSize))
	}
	at := c.n
	copy(c.chunks[at>>chunkBits][at&(chunkSize-1):], values)
	c.n += len(values)
	return at
}

// push appends one value.
func (c *chunked[T]) push(v *T) {
	if c.n == len(c.chunks)<<chunkBits {
		c.chunks = append(c.chunks, make([]T, chunkSize))
	}
	c.chunks[c.n>>chunkBits][c.n&(chunkSize-1)] = *v
	c.n++
}

func (c *chunked[T]) slice(at, n int) []T {
	if n == 0 {
		return nil
	}
	return c.chunks[at>>chunkBits][at&(chunkSize-1):][:n]
}

// reset empties the list and keeps its memory.
func (c *chunked[T]) reset() { c.n = 0 }

// The sizes of what is kept in numbers, in bytes: for the bound on memory.
const (
	stateSize      = 52
	factsSize      = 128
	transitionSize = 24
	effectSize     = 4
	cellSize       = 16
)

// tableOf finds values by keys that are not zero. Linear probing; nothing is
// ever taken out. A value of zero is none.
type tableOf[V uint32 | uint8] struct {
	cells []tableCell[V]
	used  int
	shift uint8
}

type tableCell[V uint32 | uint8] struct {
	key uint64
	val V
}

func (t *tableOf[V]) get(key uint64) V {
	if t.used == 0 {
		return 0
	}
	mask := uint64(len(t.cells) - 1)
	for i := (key * mix1) >> t.shift; ; i = (i + 1) & mask {
		switch c := &t.cells[i]; c.key {
		case key:
			return c.val
		case 0:
			return 0
		}
	}
}

func (t *tableOf[V]) put(key uint64, val V) {
	if 4*(t.used+1) > 3*len(t.cells) {
		t.grow()
	}
	t.insert(key, val)
	t.used++
}

func (t *tableOf[V]) insert(key uint64, val V) {
	mask := uint64(len(t.cells) - 1)
	i := (key * mix1) >> t.shift
	for t.cells[i].key != 0 {
		i = (i + 1) & mask
	}
	t.cells[i] = tableCell[V]{key, val}
}

func (t *tableOf[V]) grow() {
	old := t.cells
	if t.shift == 0 {
		t.shift = 64 - 10 + 1
	}
	t.shift--
	t.cells = make([]tableCell[V], 1<<(64-t.shift))
	for _, c := range old {
		if c.key != 0 {
			t.insert(c.key, c.val)
		}
	}
}

// visited is the set of hashes of the situations that were met. It is split by
// the highest bits, so that what grows at one moment is small.
type visited struct {
	parts [1 << visitedBits]hashes
	used  uint64
}

const visitedBits = 10

type hashes struct {
	cells []uint64
	used  int
}

// add tells whether the hash is new. Hash zero stands for one.
func (v *visited) add(h uint64) bool {
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
	v.used++
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

func (v *visited) bytes() uint64 {
	n := uint64(0)
	for i := range v.parts {
		n += uint64(len(v.parts[i].cells)) * 8
	}
	return n
}
