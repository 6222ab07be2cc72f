package config

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// At returns the position in the file of an offset of the entry's value. The
// entry must come from ParseMain; the offset may be the length of the value.
func (e *MainEntry) At(offset int) Position {
	if e.line == nil {
		return e.ValueAt
	}
	return e.line.position(e.valueStart + offset)
}

// within sets the position of a diagnostic to that of a piece of a parameter's
// value: where the text in main.cf contains the piece as a whole word, else
// where it contains it at all, else where the value begins. Text that comes from
// a macro is nowhere in the value.
func (p *Parameters) within(name, piece string, d core.Diagnostic) core.Diagnostic {
	d = p.at(name, d)
	s := p.table[name]
	if s.entry == nil || piece == "" {
		return d
	}
	at := wordIndex(s.entry.Value, piece)
	if at < 0 {
		at = strings.Index(s.entry.Value, piece)
	}
	if at > 0 {
		place := s.entry.At(at)
		d.Line, d.Column = place.Line, place.Column
	}
	return d
}

// wordIndex returns the index of a piece that is neither preceded nor followed
// by a word character, or -1.
func wordIndex(text, piece string) int {
	const tries = 100 // a long piece may overlap itself many times
	for n, from := 0, 0; n < tries; n++ {
		i := strings.Index(text[from:], piece)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(piece)
		if (i == 0 || !isWordByte(text[i-1])) && (end == len(text) || !isWordByte(text[end])) {
			return i
		}
		from = i + 1
	}
	return -1
}

func isWordByte(c byte) bool { return isNameByte(c) || c == '.' || c == '-' || c >= 0x80 }

// alreadyReported reports whether a problem was already reported by way of another
// parameter: with the same text, and the same position or none.
func (p *Parameters) alreadyReported(problem *Problem) bool {
	first := &problem.Diagnostics[0]
	if !failed(p.Diagnostics) {
		return false
	}
	for i := range p.Diagnostics {
		d := &p.Diagnostics[i]
		if d.Text == first.Text && (first.Line == 0 || first.Line == d.Line && first.Column == d.Column) {
			return true
		}
	}
	return false
}

// given returns the first of two parameters if main.cf sets it or does not set
// the second either: the best position for an error about both.
func (e *evaluation) given(first, second string) string {
	if e.p.table[first].entry == nil && e.p.table[second].entry != nil {
		return second
	}
	return first
}

// refuseIn reports an error about a piece of a parameter's value.
func (e *evaluation) refuseIn(name, piece, text, hint string) {
	e.report(core.Error, name, piece, text, hint)
	e.bad[name] = true
}

// warnIn reports a warning about a piece of a parameter's value.
func (e *evaluation) warnIn(name, piece, text, hint string) {
	e.report(core.Warning, name, piece, text, hint)
}

// End returns the position after the last significant byte of the entry.
func (e *MainEntry) End() Position {
	if e.line == nil {
		return e.ValueAt
	}
	return e.line.position(len(e.line.text))
}

// Ignored reports whether the entry has no effect: it is malformed, or begins
// with a blank where no entry precedes it.
func (e *MainEntry) Ignored() bool { return e.Name == "" || e.misplaced }

// Ignored reports whether the entry has no effect: it begins with a blank where
// no entry precedes it, or a NUL byte cuts all of it.
func (e *MasterEntry) Ignored() bool { return e.misplaced || len(e.Fields) == 0 }

// Inside returns the position in the file of an offset of a token of the entry.
func (e *MasterEntry) Inside(f Field, offset int) Position { return e.line.position(f.offset + offset) }
