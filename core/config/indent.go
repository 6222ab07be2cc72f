package config

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// attributes are the names of arguments of pipe(8) and spawn(8) that people
// write at the start of a line.
var attributes = [...]string{"argv", "chroot", "directory", "eol", "flags", "null_sender", "size", "user"}

// unindented reports whether an entry looks like arguments of the entry before
// it, on a line that has lost the blank at its start: it begins with an option,
// an attribute, a macro or a brace, and what follows is no transport type.
func (e *MasterEntry) unindented() bool {
	if e.Ignored() {
		return false
	}
	if len(e.Fields) > ColumnType {
		if _, known := core.ParseServiceType(e.Fields[ColumnType].Text); known {
			return false
		}
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

// markUnindented marks the entries that must have been meant as arguments.
func (f *MasterFile) markUnindented() {
	entry := false // one precedes
	for i := range f.Entries {
		e := &f.Entries[i]
		e.lost = entry && e.unindented()
		entry = entry || !e.Ignored()
	}
}

// Unindented reports whether the entry must have been meant as arguments of the
// one before it: its line has lost the blank at its start.
func (e *MasterEntry) Unindented() bool { return e.lost }

// unindented resolves a run of entries that begins at number i and must have
// been meant as arguments. The original refuses the first; what is said of it
// is said for the run. The result is the number of the last.
func (r *resolver) unindented(entries []MasterEntry, i int) (last int) {
	for last = i; last+1 < len(entries) && entries[last+1].lost; {
		last++
	}
	before := i - 1
	for before >= 0 && entries[before].Ignored() {
		before--
	}
	said := len(r.out)
	r.entry(&entries[i])
	if len(r.out) == said || before < 0 { // some of the entries may have been left out
		return last
	}
	d := &r.out[len(r.out)-1]
	d.Line, d.Column = entries[i].Line, 1
	d.Hint = "put a blank at the beginning of the line, so that it goes on with the entry of line " + number(int(entries[before].Line))
	if last > i {
		d.Hint = "put a blank at the beginning of each line from " + number(int(entries[i].Line)) + " to " + number(int(entries[last].Line)) +
			", so that they go on with the entry of line " + number(int(entries[before].Line))
	}
	return last
}
