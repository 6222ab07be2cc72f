package explore

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Printer returns a function for Run that shows the progress on w: a line that
// is written over and over on a terminal, else a line every ten seconds.
// Errors of w are ignored.
func Printer(w io.Writer, terminal bool) func(Progress) {
	const every = 10 * time.Second
	var told time.Duration
	return func(p Progress) {
		if terminal {
			fmt.Fprintf(w, "\r\x1b[K%s %s", p.Text(), p.bar(20))
			return
		}
		if p.Elapsed < told {
			told = 0 // another run
		}
		if p.Elapsed-told >= every {
			told = p.Elapsed
			fmt.Fprintln(w, p.Text())
		}
	}
}

// Text is the progress in a line.
func (p Progress) Text() string {
	return fmt.Sprintf("%s: depth %d, %s states, %s edges, %s states a second, %s, %d s",
		p.World, p.Depth, grouped(p.States), grouped(p.Edges),
		grouped(uint64(float64(p.States)/max(p.Elapsed.Seconds(), 1e-9))), size(p.Memory), int(p.Elapsed.Seconds()))
}

// bar shows how much of the next depth is done.
func (p Progress) bar(width int) string {
	done := 0
	if p.Level > 0 {
		done = int(p.Done * uint64(width) / p.Level)
	}
	return "[" + strings.Repeat("#", done) + strings.Repeat("-", width-done) + "]"
}
