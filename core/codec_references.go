package core

import "fmt"

// References number the configurations and service entries that events and
// actions point to, in the order in which they first appear. Each is written
// whole once, and by its number from then on. Writer and reader begin with the
// same snapshot, or with nothing, and so assign the same numbers. A value serves
// either for writing or for reading. The zero value holds no references.
type References struct {
	configs numbering[Config]
	entries numbering[ServiceConfig]
}

// numbering numbers values of one type.
type numbering[T any] struct {
	values  []*T
	numbers map[*T]uint64 // look-ups only; writing: index plus one
}

func (n *numbering[T]) reset() {
	clear(n.values)
	n.values = n.values[:0]
	clear(n.numbers)
}

// add assigns the next number to v. Equal pointers keep their first number.
func (n *numbering[T]) add(v *T, writing bool) {
	n.values = append(n.values, v)
	if !writing {
		return
	}
	if n.numbers == nil {
		n.numbers = make(map[*T]uint64)
	}
	if n.numbers[v] == 0 {
		n.numbers[v] = uint64(len(n.values))
	}
}

// visit visits the number of *v: 0 is nil, up to the last one it is an earlier
// value, and the number after that means that the value follows.
func (n *numbering[T]) visit(c *codec, v **T) (follows bool) {
	known := uint64(len(n.values))
	number := uint64(0)
	if !c.reading && *v != nil {
		if number = n.numbers[*v]; number == 0 {
			number = known + 1
		}
	}
	c.uvarint(&number)
	switch {
	case number > known+1:
		c.fail()
	case number == known+1:
		return true
	case c.reading && number > 0:
		*v = n.values[number-1]
	}
	return false
}

// Reset removes all references.
func (r *References) Reset() {
	r.configs.reset()
	r.entries.reset()
}

// addConfig adds a configuration with all its entries.
func (r *References) addConfig(f *Config, writing bool) {
	r.configs.add(f, writing)
	for i := range f.Services {
		r.entries.add(&f.Services[i], writing)
	}
}

func (r *References) config(c *codec, f **Config) {
	if r.configs.visit(c, f) {
		*f = define(c, *f, (*codec).config)
		r.addConfig(*f, !c.reading)
	}
}

func (r *References) entry(c *codec, e **ServiceConfig) {
	if r.entries.visit(c, e) {
		*e = define(c, *e, (*codec).serviceConfig)
		r.entries.add(*e, !c.reading)
	}
}

// define visits a value that follows. It uses its own codec, because the walk
// would make the codec of every event escape.
func define[T any](c *codec, v *T, walk func(*codec, *T)) *T {
	inner := codec{b: c.b, reading: c.reading}
	if c.reading {
		v = new(T)
	}
	walk(&inner, v)
	c.b, c.err = inner.b, inner.err
	return v
}

// AppendSnapshot appends a snapshot to dst, see Snapshot, and resets r to the
// references that a reader of the snapshot has.
func (m *Machine) AppendSnapshot(dst []byte, r *References) []byte {
	r.Reset()
	w := machineWalk{c: codec{b: append(dst, snapshotMark...)}, m: m, refs: r}
	w.machine()
	return w.c.b
}

// RestoreReferences restores a machine from a snapshot, see Restore, and resets
// r to the references that the snapshot defines.
func RestoreReferences(snapshot []byte, r *References) (*Machine, error) {
	r.Reset()
	m, err := restore(snapshot, r)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return m, nil
}
