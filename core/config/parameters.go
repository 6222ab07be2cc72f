package config

import (
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Parameters are the parameters of a main.cf with their defaults: raw texts,
// expanded when they are read. Reading an absent parameter stores its expanded
// default, as in the original, so that later references see it; Parameters are
// therefore not safe for concurrent use.
type Parameters struct {
	Path        string            // path of main.cf, as in messages
	Diagnostics []core.Diagnostic // from Evaluate, in the original's order
	Needs       Needs             // not empty: look these up and evaluate again

	own     string // the path of EvaluateOptions.Own
	table   map[string]setting
	broken  *Problem        // the first malformed entry of main.cf
	bad     map[string]bool // refused parameters
	given   []string        // names that main.cf or an override sets, in order
	inquiry inquiry
	spent   *effort // effort on macros of the Evaluate in progress; nil: none is
	frozen  *Frozen
	result  evaluated
}

// setting is the raw text of a parameter and its source.
type setting struct {
	value string
	entry *MainEntry // nil: not from a file
	file  string     // the file of entry
	given bool       // set by a file or by an override
}

// Problem is why a parameter cannot be used: warnings, then one Error. The typed
// accessors return it as their error.
type Problem struct{ Diagnostics []core.Diagnostic }

// Error returns the original's fatal line.
func (p *Problem) Error() string { return p.Diagnostics[len(p.Diagnostics)-1].Text }

// OK reports whether the parameters are final: no diagnostic is an error and
// nothing must be looked up.
func (p *Parameters) OK() bool { return p.Needs.Empty() && !failed(p.Diagnostics) }

// newParameters fills the table from main.cf (spec config, 2.1). Later entries
// override earlier ones; overrides take precedence over all.
func newParameters(main *MainFile, facts *Facts, options EvaluateOptions) *Parameters {
	p := &Parameters{Path: main.Path, table: make(map[string]setting, len(main.Entries)+160), frozen: options.Frozen}
	p.inquiry.facts = facts
	p.set("config_directory", facts.ConfigDirectory)
	p.set("process_name", facts.ProcessName)
	p.enterAll(main)
	if options.Own != nil {
		p.own = options.Own.Path
		p.enterAll(options.Own)
	}
	for _, o := range options.Overrides {
		p.table[o.Name] = setting{value: o.Value, given: true}
		p.given = append(p.given, o.Name)
	}
	p.set("process_id", strconv.Itoa(int(facts.ProcessID)))
	return p
}

func (p *Parameters) set(name, value string) { p.table[name] = setting{value: value} }

// enterAll adds the entries of a file to the table.
func (p *Parameters) enterAll(f *MainFile) {
	for i := range f.Entries {
		p.enter(f, &f.Entries[i])
	}
	if f.excess > 0 {
		p.report(excessError(f.Path, f.excess, "more than "+number(maxEntries)+" entries"))
	}
}

// enter adds one entry to the table.
func (p *Parameters) enter(main *MainFile, e *MainEntry) {
	if e.misplaced {
		p.report(misplacedWarning(main.Path, e.text, Position{e.Line, 1}))
		return
	}
	where := main.Path + ", line " + strconv.Itoa(int(e.Line)) + ": "
	d := core.Diagnostic{File: main.Path, Line: e.NameAt.Line, Column: e.NameAt.Column}
	if e.fault != "" {
		d.Line, d.Column = e.ValueAt.Line, e.ValueAt.Column // where the name or the '=' should be
		d.Severity, d.Text = core.Error, where+e.fault+": \""+e.text+"\""
		d.Hint = "write \"name = value\"; a line that continues the previous entry must start with a blank"
		p.report(d)
		if p.broken == nil {
			p.broken = &Problem{[]core.Diagnostic{d}}
		}
		return
	}
	if e.cut {
		p.report(cutAdvice(main.Path, e.line))
	}
	if main.Path == p.own && !IsOwn(e.Name) {
		d.Severity, d.Text = core.Error, where+"\""+e.Name+"\" is not a parameter that can be set in this file"
		d.Hint = "only " + ownNames() + " can be set here; set others in " + p.Path
		p.report(d)
		return
	}
	if old, ok := p.table[e.Name]; ok && old.value != e.Value {
		d.Severity, d.Text = core.Warning, where+"overriding earlier entry: "+e.Name+"="+old.value
		d.Hint = "remove one of the two entries; this one counts"
		if old.entry != nil {
			d.Hint = "remove one of the two entries; this one counts, not that of line " + number(int(old.entry.Line))
			if old.file != main.Path {
				d.Hint += " of " + old.file
			}
		}
		p.report(d)
	}
	p.table[e.Name] = setting{value: e.Value, entry: e, file: main.Path, given: true}
	p.given = append(p.given, e.Name)
}

func (p *Parameters) report(d core.Diagnostic) { p.Diagnostics = append(p.Diagnostics, d) }

// at sets the position of a diagnostic to that of a parameter's value in its
// file, if it has one.
func (p *Parameters) at(name string, d core.Diagnostic) core.Diagnostic {
	d.File = p.Path
	if s, ok := p.table[name]; ok && s.entry != nil {
		d.File = s.file
		d.Line, d.Column = s.entry.ValueAt.Line, s.entry.ValueAt.Column
	}
	return d
}

// where returns the start of our own messages about a parameter.
func (p *Parameters) where(name string) string {
	if name == "" {
		return ""
	}
	if s := p.table[name]; s.entry != nil {
		return s.file + ", line " + number(int(s.entry.Line)) + ": in parameter " + name + ", "
	}
	return p.Path + ": in parameter " + name + ", "
}

// locate prefixes a message about one of our own parameters with file and line.
// Messages about Postfix's parameters are those of the original, which has
// neither.
func (p *Parameters) locate(name, text string) string {
	if !IsOwn(name) {
		return text
	}
	where := p.where(name)
	switch {
	case strings.HasPrefix(text, where):
		return text
	case strings.Contains(text, name):
		where = strings.TrimSuffix(where, "in parameter "+name+", ")
	}
	return where + text
}

// refuse returns the Problem for one error about a parameter.
func (p *Parameters) refuse(name, text, hint string) *Problem {
	return &Problem{[]core.Diagnostic{p.at(name, core.Diagnostic{Severity: core.Error, Text: text, Hint: hint})}}
}

// Raw returns the unexpanded text of a parameter. defined is false if neither
// main.cf nor an override nor an earlier evaluation sets it.
func (p *Parameters) Raw(name string) (text string, at Position, defined bool) {
	s, defined := p.table[name]
	if s.entry != nil {
		at = s.entry.ValueAt
	}
	return s.value, at, defined
}

// value expands a parameter. If it is absent, the expanded fallback is returned
// and stored.
func (p *Parameters) value(name, fallback string) (string, error) {
	s, ok := p.table[name]
	raw := s.value
	if !ok {
		raw = fallback
	}
	text, err := p.expandIn(name, raw)
	if err != nil {
		return "", err
	}
	if !ok {
		p.set(name, text)
	}
	return text, nil
}

// Value returns the expanded text of any parameter: from main.cf, or the
// built-in default of a parameter that the master knows, or "".
func (p *Parameters) Value(name string) (string, error) {
	if row, ok := builtin(name); ok {
		return p.value(name, row.text())
	}
	if _, ok := p.table[name]; !ok {
		return "", nil
	}
	return p.value(name, "")
}

// Expand replaces the macros in a text (spec config, 2.2).
func (p *Parameters) Expand(text string) (string, error) { return p.expand(text) }

// String returns a text parameter of min to max bytes; a max of 0 means no
// limit.
func (p *Parameters) String(name, fallback string, min, max int) (string, error) {
	text, err := p.value(name, fallback)
	if err != nil {
		return "", err
	}
	n := strconv.Itoa(len(text))
	switch {
	case len(text) < min:
		return "", p.refuse(name, "bad string length "+n+" < "+strconv.Itoa(min)+": "+name+" = "+text,
			"give "+name+" a value, or remove it from main.cf to get the default")
	case max > 0 && len(text) > max:
		return "", p.refuse(name, "bad string length "+n+" > "+strconv.Itoa(max)+": "+name+" = "+text,
			"use at most "+strconv.Itoa(max)+" bytes")
	}
	return text, nil
}

// Int returns a number from min to max; a limit of 0 means none, as in the
// original.
func (p *Parameters) Int(name string, fallback, min, max int32) (int32, error) {
	n, err := p.integer(name, strconv.Itoa(int(fallback)), min, max, 32)
	return int32(n), err
}

// integer returns a number of the given width in bits.
func (p *Parameters) integer(name, fallback string, min, max int32, width int) (int64, error) {
	text, err := p.value(name, fallback)
	if err != nil {
		return 0, err
	}
	n, ok := parseNumber(text, width)
	if !ok {
		fault, hint := badNumber(name, text)
		return 0, p.refuse(name, fault, hint)
	}
	value := strconv.FormatInt(n, 10)
	switch {
	case min != 0 && n < int64(min):
		bound := strconv.Itoa(int(min))
		return 0, p.refuse(name, "invalid "+name+" parameter value "+value+" < "+bound, "use "+bound+" or more")
	case max > 0 && n > int64(max):
		bound := strconv.Itoa(int(max))
		return 0, p.refuse(name, "invalid "+name+" parameter value "+value+" > "+bound, "use "+bound+" or less")
	}
	return n, nil
}

// Time returns a duration of min to max seconds; a limit of 0 means none. The
// unit of the fallback, such as "100s", applies to a number without one.
func (p *Parameters) Time(name, fallback string, min, max int32) (core.Duration, error) {
	text, err := p.value(name, fallback)
	if err != nil {
		return 0, err
	}
	unit := byte('s')
	if fallback != "" && !isDigit(fallback[len(fallback)-1]) {
		unit = fallback[len(fallback)-1]
	}
	n, ok := parseTime(text, unit)
	if !ok {
		fault, hint := badTime(name, text)
		return 0, p.refuse(name, fault, hint)
	}
	switch value := strconv.FormatInt(n, 10); {
	case n < int64(min):
		bound := strconv.Itoa(int(min))
		return 0, p.refuse(name, "invalid "+name+": "+value+" (min "+bound+")", "use "+bound+"s or more")
	case max > 0 && n > int64(max):
		bound := strconv.Itoa(int(max))
		return 0, p.refuse(name, "invalid "+name+": "+value+" (max "+bound+")", "use "+bound+"s or less")
	}
	return core.Duration(n) * core.Second, nil
}

// Bool returns the value of a "yes" or "no" in any letter case.
func (p *Parameters) Bool(name string, fallback bool) (bool, error) {
	text := "no"
	if fallback {
		text = "yes"
	}
	return p.boolean(name, text)
}

func (p *Parameters) boolean(name, fallback string) (bool, error) {
	text, err := p.value(name, fallback)
	if err != nil {
		return false, err
	}
	value, ok := parseBool(text)
	if !ok {
		fault, hint := badBool(name, text)
		return false, p.refuse(name, fault, hint)
	}
	return value, nil
}
