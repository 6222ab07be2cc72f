package facts

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// tree creates files under a directory; a text that begins with "->" creates a
// symbolic link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "->"); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLinksOfATreeStayInIt(t *testing.T) {
	root := tree(t, map[string]string{
		"usr/lib/x": "x", "lib": "->usr/lib", "etc/absolute": "->/usr/lib/x", "etc/up": "->../../../../etc/passwd", "etc/chain": "->/lib/../lib/x",
		"etc/loop": "->/etc/loop", "etc/dangling": "->/nowhere/y", "etc/passwd": "",
	})
	for path, want := range map[string]string{
		"/usr/lib/x": "/usr/lib/x", "/lib/x": "/usr/lib/x", "/etc/absolute": "/usr/lib/x", "/etc/up": "/etc/passwd", "/etc/chain": "/usr/lib/x",
		"/../../lib//./x": "/usr/lib/x", "/etc/dangling": "/nowhere/y", "/none/at/all": "/none/at/all", "/etc/../lib/x/": "/usr/lib/x", "/": "",
	} {
		if got, err := InRoot(root, path); err != nil || got != filepath.Join(root, want) {
			t.Errorf("%s: %q, %v; want %s", path, strings.TrimPrefix(got, root), err, want)
		}
	}
	if _, err := InRoot(root, "/etc/loop"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a loop: %v", err)
	}
	if got, err := InRoot("", "/etc/loop"); err != nil || got != "/etc/loop" {
		t.Errorf("no root: %s, %v", got, err)
	}
}

const elsewhereMain = `compatibility_level = 3.6
mail_owner = mailer
default_privs = poor
setgid_group = dropper
inet_interfaces = 203.0.113.5, far.example, localhost
inet_protocols = ipv4
myorigin = /etc/mailname
`

func TestNothingOfThisHostIsAskedAboutAnother(t *testing.T) {
	root := tree(t, map[string]string{
		"etc/postfix/main.cf": elsewhereMain, "etc/postfix/master.cf": "queer inet n - n - - smtpd\nfar.example:26 inet n - n - - smtpd\n",
		"etc/passwd": "mailer:x:7001:7002::/:/bin/sh\npoor:x:7003:7004::/:/bin/sh\n", "etc/group": "dropper:x:7005:\n",
		"etc/services": "queer 7777/tcp\n", "etc/hosts": "203.0.113.9 far.example\n", "etc/mailname": "->/etc/name", "etc/name": "origin.example\n",
		"etc/hostname": "there.example\n",
	})
	l := &Loader{ConfigDirectory: "/etc/postfix", ProcessName: "master", Root: root, Runner: forbidden{t}}
	c, ok := l.Load(nil)
	if !ok {
		t.Fatalf("refused: %+v", c.Diagnostics)
	}
	if c.MailOwner.UID != 7001 || c.MailOwner.GID != 7002 {
		t.Errorf("owner %+v", c.MailOwner)
	}
	if got := c.Services[0].Endpoints[0].Address.String(); got != "127.0.0.1:7777" || len(c.Services[0].Endpoints) != 3 {
		t.Errorf("listens on %+v", c.Services[0].Endpoints)
	}
	if got := c.Services[1].Endpoints[0].Address; got != netip.MustParseAddrPort("203.0.113.9:26") {
		t.Errorf("listens on %v", got)
	}
	if a := l.Assumed(); len(a.Users)+len(a.Groups)+len(a.Hosts)+len(a.Ports)+len(a.Files) > 0 {
		t.Errorf("assumed %+v", a)
	}
	// A name that its files lack is an error: that host would look it up there too.
	for file, want := range map[string]string{
		"etc/passwd": "unknown user name value: mailer", "etc/group": "unknown group name: dropper", "etc/services": "queer: Servname not supported",
	} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		write := func(text string) {
			if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write("another:x:1:1::\n")
		c, ok := l.Load(nil)
		if ok || !slices.ContainsFunc(c.Diagnostics, func(d core.Diagnostic) bool { return strings.Contains(d.Text, want) }) {
			t.Errorf("%s: %+v", file, c.Diagnostics)
		}
		write(string(text))
	}
}

func TestWhatIsNotKnownOfAnotherHostIsAssumed(t *testing.T) {
	files := map[string]string{
		"etc/postfix/main.cf": elsewhereMain, "etc/postfix/master.cf": "queer inet n - n - - smtpd\nqueerer inet n - n - - smtpd\nnear.example:26 inet n - n - - smtpd\n",
	}
	root := tree(t, files)
	for _, l := range []*Loader{
		{ConfigDirectory: "/etc/postfix", Root: root},
		{ConfigDirectory: filepath.Join(root, "etc/postfix"), Offline: true},
	} {
		l.ProcessName, l.Runner = "master", forbidden{t}
		if l.Root != "" {
			if err := os.WriteFile(filepath.Join(root, "etc/mailname"), []byte("origin.example\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c, ok := l.Load(nil)
		if !ok || len(c.Services) != 3 {
			t.Fatalf("refused: %+v", c.Diagnostics)
		}
		if c.Services[0].Endpoints[0] == c.Services[1].Endpoints[0] {
			t.Errorf("two ports are one: %+v", c.Services)
		}
		a := l.Assumed()
		for _, pair := range [][2][]string{
			{a.Users, {"mailer", "poor"}}, {a.Groups, {"dropper"}}, {a.Hosts, {"far.example", "near.example"}}, {a.Ports, {"queer", "queerer"}},
		} {
			if !slices.Equal(pair[0], pair[1]) {
				t.Errorf("assumed %q, want %q", pair[0], pair[1])
			}
		}
		if want := l.Offline; slices.Contains(a.Files, "/etc/mailname") != want {
			t.Errorf("files %q", a.Files)
		}
	}
}

// forbidden fails the test if it is asked to run a program.
type forbidden struct{ t *testing.T }

func (f forbidden) Run(argv []string, _ time.Duration) ([]byte, int, error) {
	f.t.Errorf("%q was run", argv)
	return nil, 2, nil
}

// An IPv4 address in IPv6 form counts as one or the other, as inet_protocols says.
func TestAddressesInIPv6FormAreAssumed(t *testing.T) {
	for _, protocols := range []string{"ipv4", "all"} {
		root := tree(t, map[string]string{
			"etc/postfix/main.cf":   "compatibility_level = 3.6\ninet_interfaces = ::ffff:203.0.113.6\ninet_protocols = " + protocols + "\nmyorigin = a.example\n",
			"etc/postfix/master.cf": "25 inet n - n - - smtpd\n",
		})
		l := &Loader{ConfigDirectory: "/etc/postfix", ProcessName: "master", Root: root, Runner: forbidden{t}}
		if c, ok := l.Load(nil); !ok {
			t.Errorf("%s: %+v", protocols, c.Diagnostics)
		}
	}
}
