package config

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// hostile is a configuration that was written to do harm, or a file that is
// no configuration at all.
type hostile struct {
	name         string
	main, master string
	want         string // in an error; empty: it is accepted
	warn         string // in a warning
	remarks      int    // at most; 0: 1000
	bytes        int    // allocated for each byte of text, at most, beside a fixed 48 MB; 0: 16
}

// readHostile loads both texts and returns how much was allocated on the way.
func readHostile(h *hostile, facts *Facts) (r Resolution, allocated uint64) {
	var before, after runtime.MemStats
	main, master := []byte(goodHostile+h.main), []byte(h.master)
	runtime.ReadMemStats(&before)
	tree := ParseMain("/v/config/main.cf", main)
	p := Evaluate(tree, facts, EvaluateOptions{})
	for range 3 {
		if p.Needs.Empty() {
			break
		}
		fill(facts, p.Needs)
		p = Evaluate(tree, facts, EvaluateOptions{})
	}
	services := ParseMaster("/v/config/master.cf", master)
	r = Resolve(p, services, facts, Flags{})
	if !r.Needs.Empty() {
		fill(facts, r.Needs)
		r = Resolve(p, services, facts, Flags{})
	}
	runtime.ReadMemStats(&after)
	return r, after.TotalAlloc - before.TotalAlloc
}

var goodHostile = placeholders.Replace(goodMain)

// times writes a format for each number from 0 to n-1.
func times(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i, i+1) // with explicit numbers, so that not all need be used
	}
	return b.String()
}

// sizes are how large the hostile texts are.
type sizes struct {
	long int // bytes of a line
	some int // bytes of a list
	many int // entries of a file
}

func (s sizes) text(piece string) string { return strings.Repeat(piece, s.some/len(piece)) }

// hostileMacros are macros that go on and on.
func hostileMacros(s sizes) []hostile {
	const used = "mydestination = $m0\n"
	const tooLarge = "/v/config/main.cf, line 8: in parameter mydestination, macro expansion is too large"
	const loop = "unreasonable macro call nesting"
	return []hostile{
		{name: "macros_that_double", main: used + times(90, "m%[1]d = $m%[2]d$m%[2]d\n") + "m90 = x\n", warn: tooLarge, want: macroError},
		{name: "macros_that_double_nothing", main: used + times(90, "m%[1]d = $m%[2]d$m%[2]d\n"), warn: tooLarge, want: macroError},
		{name: "conditions_that_double", main: used + times(40, "m%[1]d = ${x:{$m%[2]d}}${x:{$m%[2]d}}\n"), warn: tooLarge, want: macroError},
		{name: "operands_that_double", main: used + times(19, "m%[1]d = ${{$m%[2]d}=={$m%[2]d}?{$m%[2]d}}\n"), warn: tooLarge, want: macroError},
		{name: "a_text_that_grows", main: used + times(7, "m%[1]d = "+strings.Repeat("$m%[2]d", 20)+"\n") + "m7 = x\n", warn: tooLarge, want: macroError},
		{name: "every_parameter_explodes", main: everyText("$m0") + times(30, "m%[1]d = $m%[2]d$m%[2]d\n"), warn: "macro expansion is too large", want: macroError},
		{name: "every_parameter_is_large", main: everyText("$m0") + "m0 = " + strings.Repeat("x", maxExpansion-100) + "\n", warn: "macro expansion is too large", want: macroError, bytes: 90},
		{name: "a_chain_of_macros", main: used + times(s.many, "m%[1]d = $m%[2]d\n"), warn: loop, want: macroError, bytes: 30},
		{name: "a_million_references", main: "mydestination = " + strings.Repeat("$m0 ", 1_000_000) + "\nm0 = x\n", warn: tooLarge, want: macroError},
		{name: "a_macro_of_itself", main: "mydestination = $mydestination\n", warn: loop, want: macroError},
		{name: "macros_of_each_other", main: used + "m0 = $m1\nm1 = $m0\n", warn: loop, want: macroError},
		{name: "operands_of_each_other", main: used + "m0 = ${{$m1} == {}}\nm1 = ${{$m0} != {}}\n", warn: loop, want: macroError},
		{name: "nested_conditions", main: "mydestination = " + s.text("${x:") + "\n", warn: "truncated macro reference", want: macroError},
		{name: "nested_conditions_closed", main: "mydestination = " + strings.Repeat("${x:", 10_000) + strings.Repeat("}", 10_000) + "\n", warn: loop, want: macroError},
		{name: "nested_parentheses", main: "mydestination = " + s.text("$(") + "\n", warn: "truncated macro reference", want: macroError},
		{name: "many_mistakes_in_macros", main: "mydestination = " + strings.Repeat("${{$(+)} <level {x}}", 10_000) + "\n", warn: "attribute name syntax error", want: macroError},
	}
}

