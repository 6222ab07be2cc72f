package config

import "strconv"

// Given gives the unexpanded text that main.cf or an override gives a
// parameter; what an evaluation stored for later references does not count.
func (p *Parameters) Given(name string) (text string, ok bool) {
	s := p.table[name]
	return s.value, s.given
}

// GivenNames gives the names that main.cf or an override gives a text, in their
// order; one that occurs twice is there twice.
func (p *Parameters) GivenNames() []string { return p.given }

// Derived gives the default of a parameter that has none of its own but that
// of the system: its name, its process, its networks. ok tells whether the
// name is one of these. The error is a *Problem: the default cannot be told
// because of a bad value that it depends on.
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

// deadly is the Problem that the original dies of: everything up to the first
// error.
func (p *Parameters) deadly() error {
	for i := range p.Diagnostics {
		if failed(p.Diagnostics[i : i+1]) {
			return &Problem{p.Diagnostics[: i+1 : i+1]}
		}
	}
	return nil
}

// Broken is the error of the first entry of main.cf that is no entry at all;
// nil if there is none. It is a *Problem.
func (p *Parameters) Broken() error {
	if p.broken == nil {
		return nil
	}
	return p.broken
}

// ExpandWith replaces the macros in the text of a parameter, as Expand, but
// finds the unexpanded texts of names with lookup. The error is a *Problem with
// its place in main.cf.
func (p *Parameters) ExpandWith(name, text string, lookup func(name string) string) (string, error) {
	return p.expandWith(name, text, lookup)
}

// EachDefault goes through the names of the parameters that a master reads, in
// the original's order and then ours; own tells that the original does not know
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

// Default gives the unexpanded default of a parameter that a master reads, in
// the flavour in force. That of myhostname, mydomain and mynetworks is empty;
// see Derived.
func Default(name string) (text string, ok bool) {
	r, ok := builtin(name)
	if !ok {
		return "", false
	}
	return r.text(), true
}

// Misplaced tells whether an entry is skipped because it starts with a blank
// (spec config, 1).
func (e *MasterEntry) Misplaced() bool { return e.astray }
