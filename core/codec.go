package core

import (
	"encoding/binary"
	"errors"
)

// codec visits a value once, either writing it to bytes or reading it from them,
// so that both directions always agree. Numbers are varints in their shortest
// form; accepted input encodes to the same bytes again. Reading never panics and
// allocates no more memory than the remaining bytes can justify.
type codec struct {
	b       []byte // written so far, or still to be read
	reading bool
	err     error
}

var errMalformed = errors.New("malformed encoding")

func (c *codec) fail() {
	if c.err == nil {
		c.err = errMalformed
	}
	c.b = nil
}

// uvarint visits a number. Most take one byte.
func (c *codec) uvarint(v *uint64) {
	switch {
	case !c.reading && *v < 0x80:
		c.b = append(c.b, byte(*v))
	case !c.reading:
		c.b = binary.AppendUvarint(c.b, *v)
	case len(c.b) > 0 && c.b[0] < 0x80:
		*v, c.b = uint64(c.b[0]), c.b[1:]
	default:
		x, n := binary.Uvarint(c.b)
		if n <= 0 || c.b[n-1] == 0 {
			c.fail()
			return
		}
		*v, c.b = x, c.b[n:]
	}
}

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// number visits any integer; negative ones are zigzagged.
func number[T integer](c *codec, v *T) {
	x := int64(*v)
	u := uint64(x)<<1 ^ uint64(x>>63)
	c.uvarint(&u)
	if c.reading {
		x = int64(u>>1) ^ -int64(u&1)
		if int64(T(x)) != x {
			c.fail()
			return
		}
		*v = T(x)
	}
}

func (c *codec) bool(v *bool) {
	var u uint64
	if *v {
		u = 1
	}
	c.uvarint(&u)
	if u > 1 {
		c.fail()
		return
	}
	*v = u == 1
}

func (c *codec) string(v *string) {
	n := uint64(len(*v))
	c.uvarint(&n)
	if !c.reading {
		c.b = append(c.b, *v...)
		return
	}
	if n > uint64(len(c.b)) {
		c.fail()
		return
	}
	*v, c.b = string(c.b[:n]), c.b[n:]
}

// list visits a slice. Every element takes at least one byte, which bounds an
// encoded length.
func list[T any](c *codec, v *[]T, each func(*T)) {
	n := uint64(len(*v))
	c.uvarint(&n)
	if c.reading {
		if n > uint64(len(c.b)) {
			c.fail()
			return
		}
		*v = nil
		for ; n > 0 && c.err == nil; n-- {
			var x T
			each(&x)
			*v = append(*v, x)
		}
		return
	}
	for i := range *v {
		each(&(*v)[i])
	}
}

func (c *codec) strings(v *[]string) { list(c, v, c.string) }
