package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"pgregory.net/rapid"
)

const goodMain = `compatibility_level = 3.6
queue_directory = @QUEUE@
daemon_directory = @DAEMON@
data_directory = @DATA@
myhostname = mail.example.com
inet_interfaces = 127.0.0.1
inet_protocols = all
`

// reload loads both texts with the frozen values of an earlier start.
func reload(t *testing.T, before, mainText, masterText string) Resolution {
	t.Helper()
	p, _ := load(before, "", Flags{})
	if !p.OK() {
		t.Fatalf("the start was refused: %q", logLines(p.Diagnostics))
	}
	facts := vectorFacts()
	now := Evaluate(ParseMain("/v/config/main.cf", latin1(mainText)), facts, EvaluateOptions{Frozen: p.Freeze()})
	if !now.Needs.Empty() {
		t.Fatalf("needs %+v", now.Needs)
	}
	return Resolve(now, ParseMaster("/v/config/master.cf", latin1(masterText)), facts, Flags{})
}

func TestReloadKeepsFrozenValues(t *testing.T) {
	changed := strings.NewReplacer("@QUEUE@", "/other", "127.0.0.1", "all", "inet_protocols = all", "inet_protocols = ipv4").Replace(goodMain)
	r := reload(t, goodMain, changed, "10025 inet n - - - - foo\n[::1]:10026 inet n - - - - foo\nfoo unix - - - - - foo\n")
	want := []string{
		"warning: ignoring queue_directory parameter value change",
		`warning: old value: "@QUEUE@", new value: "/other"`,
		"warning: to change queue_directory, stop and start Postfix",
		"warning: ignoring inet_protocols parameter value change",
		`warning: old value: "all", new value: "ipv4"`,
		"warning: to change inet_protocols, stop and start Postfix",
		"warning: service 10025: ignoring inet_interfaces change",
		"warning: to change inet_interfaces, stop and start Postfix",
		"warning: service [::1]:10026: ignoring inet_interfaces change",
		"warning: to change inet_interfaces, stop and start Postfix",
	}
	if got := logLines(r.Config.Diagnostics); !slices.Equal(got, want) {
		t.Errorf("log\n got %q\nwant %q", got, want)
	}
	if !r.OK {
		t.Fatal("refused")
	}
	c := r.Config
	if c.QueueDirectory != "/v/queue" || c.Log.PostlogPath != "/v/queue/public/postlog" {
		t.Errorf("queue directory %s, postlog %s", c.QueueDirectory, c.Log.PostlogPath)
	}
	if c.InetInterfaces != "127.0.0.1" || c.InetProtocols != "all" {
		t.Errorf("in force: inet_interfaces %q, inet_protocols %q", c.InetInterfaces, c.InetProtocols)
	}
	if e := c.Services[0].Endpoints; len(e) != 1 || e[0].String() != "127.0.0.1:10025" {
		t.Errorf("the new entry listens on %v", e)
	}
	if e := c.Services[1].Endpoints; len(e) != 1 || e[0].String() != "[::1]:10026" {
		t.Errorf("the entry with a host listens on %v", e)
	}
}

func TestReloadWithoutChangesIsSilent(t *testing.T) {
	r := reload(t, goodMain, goodMain, "10025 inet n - - - - foo\n")
	if !r.OK || len(r.Config.Diagnostics) > 0 {
		t.Errorf("accepted %v, diagnostics %+v", r.OK, r.Config.Diagnostics)
	}
}

func TestReloadIgnoresBrokenEnvironmentList(t *testing.T) {
	r := reload(t, goodMain, goodMain+"import_environment = =x A\n", "")
	if !r.OK || len(r.Config.Environment) != 1 {
		t.Errorf("accepted %v, environment %v", r.OK, r.Config.Environment)
	}
}