// hostileMains are other texts of main.cf.
func hostileMains(s sizes) []hostile {
	return []hostile{
		{name: "a_long_value_of_ours", main: "mydestination = " + strings.Repeat("x", maxExpansion+1) + "\n", want: "/v/config/main.cf, line 8: in parameter mydestination, the value has more than 4194304 bytes"},
		{name: "a_long_value_of_no_interest", main: "mine = " + strings.Repeat("x", s.long) + "\n"},
		{name: "a_long_name", main: s.text("x"), want: "missing '=' after attribute name"},
		{name: "a_long_line_of_blanks", main: s.text(" ")},
		{name: "long_comments", main: s.text("# x\n")},
		{name: "empty_lines", main: s.text("\n")},
		{name: "nothing_but_equal_signs", main: s.text("="), want: "missing attribute name"},
		{name: "nothing_but_nul_bytes", main: s.text("\x00"), want: "missing attribute name"},
		{name: "nothing_but_bad_unicode", main: s.text("\xff\xc0"), want: "missing '=' after attribute name"},
		{name: "continuation_lines", main: "mine = x\n" + s.text(" y\n"), bytes: 60},
		{name: "comments_in_an_entry", main: "mine = x\n" + s.text("#\n y\n"), bytes: 40},
		{name: "too_many_entries", main: times(maxEntries, "m%[1]d=\n"), want: fmt.Sprintf("/v/config/main.cf: line %d: more than 262144 entries", maxEntries+1), bytes: 60},
		{name: "repeated_entries", main: times(s.many, "mine=%[1]d\n"), warn: "overriding earlier entry", remarks: s.many, bytes: 80},
		{name: "broken_entries", main: times(s.many, "%[1]d\n"), want: "missing '=' after attribute name", remarks: s.many, bytes: 120},

		{name: "known_tcp_ports", main: "known_tcp_ports = " + s.text("a,") + "\n", warn: "known_tcp_ports"},
		{name: "import_environment", main: "import_environment = " + s.text("{}{},") + "\n", want: "syntax error after '}'"},
		{name: "import_environment_of_many_items", main: "import_environment = " + s.text("A ") + "\n", want: "/v/config/main.cf, line 8: in parameter import_environment, more than 4096 items"},
		{name: "import_environment_of_one_item_too_many", main: "import_environment = " + times(maxEnvironment+1, "A%[1]d=b,") + "\n", want: "/v/config/main.cf, line 8: in parameter import_environment, more than 4096 items"},
		{name: "import_environment_that_just_fits", main: "import_environment = " + times(maxEnvironment, "{ A%[1]d = b } ") + "\n"},
		{name: "inet_protocols", main: "inet_protocols = " + s.text("ipv5 ") + "\n", want: "unknown inet_protocols value", bytes: 400},
		{name: "inet_interfaces", main: "inet_interfaces = " + s.text("9.9.9.9 ") + "\n", want: "no local interface found", bytes: 60},
		{name: "inet_interfaces_without_answer", main: "inet_interfaces = " + times(20_000, "h%[1]d ") + "\n", want: "host not found", bytes: 200},
		{name: "master_service_disable", main: "master_service_disable = " + times(50_000, "x%[1]d/unix ") + "\n", master: times(50_000, "%[1]d unix - - - - - a\n"), bytes: 40},
	}
}

