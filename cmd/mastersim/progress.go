package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress shows how far long work is: one line that changes on a terminal,
// and now and then a plain line elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	shown    bool
	last     time.Time
	begun    time.Time
}

const plainInterval = 10 * time.Second

func newProgress(out io.Writer) *progress {
	now := time.Now()
	return &progress{out: out, terminal: isTerminal(out), last: now, begun: now}
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "" && os.Getenv("TERM") != "dumb"
}

// line shows the text; share is how much is done, from 0 to 1, or below 0 when
// nobody knows.
func (p *progress) line(text string, share float64) {
	if !p.terminal {
		if time.Since(p.last) >= plainInterval {
			p.last = time.Now()
			fmt.Fprintln(p.out, text)
		}
		return
	}
	const width = 24
	bar := ""
	if share >= 0 {
		full := int(min(share, 1) * width)
		bar = "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "] "
	}
	fmt.Fprint(p.out, "\r\x1b[K"+bar+text)
	p.shown = true
}

// clear takes the changing line away, so that other lines may follow.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}
