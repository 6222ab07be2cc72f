package advice

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// fuzzSeeds returns pairs of main.cf and master.cf: the mistakes of the table,
// the vectors of core/config, and the files that come with Postfix.
func fuzzSeeds(f *testing.F) {
	for _, m := range mistakes {
		f.Add([]byte(mainStart+m.main), []byte(m.master), byte(0))
	}
	for _, name := range []string{"main_cf.json", "master_cf.json"} {
		text, err := os.ReadFile(filepath.Join("..", "testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		var vectors []struct {
			Main   string `json:"main_cf"`
			Master string `json:"master_cf"`
		}
		if err := json.Unmarshal(text, &vectors); err != nil {
			f.Fatal(err)
		}
		for i := 0; i < len(vectors); i += 5 {
			f.Add(bytesOf(vectors[i].Main), bytesOf(vectors[i].Master), byte(i/5%numWorlds))
		}
	}
	for world := range byte(numWorlds) {
		for _, pair := range oddities {
			f.Add([]byte(pair[0]), []byte(pair[1]), world)
		}
	}
	for _, pair := range [][2]string{
		{"/usr/share/postfix/main.cf.debian", "/usr/share/postfix/master.cf.dist"},
		{"/etc/postfix/main.cf.proto", "/etc/postfix/master.cf.proto"},
	} {
		main, err := os.ReadFile(pair[0])
		master, err2 := os.ReadFile(pair[1])
		if err == nil && err2 == nil {
			f.Add(main, master, byte(0))
			f.Add([]byte(uncommented(string(main))), []byte(uncommented(string(master))), byte(0))
		}
	}
}

// oddities are pairs that use what the vectors leave out.
var oddities = [][2]string{
	{"", "smtp inet n - y - - smtpd\n"},
	{mainStart + "myorigin = /etc/mailname\n", "127.0.0.1:25 inet n - - - - smtpd\nlist unix - n n - - pipe argv=x\nrelay unix - - n - - smtp\npolicy unix - n n - - spawn argv=x\n"},
	{
		"mydomain = $nothing\nfallback_relay = a\nused = 1\nmail_name = ${used}\nunused = $self_made\nself_made = 2\nin_options = permit\nbraced = 3\n" +
			"loose = 4\nluser_relay = $kept\nkept = 6\nclass_a = permit\nsmtpd_restriction_classes = class_a\ngone_destination_rate_delay = 7\n" +
			"alias_maps = proxy:ldap:dir, sqlite:lite mysql:my pgsql:pg memcache:mem\ndir_timeout = 9\nlite_dbpath = /x\nmy_hosts = h\npg_user = u\nmem_ttl = 1\n",
		"smtp inet n - n - - smtpd\n  -o smtpd_restriction_classes=in_options -o { x = $braced } -v -o joined=$loose -d arg -o late=$never\n" +
			"relay unix - - n - - smtp\nx unix - - n - - discard -i 3 -m5 -n name -cDz -o\nshort unix - - smtp\nown unix - - n - - /d/smtp\n",
	},
	{"mynetworks_style = class\ninet_interfaces = 192.0.2.1, 127.0.0.1, ::1\n", "a unix - - - - - b {\r\n x }\r\n\t-v\n [2001:db8::1]:submission inet n - n - - smtpd\n"},
	{"mynetworks_style = net\nmynetworks_style = host,subnet\n", "[ipv6:::1]:25 inet n - n - - smtpd\n[::1 inet n - n - - smtpd\n[1::2::3]:5 inet - - - - - x\n"},
	{"inet_protocols = ipv6\ninet_interfaces = 0x7f.1, 017.0.0.1, 1.2.3.4.5, 1:2:3:4:5:6:7:8:9, ::ffff:1.2.3.4, 4294967296, 256.1\n", "25 inet n - n - - smtpd\n"},
	{"a = ${{1} ==\nb = ${{1} == {2} ? {x} : y} ${{a} == {b} ? {c} junk}\nc = ${x?{y}\nd = ${{99999999999999999999} <level {1}}\ne = ${{9223372036854775808} < {1} ? {y}}\nrelay_domains = $a$b$c$d$e\n", "a unix - - - - - b\n"},
	{"relay_domains = ${{$relay_domains} == {x} ? {y}}\nmydestination = $mydestination\n" + "myhostname = " + strings.Repeat("label.", 60) + "\n", "b fifo n - n 60 1 qmgr\n"},
	{"myhostname = " + strings.Repeat("x", 64) + ".example\nmail_version =\nqueue_directory = " + strings.Repeat("/q", 3000) + "\n", "c unix - - - - - d\n#e inet n - n - - f\n  -o g=h\n"},
	{"debugger_command =\nmaster_journal_file = relative\ndefault_verp_delimiters = +\nverp_delimiter_filter =\nimport_environment = {A = b\n", "x unix - - - - - y # comment\nz unix - - - - - y -o a=b,\n -o c=\n d\n"},
	{"master_service_disable = inet, !unix, foo.unix/x\n", "foo unix - - - - - y\nsmtp inet n - n - - smtpd\n"},
	{"html_directory =\nreadme_directory =\nmanpage_directory =\nsmtpd-banner = x\n" + strings.Repeat("n", 200) + " = x\n", "q unix n - n - - qmgr\n"},
	{strings.Repeat("x = $x\n", 3) + "mydestination = " + strings.Repeat("${a", 120) + "\n", "\x00\n{ } inet\n"},
	{"compatibility_level = 3.6 x\nsmtputf8_enable = ${{$compatibility_level} <level {x} ? {a} : {b}}\n", "-n unix - - - - - -\n"},
}

// bytesOf turns a text of the vectors into the bytes it stands for.
func bytesOf(text string) (b []byte) {
	for _, r := range strings.NewReplacer("@CONFIG@", "/c", "@QUEUE@", "/q", "@DAEMON@", "/d", "@DATA@", "/v").Replace(text) {
		b = append(b, byte(r))
	}
	return b
}

// numWorlds is how many systems a text may stand in.
const numWorlds = 8

// noFamily is what a kernel without a protocol says: EAFNOSUPPORT.
const noFamily core.Errno = 97

// place moves the texts to another system.
func place(x *in, world byte) {
	f := x.facts
	for path := range x.Programs {
		switch world % numWorlds {
		case 1:
			x.Programs[path] = config.Program{Unknown: true}
		case 2:
			x.Programs[path] = config.Program{Exists: true, Regular: true}
		case 3:
			x.Programs[path] = config.Program{Exists: true, Directory: true, Executable: true}
		}
	}
	switch world % numWorlds {
	case 0:
		return
	case 1:
		f.Interfaces, f.InterfacesError = nil, core.EPERM
	case 2:
		f.Interfaces, f.Hostname = nil, "build"
	case 3:
		f.FirstLines["/etc/mailname"] = config.File{}
		f.Users["postfix"], f.UserNames[102] = config.User{Found: true, UID: 102}, "another"
	case 4:
		f.FirstLines["/etc/mailname"] = config.File{Problem: "cannot open file: Permission denied"}
		f.Users["nobody"], f.GroupNames[105] = config.User{Found: true, UID: 102, GID: 65534}, "another"
	case 5:
		f.Users["nobody"], f.Hostname = config.User{Found: true, UID: 65534, GID: 105}, "-not.a.name"
		f.GroupNames[106] = "another"
	case 6:
		f.IPv4, f.IPv6 = noFamily, noFamily
	case 7:
		f.Users["postfix"], f.IPv6, f.Hostname = config.User{}, noFamily, strings.Repeat("long.", 60)
	}
	x.Parameters = config.Evaluate(x.Main, f, config.EvaluateOptions{Overrides: []config.Override{{Name: "max_use", Value: "7"}}})
}

// maxStack is what the texts may make the program recurse to, in bytes.
const maxStack = 16 << 20

// FuzzAdvice returns any two texts to what the operator's tool does with them:
// advice, the value and origin of every parameter and service, and the layout.
// Everything points into the texts, twice the same comes out, memory and
// recursion are bounded, and a new layout means what the old one did.
func FuzzAdvice(f *testing.F) {
	defer debug.SetMaxStack(debug.SetMaxStack(maxStack))
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, main, master []byte, world byte) {
		sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
		metrics.Read(sample)
		before := sample[0].Value.Uint64()
		list, merged := advise(t, main, master, world)
		metrics.Read(sample)
		if took := sample[0].Value.Uint64() - before; took > uint64(128<<20+2000*(len(main)+len(master))) {
			t.Fatalf("%d bytes of text made it take %d bytes of memory", len(main)+len(master), took)
		}
		again, mergedAgain := advise(t, main, master, world)
		if !reflect.DeepEqual(list, again) || !reflect.DeepEqual(merged, mergedAgain) {
			t.Fatalf("first %+v, then %+v", list, again)
		}
		laidOut(t, main, master)
	})
}

