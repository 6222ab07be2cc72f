package facts

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/osadapter/internal/command"
)

// scripted is a Runner that answers from a table and counts the calls.
type scripted struct {
	answers map[string]string // by "database key"
	err     error
	asked   []string
}

func (s *scripted) Run(argv []string, limit time.Duration) ([]byte, int, error) {
	key := argv[1] + " " + argv[3]
	s.asked = append(s.asked, key)
	if s.err != nil {
		return nil, 0, s.err
	}
	if text, ok := s.answers[key]; ok {
		return []byte(text), 0, nil
	}
	return nil, 2, nil
}

const mainText = `compatibility_level = 3.6
queue_directory = /q
mail_owner = mailman
setgid_group = drop
default_privs = guest
inet_interfaces = loopback-only
myhostname = mail.example.com
`

// directory creates a configuration with name tables of its own.
func directory(t *testing.T, main, master string) (*Loader, *scripted) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("main.cf", main)
	write("master.cf", master)
	run := &scripted{answers: map[string]string{
		"passwd guest":     "guest:x:3001:3001::/:/bin/false\n",
		"services far/tcp": "far                   4021/tcp near\n",
		"ahosts far.example": "192.0.2.9       STREAM far.example\n192.0.2.9       DGRAM\n192.0.2.9       RAW\n" +
			"2001:db8::9     STREAM\n2001:db8::9     DGRAM\nfe80::1%eth0    STREAM\n",
	}}
	return &Loader{
		ConfigDirectory: dir, ProcessName: "master", Runner: run,
		passwd:   write("passwd", "root:x:0:0::/:/bin/sh\nbroken\nmailman:x:2001:2002::/:\nmailtwin:x:2001:2002::/:\n"),
		group:    write("group", "root:x:0:\nmailman:x:2002:\ndrop:x:2003:mailman\n"),
		hosts:    write("hosts", "# names\n127.0.0.1 localhost here.example # end\n::1\tlocalhost\nbad Here.Example\n"),
		services: write("services", "smtp\t25/tcp mail\nsyslog 514/udp\nodd 1/tcp\n"),
	}, run
}

func texts(list []core.Diagnostic) (lines []string) {
	for _, d := range list {
		lines = append(lines, d.Text)
	}
	return lines
}

func TestNamesComeFromFilesFirstAndThenFromGetent(t *testing.T) {
	l, run := directory(t, mainText, "here.example:mail inet n - - - - a\nfar.example:far inet n - - - - b\n")
	c, ok := l.Load(nil)
	if !ok {
		t.Fatalf("refused: %q", texts(c.Diagnostics))
	}
	if want := (core.Account{Name: "mailman", UID: 2001, GID: 2002}); c.MailOwner != want {
		t.Errorf("owner %+v, want %+v", c.MailOwner, want)
	}
	var got []string
	for _, s := range c.Services {
		for _, e := range s.Endpoints {
			got = append(got, s.Canonical+" "+e.String())
		}
	}
	want := []string{
		"[here.example]:25 127.0.0.1:25",
		"[far.example]:4021 192.0.2.9:4021", "[far.example]:4021 [2001:db8::9]:4021",
	}
	if l.facts.IPv6 != 0 {
		want = want[:2]
	}
	if !slices.Equal(got, want) {
		t.Errorf("endpoints %q, want %q", got, want)
	}
	asked := []string{"passwd guest", "ahosts far.example", "services far/tcp"}
	if !slices.Equal(run.asked, asked) {
		t.Errorf("asked %q, want %q", run.asked, asked)
	}
}

func TestUnknownNamesAreErrorsAndTroubleIsInTheHint(t *testing.T) {
	l, run := directory(t, strings.Replace(mainText, "guest", "nosuch", 1), "")
	c, ok := l.Load(nil)
	want := "file " + l.ConfigDirectory + "/main.cf: parameter default_privs: unknown user name value: nosuch"
	if ok || !slices.Equal(texts(c.Diagnostics), []string{want}) {
		t.Fatalf("accepted %v: %q", ok, texts(c.Diagnostics))
	}
	run.err = errors.New("not finished within the time limit")
	c, _ = l.Load(nil)
	if hint := c.Diagnostics[0].Hint; !strings.Contains(hint, "not finished within the time limit") {
		t.Errorf("hint %q", hint)
	}
}

func TestSecondAccountWithOneUserIDIsRefused(t *testing.T) {
	l, _ := directory(t, strings.Replace(mainText, "mailman", "mailtwin", 1), "")
	c, ok := l.Load(nil)
	want := "file " + l.ConfigDirectory + "/main.cf: parameter mail_owner: user mailtwin has same user ID as mailman"
	if ok || !slices.Contains(texts(c.Diagnostics), want) {
		t.Errorf("accepted %v: %q", ok, texts(c.Diagnostics))
	}
}

