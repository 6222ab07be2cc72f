package trace

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// FuzzRecording throws bytes at everything that reads a recording.
func FuzzRecording(f *testing.F) {
	for seed := range uint64(4) {
		l := newLife(core.Options{Verbose: true}, sequence(seed))
		w := NewWriter()
		w.Fresh(0, l.options)
		l.live(30, w)
		if !l.exited {
			w.Snapshot(l.m)
			l.live(5, w)
		}
		f.Add(w.Bytes())
	}
	f.Add([]byte(Mark))
	f.Add([]byte("stationmaster journal 0\n"))
	f.Fuzz(func(t *testing.T, b []byte) { hostile(t, b) })
}