// hostileServices are texts of master.cf.
func hostileServices(s sizes) []hostile {
	return []hostile{
		{name: "a_long_service_name", master: strings.Repeat("x", s.long) + " unix - - - - - a\n"},
		{name: "a_long_transport", master: "x " + s.text("y") + " - - - - - a\n", want: "bad transport type"},
		{name: "a_long_host", master: s.text("y.") + ":25 inet n - - - - a\n", want: "valid hostname or network address required"},
		{name: "a_long_address", master: "[" + s.text("1:") + "]:25 inet n - - - - a\n", want: "valid hostname or network address required"},
		{name: "a_long_port", master: s.text("1") + " inet n - - - - a\n", want: "Servname not supported"},
		{name: "a_long_wakeup", master: "x unix - - - " + s.text("1") + " - a\n", want: "bad value"},
		{name: "open_braces", master: "x unix - - - - - a " + strings.Repeat("{", s.long) + "\n", want: "missing '}'"},
		{name: "shut_braces", master: "x unix - - - - - a " + strings.Repeat("}", 8<<20) + "\n", warn: "more than any program can be started with"},
		{name: "nested_braces", master: "x unix - - - - - a " + strings.Repeat("{", 1_000_000) + strings.Repeat("}", 1_000_000) + "\n"},
		{name: "faulty_braces", master: "x unix - - - - - a " + strings.Repeat("{}x ", 500_000) + "\n", want: "syntax error after '}'", bytes: 40},
		{name: "a_million_options", master: "x unix - - - - - a " + strings.Repeat("-o a=b ", 1_000_000) + "\n", warn: "2000000 arguments take 23000000 bytes", bytes: 60},
		{name: "too_many_arguments", master: "x unix - - - - - a " + strings.Repeat("y ", maxTokens) + "\nz unix - - - - - a\n", want: "/v/config/master.cf: line 1: more than 262144 entries, or 4194304 columns and arguments", bytes: 100},
		{name: "too_many_services", master: times(maxEntries+1, "%[1]d unix - - - - - a\n"), want: "/v/config/master.cf: line 262145: more than 262144 entries", bytes: 60},
		{name: "repeated_services", master: strings.Repeat("x unix - - - - - a\n", s.many/4), warn: "duplicate master.cf entry", remarks: s.many, bytes: 120},
		{name: "services_of_one_word", master: times(s.many, "%[1]d\n"), want: `missing "transport type" field`, remarks: s.many, bytes: 160},
		{name: "services_of_nul_bytes", master: strings.Repeat("\x00\n", s.many), remarks: s.many, bytes: 400},
		{name: "services_of_blanks", master: strings.Repeat(" x\n", s.many), warn: "logical line must not start with whitespace", bytes: 60},
	}
}

// No text takes time or memory out of proportion, and
// what cannot be read is refused with its place and what to do.
func TestHostileTextIsBounded(t *testing.T) {
	s := sizes{long: 100 << 20, some: 4 << 20, many: maxEntries - 1000}
	if testing.Short() {
		s = sizes{long: 1 << 20, some: 1 << 18, many: 10_000}
	}
	for _, h := range slices.Concat(hostileMacros(s), hostileMains(s), hostileServices(s)) {
		t.Run(h.name, func(t *testing.T) {
			if testing.Short() && len(h.main)+len(h.master) > s.long {
				t.Skip("reads a large file")
			}
			r, allocated := readHostile(&h, vectorFacts())
			if h.bytes == 0 {
				h.bytes = 16
			}
			if h.remarks == 0 {
				h.remarks = 1000
			}
			size := uint64(len(h.main) + len(h.master))
			if limit := 48<<20 + size*uint64(h.bytes); allocated > limit {
				t.Errorf("%d bytes of text made it allocate %d bytes, %.1f for each", size, allocated, float64(allocated)/float64(size))
			}
			if n := len(r.Config.Diagnostics); n > h.remarks {
				t.Errorf("%d remarks", n)
			}
			if r.OK != (h.want == "") {
				t.Fatalf("accepted %v: %.2000q", r.OK, fmt.Sprint(r.Config.Diagnostics))
			}
			expectRemark(t, r.Config.Diagnostics, core.Error, h.want)
			expectRemark(t, r.Config.Diagnostics, core.Warning, h.warn)
		})
	}
}

// everyText sets all parameters that are texts.
func everyText(value string) string {
	var b strings.Builder
	for i := range rows {
		if rows[i].kind == kindText && !strings.Contains(goodMain, rows[i].name) {
			b.WriteString(rows[i].name + " = " + value + "\n")
		}
	}
	return b.String()
}

// expectRemark wants a diagnostic that has a text, a place and a remedy.
func expectRemark(t *testing.T, list []core.Diagnostic, severity core.Severity, text string) {
	t.Helper()
	if text == "" {
		return
	}
	for i := range list {
		d := &list[i]
		if d.Severity != severity || !strings.Contains(d.Text, text) {
			continue
		}
		if d.File == "" || d.Line == 0 || d.Hint == "" {
			t.Errorf("no place or no remedy: %.500q", fmt.Sprint(*d))
		}
		return
	}
	t.Errorf("nothing says %q: %.2000q", text, fmt.Sprint(list))
}

