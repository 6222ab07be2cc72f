package config

// Program is what is known of a file that a configuration names. The zero value
// says that it does not exist.
type Program struct {
	Unknown    bool // it could not be looked at: nothing follows from the rest
	Exists     bool // symbolic links followed
	Directory  bool
	Regular    bool
	Executable bool // by somebody: the master starts it as root

	// Who may execute it, or search it if it is a directory. What an access
	// control list says is not known.
	Mode     uint32 // the permission bits
	UID, GID uint32
	Listed   bool   // it has an access control list
	Target   string // where symbolic links lead to; empty: there are none on the way

	// What is in it. Nothing is known of a file that could not be read.
	Format      Format
	Interpreter string // an absolute path: of the first line of a script, or the loader of an ELF file
	Argument    string // of the interpreter of a script
	CR          bool   // the first line of a script ends in CR LF
	Machine     string // of an ELF file that this machine cannot run
}

// Format is what a file is, as far as the system decides by it how to run it.
type Format uint8

// The formats of files.
const (
	UnknownFormat Format = iota
	EmptyFile
	Script // begins with #!
	ELF
	PlainText // /bin/sh runs it
	OtherData
)

// Facts gives the facts that Evaluate was called with. They may have grown
// since, if the caller added answers to them.
func (p *Parameters) Facts() *Facts { return p.inquiry.facts }
