package core

import "math/bits"

// table maps numbers to values. It exists because numbers are assigned in
// sequence and freed in any order, without end: a Go map would rehash now and
// then, which allocates in the steady state. It uses linear probing; deletion
// shifts entries back, so there are no tombstones. Zero is not a valid key.
type table[T any] struct {
	cells []cell[T] // power of two, or nil
	used  int
	shift uint8 // 64 - log2(len(cells))
}

type cell[T any] struct {
	key uint64
	val *T
}

const minTableCells = 16

// home returns the index of a key in a table without collisions.
func (t *table[T]) home(key uint64) uint64 { return (key * 0x9e3779b97f4a7c15) >> t.shift }

func (t *table[T]) get(key uint64) *T {
	if t.used == 0 {
		return nil
	}
	mask := uint64(len(t.cells) - 1)
	for i := t.home(key); ; i = (i + 1) & mask {
		switch c := &t.cells[i]; c.key {
		case key:
			return c.val
		case 0:
			return nil
		}
	}
}

// put adds a key that is not in the table.
func (t *table[T]) put(key uint64, val *T) {
	if 2*(t.used+1) > len(t.cells) {
		t.grow()
	}
	t.insert(key, val)
	t.used++
}

func (t *table[T]) insert(key uint64, val *T) {
	mask := uint64(len(t.cells) - 1)
	i := t.home(key)
	for t.cells[i].key != 0 {
		i = (i + 1) & mask
	}
	t.cells[i] = cell[T]{key, val}
}

func (t *table[T]) grow() {
	old := t.cells
	n := max(minTableCells, 2*len(old))
	t.cells = make([]cell[T], n)
	t.shift = uint8(64 - bits.TrailingZeros(uint(n)))
	for _, c := range old {
		if c.key != 0 {
			t.insert(c.key, c.val)
		}
	}
}

// remove deletes the key and reports whether it was present.
func (t *table[T]) remove(key uint64) bool {
	if t.used == 0 {
		return false
	}
	mask := uint64(len(t.cells) - 1)
	i := t.home(key)
	for t.cells[i].key != key {
		if t.cells[i].key == 0 {
			return false
		}
		i = (i + 1) & mask
	}
	t.used--
	// Close the gap: a later cell may move here if its home does not lie
	// between the gap and itself.
	for j := (i + 1) & mask; t.cells[j].key != 0; j = (j + 1) & mask {
		if (j-t.home(t.cells[j].key))&mask >= (j-i)&mask {
			t.cells[i] = t.cells[j]
			i = j
		}
	}
	t.cells[i] = cell[T]{}
	return true
}
