package config

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// attributes are the arguments of pipe(8) and spawn(8) that people write at the
// start of a line.
var attributes = [...]string{"argv", "chroot", "directory", "eol", "flags", "null_sender", "size", "user"}

// unindented reports whether an entry looks like arguments of the previous entry
// on a line that lost its leading blank: it begins with an option, an attribute,
// a macro or a brace, and is not followed by a transport type.
func (e *MasterEntry) unindented() bool {
	if e.Ignored() || e.hasType() {
		return false
	}
	first := strings.TrimLeft(e.Fields[ColumnName].Text, "{")
	if first == "" || first[0] == '$' || len(first) > 1 && first[0] == '-' {
		return true
	}
	name, _, ok := strings.Cut(first, "=")
	if !ok {
		return false
	}
	for _, attribute := range attributes {
		if strings.EqualFold(name, attribute) {
			return true
		}
	}
	return false
}

// hasType reports whether the second field is a transport type.
func (e *MasterEntry) hasType() bool {
	if len(e.Fields) <= ColumnType {
		return false
	}
	_, known := core.ParseServiceType(e.Fields[ColumnType].Text)
	return known
}

// wantsMore reports whether an entry ends in an option without its value.
func (e *MasterEntry) wantsMore() bool {
	fields := e.Args
	if len(fields) == 0 {
		fields = e.Fields
	}
	return len(fields) > 0 && fields[len(fields)-1].Text == "-o"
}

// markUnindented marks the entries that must have been meant as arguments.
func (f *MasterFile) markUnindented() {
	var before *MasterEntry // the last entry that is not ignored
	for i := range f.Entries {
		e := &f.Entries[i]
		e.needsIndent = before != nil && (e.unindented() || before.wantsMore() && !e.Ignored() && !e.hasType())
		if !e.Ignored() {
			before = e
		}
	}
}

// Unindented reports whether the entry must have been meant as arguments of the
// previous one: its line lost its leading blank.
func (e *MasterEntry) Unindented() bool { return e.needsIndent }

// unindented resolves a run of entries that begins at index i and must have been
// meant as arguments. The original refuses the first; its diagnostic covers the
// run. unindented returns the index of the last.
func (r *resolver) unindented(entries []MasterEntry, i int) (last int) {
	for last = i; last+1 < len(entries) && entries[last+1].needsIndent; {
		last++
	}
	before := i - 1
	for before >= 0 && entries[before].Ignored() {
		before--
	}
	said := len(r.out)
	r.entry(&entries[i])
	if len(r.out) == said || before < 0 { // the first entry may be disabled
		return last
	}
	d := &r.out[len(r.out)-1]
	d.Line, d.Column = entries[i].Line, 1
	d.Hint = "put a blank at the beginning of the line, so that it continues the entry at line " + number(int(entries[before].Line))
	if last > i {
		d.Hint = "put a blank at the beginning of each line from " + number(int(entries[i].Line)) + " to " + number(int(entries[last].Line)) +
			", so that they continue the entry at line " + number(int(entries[before].Line))
	}
	return last
}
