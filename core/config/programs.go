package config

// Program is what is known of a file that a configuration names, without
// opening it. The zero value says that it does not exist.
type Program struct {
	Unknown    bool // it could not be looked at: nothing follows from the rest
	Exists     bool // symbolic links followed
	Directory  bool
	Regular    bool
	Executable bool // by anybody: the master starts it as root
}

// Facts gives the facts that Evaluate was called with. They may have grown
// since, if the caller added answers to them.
func (p *Parameters) Facts() *Facts { return p.inquiry.facts }
