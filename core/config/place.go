package config

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// At tells where an offset of the entry's value stands in the file. The entry
// must come from ParseMain; the offset may be the length of the value.
func (e *MainEntry) At(offset int) Position {
	if e.line == nil {
		return e.ValueAt
	}
	return e.line.position(e.valueStart + offset)
}

// within gives a diagnostic the place of a piece of a parameter's value: where
// the text of main.cf has the piece as a whole word, else where it has it at
// all, else where the value begins. What only comes out of a macro stands
// nowhere in the text.
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

// wordIndex finds a piece that neither follows nor precedes a character of a
// word; -1: there is none.
func wordIndex(text, piece string) int {
	const tries = 100 // a long piece may begin again and again in itself
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

// toldAlready tells whether a mistake was met before, by way of another
// parameter: it has the same text, and the same place or none.
func (p *Parameters) toldAlready(problem *Problem) bool {
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

// given is the first of two parameters if main.cf has it, or if it does not
// have the second either: where a mistake about both is best placed.
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

// End is the place after the last byte of the entry that counts.
func (e *MainEntry) End() Position {
	if e.line == nil {
		return e.ValueAt
	}
	return e.line.position(len(e.line.text))
}

// Ignored tells whether the entry has no effect: it is broken, or begins with a
// blank where no entry precedes it.
func (e *MainEntry) Ignored() bool { return e.Name == "" || e.astray }

// Ignored tells whether the entry has no effect: it begins with a blank where
// no entry precedes it, or a NUL byte leaves nothing of it.
func (e *MasterEntry) Ignored() bool { return e.astray || len(e.Fields) == 0 }

// Inside tells where an offset of a token of the entry stands in the file.
func (e *MasterEntry) Inside(f Field, offset int) Position { return e.line.position(f.offset + offset) }
