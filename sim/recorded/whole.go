package recorded

import (
	"errors"
	"fmt"
	"io"

	"github.com/stationmaster/stationmaster/core/trace"
)

// Cut is where a recording breaks off: on a full disk mostly. A reader cannot
// tell a record that was not written to its end from one that is damaged.
type Cut struct {
	Steps int   // whole ones before it
	Size  int   // of the recording, in bytes
	Err   error // of the trace.Reader: at which byte, and what it cannot read
}

// String says it of a file whose name stands before.
func (c *Cut) String() string {
	return fmt.Sprintf("breaks off after %d steps (%v; it has %d bytes): it was not written to its end, or is damaged there", c.Steps, c.Err, c.Size)
}

// Whole returns the recording as far as its records are whole, as a recording
// that can be replayed, forked, reduced and drawn. cut is nil when that is all
// of it. An error says that there is nothing to begin with. whole is a part of
// recording.
func Whole(recording []byte) (whole []byte, cut *Cut, err error) {
	r, err := trace.NewReader(recording)
	if err != nil {
		return nil, nil, err
	}
	steps := 0
	for begun := false; ; begun = true {
		record, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return recording, nil, nil
		case err != nil && !begun:
			return nil, nil, err
		case err != nil:
			return recording[:r.Offset()], &Cut{Steps: steps, Size: len(recording), Err: err}, nil
		case !record.Fresh && record.Machine == nil:
			steps++
		}
	}
}