// advise judges the texts and looks at everything that can be asked of them.
func advise(t *testing.T, main, master []byte, world byte) ([]Advice, []core.Diagnostic) {
	t.Helper()
	x := input(string(main), string(master))
	place(x, world)
	if paths := Needs(&x.Input); !slices.IsSorted(paths) || len(slices.Compact(paths)) != len(Needs(&x.Input)) || len(paths) > maxPrograms {
		t.Fatalf("needs %q", paths)
	}
	list := Check(&x.Input)
	if len(list) > maxAdvice {
		t.Fatalf("%d pieces of advice", len(list))
	}
	for i := range list {
		a := &list[i]
		if a.Severity > a.Code.severity() || a.Text == "" || !slices.Contains(Codes(), a.Code) {
			t.Fatalf("%+v", *a)
		}
		within(t, &a.Diagnostic, main, master)
	}
	result := resolved(x)
	if result.Config == nil {
		return list, nil
	}
	explain(t, x, result.Config)
	merged := Merge(result.Config.Diagnostics, list)
	first := firstError(result.Config.Diagnostics)
	if len(merged) > len(list)+len(result.Config.Diagnostics) || first.Severity == core.Error && firstError(merged) != first {
		t.Fatalf("%+v and %+v make %+v", result.Config.Diagnostics, list, merged)
	}
	return list, merged
}