func TestLookupsShareOneTimeLimit(t *testing.T) {
	l, run := directory(t, mainText, "")
	l.TotalLimit = time.Nanosecond
	c, ok := l.Load(nil)
	if ok || len(run.asked) > 0 || !strings.Contains(c.Diagnostics[0].Hint, "took too long") {
		t.Errorf("accepted %v, asked %q, diagnostics %+v", ok, run.asked, c.Diagnostics)
	}
}

func TestUnreadableFilesGiveTheOriginalsLine(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, path string)
		want   string
	}{
		"missing": {func(t *testing.T, path string) { must(t, os.Remove(path)) }, "open @: No such file or directory"},
		"directory": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o755))
		}, "read @: Is a directory"},
		"loop": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Symlink(path, path))
		}, "open @: Too many levels of symbolic links"},
		"endless": {func(t *testing.T, path string) {
			must(t, os.Truncate(path, maxFileSize+1))
		}, "read @: File too large"},
	} {
		for _, file := range []string{"main.cf", "master.cf"} {
			t.Run(name+"/"+file, func(t *testing.T) {
				l, _ := directory(t, mainText, "")
				path := filepath.Join(l.ConfigDirectory, file)
				c.damage(t, path)
				got, ok := l.Load(nil)
				d := got.Diagnostics[len(got.Diagnostics)-1]
				if ok || d.Text != strings.Replace(c.want, "@", path, 1) || d.Severity != core.Error || d.Hint == "" || d.File != path {
					t.Errorf("accepted %v, %+v", ok, d)
				}
			})
		}
	}
}

