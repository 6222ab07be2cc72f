package known

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/config"
)

func tableNames() (names []string) {
	for line := range strings.Lines(table) {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	return names
}

func TestTableIsSortedForTheSearch(t *testing.T) {
	names := tableNames()
	for i, name := range names {
		if i > 0 && names[i-1] >= name {
			t.Errorf("%q comes before %q", names[i-1], name)
		}
	}
	if !strings.HasSuffix(table, "\n") || len(names) < 700 {
		t.Errorf("%d names, the last line ends in %q", len(names), table[len(table)-1:])
	}
}

func TestNoDefaultIsWrittenTwice(t *testing.T) {
	for _, name := range append(tableNames(), derived[:]...) {
		if _, twice := config.Default(name); twice {
			t.Errorf("core/config has %s too", name)
		}
	}
}

func TestEveryNameHasItsOwnDefault(t *testing.T) {
	for line := range strings.Lines(table) {
		name, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if got, ok := find(name); !ok || got != want {
			t.Errorf("%s: found %q, %v; want %q", name, got, ok, want)
		}
	}
	for _, name := range Names() {
		if _, ok := Default(name); !ok || !Is(name) {
			t.Errorf("%s is not known", name)
		}
		if len(name) > maxMisspelt {
			t.Errorf("%s has %d bytes", name, len(name))
		}
	}
	for _, name := range []string{"", "=", "\n", "a", "zz", "mail_nam", "mail_namee", "virtual_uid_maps=", "2bounce_notice_recipien", "Mail_name"} {
		if text, ok := Default(name); ok {
			t.Errorf("%q has the default %q", name, text)
		}
	}
}

func TestOldNamesAreThoseThatDefaultsReferTo(t *testing.T) {
	var want []string
	for _, name := range Names() {
		text, _ := Default(name)
		if verbatim(name) {
			continue
		}
		for other := range macroNames(text) {
			if _, ok := Default(other); !ok {
				want = append(want, other)
			}
		}
	}
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(legacy[:], want) {
		t.Errorf("legacy names\n got %q\nwant %q", legacy, want)
	}
}

// Every name that may be offered in place of a misspelt one has a value, or it
// would be called unknown itself.
func TestNamesThatAreOfferedAreKnown(t *testing.T) {
	c := catalog("", agents)
	names := append(Names(), legacy[:]...)
	for name := range config.EachDefault {
		names = append(names, name)
	}
	for _, name := range append(names, c.Names()...) {
		if _, found, err := c.Value(name); !found || err != nil || c.Class(name) == Unknown {
			t.Errorf("%s: found %v, %v, class %d", name, found, err, c.Class(name))
		}
	}
}

func TestOldNamesHaveNewOnes(t *testing.T) {
	for _, name := range legacy {
		now, ok := Renamed(name)
		if text, _ := Default(now); !ok || !strings.Contains(text, name) {
			t.Errorf("%s: %q, %v", name, now, ok)
		}
	}
	for name, want := range map[string]string{"virtual_maps": "virtual_alias_maps", "tlsproxy_client_level": "tlsproxy_client_security_level", "mydomain": "", "x": ""} {
		if now, ok := Renamed(name); now != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", name, now, ok, want)
		}
	}
}

// The installed postconf knows the names that we know, and no others of those
// that its manual and its programs have.
func TestPostconfKnowsTheNamesThatWeKnow(t *testing.T) {
	program, err := exec.LookPath("postconf")
	if err != nil {
		t.Skip("Postfix is not here: " + err.Error())
	}
	version, err := exec.Command(program, "-dh", "mail_version").Output()
	if ours, _ := Default("mail_version"); err != nil || strings.TrimSpace(string(version)) != ours {
		t.Skipf("another release of Postfix: %s, %v", version, err)
	}
	dir := t.TempDir()
	for _, name := range []string{"main.cf", "master.cf"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := append(Names(), legacy[:]...)
	for _, name := range Names() { // what may be an old name of it
		for _, part := range [][2]string{{"allowlist", "whitelist"}, {"denylist", "blacklist"}, {"_maps", ""}, {"smtp_", ""}, {"smtpd_", ""}, {"security_", ""}, {"max_", ""}} {
			names = append(names, strings.Replace(name, part[0], part[1], 1))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	c := exec.Command(program, append([]string{"-c", dir, "-d"}, names...)...)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(line, " =")
		theirs[name] = true
	}
	for _, name := range names {
		if Is(name) != theirs[name] {
			t.Errorf("%s: known to us %v, to postconf %v", name, Is(name), theirs[name])
		}
	}
}

func TestUpstreamHasItsOwnPaths(t *testing.T) {
	for name, want := range map[string]string{
		"html_directory": "no", "readme_directory": "no", "manpage_directory": "/usr/local/man", "mailq_path": "/usr/bin/mailq",
	} {
		debian, ok := find(name)
		if got := flavoured(name, debian, "upstream"); !ok || got != want {
			t.Errorf("upstream: %s = %q, want %q", name, got, want)
		}
		if got := flavoured(name, debian, "debian"); got != debian {
			t.Errorf("debian: %s = %q, want %q", name, got, debian)
		}
	}
}

func TestMacroNamesAreFoundInEveryForm(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		"a $b c":                          "b",
		"$b$c":                            "b c",
		"$$b ${c}$(d)${ e }":              "c d e",
		"${a?{$b}:{$c}}${d:$e}":           "a b c d e",
		"${{$a} == {x$b} ? {$c} : {y$d}}": "a b c d",
		"$ ${ $( ${} $":                   "",
		"${a":                             "a",
		"$a-b $1c":                        "a 1c",
	} {
		if got := strings.Join(slices.Collect(macroNames(text)), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The daemon has no use for thousands of bytes of names.
func TestDaemonDoesNotLinkThisPackage(t *testing.T) {
	program, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not here: " + err.Error())
	}
	const module = "github.com/stationmaster/stationmaster"
	out, err := exec.Command(program, "list", "-deps", module+"/cmd/master").Output()
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Fields(string(out))
	if !slices.Contains(list, module+"/core/config") {
		t.Fatalf("not the list of what the daemon links: %q", list)
	}
	if slices.Contains(list, module+"/core/config/known") {
		t.Error("cmd/master links core/config/known")
	}
}
