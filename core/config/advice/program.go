package advice

import (
	"path"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// started is a program that an entry starts: the server itself, or what
// pipe(8) and spawn(8) run.
type started struct {
	path        string          // absolute
	at          config.Position // in master.cf
	environment string          // the parameter that says which PATH it gets
	fails       string          // what it means if it cannot be started
}

// content checks the content of a program.
func (c *check) content(s *started, p *config.Program) {
	switch {
	case p.Format == config.EmptyFile:
		c.inMaster(BrokenProgram, s.at, s.path+" is empty: it ends at once, and what is given to it is lost", "install the program again")
	case p.Machine != "":
		if c.first(p.Machine) {
			c.inMaster(BrokenProgram, s.at, s.path+" is a program for "+p.Machine+", which this machine cannot run: "+s.fails,
				"install the programs for this machine; only the first of them is reported")
		}
	case p.Format == config.OtherData:
		c.inMaster(BrokenProgram, s.at, s.path+" is neither a program of this system nor a script: "+s.fails, "install the program again")
	case p.Format == config.PlainText:
		c.inMaster(NoInterpreter, s.at, s.path+" does not begin with #!, so /bin/sh runs it", "name its interpreter in the first line, such as #!/bin/sh")
	case p.CR:
		c.inMaster(MissingInterpreter, s.at, "the first line of "+s.path+" ends in CR LF, and the CR is part of it: "+s.fails,
			"write the file with LF line ends, for example with: sed -i 's/\\r$//' "+s.path)
	default:
		c.interpreter(s, p)
	}
}

// interpreter looks for what a program needs to be run.
func (c *check) interpreter(s *started, p *config.Program) {
	if p.Interpreter == "" {
		return
	}
	what, hint, whole := "the interpreter", "install it, or name another one in the first line of the script", false
	if p.Format == config.ELF { // of all programs of a system
		what, hint, whole = "the loader", "install the library that has it, or the programs for this system; only the first of them is reported", true
	}
	i, known := c.in.Programs[p.Interpreter]
	lost := known && !i.Unknown && !(i.Regular && i.Executable)
	switch {
	case !known || i.Unknown, lost && whole && !c.first(p.Interpreter):
	case !i.Exists:
		c.inMaster(MissingInterpreter, s.at, what+" "+p.Interpreter+" of "+s.path+" is not there: "+s.fails, hint)
	case lost:
		c.inMaster(MissingInterpreter, s.at, what+" "+p.Interpreter+" of "+s.path+" cannot be run: "+s.fails, hint)
	default:
		c.foundByEnv(s, p)
	}
}

// first reports whether a thing that many programs have in common is met for
// the first time.
func (c *check) first(thing string) bool {
	if c.met[thing] {
		return false
	}
	c.met[thing] = true
	return true
}

// foundByEnv looks for a program that env(1) is to find.
func (c *check) foundByEnv(s *started, p *config.Program) {
	name := envName(p)
	directories, known := searchPath(c.p, s.environment)
	if name == "" || !known || c.mayBeIn(directories, name) {
		return
	}
	hint := "write the whole path of the interpreter into the first line, or add PATH=... to " + s.environment
	if command, _, several := strings.Cut(name, " "); several {
		hint = "write " + p.Interpreter + " -S " + name + ", or it looks for a program with a blank in its name"
		if !c.mayBeIn(directories, command) {
			hint = "write the whole path of the interpreter into the first line"
		}
	}
	c.inMaster(MissingInterpreter, s.at, s.path+" is to be run by \""+name+"\", which is not in PATH ("+strings.Join(directories, ":")+"): "+s.fails, hint)
}

// envName is the program that env(1) runs for a script, empty if it is not
// env that runs it, or with options of which nothing is known.
func envName(p *config.Program) string {
	if p.Format != config.Script || path.Base(p.Interpreter) != "env" {
		return ""
	}
	name := p.Argument
	if rest, ok := strings.CutPrefix(name, "-S"); ok {
		name, _, _ = strings.Cut(strings.TrimLeft(rest, " \t"), " ")
	}
	if name == "" || name[0] == '-' || strings.ContainsAny(name, "=/\\'\"$") {
		return ""
	}
	return name
}

// defaultPath is where a program without PATH looks for others.
var defaultPath = []string{"/usr/bin", "/bin"}

// searchPath is the PATH of programs; it is not known if it comes from the
// environment of the master.
func searchPath(p *config.Parameters, parameter string) (directories []string, known bool) {
	text, err := p.Value(parameter)
	if err != nil {
		return nil, false
	}
	for item := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,{}", r) }) {
		switch value, ok := strings.CutPrefix(item, "PATH="); {
		case ok:
			return strings.Split(value, ":"), true
		case item == "PATH":
			return nil, false
		}
	}
	return defaultPath, true
}

// mayBeIn reports whether one of the directories has, or may have, a program.
func (c *check) mayBeIn(directories []string, name string) bool {
	return slices.ContainsFunc(directories, func(d string) bool {
		p, known := c.in.Programs[d+"/"+name]
		return !known || p.Unknown || p.Regular && p.Executable
	})
}
