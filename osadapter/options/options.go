// Package options parses the command line of the master as the original does, by
// POSIX getopt rules, together with the environment variables that count as options
// (spec runtime, 1).
//
// It does nothing else: it reads no file, changes no environment, and leaves
// logging and ending the process to its caller.
package options

import (
	"errors"
	"strings"
)

// Environment variables that count as options.
const (
	ConfigVariable  = "MAIL_CONFIG"  // the configuration directory
	VerboseVariable = "MAIL_VERBOSE" // present: the verbose level starts at 1
	DebugVariable   = "MAIL_DEBUG"   // present: like -D
)

// MaxOptions bounds the number of words of a command line that are parsed. At its
// usual limits, a kernel passes fewer bytes than this many options of two bytes
// need; more is a usage error.
const MaxOptions = 1 << 16

// Options holds the parsed command line.
type Options struct {
	Program         string // argv[0] as given
	ConfigDirectory string // -c, else MAIL_CONFIG; empty: the compiled-in default
	Debug           bool   // -D or MAIL_DEBUG: run the debugger command, no session of our own
	Foreground      bool   // -d: keep 0, 1 and 2, no session of our own, -d for children
	Init            bool   // -i: we are PID 1
	KeepStdout      bool   // -s
	Test            bool   // -t: only test the lock
	Wait            bool   // -w: return when the daemon is up
	Verbose         int    // -v, counted
	ExitAfter       int32  // -e, in seconds; valid only with ExitAfterSet
	ExitAfterSet    bool
}

// UsageError says that the command line is invalid. Its text is the original's,
// without the leading "fatal: ".
type UsageError struct {
	Program string // argv[0] as given
}

// Error returns the usage line.
func (e *UsageError) Error() string {
	return "usage: " + e.Program + " [-c config_dir] [-D (debug)] [-d (don't detach from terminal)]" +
		" [-e exit_time] [-t (test)] [-v] [-w (wait for initialization)]"
}

// Refused combinations, with the original's words (spec runtime, 1).
var (
	ErrTestAndWait = errors.New("the -t and -w options cannot be used together")
	ErrInitAndMode = errors.New("the -i option cannot be used with -D, -d, or -w")
	ErrNotPID1     = errors.New("-i is allowed only for PID 1 process")
)

// letters lists the options in getopt's notation: a colon means an argument.
const letters = "c:Dde:istvw"

// Parse parses argv, whose first element is the program's name, and looks up
// environment variables with env. An error is a *UsageError, ErrTestAndWait or
// ErrInitAndMode; the Options then hold what was parsed before it, and may only be
// used for CheckInit.
//
// Differs: Q33, a negative -e is a usage error and not a panic.
func Parse(argv []string, env func(string) (string, bool)) (Options, error) {
	var o Options
	if len(argv) > 0 {
		o.Program = argv[0]
		argv = argv[1:]
	}
	o.fromEnvironment(env)
	if len(argv) > MaxOptions {
		return Options{}, &UsageError{o.Program}
	}
	for len(argv) > 0 {
		word := argv[0]
		if word == "--" {
			argv = argv[1:]
			break
		}
		if len(word) < 2 || word[0] != '-' {
			break // an operand
		}
		rest, ok := o.cluster(word[1:], argv[1:])
		if !ok {
			return o, &UsageError{o.Program}
		}
		argv = rest
	}
	if len(argv) > 0 {
		return o, &UsageError{o.Program}
	}
	return o, o.conflict()
}

func (o *Options) fromEnvironment(env func(string) (string, bool)) {
	if _, ok := env(VerboseVariable); ok {
		o.Verbose = 1
	}
	if _, ok := env(DebugVariable); ok {
		o.Debug = true
	}
	if dir, ok := env(ConfigVariable); ok {
		o.ConfigDirectory = dir
	}
}

// cluster parses the option letters of one word; following are the words after it.
// It returns the remaining words, or false for a usage error.
func (o *Options) cluster(word string, following []string) ([]string, bool) {
	for i := 0; i < len(word); i++ {
		at := strings.IndexByte(letters, word[i])
		if at < 0 || word[i] == ':' {
			return nil, false
		}
		if at+1 >= len(letters) || letters[at+1] != ':' {
			o.flag(word[i])
			continue
		}
		argument := word[i+1:]
		if argument == "" {
			if len(following) == 0 {
				return nil, false
			}
			argument, following = following[0], following[1:]
		}
		return following, o.argument(word[i], argument)
	}
	return following, true
}

func (o *Options) flag(letter byte) {
	switch letter {
	case 'D':
		o.Debug = true
	case 'd':
		o.Foreground = true
	case 'i':
		o.Init = true
	case 's':
		o.KeepStdout = true
	case 't':
		o.Test = true
	case 'v':
		o.Verbose++
	case 'w':
		o.Wait = true
	}
}

func (o *Options) argument(letter byte, text string) bool {
	switch letter {
	case 'c':
		o.ConfigDirectory = text
	case 'e':
		o.ExitAfter, o.ExitAfterSet = atoi(text), true
		return o.ExitAfter >= 0
	}
	return true
}

// conflict returns the first refused combination, in the original's order.
func (o *Options) conflict() error {
	if o.Test && o.Wait {
		return ErrTestAndWait
	}
	if o.Init && (o.Debug || o.Foreground || o.Wait) {
		return ErrInitAndMode
	}
	return nil
}

// CheckInit returns ErrNotPID1 if -i was given to a process that is not PID 1. The
// original checks this as soon as it reads -i, so this error precedes a conflict
// and a usage error in a later word.
func (o *Options) CheckInit(pid int) error {
	if o.Init && pid != 1 {
		return ErrNotPID1
	}
	return nil
}

// Detach reports whether the master leaves its session (spec runtime, 2.10).
func (o *Options) Detach() bool { return !o.Init && !o.Debug && !o.Foreground }

// AbsoluteConfigDirectory returns ConfigDirectory, made absolute with the working
// directory of the start; an empty name stays empty.
//
// Differs: Q23, a relative -c applies to main.cf and to master.cf.
func (o *Options) AbsoluteConfigDirectory(workingDirectory string) string {
	dir := o.ConfigDirectory
	if dir == "" || dir[0] == '/' {
		return dir
	}
	for strings.HasPrefix(dir, "./") {
		dir = strings.TrimLeft(dir[2:], "/")
	}
	base := strings.TrimRight(workingDirectory, "/")
	if dir == "" || dir == "." {
		if base == "" {
			return "/"
		}
		return base
	}
	return base + "/" + dir
}

// ProcessName returns the last component of the program's name: the tag of log
// lines and the base of the lock files' names (spec runtime, 1; Q31 kept). It is
// "master" if the program has no name.
func ProcessName(program string) string {
	program = strings.TrimRight(program, "/")
	if at := strings.LastIndexByte(program, '/'); at >= 0 {
		program = program[at+1:]
	}
	if program == "" {
		return "master"
	}
	return program
}

// atoi parses a number as the C library does on a 64-bit system: blanks, a sign,
// digits, and the rest is ignored; a number that does not fit a long is cut to its
// limits, and one that does not fit an int loses its upper half.
func atoi(text string) int32 {
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	negative := false
	if text != "" && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	const most = 1<<63 - 1
	var n uint64
	for i := 0; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		digit := uint64(text[i] - '0')
		if n > (most-digit)/10 {
			n = most
			if negative {
				n++
			}
			break
		}
		n = n*10 + digit
	}
	if negative {
		n = -n
	}
	return int32(uint32(n))
}