func TestAllErrorsAreCollectedInOrder(t *testing.T) {
	_, r := load(goodMain+"max_use = x\nmyhostname = -a\n", "foo unix x - - - - foo\nbar tcp\nbaz unix n - - - - ok\n1 inet n - - - - foo {\n", Flags{})
	var got []string
	for _, d := range r.Config.Diagnostics {
		if d.Severity == core.Error {
			got = append(got, fmt.Sprintf("%s %d:%d %s", placeholdersBack.Replace(d.File), d.Line, d.Column, sanitized(d.Text)))
			if d.Hint == "" {
				t.Errorf("no hint with %q", d.Text)
			}
		}
	}
	want := []string{
		"@CONFIG@/main.cf 9:14 file @CONFIG@/main.cf: parameter myhostname: bad parameter value: -a",
		"@CONFIG@/main.cf 8:11 bad numerical configuration: max_use = x",
		`@CONFIG@/master.cf 1:10 @CONFIG@/master.cf: line 1: field "private": bad value: "x"`,
		"@CONFIG@/master.cf 2:5 @CONFIG@/master.cf: line 2: bad transport type: tcp",
		`@CONFIG@/master.cf 4:22 @CONFIG@/master.cf: line 4: missing '}' in "{"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("errors\n got %q\nwant %q", got, want)
	}
	if r.OK || len(r.Config.Services) > 0 || r.Config.QueueDirectory != "" {
		t.Error("a refused configuration holds more than diagnostics")
	}
}

func TestServiceFieldsFromMainAndFlags(t *testing.T) {
	flags := Flags{Foreground: true, Verbose: true, SwitchIdentity: true}
	_, r := load(goodMain+"default_process_limit = 7\nservice_throttle_time = 2m\ntcp_windowsize = 4096\nmaster_reload_clears_throttle = yes\n",
		"10025 inet n n y 60? 0 bar -o { a = b }\n  -v\nfoo unix - - - - 20 foo\n", flags)
	if !r.OK {
		t.Fatalf("refused: %+v", r.Config.Diagnostics)
	}
	owner := core.Account{Name: "postfix", UID: 102, GID: 105}
	s := r.Config.Services[0]
	s.Endpoints = nil
	want := core.ServiceConfig{
		Name: "10025", Canonical: "10025", Type: core.Inet, Line: 1, Chroot: true, LocalOnly: true,
		WakeupInterval: 60 * core.Second, WakeupIfUsed: true, Command: "bar", Path: "/v/daemon/bar",
		Args: []string{"-o", "a = b", "-v"}, ThrottleDelay: 120 * core.Second, Backlog: 7, WindowSize: 4096,
		Owner: owner, ForegroundFlag: true, VerboseFlag: true, SwitchIdentity: true,
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("service\n got %+v\nwant %+v", s, want)
	}
	if b := r.Config.Services[1].Backlog; b != 20 {
		t.Errorf("backlog %d, want the larger of process limit and default", b)
	}
	if !r.Config.ReloadClearsThrottle || r.Config.MailOwner != owner {
		t.Error("reload rule or owner lost")
	}
}

func TestOverridesComeBeforeEvaluation(t *testing.T) {
	facts := vectorFacts()
	main := ParseMain("/v/config/main.cf", latin1(goodMain+"max_use = 3\nmine = <$myhostname>\n"))
	p := Evaluate(main, facts, EvaluateOptions{Overrides: []Override{{"max_use", "5"}, {"myhostname", "other.example"}}})
	n, err := p.Int("max_use", 100, 1, 0)
	text, err2 := p.String("mine", "", 0, 0)
	on, err3 := p.Bool("absent", true)
	span, err4 := p.Time("absent_time", "2h", 1, 0)
	if n != 5 || text != "<other.example>" || !on || span != 7200*core.Second || err != nil || err2 != nil || err3 != nil || err4 != nil {
		t.Errorf("got %d %q %v %d, %v %v %v %v", n, text, on, span, err, err2, err3, err4)
	}
	if _, err := p.Int("mine", 0, 0, 0); err == nil || err.Error() != "bad numerical configuration: mine = <other.example>" {
		t.Errorf("error %v", err)
	}
}

func TestDebuggerCommandMattersOnlyWithDebug(t *testing.T) {
	text := goodMain + "debugger_command = gdb $daemon_directory/$process_name $process_id $$HOME\n"
	_, r := load(text, "", Flags{Debug: true})
	if got := r.Config.DebuggerCommand; got != "gdb /v/daemon/master 4711 $HOME" {
		t.Errorf("command %q", got)
	}
	if _, r := load(goodMain+"debugger_command = ${\n", "", Flags{}); !r.OK {
		t.Error("a broken command is refused without -D")
	}
	_, r = load(goodMain, "", Flags{Debug: true})
	if got := logLines(r.Config.Diagnostics); !slices.Equal(got, []string{"fatal: no debugger_command variable set up"}) {
		t.Errorf("log %q", got)
	}
}

func TestHostileMacrosAreBounded(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString(goodMain + "d0 = x\n")
	for i := 1; i <= 90; i++ {
		fmt.Fprintf(&doubling, "d%d = $d%d$d%d\n", i, i-1, i-1)
	}
	for name, text := range map[string]string{
		"doubling":     doubling.String() + "mydestination = $d90\n",
		"empty-double": strings.Replace(doubling.String(), "d0 = x", "d0 =", 1) + "mydestination = $d90\n",
		"operand-loop": goodMain + "l = ${{$l} == {$l}}\nmydestination = $l\n",
		"big":          goodMain + "b = " + strings.Repeat("y", 1<<20) + "\nmydestination = " + strings.Repeat("$b", 64) + "\n",
		"deep":         goodMain + "mydestination = " + strings.Repeat("${e:{", 100000) + strings.Repeat("}}", 100000) + "\n",
		"unclosed":     goodMain + "mydestination = " + strings.Repeat("${", 1000000) + "\n",
		"operands":     goodMain + "mydestination = " + strings.Repeat("${{", 100000) + strings.Repeat("}=={}}", 100000) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, r := load(text, "", Flags{})
			got := logLines(r.Config.Diagnostics)
			if r.OK || len(got) == 0 || got[len(got)-1] != "fatal: "+macroError {
				t.Errorf("accepted %v with %d lines", r.OK, len(got))
			}
		})
	}
}

// configText draws text that looks like a configuration often enough.
func configText() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"\n", "\n ", " ", "\t", "#", "\x00", "\r\n", "=", "a = b\n", "inet_interfaces", "localhost", "$a", "${a?{b}:{c}}", "${{", "}}",
			"{", "}", "foo unix n - - - - foo\n", "25 inet n - - - 1 smtpd -o { a = b }\n", "[::1]:25", "inet", "-", "y", "n", "60?", "\xc3\xa9", "\xff",
			"mydestination = ", "known_tcp_ports = a=b=1, ", "import_environment = {A=b} ", "master_service_disable = !x/inet inet\n", "inet_protocols = ipv4\n",
		}),
		rapid.StringN(0, 6, -1),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 40), func(s []string) string { return strings.Join(s, "") })
}

func TestTreePrintsBackByteForByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(configText().Draw(t, "text"))
		if got := ParseMain("m", text).Print(); !bytes.Equal(got, text) {
			t.Fatalf("main.cf\n got %q\nwant %q", got, text)
		}
		if got := ParseMaster("m", text).Print(); !bytes.Equal(got, text) {
			t.Fatalf("master.cf\n got %q\nwant %q", got, text)
		}
	})
}

func TestPositionsPointAtTheFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := configText().Draw(t, "text")
		lines := strings.Split(text, "\n")
		for _, e := range ParseMaster("m", []byte(text)).Entries {
			for _, f := range slices.Concat(e.Fields, e.Args) {
				at := e.At(f)
				first, _, _ := strings.Cut(f.Text, " ") // a token in braces may span lines
				have := lines[at.Line-1][at.Column-1:]
				if n := min(len(have), len(first)); n == 0 || have[:n] != first[:n] {
					t.Fatalf("field %q at %v, there is %q", f.Text, at, have)
				}
			}
		}
	})
}

func TestAnyTextIsAcceptedOrRefusedAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		main, master := configText().Draw(t, "main"), configText().Draw(t, "master")
		_, a := loadBytes(goodMain+main, master)
		_, b := loadBytes(goodMain+main, master)
		if !reflect.DeepEqual(a, b) {
			t.Fatal("two runs differ")
		}
		if refused := failed(a.Config.Diagnostics); a.OK == refused {
			t.Fatalf("accepted %v, but refused by diagnostics %v", a.OK, refused)
		}
		seen := map[string]bool{}
		for i := range a.Config.Services {
			s := &a.Config.Services[i]
			key := s.Canonical + " " + s.Type.String()
			if seen[key] || len(s.Endpoints) == 0 || s.ThrottleDelay < core.Second || s.ProcessLimit < 0 {
				t.Fatalf("service %+v", s)
			}
			seen[key] = true
		}
	})
}

// loadBytes loads texts of any bytes.
func loadBytes(main, master string) (*Parameters, Resolution) {
	wide := func(s string) string {
		r := make([]rune, len(s))
		for i := 0; i < len(s); i++ {
			r[i] = rune(s[i])
		}
		return string(r)
	}
	return load(wide(main), wide(master), Flags{})
}

func TestUpstreamFlavour(t *testing.T) {
	defer func(old string) { flavour = old }(flavour)
	flavour = "upstream"
	_, r := load(strings.Replace(goodMain, "daemon_directory = @DAEMON@\n", "", 1), "foo unix - - - - - foo\n", Flags{})
	if !r.OK || r.Config.Services[0].Path != "/usr/libexec/postfix/foo" {
		t.Errorf("accepted %v: %+v", r.OK, r.Config)
	}
}

func TestMistakesInMacrosAreReportedAsFarAsTheOriginalReads(t *testing.T) {
	const attribute = `warning: attribute name syntax error at: "...a>>>-b"`
	truncated := func(v string) string { return `warning: truncated macro reference: "` + v + `"` }
	nesting := func(name string) string { return `warning: unreasonable macro call nesting: "` + name + `"` }
	var chain strings.Builder
	for i := 1; i <= 100; i++ {
		fmt.Fprintf(&chain, "q%d = $q%d\n", i, i-1)
	}
	for _, c := range []struct {
		value, first string
		want         []string
	}{
		{"${a-b}${a-c}", "", []string{attribute}},
		{"${a-b}${", "", []string{attribute, truncated("${a-b}${")}},
		{"${a-b}${a}${", "", []string{attribute}},
		{"${a-b}$a x${", "", []string{attribute, truncated("${a-b}$a x${")}},
		{"${a-b}${}", "", []string{attribute}},
		{"${{${a-b}} <level {x}}", "", []string{attribute, `warning: malformed compatibility level syntax: ""`}},
		{"${{${a-b}} == {} x}", "", []string{attribute}},
		{"$q99", "x$a$a", []string{nesting("A"), nesting("a")}},
		{"$q100", "x$a$a", []string{nesting("x"), nesting("a"), nesting("a")}},
		{"$q100", "${a}${a}${a}", []string{nesting("a")}},
		{"$q100", "xx$ax", []string{nesting("xx"), nesting("ax")}},
		{"$q99", "xx$ax", nil},
	} {
		t.Run(c.value+" "+c.first, func(t *testing.T) {
			_, r := load(goodMain+"a = A\nq0 = "+c.first+"\n"+chain.String()+"mydestination = "+c.value+"\n", "", Flags{})
			want := c.want
			if want != nil {
				want = append(slices.Clone(want), "fatal: "+macroError)
			}
			if got := logLines(r.Config.Diagnostics); !slices.Equal(got, want) {
				t.Errorf("log\n got %q\nwant %q", got, want)
			}
		})
	}
}

func TestInetNames(t *testing.T) {
	where := "fatal: @CONFIG@/master.cf: line 1: "
	for _, c := range []struct{ name, want string }{ // want: canonical name or the line of the log
		{"127.0.0.010:25", "[127.0.0.8]:25"},
		{"0x7f.1:25", "[127.0.0.1]:25"},
		{"[::1.2.3.4]:25", "[::1.2.3.4]:25"},
		{"[::ffff:0:0]:25", "[::ffff:0.0.0.0]:25"},
		{"1:2:3:4:5:6:7:8:25", "[1:2:3:4:5:6:7:8]:25"},
		{"[1::3:4:5:6:7:8]:25", "[1:0:3:4:5:6:7:8]:25"},
		{"[IPV6:::1]:25", "[::1]:25"},
		{"127.0.0.1:-4294956796", "[127.0.0.1]:10500"},
		{"+10092", "10092"},
		{":10092", "10092"},
		{"127.0.0.1:3000000000", "fatal: 127.0.0.1:3000000000: Servname not supported for ai_socktype"},
		{"[::1]:::10033", "fatal: ::1:::10033: valid hostname or network address required"},
		{"0x10:25", "fatal: 0.0.0.16:25: valid hostname or network address required"},
		{"127.0.0.08:25", where + "bad hostname or network address: 127.0.0.08:25"},
		{"127.1:25", where + `valid hostname or network address required in "127.1:25"`},
		{"[1:2:3:4:5:6:7::]:25", where + `valid hostname or network address required in "[1:2:3:4:5:6:7::]:25"`},
		{"[::0.0.0.1]:25", where + `valid hostname or network address required in "[::0.0.0.1]:25"`},
		{"[fe80::1%lo]:25", where + `valid hostname or network address required in "[fe80::1%lo]:25"`},
		{"[IPv6:x]", where + `malformed IPv6 address in "[IPv6:x]"`},
		{"[IPv6:x]25", where + `garbage after "]" in "[IPv6:x]25"`},
		{"[]", where + `missing service information in "[]"`},
		{"[::1:25", where + `missing "]" in "[::1:25"`},
		{"a..b:25x", where + `valid hostname or network address required in "a..b:25x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r := load(goodMain, c.name+" inet n - - - 1 foo\n", Flags{})
			got := strings.Join(logLines(r.Config.Diagnostics), "\n")
			if r.OK {
				got = r.Config.Services[0].Canonical
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
