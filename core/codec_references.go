package core

import "fmt"

// References number the configurations and service entries that events and
// actions point to, in the order in which they first appear. Each is written
// whole once, and by its number from then on. Writer and reader begin with the
// same snapshot, or with nothing, and so assign the same numbers. A value serves
// either for writing or for reading. The zero value holds no references.
type References struct {
	configs       []*Config
	entries       []*ServiceConfig
	configNumbers map[*Config]uint64 // look-ups only; writing: number plus one
	entryNumbers  map[*ServiceConfig]uint64
}

// Reset removes all references.
func (r *References) Reset() {
	clear(r.configs)
	clear(r.entries)
	r.configs, r.entries = r.configs[:0], r.entries[:0]
	clear(r.configNumbers)
	clear(r.entryNumbers)
}

// addConfig adds a configuration with all its entries.
func (r *References) addConfig(f *Config, writing bool) {
	r.configs = append(r.configs, f)
	if writing {
		if r.configNumbers == nil {
			r.configNumbers = make(map[*Config]uint64)
		}
		if r.configNumbers[f] == 0 {
			r.configNumbers[f] = uint64(len(r.configs))
		}
	}
	for i := range f.Services {
		r.addEntry(&f.Services[i], writing)
	}
}

func (r *References) addEntry(e *ServiceConfig, writing bool) {
	r.entries = append(r.entries, e)
	if !writing {
		return
	}
	if r.entryNumbers == nil {
		r.entryNumbers = make(map[*ServiceConfig]uint64)
	}
	if r.entryNumbers[e] == 0 {
		r.entryNumbers[e] = uint64(len(r.entries))
	}
}

// reference visits the number of a reference: 0 is none, up to known it is an
// earlier one, and known+1 means that the value follows.
func (c *codec) reference(number, known uint64) (n uint64, follows bool) {
	n = number
	c.uvarint(&n)
	if n > known+1 {
		c.fail()
		return 0, false
	}
	return n, n == known+1
}

func (r *References) config(c *codec, f **Config) {
	known := uint64(len(r.configs))
	number := uint64(0)
	if !c.reading && *f != nil {
		if number = r.configNumbers[*f]; number == 0 {
			number = known + 1
		}
	}
	n, follows := c.reference(number, known)
	switch {
	case follows:
		*f = r.defineConfig(c, *f)
	case c.reading && n > 0:
		*f = r.configs[n-1]
	}
}

// defineConfig uses its own codec, because the closures of the walk would make
// the codec of every event escape.
func (r *References) defineConfig(c *codec, f *Config) *Config {
	inner := codec{b: c.b, reading: c.reading}
	if c.reading {
		f = &Config{}
	}
	inner.config(f)
	c.b, c.err = inner.b, inner.err
	r.addConfig(f, !c.reading)
	return f
}

func (r *References) entry(c *codec, e **ServiceConfig) {
	known := uint64(len(r.entries))
	number := uint64(0)
	if !c.reading && *e != nil {
		if number = r.entryNumbers[*e]; number == 0 {
			number = known + 1
		}
	}
	n, follows := c.reference(number, known)
	switch {
	case follows:
		*e = r.defineEntry(c, *e)
	case c.reading && n > 0:
		*e = r.entries[n-1]
	}
}

func (r *References) defineEntry(c *codec, e *ServiceConfig) *ServiceConfig {
	inner := codec{b: c.b, reading: c.reading}
	if c.reading {
		e = &ServiceConfig{}
	}
	inner.serviceConfig(e)
	c.b, c.err = inner.b, inner.err
	r.addEntry(e, !c.reading)
	return e
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
