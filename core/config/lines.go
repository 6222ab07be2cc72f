package config

import (
	"bytes"
	"strings"
)

// lineKind says what a stretch of a file is.
type lineKind uint8

const (
	lineIgnored   lineKind = iota // blank and comment lines between entries
	lineEntry                     // a logical line
	lineMisplaced                 // a logical line that starts with a blank: skipped with a warning
)

// logicalLine is one stretch of a file. The stretches of a file joined give
// the file back byte for byte.
type logicalLine struct {
	kind   lineKind
	raw    []byte // every byte of it, with the comments inside it and the line ends
	text   string // joined: the line feeds removed, cut at the first NUL
	number int32  // of the first kept physical line, from 1
	cut    bool   // a NUL hid some text
	parts  []linePart
}

// linePart tells where a physical line begins in the joined text. The first
// part is implied: offset 0 at line number, column 1.
type linePart struct {
	offset int
	number int32
}

// Position is a place in a file, both numbers from 1.
type Position struct{ Line, Column int32 }

// position gives the place in the file of an offset of the joined text.
func (l *logicalLine) position(offset int) Position {
	at := linePart{number: l.number}
	for _, p := range l.parts {
		if p.offset > offset {
			break
		}
		at = p
	}
	return Position{Line: at.number, Column: int32(offset-at.offset) + 1}
}

// lineReader splits text into logical lines (spec config, 1).
type lineReader struct {
	text   []byte
	number int32 // of the next physical line
	kept   []byte
}

// physical cuts the next physical line off, with its line feed.
func physical(text []byte) (line, rest []byte) {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return text[:i+1], text[i+1:]
	}
	return text, nil
}

// dropped tells whether a physical line is blank or a comment. A NUL is text
// here: it cuts the logical line later.
func dropped(line []byte) bool {
	for _, c := range line {
		if !isSpace(c) {
			return c == '#'
		}
	}
	return true
}

// next gives the next stretch; ok is false at the end of the text.
func (r *lineReader) next() (l logicalLine, ok bool) {
	if len(r.text) == 0 {
		return l, false
	}
	start, used := r.text, 0
	line, rest := physical(r.text)
	if dropped(line) {
		for len(line) > 0 && dropped(line) {
			used += len(line)
			r.number++
			line, rest = physical(rest)
		}
		r.text = start[used:]
		return logicalLine{kind: lineIgnored, raw: start[:used:used], number: r.number}, true
	}
	l = logicalLine{kind: lineEntry, number: r.number + 1}
	if isSpace(line[0]) {
		l.kind = lineMisplaced
	}
	r.kept = r.kept[:0]
	pending := 0 // dropped lines that belong to us only if a continuation follows
	number := r.number
	for {
		number++
		if dropped(line) {
			pending += len(line)
		} else {
			used += pending + len(line)
			pending = 0
			r.number = number
			if len(r.kept) > 0 {
				l.parts = append(l.parts, linePart{offset: len(r.kept), number: number})
			}
			r.kept = append(r.kept, bytes.TrimSuffix(line, []byte{'\n'})...)
		}
		if len(rest) == 0 || (!isSpace(rest[0]) && rest[0] != '#') {
			break
		}
		line, rest = physical(rest)
	}
	l.raw, r.text = start[:used:used], start[used:]
	l.text = string(r.kept)
	if i := strings.IndexByte(l.text, 0); i >= 0 {
		l.text, l.cut = l.text[:i], true
	}
	return l, true
}

// splitLines reads all stretches of a text.
func splitLines(text []byte) []logicalLine {
	r := lineReader{text: text}
	lines := make([]logicalLine, 0, 16+bytes.Count(text, []byte{'\n'})/2)
	for {
		l, ok := r.next()
		if !ok {
			return lines
		}
		lines = append(lines, l)
	}
}

// isSpace is the C library's isspace for ASCII.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// isBlank is the set of bytes that separate fields: blank, tab, CR, LF.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

// allDigits tells whether s is made of one digit or more.
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

// equalFold compares texts without regard to the case of ASCII letters.
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