// within wants the place of a diagnostic inside its file.
func within(t *testing.T, d *core.Diagnostic, main, master []byte) {
	t.Helper()
	if d.Line == 0 && d.Column == 0 {
		return
	}
	text := main
	if d.File == "/c/master.cf" {
		text = master
	}
	lines := bytes.Split(text, []byte{'\n'})
	if d.Line < 1 || int(d.Line) > len(lines) || d.Column < 1 || int(d.Column) > len(lines[d.Line-1])+1 {
		t.Fatalf("not in the file: %+v", *d)
	}
}

func firstError(list []core.Diagnostic) core.Diagnostic {
	for i := range list {
		if list[i].Severity == core.Error {
			return list[i]
		}
	}
	return core.Diagnostic{}
}

// resolved answers what the texts ask for with no, and resolves them.
func resolved(x *in) (r config.Resolution) {
	answer := func(n *config.Needs) {
		for _, name := range n.Users {
			x.facts.Users[name] = config.User{}
		}
		for _, name := range n.Groups {
			x.facts.Groups[name] = config.Group{}
		}
		for _, uid := range n.UserIDs {
			x.facts.UserNames[uid] = ""
		}
		for _, gid := range n.GroupIDs {
			x.facts.GroupNames[gid] = ""
		}
		for _, name := range n.Hosts {
			x.facts.Hosts[name] = config.Host{}
		}
		for _, name := range n.Ports {
			x.facts.Ports[name] = config.Port{}
		}
		for _, path := range n.FirstLines {
			x.facts.FirstLines[path] = config.File{Problem: "cannot open file"}
		}
	}
	const rounds = 4 // a name leads to a number, and that to a name
	for round := 0; round < rounds && !x.Parameters.Needs.Empty(); round++ {
		answer(&x.Parameters.Needs)
		x.Parameters = config.Evaluate(x.Main, x.facts, config.EvaluateOptions{})
	}
	for range rounds {
		if r = config.Resolve(x.Parameters, x.Master, x.facts, config.Flags{}); r.Needs.Empty() {
			break
		}
		answer(&r.Needs)
	}
	return r
}

