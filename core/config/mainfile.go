package config

import (
	"strconv"

	"github.com/stationmaster/stationmaster/core"
)

// MainFile is the syntax tree of a main.cf.
type MainFile struct {
	Path    string
	Entries []MainEntry // in file order, broken ones included
	lines   []logicalLine
	excess  int32 // the line of the first entry that is not read; 0: all are read
}

// MainEntry is one "name = value" of main.cf, not yet expanded.
type MainEntry struct {
	Name  string // empty: the entry is broken
	Value string // without the blanks around it
	Line  int32  // the number that messages carry: the first line of the entry
	// NameAt and ValueAt are the positions of the texts in the file.
	NameAt, ValueAt Position

	text      string // the whole logical line
	fault     string // what is wrong with a broken entry, in the original's words
	cut       bool   // text after a NUL byte is ignored
	misplaced bool   // starts with a blank: skipped

	line       *logicalLine
	valueStart int // offset in the logical line
}

// ParseMain parses main.cf (spec config, 2.1). It never fails: mistakes are kept
// in the tree and reported by Evaluate.
func ParseMain(path string, text []byte) *MainFile {
	f := &MainFile{Path: path, lines: splitLines(string(text))}
	f.Entries = make([]MainEntry, 0, len(f.lines))
	for i := range f.lines {
		l := &f.lines[i]
		switch l.kind {
		case lineIgnored:
			continue
		case lineExcess:
			f.excess = l.number
			continue
		}
		e := parseMainEntry(l)
		e.misplaced = l.kind == lineMisplaced
		f.Entries = append(f.Entries, e)
	}
	return f
}

func parseMainEntry(l *logicalLine) MainEntry {
	e := MainEntry{Line: l.number, text: l.text, cut: l.cut}
	name, value, fault := splitNameValue(l.text)
	e.NameAt, e.ValueAt = l.position(name.start), l.position(value.start)
	e.line, e.valueStart = l, value.start
	if fault != "" {
		e.fault = fault
		return e
	}
	e.Name, e.Value = l.text[name.start:name.end], l.text[value.start:value.end]
	return e
}

// span is a substring of a text, by offsets.
type span struct{ start, end int }

// splitNameValue splits "name = value"; fault is the original's reason when it
// cannot.
func splitNameValue(text string) (name, value span, fault string) {
	i := 0
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	name.start = i
	for i < len(text) && !isSpace(text[i]) && text[i] != '=' {
		i++
	}
	name.end = i
	if name.end == name.start {
		return name, span{i, i}, "missing attribute name"
	}
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	if i == len(text) || text[i] != '=' {
		return name, span{i, i}, "missing '=' after attribute name"
	}
	i++
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	end := len(text)
	for end > i && isSpace(text[end-1]) {
		end--
	}
	return name, span{i, end}, ""
}

// Print returns the file byte for byte.
func (f *MainFile) Print() []byte { return printLines(f.lines) }

func printLines(lines []logicalLine) []byte {
	n := 0
	for i := range lines {
		n += len(lines[i].raw)
	}
	out := make([]byte, 0, n)
	for i := range lines {
		out = append(out, lines[i].raw...)
	}
	return out
}

// excessError returns an error of our own: the original continues until memory
// is exhausted.
func excessError(path string, line int32, what string) core.Diagnostic {
	return core.Diagnostic{
		Severity: core.Error, File: path, Line: line, Column: 1,
		Text: path + ": line " + strconv.Itoa(int(line)) + ": " + what,
		Hint: "check that this is the right file; everything from this line on is ignored",
	}
}

// maxMisplacedText is how many bytes of a misplaced line its warning shows.
const maxMisplacedText = 30

// misplacedWarning returns the original's warning about a line that starts with a
// blank where no entry precedes it (spec config, 1).
func misplacedWarning(path, text string, at Position) core.Diagnostic {
	if len(text) > maxMisplacedText {
		text = text[:maxMisplacedText] + "..."
	}
	return core.Diagnostic{
		Severity: core.Warning, File: path, Line: at.Line, Column: at.Column,
		Text: path + ": logical line must not start with whitespace: \"" + text + "\"",
		Hint: "remove the blanks at the start of the line; as it stands the whole entry is ignored",
	}
}

// cutAdvice returns advice of our own: the original is silent (quirk Q35).
func cutAdvice(path string, l *logicalLine) core.Diagnostic {
	at := l.position(len(l.text))
	return core.Diagnostic{
		Severity: core.Info, File: path, Line: at.Line, Column: at.Column,
		Text: path + ", line " + number(int(l.number)) + ": text after null byte may be ignored",
		Hint: "remove the NUL byte; what follows it in the entry is ignored",
	}
}
