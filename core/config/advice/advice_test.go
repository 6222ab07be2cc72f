package advice

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

const mainStart = `compatibility_level = 3.6
myhostname = mail.example.com
daemon_directory = /d
queue_directory = /q
`

// mainLines is how many lines mainStart has.
const mainLines = 4

// testFacts are those of a small machine.
func testFacts() *config.Facts {
	f := &config.Facts{
		ConfigDirectory: "/c", ProcessName: "master", ProcessID: 42, Hostname: "mail.example.com",
		Users: map[string]config.User{
			"postfix": {Found: true, UID: 102, GID: 105}, "nobody": {Found: true, UID: 65534, GID: 65534},
		},
		Groups:     map[string]config.Group{"postdrop": {Found: true, GID: 106}},
		UserNames:  map[uint32]string{102: "postfix", 65534: "nobody"},
		GroupNames: map[uint32]string{106: "postdrop"},
		Hosts: map[string]config.Host{
			"localhost":     {Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}},
			"away.example":  {Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.7")}},
			"inner.example": {Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
		},
		Ports:      map[string]config.Port{},
		FirstLines: map[string]config.File{"/etc/mailname": {Line: "mail.example.com"}},
	}
	for _, p := range []string{"127.0.0.1/8", "192.0.2.1/24", "::1/128", "2001:db8::1/64"} {
		f.Interfaces = append(f.Interfaces, netip.MustParsePrefix(p))
	}
	for name, number := range map[string]uint16{"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465} {
		f.Ports[name] = config.Port{Found: true, Number: number}
	}
	return f
}

// program is an ordinary one.
var program = config.Program{Exists: true, Regular: true, Executable: true, Mode: 0o755}

// input makes the input of texts. All of Postfix's own servers are there.
func input(main, master string) *in {
	x := &in{facts: testFacts()}
	x.Main, x.Master = config.ParseMain("/c/main.cf", []byte(main)), config.ParseMaster("/c/master.cf", []byte(master))
	x.Parameters = config.Evaluate(x.Main, x.facts, config.EvaluateOptions{})
	x.Programs = make(map[string]config.Program)
	x.Users = map[string]config.User{
		"nobody": {Found: true, UID: 65534, GID: 65534}, "postfix": x.facts.Users["postfix"], "ghost": {}, "1000": {},
		"toor": {Found: true}, "other": {Found: true, UID: 102, GID: 7}, "clerk": {Found: true, UID: 7, GID: 105},
	}
	x.Groups = map[string]config.Group{"staff": {Found: true, GID: 50}, "root": {Found: true}, "postdrop": x.facts.Groups["postdrop"], "ghosts": {}}
	for list := Needs(&x.Input); len(list) > 0; list = Needs(&x.Input) {
		for _, path := range list {
			x.Programs[path] = x.look(path)
		}
	}
	return x
}

type in struct {
	Input
	facts *config.Facts
}

// look finds a file of the small machine: Postfix's own servers, the
// directories that are needed, and all programs that other packages may have.
func (x *in) look(path string) config.Program {
	directory := config.Program{Exists: true, Directory: true, Executable: true, Mode: 0o755}
	if p, ok := odd[path]; ok {
		return p
	}
	name, inside := strings.CutPrefix(path, x.Parameters.DaemonDirectory()+"/")
	_, ours := servers[name]
	switch {
	case path == x.Parameters.DaemonDirectory(), slices.Contains(ownDirectories(x.Parameters), path),
		path == filepath.Dir(logFile(x.Parameters)), !strings.Contains(path[1:], "/"), path == "/usr/bin":
		return directory
	case path == logFile(x.Parameters), path == fileOf(x.Parameters, "master_journal_file"):
		return config.Program{}
	case inside && !ours:
		return config.Program{}
	}
	return program
}

func show(list []Advice) (lines []string) {
	for _, a := range list {
		lines = append(lines, fmt.Sprintf("%s %s:%d:%d %s\n\t=> %s", a.Code, filepath.Base(a.File), a.Line, a.Column, a.Text, a.Hint))
	}
	return lines
}

// Nothing is said about the configurations that come with Postfix.
func TestStockConfigurationsGetNoAdvice(t *testing.T) {
	for _, c := range []struct{ main, master string }{
		{"/usr/share/postfix/main.cf.debian", "/usr/share/postfix/master.cf.dist"},
		{"/usr/share/postfix/main.cf.dist", "/usr/share/postfix/master.cf.dist"},
		{"/usr/share/postfix/main.cf.tls", "/usr/share/postfix/master.cf.dist"},
		{"/etc/postfix/main.cf.proto", "/etc/postfix/master.cf.proto"},
	} {
		t.Run(c.main, func(t *testing.T) {
			main, err := os.ReadFile(c.main)
			master, err2 := os.ReadFile(c.master)
			if err != nil || err2 != nil {
				t.Skipf("Debian's postfix is not installed: %v %v", err, err2)
			}
			// the prototypes leave some values to the installation
			text := strings.NewReplacer("setgid_group =\n", "setgid_group = postdrop\n").Replace(string(main))
			x := input(text, string(master))
			for path := range x.Programs {
				s, err := os.Stat(path)
				x.Programs[path] = config.Program{Unknown: err != nil && !os.IsNotExist(err), Exists: err == nil}
				if err == nil {
					x.Programs[path] = config.Program{
						Exists: true, Directory: s.IsDir(), Regular: s.Mode().IsRegular(), Executable: s.Mode()&0o111 != 0,
					}
				}
			}
			if len(x.Programs) < 15 || !x.Programs[x.Parameters.DaemonDirectory()].Directory {
				t.Skipf("the servers are not installed: %d programs", len(x.Programs))
			}
			if !x.Parameters.OK() {
				t.Fatalf("refused: %+v, needs %+v", x.Parameters.Diagnostics, x.Parameters.Needs)
			}
			if list := Check(&x.Input); len(list) > 0 {
				t.Errorf("advice:\n%s", strings.Join(show(list), "\n"))
			}
		})
	}
}

// uncommented makes settings of the examples in comments.
func uncommented(text string) string {
	var out strings.Builder
	example := false // the line before is part of one
	for line := range strings.Lines(text) {
		rest, comment := strings.CutPrefix(line, "#")
		more := strings.HasPrefix(rest, "  ") && !strings.HasPrefix(rest, "   ")
		if example = comment && (parameterName(rest) != "" || entryLike(strings.Fields(rest)) || example && more); example {
			line = rest
		}
		out.WriteString(line)
	}
	return out.String()
}

// Of the examples in the comments of the files that come with Postfix only
// those are reported that need something more.
func TestStockExamplesGetNoFalseAdvice(t *testing.T) {
	main, err := os.ReadFile("/usr/share/postfix/main.cf.dist")
	master, err2 := os.ReadFile("/usr/share/postfix/master.cf.dist")
	if err != nil || err2 != nil {
		t.Skipf("Debian's postfix is not installed: %v %v", err, err2)
	}
	var got []string
	x := input(uncommented(string(main)), string(master))
	list := Check(&x.Input)
	x = input(mainStart, uncommented(string(master)))
	for _, a := range append(list, Check(&x.Input)...) {
		at := x.Master.Entry(a.Line)
		name := ""
		if at != nil && a.File == x.Master.Path {
			name = at.Fields[config.ColumnName].Text
		}
		got = append(got, string(a.Code)+" "+name)
	}
	want := []string{
		"missing-service ",                      // mailbox_transport = cyrus, of which the entry is an example too
		"covered-address 127.0.0.1:submission",  // "Choose one" says the comment
		"covered-address 127.0.0.1:submissions", // the same
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\n%s", got, strings.Join(show(list), "\n"))
	}
}

// A configuration with filters, policy servers, mailbox servers and submission,
// as many have it, gets no advice.
func TestConfigurationInDailyUseGetsNoAdvice(t *testing.T) {
	main, err := os.ReadFile("testdata/daily/main.cf")
	master, err2 := os.ReadFile("testdata/daily/master.cf")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	x := input(string(main), string(master))
	if !x.Parameters.OK() || len(x.Master.Entries) < 30 {
		t.Fatalf("%d entries, %+v", len(x.Master.Entries), x.Parameters.Diagnostics)
	}
	for _, a := range Check(&x.Input) {
		t.Errorf("%s", show([]Advice{a}))
	}
}

// A main.cf that says all defaults is a good one.
func TestDefaultsGetNoAdvice(t *testing.T) {
	var text strings.Builder
	for _, name := range known.Names() {
		value, _ := known.Default(name)
		fmt.Fprintf(&text, "%s = %s\n", name, value)
	}
	x := input(text.String(), stockMaster)
	for _, a := range Check(&x.Input) {
		t.Errorf("%s", show([]Advice{a}))
	}
}

// stockMaster has the services that a mail system needs.
const stockMaster = `smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
  -o syslog_name=postfix/$service_name
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