// explain asks for the origin of every value, as the operator's tool does.
func explain(t *testing.T, x *in, c *core.Config) {
	t.Helper()
	catalog := known.New(x.Parameters, x.Master)
	names := catalog.Names()
	if !slices.IsSorted(names) {
		t.Fatal("the names are not sorted")
	}
	for i := range min(len(x.Main.Entries), 30) {
		name := x.Main.Entries[i].Name
		class := catalog.Class(name)
		_, raw := catalog.Raw(name)
		_, found, err := catalog.Value(name)
		if raw != found && err == nil || class != known.Unknown && !found && err == nil {
			t.Fatalf("%q is of class %d; found %v, unexpanded %v", name, class, found, raw)
		}
		if origin := x.Parameters.Origin(name); origin.Kind == 0 || origin.Name != name {
			t.Fatalf("%q comes from %+v", name, origin)
		}
		if closest, ok := known.Closest(name, names); ok && closest == "" {
			t.Fatalf("%q is near nothing", name)
		}
		typed(t, x.Parameters, name)
	}
	for i := range min(len(c.Services), 30) {
		s := &c.Services[i]
		e := x.Master.Entry(s.Line)
		if e == nil {
			t.Fatalf("no entry begins in line %d, where %s does", s.Line, s.Name)
		}
		shown(t, s)
		from := x.Parameters.Sources(x.Master, e, s)
		if len(from.Name) == 0 || len(from.Canonical) == 0 || len(from.Listen) == 0 || len(from.Args) < len(e.Args) {
			t.Fatalf("%s comes from %+v", s.Name, from)
		}
	}
	for i := range min(len(x.Master.Entries), 30) {
		if by, off := x.Parameters.Disabled(&x.Master.Entries[i]); off != (len(by) > 0) {
			t.Fatalf("entry %d is off: %v, by %+v", i, off, by)
		}
	}
}

// typed reads a parameter as each type: what is given is within the bounds, and
// what is refused is refused with words.
func typed(t *testing.T, p *config.Parameters, name string) {
	t.Helper()
	n, err := p.Int(name, 5, 2, 1000)
	faults := []error{err}
	if err == nil && (n < 2 || n > 1000) {
		t.Fatalf("%q is %d", name, n)
	}
	d, err := p.Time(name, "5s", 2, 1000)
	faults = append(faults, err)
	if err == nil && (d < 2*core.Second || d > 1000*core.Second) {
		t.Fatalf("%q is %d", name, d)
	}
	text, err := p.String(name, "five", 2, 20)
	faults = append(faults, err)
	if err == nil && (len(text) < 2 || len(text) > 20) {
		t.Fatalf("%q is %q", name, text)
	}
	_, err = p.Bool(name, false)
	for _, err := range append(faults, err) {
		if err != nil && err.Error() == "" {
			t.Fatalf("%q is refused without a word", name)
		}
	}
}

// shown looks at a service as commands show it.
func shown(t *testing.T, s *core.ServiceConfig) {
	t.Helper()
	if lines := config.DumpService(s); len(lines) < 10 || slices.Contains(lines, "") {
		t.Fatalf("%q", lines)
	}
	options := config.ServerOptions(s.Args)
	for i := range options {
		if o := &options[i]; o.Name == "" || i > 0 && options[i-1].Arg > o.Arg || o.Arg >= len(s.Args) {
			t.Fatalf("%q has %+v", s.Args, options)
		}
	}
}

// laidOut wants a new layout to mean the same: the same services from the same
// lines, and of its own result the same text.
func laidOut(t *testing.T, main, master []byte) {
	t.Helper()
	once := config.Layout(master)
	if twice := config.Layout(once); !bytes.Equal(once, twice) {
		t.Fatalf("%q becomes %q, then %q", master, once, twice)
	}
	before, after := resolved(input(string(main), string(master))), resolved(input(string(main), string(once)))
	if before.OK != after.OK {
		t.Fatalf("accepted %v, laid out %v", before.OK, after.OK)
	}
	if before.OK && !reflect.DeepEqual(before.Config.Services, after.Config.Services) {
		t.Fatalf("%+v becomes %+v", before.Config.Services, after.Config.Services)
	}
}