// The file of our own parameters may be missing; if it exists, it must be readable,
// and servers ignore it.
func TestOwnFileIsReadIfItIsThere(t *testing.T) {
	l, _ := directory(t, mainText+"data_directory = /d\n", "foo unix n - - - - a\n")
	path := config.OwnPath(l.ConfigDirectory)
	journal := func() (string, []string) {
		c, _ := l.Load(nil)
		return c.JournalFile, texts(c.Diagnostics)
	}
	if file, said := journal(); file != "" || len(said) > 0 {
		t.Errorf("without the file: %q, %q", file, said)
	}
	must(t, os.WriteFile(path, []byte("master_journal_file = $data_directory/j\n"), 0o644))
	if file, said := journal(); file != "/d/j" || len(said) > 0 {
		t.Errorf("with it: %q, %q", file, said)
	}
	for _, x := range []struct {
		damage func()
		want   string
	}{
		{func() { must(t, os.WriteFile(path, []byte("x = y\n"), 0o644)) }, path + `, line 1: "x" is not a parameter that can be set in this file`},
		{func() { must(t, os.Remove(path)); must(t, os.Mkdir(path, 0o755)) }, "read " + path + ": Is a directory"},
		{func() { must(t, os.Remove(path)); must(t, unix.Mkfifo(path, 0o644)) }, "read " + path + ", which is not a regular file"},
		{func() { must(t, os.Remove(path)); must(t, os.Symlink(path, path)) }, "open " + path + ": Too many levels of symbolic links"},
	} {
		x.damage()
		c, ok := l.Load(nil)
		if ok || len(c.Diagnostics) != 1 || c.Diagnostics[0].Text != x.want || c.Diagnostics[0].File != path || c.Diagnostics[0].Hint == "" {
			t.Errorf("accepted %v, %+v, want %q", ok, c.Diagnostics, x.want)
		}
	}
	l.WithoutOwn = true
	if c, ok := l.Load(nil); !ok {
		t.Errorf("a server: %q", texts(c.Diagnostics))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReloadTakesNewTextAndKeepsFrozenValues(t *testing.T) {
	l, _ := directory(t, mainText, "foo unix n - - - - a\n")
	p, _, ok := l.LoadMain()
	if !ok {
		t.Fatalf("refused: %q", texts(p.Diagnostics))
	}
	if c, ok := l.LoadServices(p); !ok || len(c.Services) != 1 {
		t.Fatalf("services refused: %q", texts(c.Diagnostics))
	}
	must(t, os.WriteFile(filepath.Join(l.ConfigDirectory, "main.cf"), []byte(strings.Replace(mainText, "/q", "/new", 1)), 0o644))
	must(t, os.WriteFile(filepath.Join(l.ConfigDirectory, "master.cf"), []byte("foo unix n - - - - a\nbar unix n - - - - b\n"), 0o644))
	c, ok := l.Load(p.Freeze())
	if !ok || c.QueueDirectory != "/q" || len(c.Services) != 2 || len(c.Diagnostics) != 3 {
		t.Errorf("accepted %v, queue directory %q, %d services, %q", ok, c.QueueDirectory, len(c.Services), texts(c.Diagnostics))
	}
	if c, _ := l.Load(p.Freeze()); len(p.Diagnostics) > 0 || len(c.Diagnostics) != 3 {
		t.Error("diagnostics of one load leaked into another")
	}
}

func TestFirstLineOfAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mailname")
	must(t, os.WriteFile(path, []byte("mail.example \nsecond\n"), 0o644))
	if got := firstLine(path); got != (config.File{Line: "mail.example "}) {
		t.Errorf("got %+v", got)
	}
	must(t, os.Link(path, path+"2"))
	if got := firstLine(path); got.Problem != "file has 2 hard links" {
		t.Errorf("got %+v", got)
	}
	if got := firstLine(filepath.Join(dir, "absent")); got.Problem != "cannot open file: No such file or directory" {
		t.Errorf("got %+v", got)
	}
}

func TestPlainRunsACommandToItsEnd(t *testing.T) {
	out, exit, err := Plain{}.Run([]string{"/bin/sh", "-c", "echo a; echo lost >&2; read x; exit 3"}, 10*time.Second)
	if string(out) != "a\n" || exit != 3 || err != nil {
		t.Errorf("got %q, %d, %v", out, exit, err)
	}
	if _, _, err := (Plain{}).Run([]string{"/nonexistent"}, time.Second); !errors.Is(err, unix.ENOENT) {
		t.Errorf("error %v", err)
	}
	if _, _, err := (Plain{}).Run([]string{"/bin/sh", "-c", "kill -9 $$"}, 10*time.Second); err == nil || !strings.Contains(err.Error(), "killed by signal 9") {
		t.Errorf("error %v", err)
	}
}

func TestPlainKillsWhatTakesTooLong(t *testing.T) {
	for name, script := range map[string]string{
		"silent":            "echo $$ >&9; exec sleep 600",
		"closed its output": "exec >&-; exec sleep 600",
		"writes for ever":   "exec cat /dev/zero",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, _, err := Plain{}.Run([]string{"/bin/sh", "-c", script}, 200*time.Millisecond)
			if !errors.Is(err, command.ErrTimeLimit) && !errors.Is(err, command.ErrOutput) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestPlainLeavesNoDescriptorsAndNoChildren(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("needs /proc to count descriptors")
	}
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(list)
	}
	before := count()
	for range 5 {
		_, _, _ = Plain{}.Run([]string{"/bin/sh", "-c", "exit 0"}, 10*time.Second)
		_, _, _ = Plain{}.Run([]string{"/nonexistent"}, 10*time.Second)
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("wait: %d, %v", pid, err)
	}
}

func TestGetentOfTheSystem(t *testing.T) {
	if _, err := os.Stat("/usr/bin/getent"); err != nil {
		t.Skip("needs /usr/bin/getent")
	}
	s := (&Loader{passwd: "/dev/null", group: "/dev/null", services: "/dev/null", hosts: "/dev/null"}).resolver()
	if got := s.user("root"); got != (config.User{Found: true}) {
		t.Errorf("root: %+v", got)
	}
	if got := s.user("no-such-user"); got != (config.User{}) {
		t.Errorf("nobody known: %+v", got)
	}
	if got := s.user("0"); got.Found {
		t.Errorf("a number was taken for a name: %+v", got)
	}
	if got := s.nameOf("passwd", 0); got != "root" {
		t.Errorf("user 0 is %q", got)
	}
	if got := s.group("root"); got != (config.Group{Found: true}) {
		t.Errorf("group root: %+v", got)
	}
	if got := s.user("-h"); got.Found || got.Trouble != "" {
		t.Errorf("a name like an option: %+v", got)
	}
}

func TestLoopbackIsAmongTheInterfaces(t *testing.T) {
	list, e := interfaces()
	found := slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Addr().IsLoopback() })
	if e != 0 {
		t.Fatal(e)
	}
	if !found {
		t.Skip("the loopback interface is down: " + strconv.Itoa(len(list)) + " addresses")
	}
}

func TestStockConfigurationLoadsSilently(t *testing.T) {
	for main, master := range map[string]string{
		"/usr/share/postfix/main.cf.debian": "/usr/share/postfix/master.cf.dist",
		"/etc/postfix/main.cf":              "/etc/postfix/master.cf",
	} {
		t.Run(main, func(t *testing.T) {
			dir := t.TempDir()
			for from, to := range map[string]string{main: "main.cf", master: "master.cf"} {
				text, err := os.ReadFile(from)
				if err != nil {
					t.Skip("needs Debian's postfix: " + err.Error())
				}
				must(t, os.WriteFile(filepath.Join(dir, to), text, 0o644))
			}
			l := &Loader{ConfigDirectory: dir, ProcessName: "master"}
			c, ok := l.Load(nil)
			if !ok || len(c.Diagnostics) > 0 || len(c.Services) < 20 {
				t.Errorf("accepted %v with %d services: %q", ok, len(c.Services), texts(c.Diagnostics))
			}
			again, _ := l.Load(nil)
			if !reflect.DeepEqual(c, again) {
				t.Error("two loads differ")
			}
		})
	}
}
