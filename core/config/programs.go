package config

// Program describes a file that a configuration names. The zero value means that
// it does not exist.
type Program struct {
	Unknown    bool // it could not be examined: the other fields mean nothing
	Exists     bool // symbolic links followed
	Directory  bool
	Regular    bool
	Executable bool // by at least one user: the master starts it as root

	// Permission to execute it, or to search it if it is a directory. The content
	// of an access control list is not known.
	Mode     uint32 // the permission bits
	UID, GID uint32
	Listed   bool   // it has an access control list
	Target   string // the target of symbolic links; empty: the path has none

	// Its content. Nothing is known about a file that could not be read.
	Format      Format
	Interpreter string // an absolute path: from the first line of a script, or the loader of an ELF file
	Argument    string // argument of a script's interpreter
	CR          bool   // the first line of a script ends in CR LF
	Machine     string // machine of an ELF file that this machine cannot run
}

// Format is the kind of file, as far as it decides how the system runs it.
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

// Facts returns the facts that Evaluate was called with. They may have grown
// since, if the caller added to them.
func (p *Parameters) Facts() *Facts { return p.inquiry.facts }
