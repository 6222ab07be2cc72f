package config

import "strconv"

// Given returns the unexpanded text that main.cf or an override sets for a
// parameter; texts that an evaluation stored for later references do not count.
func (p *Parameters) Given(name string) (text string, ok bool) {
	s := p.table[name]
	return s.value, s.given
}

// GivenNames returns the names that main.cf or an override sets, in order and
// with repetitions.
func (p *Parameters) GivenNames() []string { return p.given }

// Derived returns the default of a parameter whose default comes from the
// system: its name, its process, its networks. ok reports whether the name is
// one of these. The error is a *Problem: the default depends on a bad value.
func (p *Parameters) Derived(name string) (text string, ok bool, err error) {
	facts := p.inquiry.facts
	switch name {
	case "config_directory":
		return facts.ConfigDirectory, true, nil
	case "process_name":
		return facts.ProcessName, true, nil
	case "process_id":
		return strconv.Itoa(int(facts.ProcessID)), true, nil
	case "mynetworks":
		for _, other := range []string{"mynetworks_style", "inet_protocols", "inet_interfaces"} {
			if p.bad[other] {
				return "", true, p.deadly()
			}
		}
	case "myhostname", "mydomain":
	default:
		return "", false, nil
	}
	return p.table[name].value, true, nil
}

// deadly returns the Problem that ends the original: everything up to the first
// error.
func (p *Parameters) deadly() error {
	for i := range p.Diagnostics {
		if failed(p.Diagnostics[i : i+1]) {
			return &Problem{p.Diagnostics[: i+1 : i+1]}
		}
	}
	return nil
}

// Broken returns the error of the first malformed entry of main.cf, a *Problem,
// or nil.
func (p *Parameters) Broken() error {
	if p.broken == nil {
		return nil
	}
	return p.broken
}

// ExpandWith replaces the macros in the text of a parameter, like Expand, but
// gets the unexpanded texts of names from lookup. The error is a *Problem with
// its position in main.cf.
func (p *Parameters) ExpandWith(name, text string, lookup func(name string) string) (string, error) {
	return p.expandWith(name, text, lookup)
}

// EachDefault yields the names of the parameters that a master reads, in the
// original's order and then our own; own reports that the original does not know
// the parameter.
func EachDefault(yield func(name string, own bool) bool) {
	for i := range rows {
		if !yield(rows[i].name, false) {
			return
		}
	}
	for i := range ownRows {
		if name := ownRows[i].name; !yield(name, IsOwn(name)) {
			return
		}
	}
}

// Default returns the unexpanded default of a parameter that a master reads, in
// the flavour in force. That of myhostname, mydomain and mynetworks is empty;
// see Derived.
func Default(name string) (text string, ok bool) {
	r, ok := builtin(name)
	if !ok {
		return "", false
	}
	return r.text(), true
}

// Misplaced reports whether an entry is skipped because it starts with a blank
// (spec config, 1).
func (e *MasterEntry) Misplaced() bool { return e.misplaced }
