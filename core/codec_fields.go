package core

import (
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"

	"github.com/stationmaster/stationmaster/core/wire"
)

// field is a set of the fields of events and actions.
type field uint32

// The fields, in the order of their bits in an encoded action. Common fields come
// first, so that most sets take one byte.
const (
	fService field = 1 << iota
	fGeneration
	fEntry
	fPID
	fCode
	fLevel
	fSignal
	fStatus
	fNumber
	fFlag
	fListener
	fRequest
	fConfig
	fText
	fTo
	fToListener
	fStep
	fStart
	fErrno
	fBytes
	behindFields
	allFields = behindFields - 1
)

// fieldNames lists the names of the fields in traces, in the order in which a line
// shows them.
var fieldNames = [...]struct {
	field field
	name  string
}{
	{fRequest, "request"},
	{fService, "service"},
	{fListener, "listener"},
	{fTo, "to"},
	{fToListener, "to-listener"},
	{fGeneration, "generation"},
	{fPID, "pid"},
	{fSignal, "signal"},
	{fNumber, "code"},
	{fFlag, "flag"}, // depends on the kind of action, see flagNames
	{fStep, "step"},
	{fStart, "start"},
	{fStatus, "status"},
	{fErrno, "errno"},
	{fBytes, "bytes"},
	{fEntry, "entry"},
	{fConfig, "services"},
	{fCode, "code"},
	{fLevel, "level"},
	{fText, "text"},
}

// A fieldWalk visits the fields of one event or action. Its task decides what it
// does with them, so each field is listed in one place for all tasks. The
// methods take the addresses of the fields and are never called through an
// interface, so the walked value stays on the caller's stack.
type fieldWalk struct {
	codec // for taskCode
	refs  *References
	task  fieldTask
	visit field
	// sparse skips the fields that are zero; of an encoding it refuses them.
	sparse, dense bool
	met           field // that were not zero; only with sparse
	name          string
	hash          uint64
}

// fieldTask is the purpose of a walk.
type fieldTask uint8

const (
	taskCode fieldTask = iota // encode or decode
	taskFind                  // find the fields that are not zero
	taskTell                  // append them to a line of a trace
	taskHash                  // fold them into a hash
)

// each visits a number.
func each[T integer](w *fieldWalk, f field, v *T) {
	if f != 0 && (*v != 0 || w.dense) {
		oneNumber(w, f, v)
	}
}

func oneNumber[T integer](w *fieldWalk, f field, v *T) {
	w.met |= f
	switch w.task {
	case taskCode:
		number(&w.codec, v)
		w.refuse(*v == 0)
	case taskTell:
		if text, ok := any(*v).(fmt.Stringer); ok {
			w.tellText(w.name, text.String())
		} else {
			w.tellNumber(w.name, int64(*v))
		}
	case taskHash:
		w.fold(f, uint64(*v))
	}
}

// refuse fails if a sparse encoding announces a field that turns out to be zero: each
// value has exactly one encoding.
func (w *fieldWalk) refuse(zero bool) {
	if zero && w.sparse && w.reading {
		w.fail()
	}
}

// flag visits a bool. In a sparse encoding its bit in the set is its value.
func (w *fieldWalk) flag(f field, v *bool) {
	if f != 0 && (*v || w.dense) {
		w.oneFlag(f, v)
	}
}

func (w *fieldWalk) oneFlag(f field, v *bool) {
	w.met |= f
	switch w.task {
	case taskCode:
		*v = true
	case taskTell:
		if *v {
			w.tellNumber(w.name, 1)
		}
	case taskHash:
		w.fold(f, 1)
	}
}

// text visits a string.
func (w *fieldWalk) text(f field, v *string) {
	if f != 0 && (*v != "" || w.dense) {
		w.oneText(f, v)
	}
}

func (w *fieldWalk) oneText(f field, v *string) {
	w.met |= f
	switch w.task {
	case taskCode:
		w.string(v)
		w.refuse(*v == "")
	case taskTell:
		w.tellText(w.name, *v)
	case taskHash:
		for i := range len(*v) {
			w.fold(f, uint64((*v)[i]))
		}
	}
}

// status visits the bytes from a status channel, the first n of b.
func (w *fieldWalk) status(f field, b *[wire.StatusSize]byte, n *uint8) {
	if f != 0 && (w.dense || *n != 0 || *b != [wire.StatusSize]byte{}) {
		w.oneStatus(f, b, n)
	}
}

func (w *fieldWalk) oneStatus(f field, b *[wire.StatusSize]byte, n *uint8) {
	w.met |= f
	used := min(*n, wire.StatusSize)
	switch w.task {
	case taskCode:
		number(&w.codec, &used)
		if !w.reading {
			w.b = append(w.b, b[:used]...)
			return
		}
		if used > wire.StatusSize || int(used) > len(w.b) {
			w.fail()
			return
		}
		*n = used
		w.b = w.b[copy(b[:], w.b[:used]):]
	case taskTell:
		w.tellText(w.name, hex.EncodeToString(b[:used]))
	case taskHash:
		for _, x := range b[:used] {
			w.fold(f, uint64(x))
		}
	}
}

// config visits a configuration.
func (w *fieldWalk) config(f field, v **Config) {
	if f != 0 && (*v != nil || w.dense) {
		w.oneConfig(f, v)
	}
}

func (w *fieldWalk) oneConfig(f field, v **Config) {
	w.met |= f
	switch w.task {
	case taskCode:
		w.refs.config(&w.codec, v)
		w.refuse(*v == nil)
	case taskTell:
		if *v != nil {
			w.tellNumber(w.name, int64(len((*v).Services)))
		}
	case taskHash:
		w.fold(f, uint64(len((*v).Services)))
	}
}

// entry visits the settings of a service.
func (w *fieldWalk) entry(f field, v **ServiceConfig) {
	if f != 0 && (*v != nil || w.dense) {
		w.oneEntry(f, v)
	}
}

func (w *fieldWalk) oneEntry(f field, v **ServiceConfig) {
	w.met |= f
	switch w.task {
	case taskCode:
		w.refs.entry(&w.codec, v)
		w.refuse(*v == nil)
	case taskTell:
		if *v != nil {
			w.tellText(w.name, (*v).Canonical+"/"+(*v).Type.String())
		}
	case taskHash:
		w.fold(f, uint64((*v).Line)<<8|uint64((*v).Type))
	}
}

func (w *fieldWalk) tellKey(name string) {
	w.b = append(w.b, ' ')
	w.b = append(w.b, name...)
	w.b = append(w.b, '=')
}

func (w *fieldWalk) tellNumber(name string, v int64) {
	w.tellKey(name)
	w.b = strconv.AppendInt(w.b, v, 10)
}

func (w *fieldWalk) tellText(name, v string) {
	w.tellKey(name)
	w.b = strconv.AppendQuote(w.b, v)
}

func (w *fieldWalk) fold(f field, v uint64) {
	w.hash = mix(mix(w.hash, uint64(bits.TrailingZeros32(uint32(f)))), v)
}

// mix adds one word to a hash.
func mix(h, v uint64) uint64 {
	h = (h ^ v) * 0x9fb21c651e98df25
	return h ^ h>>32
}
