package main

import (
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// source is the text of a file whose lines are shown.
type source struct {
	text  []byte
	lines []int // where each line begins; computed on first use
}

// line returns a physical line by its number, from 1, without its end.
func (s *source) line(number int32) (string, bool) {
	if s.lines == nil {
		s.lines = []int{0}
		for i, c := range s.text {
			if c == '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	}
	i := int(number) - 1
	if i < 0 || i >= len(s.lines) || s.lines[i] == len(s.text) {
		return "", false
	}
	end := len(s.text)
	if i+1 < len(s.lines) {
		end = s.lines[i+1] - 1
	}
	return strings.TrimSuffix(string(s.text[s.lines[i]:end]), "\r"), true
}

const (
	widestExcerpt = 120 // columns of a source line that are shown
	beforeCaret   = 60  // of these, before the column of the mistake
	tabWidth      = 8
)

// excerpt makes a source line fit for display, and returns the number of columns
// before the byte at column, counted from 1. Of a long line it returns the part
// around that byte.
func excerpt(line string, column int32) (shown string, before int) {
	at := min(max(int(column)-1, 0), len(line))
	from, to := 0, len(line)
	if at > beforeCaret && to > widestExcerpt {
		from = min(at-beforeCaret, to-widestExcerpt)
	}
	if to-from > widestExcerpt {
		to = from + widestExcerpt
	}
	for from > 0 && from < to && !utf8.RuneStart(line[from]) {
		from++
	}
	var b strings.Builder
	columns := 0
	put := func(text string, width int) {
		b.WriteString(text)
		columns += width
	}
	if from > 0 {
		put("...", 3)
	}
	before = -1
	for i := from; i < to; {
		if i >= at && before < 0 {
			before = columns
		}
		r, size := utf8.DecodeRuneInString(line[i:])
		switch {
		case r == '\t':
			n := tabWidth - columns%tabWidth
			put(strings.Repeat(" ", n), n)
		case r == utf8.RuneError && size == 1 || !unicode.IsPrint(r):
			put("?", 1)
		default:
			put(line[i:i+size], 1)
		}
		i += size
	}
	if before < 0 {
		before = columns
	}
	if to < len(line) {
		put("...", 3)
	}
	return b.String(), before
}

// printable makes a text safe for a terminal: "?" replaces what is not printable
// UTF-8.
func printable(text string) string {
	clean := true
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// wantsColour reports whether the output is a terminal that shows colours, and the
// user wants them.
func wantsColour(out *os.File, environ func(string) string) bool {
	if environ("NO_COLOR") != "" || environ("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

// Colours of terminals since the VT100.
const (
	bold   = "1"
	red    = "1;31"
	yellow = "1;33"
	blue   = "1;34"
	green  = "1;32"
)

// paint colours a text if colours are wanted.
func (t *terminal) paint(colour, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
