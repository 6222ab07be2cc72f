package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/advice"
	"github.com/stationmaster/stationmaster/osadapter/facts"
)

const (
	maxFile     = 64 << 20 // bytes of a configuration file, as for the daemon
	maxAttempts = 4        // if a file changes while it is read
	maxRounds   = 4        // of inspecting files that refer to others: script, interpreter, loader
)

// configDirectory returns the configuration directory as every command of Postfix
// finds it: -c, MAIL_CONFIG, the built-in one. It is absolute.
func configDirectory(option string, environ func(string) string) (string, error) {
	directory := option
	if directory == "" {
		directory = environ("MAIL_CONFIG")
	}
	if directory == "" {
		directory = config.DefaultDirectory
	}
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return "", fmt.Errorf("make %s absolute: %w", directory, err)
	}
	return absolute, nil
}

// configuration is the meaning of the two files of a directory.
type configuration struct {
	host
	directory   string // on that host
	loader      *facts.Loader
	main        *config.MainFile
	own         *config.MainFile // nil: there is none
	master      *config.MasterFile
	parameters  *config.Parameters // nil: main.cf cannot be read
	resolved    *core.Config       // the configuration that the daemon would use
	accepted    bool
	diagnostics []core.Diagnostic // of both files, in the daemon's order
	texts       map[string]source // by path
	byLine      map[fileLine][]*core.Diagnostic
	listeners   []advice.Listener // only if requested
}

// fileLine is a line of a file.
type fileLine struct {
	file string
	line int32
}

// about returns the diagnostics about a line.
func (c *configuration) about(file string, line int32) []*core.Diagnostic {
	if c.byLine == nil {
		c.byLine = make(map[fileLine][]*core.Diagnostic)
		for i := range c.diagnostics {
			d := &c.diagnostics[i]
			c.byLine[fileLine{d.File, d.Line}] = append(c.byLine[fileLine{d.File, d.Line}], d)
		}
	}
	return c.byLine[fileLine{file, line}]
}

// load reads and resolves both files. It does not fail: mistakes are in the
// diagnostics.
func load(h host, directory string) *configuration {
	c := &configuration{host: h, directory: directory, loader: &facts.Loader{
		ConfigDirectory: directory, ProcessName: "master", Flags: config.Flags{SwitchIdentity: true}, Root: h.root, Offline: h.offline,
	}}
	mainPath, ownPath, masterPath := config.MainPath(directory), config.OwnPath(directory), config.MasterPath(directory)
	for range maxAttempts {
		mainText, _ := h.readFile(mainPath)
		ownText, err := h.readFile(ownPath)
		masterText, _ := h.readFile(masterPath)
		c.main, c.own, c.master = config.ParseMain(mainPath, mainText), nil, config.ParseMaster(masterPath, masterText)
		c.texts = map[string]source{mainPath: {text: mainText}, masterPath: {text: masterText}}
		if err == nil {
			c.own, c.texts[ownPath] = config.ParseMain(ownPath, ownText), source{text: ownText}
		}
		c.resolve()
		// The loader reads for itself; the lines shown must be those that it read.
		mainAfter, _ := h.readFile(mainPath)
		ownAfter, _ := h.readFile(ownPath)
		masterAfter, _ := h.readFile(masterPath)
		if bytes.Equal(mainText, mainAfter) && bytes.Equal(ownText, ownAfter) && bytes.Equal(masterText, masterAfter) {
			break
		}
	}
	c.doubt()
	return c
}

func (c *configuration) resolve() {
	c.parameters, c.diagnostics, _ = c.loader.LoadMain()
	c.resolved, c.accepted = nil, false
	if c.parameters == nil {
		return
	}
	remarks := c.hidden(c.parameters.Facts())
	if len(remarks) > 0 {
		c.parameters = config.Evaluate(c.main, c.parameters.Facts(), config.EvaluateOptions{Own: c.own})
	}
	c.resolved, c.accepted = c.loader.LoadServices(c.parameters)
	c.diagnostics = append(c.resolved.Diagnostics[:len(c.resolved.Diagnostics):len(c.resolved.Diagnostics)], remarks...)
}

// hidden replaces the results for files that only this user may not read: for the
// master, which is root, they are no errors. It returns a remark for each.
func (c *configuration) hidden(f *config.Facts) (remarks []core.Diagnostic) {
	if os.Geteuid() == 0 {
		return nil
	}
	for path, file := range f.FirstLines {
		if !strings.HasSuffix(file.Problem, ": "+core.EACCES.String()) && !strings.HasSuffix(file.Problem, ": "+core.EPERM.String()) {
			continue
		}
		f.FirstLines[path] = config.File{Line: "unknown.invalid"}
		d := core.Diagnostic{
			Severity: core.Warning, File: c.main.Path,
			Text: "myorigin: " + path + " cannot be read by this user, so its value was not checked",
			Hint: "run masterctl as root to check it",
		}
		if _, at, ok := c.parameters.Raw("myorigin"); ok {
			d.Line, d.Column = at.Line, at.Column
		}
		remarks = append(remarks, d)
	}
	return remarks
}

