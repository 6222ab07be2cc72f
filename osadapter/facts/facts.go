// Package facts looks up what core/config needs to know about the real system:
// the text of main.cf and master.cf, accounts, hosts, TCP services, interface
// addresses, the address families of the kernel and the host name.
//
// It decides nothing about the configuration. Names are looked up in the
// system's files first and then with getent, under a time limit, because a
// static Go program knows no other name services (spec go-traps, G21). It
// never writes anything and keeps no descriptor open.
package facts

import (
	"errors"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// Runner runs a command and collects its output. The daemon implements it with
// its one place that reaps children; Plain is for programs without one.
type Runner interface {
	// Run starts argv[0], an absolute path, with standard input and standard error
	// on /dev/null, waits for at most limit and then kills it. exit is the exit
	// code; err says that it could not be started, ran out of time, was killed or
	// wrote too much.
	Run(argv []string, limit time.Duration) (stdout []byte, exit int, err error)
}

// Time limits of look-ups with getent.
const (
	DefaultLookupLimit = 10 * time.Second // one look-up
	DefaultTotalLimit  = 60 * time.Second // all look-ups for one file
)

// Loader loads the configuration of one directory. Create one and use it for the
// start and for every reload, from one goroutine at a time.
type Loader struct {
	ConfigDirectory string // absolute
	ProcessName     string // the name the process was started under
	Flags           config.Flags
	Runner          Runner            // nil: Plain
	Overrides       []config.Override // for servers: "-o name=value"
	WithoutOwn      bool              // for servers: parameters of the master alone are not read
	LookupLimit     time.Duration     // 0: DefaultLookupLimit
	TotalLimit      time.Duration     // 0: DefaultTotalLimit

	// Root is a directory with the files of another host, to which this
	// configuration belongs: ConfigDirectory and all other paths are relative to
	// it. Nothing of this host is read. Offline says that there are not even such
	// files. Assumed returns what had to be assumed about the other host.
	Root    string
	Offline bool

	// The files and the command used for look-ups; empty: those of the system.
	passwd, group, hosts, services, getent string

	facts   *config.Facts // of the last evaluation of main.cf
	assumed Assumed
}

// maxRounds bounds how often a file is evaluated again because an answer raises new
// questions: a name leads to a number, and that to a name.
const maxRounds = 6

// LoadMain reads and evaluates main.cf for a start. parameters is nil if the file
// cannot be read; diagnostics are complete in any case. ok is false if one of them
// is an error: the original ends with the first of those.
func (l *Loader) LoadMain() (parameters *config.Parameters, diagnostics []core.Diagnostic, ok bool) {
	return l.loadMain(nil)
}

func (l *Loader) loadMain(frozen *config.Frozen) (*config.Parameters, []core.Diagnostic, bool) {
	path := config.MainPath(l.ConfigDirectory)
	text, problem := l.readFile(path)
	if problem != nil {
		return nil, []core.Diagnostic{*problem}, false
	}
	main := config.ParseMain(path, text)
	own, problem := l.loadOwn()
	if problem != nil {
		return nil, []core.Diagnostic{*problem}, false
	}
	l.facts, l.assumed = l.gather(), Assumed{}
	options := config.EvaluateOptions{Overrides: l.Overrides, Frozen: frozen, Own: own}
	p := config.Evaluate(main, l.facts, options)
	resolver := l.resolver()
	for round := 0; round < maxRounds; round++ {
		resolver.answer(l.facts, &p.Needs)
		if added := l.elsewhere() && l.assumeInterfaces(p); p.Needs.Empty() && !added {
			break
		}
		p = config.Evaluate(main, l.facts, options)
	}
	return p, p.Diagnostics, p.OK()
}

// loadOwn reads the file with our own parameters; nil if there is none.
func (l *Loader) loadOwn() (own *config.MainFile, problem *core.Diagnostic) {
	if l.WithoutOwn {
		return nil, nil
	}
	path := config.OwnPath(l.ConfigDirectory)
	text, err := readStable(l.inRoot(path))
	switch {
	case err == nil:
		return config.ParseMain(path, text), nil
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	}
	return nil, unreadable(path, err)
}

// LoadServices reads master.cf and resolves it with the parameters of the last
// LoadMain. A refused configuration contains only Diagnostics, which include those
// of LoadMain.
func (l *Loader) LoadServices(parameters *config.Parameters) (c *core.Config, ok bool) {
	path := config.MasterPath(l.ConfigDirectory)
	text, problem := l.readFile(path)
	if problem != nil {
		return config.Refusal(append(parameters.Diagnostics[:len(parameters.Diagnostics):len(parameters.Diagnostics)], *problem)...), false
	}
	master := config.ParseMaster(path, text)
	r := config.Resolve(parameters, master, l.facts, l.Flags)
	resolver := l.resolver()
	for round := 0; !r.Needs.Empty() && round < maxRounds; round++ {
		resolver.answer(l.facts, &r.Needs)
		r = config.Resolve(parameters, master, l.facts, l.Flags)
	}
	if !r.Needs.Empty() || !parameters.Needs.Empty() {
		r.Config = config.Refusal(append(r.Config.Diagnostics, core.Diagnostic{
			Severity: core.Error, File: path, Text: "not all names in the configuration could be looked up",
			Hint: "please report this line with the configuration; each look-up led to another one",
		})...)
	}
	return r.Config, r.OK
}

// Load reads and resolves both files. frozen are the values of the running
// configuration (config.Parameters.Freeze), nil at the start. A refused
// configuration contains only Diagnostics, of both files if main.cf could be read.
func (l *Loader) Load(frozen *config.Frozen) (c *core.Config, ok bool) {
	p, diagnostics, _ := l.loadMain(frozen)
	if p == nil {
		return config.Refusal(diagnostics...), false
	}
	return l.LoadServices(p)
}

// gather collects what is always needed and cheap to look up.
func (l *Loader) gather() *config.Facts {
	f := &config.Facts{
		ConfigDirectory: l.ConfigDirectory,
		ProcessName:     l.ProcessName,
		ProcessID:       int32(os.Getpid()),
		Hostname:        hostname(),
		IPv4:            familyError(unix.AF_INET),
		IPv6:            familyError(unix.AF_INET6),
		Users:           make(map[string]config.User),
		Groups:          make(map[string]config.Group),
		UserNames:       make(map[uint32]string),
		GroupNames:      make(map[uint32]string),
		Hosts:           make(map[string]config.Host),
		Ports:           make(map[string]config.Port),
		FirstLines:      make(map[string]config.File),
	}
	if l.elsewhere() {
		f.Hostname, f.IPv4, f.IPv6, f.Interfaces = l.hostnameElsewhere(), 0, 0, slices.Clone(loopback)
		return f
	}
	f.Interfaces, f.InterfacesError = interfaces()
	return f
}

// hostname returns the name of this host, as gethostname(2) does.
func hostname() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "localhost"
	}
	return unix.ByteSliceToString(u.Nodename[:])
}

// familyError returns the kernel's error for an address family, 0 if it supports
// it. A kernel that lacks a resource does not say; then the family is assumed to be
// supported, because one that is missing at the start is missing until the next
// start.
func familyError(family int) core.Errno {
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	switch err {
	case nil:
		_ = unix.Close(fd)
		return 0
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS:
		return 0
	}
	return errorNumber(err)
}
