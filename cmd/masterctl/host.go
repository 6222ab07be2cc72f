package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/osadapter/facts"
)

// host is the host whose configuration is read: this one, or another one of which
// there are the files, or only the configuration.
type host struct {
	root    string // directory of its files; empty: this host's
	offline bool
}

// flags adds the options for another host.
func (h *host) flags(cmd *cobra.Command) {
	cmd.Flags().Var((*directoryFlag)(&h.root), "root",
		"the files are those of the host whose root directory is `DIR`; all paths, including that of -c, are relative to it")
	cmd.Flags().BoolVar(&h.offline, "offline", false, "the files are those of another host; read nothing but main.cf and master.cf")
}

// directoryFlag is an option whose value is a directory. An empty value is refused:
// it would count as no option, and a script whose variable is not set would check
// this host.
type directoryFlag string

func (d *directoryFlag) String() string { return string(*d) }

func (d *directoryFlag) Type() string { return "directory" }

func (d *directoryFlag) Set(text string) error {
	if text == "" {
		return errors.New("the directory name is empty (an unset variable?)")
	}
	*d = directoryFlag(text)
	return nil
}

func (h host) elsewhere() bool { return h.offline || h.root != "" }

// ready checks and completes the options of the command line.
func (h *host) ready() error {
	if h.root == "" {
		return nil
	}
	if h.offline {
		return errors.New("--root and --offline cannot be combined")
	}
	absolute, err := filepath.Abs(h.root)
	if err != nil {
		return fmt.Errorf("make %s absolute: %w", h.root, err)
	}
	status, err := os.Stat(absolute)
	switch {
	case err != nil:
		return fmt.Errorf("use --root: %w", err)
	case !status.IsDir():
		return fmt.Errorf("use --root: %s is not a directory", h.root)
	}
	if h.root = absolute; absolute == "/" {
		h.root = ""
	}
	return nil
}

// directory returns the directory of the configuration on the host. MAIL_CONFIG
// applies only to this host.
func (h *host) directory(option string, environ func(string) string) (string, error) {
	if err := h.ready(); err != nil {
		return "", err
	}
	if h.root == "" {
		return configDirectory(option, environ)
	}
	if option == "" {
		option = config.DefaultDirectory
	}
	return path.Join("/", option), nil
}

// readFile reads a configuration file of the host.
func (h host) readFile(name string) ([]byte, error) {
	found, err := facts.InRoot(h.root, name)
	if err != nil {
		return nil, err
	}
	return readFile(found)
}

func (h host) stat(name string) (fs.FileInfo, error) {
	found, err := facts.InRoot(h.root, name)
	if err != nil {
		return nil, err
	}
	return os.Stat(found)
}

// account formats an account with its numbers.
func (c *configuration) account(a core.Account) string {
	if slices.Contains(c.loader.Assumed().Users, a.Name) {
		return a.Name + " (uid and gid unknown)"
	}
	return fmt.Sprintf("%s (uid %d, gid %d)", a.Name, a.UID, a.GID)
}

// endpoint formats the address of an inet service.
func (c *configuration) endpoint(e core.Endpoint) string {
	host, port := "", ""
	f, assumed := c.parameters.Facts(), c.loader.Assumed()
	for _, name := range assumed.Hosts {
		if slices.Contains(f.Hosts[name].Addresses, e.Address.Addr()) {
			host = name
		}
	}
	for _, name := range assumed.Ports {
		if f.Ports[name].Number == e.Address.Port() {
			port = name
		}
	}
	if host == "" && port == "" {
		return e.String()
	}
	return cmp.Or(host, e.Address.Addr().String()) + ":" + cmp.Or(port, strconv.Itoa(int(e.Address.Port()))) + " (unknown)"
}

// canonical returns the name that identifies a service.
func (c *configuration) canonical(s *core.ServiceConfig) string {
	for _, name := range c.loader.Assumed().Ports {
		number := strconv.Itoa(int(c.parameters.Facts().Ports[name].Number))
		if text, ok := strings.CutSuffix(s.Canonical, number); ok && s.Type == core.Inet && strings.HasSuffix(s.Name, name) {
			return text + name
		}
	}
	return s.Canonical
}

// maxNamed bounds the names of one kind in a remark.
const maxNamed = 10

// unknown returns a remark on what was not checked because the files are another
// host's.
func (c *configuration) unknown() (d core.Diagnostic, some bool) {
	if !c.elsewhere() || c.parameters == nil {
		return d, false
	}
	assumed := c.loader.Assumed()
	var list []string
	add := func(what string, names []string) {
		if len(names) == 0 {
			return
		}
		if more := len(names) - maxNamed; more > 0 {
			names = append(names[:maxNamed:maxNamed], fmt.Sprintf("%d more", more))
		}
		list = append(list, what+" "+strings.Join(names, ", "))
	}
	add("the users", assumed.Users)
	add("the groups", assumed.Groups)
	add("the addresses of", assumed.Hosts)
	add("the ports of", assumed.Ports)
	add("the text of", assumed.Files)
	list = append(list, "the addresses of its interfaces")
	option := "--root"
	if c.offline {
		option = "--offline"
		list = append(list, "its programs and directories")
	}
	return core.Diagnostic{
		Severity: core.Info, File: c.directory,
		Text: "not checked, because it is not known about the other host: " + strings.Join(list, "; "),
		Hint: "run masterctl on that host, without " + option + ", to check this too",
	}, true
}