// doubt turns errors that only say that something could not be determined into
// warnings, and says what an ordinary user can do about files.
func (c *configuration) doubt() {
	for i := range c.diagnostics {
		d := &c.diagnostics[i]
		if d.Severity != core.Error {
			continue
		}
		if trouble := c.trouble(d); trouble != "" {
			d.Severity = core.Warning
			d.Hint = "this may be correct: " + trouble + "; check again where names can be looked up"
		}
		if !strings.HasPrefix(d.Text, "open "+d.File+": ") {
			continue
		}
		name := "name the directory of main.cf and master.cf with -c"
		if c.root != "" {
			name += ", as a path below " + c.root
		}
		switch status, err := c.stat(c.directory); {
		case errors.Is(err, fs.ErrNotExist):
			d.Hint = "directory " + c.directory + " does not exist; " + name
		case err == nil && !status.IsDir(), errors.Is(err, unix.ENOTDIR):
			d.Hint = c.directory + " is not a directory; " + name
		case errors.Is(err, fs.ErrPermission) || strings.HasSuffix(d.Text, ": "+core.EACCES.String()):
			d.Hint = "run masterctl as root, or let this user read " + d.File + " and search the directories above it"
		default: // the daemon's remedy refers to its own command line
			d.Hint = "create the file, or " + name
		}
	}
}

// trouble returns the reason why a look-up had no answer, if a diagnostic is about
// that.
func (c *configuration) trouble(d *core.Diagnostic) string {
	if c.parameters == nil {
		return ""
	}
	f := c.parameters.Facts()
	var list []string
	for _, u := range f.Users {
		list = append(list, u.Trouble)
	}
	for _, g := range f.Groups {
		list = append(list, g.Trouble)
	}
	for _, h := range f.Hosts {
		list = append(list, h.Trouble)
	}
	for _, trouble := range list {
		if trouble != "" && strings.HasPrefix(d.Hint, trouble+"; ") {
			return trouble
		}
	}
	for name, p := range f.Ports {
		if p.Trouble != "" && strings.Contains(d.Text, ":"+name+": Servname not supported") {
			return p.Trouble
		}
	}
	return ""
}

// advised returns the diagnostics with advice on what the original accepts
// silently.
func (c *configuration) advised() []core.Diagnostic {
	in := &advice.Input{Main: c.main, Own: c.own, Master: c.master, Parameters: c.parameters, Listeners: c.listeners, Elsewhere: c.elsewhere()}
	if c.unread(c.master.Path) {
		in.Master = nil // it has no entries, but it is not empty
	}
	in.Programs = make(map[string]config.Program)
	for range maxRounds {
		found := c.loader.Programs(advice.Needs(in))
		if len(found) == 0 {
			break
		}
		maps.Copy(in.Programs, found)
	}
	in.Users, in.Groups = c.loader.Accounts(advice.NeedAccounts(in))
	return advice.Merge(c.diagnostics, advice.Check(in))
}

// unread reports whether the daemon could not read a file.
func (c *configuration) unread(path string) bool {
	for i := range c.diagnostics {
		d := &c.diagnostics[i]
		if d.File == path && (strings.HasPrefix(d.Text, "open "+path+": ") || strings.HasPrefix(d.Text, "read "+path+": ")) {
			return true
		}
	}
	return false
}

// count returns the number of diagnostics of a severity.
func count(list []core.Diagnostic, severity core.Severity) (n int) {
	for i := range list {
		if list[i].Severity == severity {
			n++
		}
	}
	return n
}

// readFile reads a regular file once. It does not block on other files.
func readFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var status unix.Stat_t
	if err := unix.Fstat(fd, &status); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	switch status.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return nil, &fs.PathError{Op: "read", Path: path, Err: unix.EISDIR}
	default:
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	text, err := io.ReadAll(io.LimitReader(descriptor(fd), maxFile+1))
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	case len(text) > maxFile:
		return nil, &fs.PathError{Op: "read", Path: path, Err: unix.EFBIG}
	}
	return text, nil
}

// descriptor reads from a descriptor without the runtime's poller.
type descriptor int

func (d descriptor) Read(p []byte) (int, error) {
	for {
		switch n, err := unix.Read(int(d), p); {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}