func TestExpansionsHaveOneBoundTogether(t *testing.T) {
	main := goodHostile + everyText("$m0") + times(30, "m%[1]d = $m%[2]d$m%[2]d\n")
	p := newParameters(ParseMain("/v/config/main.cf", []byte(main)), vectorFacts(), EvaluateOptions{})
	p.spent = new(effort)
	for range 100 {
		if _, err := p.Value("mydestination"); err == nil {
			t.Fatal("accepted")
		}
	}
	if !p.spent.within(maxExpansions + 1) {
		t.Errorf("spent %+v", *p.spent)
	}
	p.spent = nil
	if _, err := p.Value("queue_directory"); err != nil {
		t.Errorf("after the evaluation: %v", err)
	}
}

func TestListenersAreBounded(t *testing.T) {
	crowd := func(n int) *Facts {
		facts := vectorFacts()
		for i := range n {
			facts.Interfaces = append(facts.Interfaces, netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), 8))
		}
		return facts
	}
	main := "inet_interfaces = loopback-only\n"
	for _, test := range []struct {
		name string
		n    int
		want string
	}{
		{"as_many_as_fit", 1022, ""},
		{"one_too_many", 1023, "master.cf: line 1: 1025 addresses to listen on, of which at most 1024 are possible"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, _ := readHostile(&hostile{main: main, master: "25 inet n - - - - a\n"}, crowd(test.n))
			if r.OK != (test.want == "") {
				t.Fatalf("accepted %v: %.1000q", r.OK, fmt.Sprint(r.Config.Diagnostics))
			}
			if fault := core.ConfigFault(r.Config); r.OK && fault != "" {
				t.Error(fault)
			}
			expectRemark(t, r.Config.Diagnostics, core.Error, test.want)
		})
	}
}

func TestSocketsOfAllServicesAreBounded(t *testing.T) {
	f := ParseMaster("/v/config/master.cf", []byte("25 inet n - - - - a\n"))
	r := resolver{path: f.Path, sockets: maxSockets - 3}
	for i, want := range []bool{true, true, false, false} {
		if got := r.fitsLimits(&f.Entries[0], min(i+1, 2)); got != want {
			t.Errorf("entry %d: %v, %d sockets", i, got, r.sockets)
		}
	}
	if len(r.out) != 1 {
		t.Errorf("%d remarks", len(r.out))
	}
	expectRemark(t, r.out, core.Error, "master.cf: line 1: more than 1048576 sockets up to here")
}

// The files' text must not stay in memory because of a word of it: not in the
// configuration, nor in what a daemon keeps for the next reload.
func TestNothingHoldsTheTextOfTheFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 40 MB")
	}
	const size = 20 << 20
	facts := vectorFacts()
	delete(facts.Users, "postfix")
	main := []byte(goodHostile + "maillog_file = /var/log/mail\nimport_environment = A=b\nmail_owner = postfix\nlast = " + strings.Repeat("x", size) + "\n")
	master := []byte("a unix - - - - - b -c {d}\n25 inet n - - - - b\nlocalhost:smtp inet n - - - - b\n#" + strings.Repeat("x", size) + "\n")
	before := liveHeap()
	config, frozen := func() (*core.Config, *Frozen) {
		p := Evaluate(ParseMain("/v/config/main.cf", main), facts, EvaluateOptions{})
		for _, name := range p.Needs.Users {
			facts.Users[name] = User{Found: true, UID: 102, GID: 105}
		}
		p = Evaluate(ParseMain("/v/config/main.cf", main), facts, EvaluateOptions{})
		return Resolve(p, ParseMaster("/v/config/master.cf", master), facts, Flags{}).Config, p.Freeze()
	}()
	if after := liveHeap(); after > before+1<<20 {
		t.Errorf("%d bytes are still in use", after-before)
	}
	if len(config.Services) != 3 {
		t.Fatalf("refused: %+v", config.Diagnostics)
	}
	if s := config.Services[0]; s.Name != "a" || s.Canonical != "private/a" || s.Endpoints[0].Path != "private/a" ||
		s.Path != "/v/daemon/b" || s.Command != "b" || strings.Join(s.Args, " ") != "-c d" || s.Owner.Name != "postfix" {
		t.Errorf("%+v", s)
	}
	if config.Log.File != "/var/log/mail" || config.Environment[0].Value != "b" || config.Services[1].Canonical != "25" {
		t.Errorf("%+v", config)
	}
	if frozen.QueueDirectory != "/v/queue" || frozen.InetInterfaces != "127.0.0.1" || facts.Users["postfix"].UID != 102 {
		t.Errorf("%+v", frozen)
	}
	runtime.KeepAlive(main)
	runtime.KeepAlive(master)
}
