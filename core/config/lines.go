package config

import (
	"slices"
	"sort"
	"strings"
)

// maxEntries bounds the entries of one file, and so the memory of its syntax
// tree. No system has descriptors for this many services: each takes several of
// the million that a process can have.
const maxEntries = 1 << 18

// lineKind classifies a section of a file.
type lineKind uint8

const (
	lineIgnored   lineKind = iota // blank and comment lines between entries
	lineEntry                     // a logical line
	lineMisplaced                 // a logical line that starts with a blank: skipped with a warning
	lineExcess                    // the text after the last entry that is read; see maxEntries
)

// logicalLine is one section of a file. All sections concatenated are the file,
// byte for byte.
type logicalLine struct {
	kind   lineKind
	cut    bool   // a NUL hid some text
	number int32  // line number of the first kept physical line, from 1
	raw    string // all its bytes, including comments and line ends
	text   string // joined: the line feeds removed, cut at the first NUL
	parts  []linePart
}

// linePart is where a physical line begins in the joined text. The first part is
// implied: offset 0 at line number, column 1.
type linePart struct {
	offset int
	number int32
}

// Position is a position in a file; both numbers start at 1.
type Position struct{ Line, Column int32 }

// position returns the position in the file of an offset of the joined text.
func (l *logicalLine) position(offset int) Position {
	at := linePart{number: l.number}
	if i := sort.Search(len(l.parts), func(i int) bool { return l.parts[i].offset > offset }); i > 0 {
		at = l.parts[i-1]
	}
	return Position{Line: at.number, Column: int32(offset-at.offset) + 1}
}

// lineReader splits text into logical lines (spec config, 1).
type lineReader struct {
	text   string
	number int32 // of the physical line before the text
	kept   []byte
	parts  []linePart
}

// physical cuts off the next physical line, including its line feed.
func physical(text string) (line, rest string) {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return text[:i+1], text[i+1:]
	}
	return text, ""
}

// blankOrComment reports whether a physical line is blank or a comment. A NUL counts as
// text here: it cuts the logical line later.
func blankOrComment(line string) bool {
	for i := 0; i < len(line); i++ {
		if !isSpace(line[i]) {
			return line[i] == '#'
		}
	}
	return true
}

// continues reports whether the text continues the previous logical line.
func continues(text string) bool { return text != "" && (isSpace(text[0]) || text[0] == '#') }

// next returns the next section. The text must not be empty.
func (r *lineReader) next() logicalLine {
	line, _ := physical(r.text)
	if blankOrComment(line) {
		return r.ignored()
	}
	l := logicalLine{kind: lineEntry, number: r.number + 1}
	if isSpace(line[0]) {
		l.kind = lineMisplaced
	}
	l.raw, l.text = r.joined()
	if len(r.parts) > 0 {
		l.parts = slices.Clone(r.parts)
	}
	r.text = r.text[len(l.raw):]
	if i := strings.IndexByte(l.text, 0); i >= 0 {
		l.text, l.cut = l.text[:i], true
	}
	return l
}

// ignored reads the blank and comment lines at the start of the text.
func (r *lineReader) ignored() logicalLine {
	line, rest := physical(r.text)
	for line != "" && blankOrComment(line) {
		r.number++
		line, rest = physical(rest)
	}
	l := logicalLine{kind: lineIgnored, number: r.number, raw: r.text[:len(r.text)-len(line)-len(rest)]}
	r.text = r.text[len(l.raw):]
	return l
}

// joined reads the logical line at the start of the text and returns its bytes
// and its joined text. A line without continuation is not copied.
func (r *lineReader) joined() (raw, text string) {
	line, rest := physical(r.text)
	r.number++
	r.kept, r.parts = r.kept[:0], r.parts[:0]
	used, first := len(line), strings.TrimSuffix(line, "\n")
	for number := r.number; continues(rest); {
		line, rest = physical(rest)
		if number++; blankOrComment(line) { // part of this entry only if a continuation follows
			continue
		}
		if len(r.parts) == 0 {
			r.kept = append(r.kept, first...)
		}
		r.parts = append(r.parts, linePart{offset: len(r.kept), number: number})
		r.kept = append(r.kept, strings.TrimSuffix(line, "\n")...)
		used, r.number = len(r.text)-len(rest), number
	}
	if len(r.parts) == 0 {
		return r.text[:used], first
	}
	return r.text[:used], string(r.kept)
}

// splitLines splits a text into sections.
func splitLines(text string) []logicalLine {
	r := lineReader{text: text}
	entries := min(countEntries(text), maxEntries)
	lines := make([]logicalLine, 0, 16+entries+entries/4)
	for n := 0; r.text != ""; {
		rest := r.text
		l := r.next()
		if l.kind != lineIgnored {
			n++
		}
		if n > maxEntries {
			return append(lines, logicalLine{kind: lineExcess, number: l.number, raw: rest})
		}
		lines = append(lines, l)
	}
	return lines
}

// countEntries counts the physical lines that begin an entry.
func countEntries(text string) (n int) {
	for line := ""; text != ""; {
		if line, text = physical(text); !continues(line) {
			n++
		}
	}
	return n
}

// isSpace is the C library's isspace for ASCII.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// isBlank is the set of bytes that separate fields: blank, tab, CR, LF.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

// allDigits reports whether s consists of one or more digits.
func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

const spaces = " \t\n\v\f\r"

// trimSpace removes ASCII white space from both ends.
func trimSpace(s string) string { return strings.Trim(s, spaces) }

// equalFold compares texts, ignoring the case of ASCII letters.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}
