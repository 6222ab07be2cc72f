package fuzz

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

const (
	mainPath   = "/c/main.cf"
	masterPath = "/c/master.cf"
)

// besideMain are files that the text thrown at the parser of main.cf is read
// with.
var besideMain = []string{
	"smtp inet n - y - - smtpd\n25 inet n - - - 1 smtpd -o x=y\nqmgr unix n - n 300? 1 qmgr\n",
	stockMaster,
	"two.example:pftest inet n - - - - a\n[::1]:submission inet n - - - 0 a\n0:0 inet n - - - - a\n" +
		"a unix - - - - - a\na unix n - - - - b\na pass - - - 9 1 a\na fifo n - - 4? - a {b c}\n",
}

// besideMaster are files that the text thrown at the parser of master.cf is
// read with.
var besideMaster = []string{
	"compatibility_level = 3.6\nmyhostname = mail.example.com\ninet_interfaces = loopback-only\n",
	stockMain,
	"inet_interfaces = two.example, [::1]\ninet_protocols = ipv6\ndefault_process_limit = 1\n",
	"inet_interfaces =\nknown_tcp_ports = a=25, b=c=0, smtp=pftest\nservice_throttle_time = 1\n",
	"inet_protocols =\nmaster_service_disable = !a.unix b/inet fifo\nmaillog_file = /dev/stdout\n",
}

// stockMaster has the entries of a Debian system.
const stockMaster = `# service type  private unpriv  chroot  wakeup  maxproc command + args
smtp      inet  n       -       y       -       -       smtpd
#smtp      inet  n       -       y       -       1       postscreen
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
#  -o smtpd_client_restrictions=
  -o { smtpd_relay_restrictions = permit_sasl_authenticated, reject }
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       y       -       -       smtp
        -o syslog_name=postfix/$service_name
showq     unix  n       -       y       -       -       showq
postlog   unix-dgram n  -       n       -       1       postlogd
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}
smtpd     pass  -       -       y       -       -       smtpd
oldqueue  fifo  n       -       n       60      1       qmgr
`

// stockMain has the kinds of values that a Debian system has.
const stockMain = `# See /usr/share/postfix/main.cf.dist for a commented, more complete version
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
compatibility_level = 3.6
smtpd_tls_session_cache_database = btree:${data_directory}/smtpd_scache
myhostname = mail.example.com
alias_maps = hash:/etc/aliases
mydestination = $myhostname, mail.example.com, localhost.example.com, , localhost
relayhost =
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
inet_protocols = all
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated
    defer_unauth_destination
`

// doubling has a value of 2^40 pieces.
var doubling = func() string {
	text := "mydestination = $m0\n"
	for i := range 40 {
		text += fmt.Sprintf("m%d = $m%d$m%[2]d\n", i, i+1)
	}
	return text + "m40 = x\n"
}()

// systemFiles are those that Debian's package brings, where it is installed.
var systemFiles = []string{
	"/usr/share/postfix/main.cf.debian", "/usr/share/postfix/main.cf.dist",
	"/usr/share/postfix/main.cf.tls", "/usr/share/postfix/master.cf.dist",
}

// seed adds every main.cf or every master.cf that the project knows.
func seed(f *testing.F, of func(main, master string) string) {
	for _, name := range []string{"main_cf.json", "master_cf.json"} {
		text, err := os.ReadFile(filepath.Join("..", "core", "config", "testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		var vectors []struct {
			Main   string `json:"main_cf"`
			Master string `json:"master_cf"`
		}
		if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
			f.Fatalf("%d vectors in %s: %v", len(vectors), name, err)
		}
		for i, v := range vectors {
			f.Add(bytesOf(of(v.Main, v.Master)), byte(i))
		}
	}
	f.Add([]byte(of(stockMain, stockMaster)), byte(0))
	for _, path := range systemFiles {
		if text, err := os.ReadFile(path); err == nil {
			f.Add(text, byte(0))
		}
	}
}

// bytesOf turns a text of the vectors into the bytes it stands for.
func bytesOf(text string) (b []byte) {
	for _, r := range strings.NewReplacer("@CONFIG@", "/c", "@QUEUE@", "/q", "@DAEMON@", "/d", "@DATA@", "/v").Replace(text) {
		b = append(b, byte(r))
	}
	return b
}

// facts are those of a small system.
func facts() *config.Facts {
	addresses := func(list ...string) (h config.Host) {
		for _, a := range list {
			h.Addresses = append(h.Addresses, netip.MustParseAddr(a))
		}
		return h
	}
	f := &config.Facts{
		ConfigDirectory: "/c", ProcessName: "master", ProcessID: 4711, Hostname: "build.example.com",
		Users: map[string]config.User{
			"postfix": {Found: true, UID: 102, GID: 105}, "nobody": {Found: true, UID: 65534, GID: 65534}, "root": {Found: true},
		},
		Groups:     map[string]config.Group{"postfix": {Found: true, GID: 105}, "postdrop": {Found: true, GID: 106}, "root": {Found: true}},
		UserNames:  map[uint32]string{102: "postfix", 65534: "nobody", 0: "root"},
		GroupNames: map[uint32]string{105: "postfix", 106: "postdrop", 0: "root"},
		Hosts:      map[string]config.Host{"localhost": addresses("127.0.0.1", "::1"), "two.example": addresses("127.0.0.3", "127.0.0.2")},
		Ports: map[string]config.Port{
			"smtp": {Found: true, Number: 25}, "submission": {Found: true, Number: 587}, "pftest": {Found: true, Number: 10999},
		},
		FirstLines: map[string]config.File{"/etc/mailname": {Line: "mail.example.com"}},
	}
	for _, p := range []string{"127.0.0.1/8", "192.0.2.1/24", "::1/128", "2001:db8::1/64"} {
		f.Interfaces = append(f.Interfaces, netip.MustParsePrefix(p))
	}
	return f
}

// answer says no to everything that the small system does not have.
func answer(f *config.Facts, n config.Needs) {
	for _, name := range n.Users {
		f.Users[name] = config.User{}
	}
	for _, name := range n.Groups {
		f.Groups[name] = config.Group{}
	}
	for _, uid := range n.UserIDs {
		f.UserNames[uid] = ""
	}
	for _, gid := range n.GroupIDs {
		f.GroupNames[gid] = ""
	}
	for _, name := range n.Hosts {
		f.Hosts[name] = config.Host{}
	}
	for _, name := range n.Ports {
		f.Ports[name] = config.Port{}
	}
	for _, path := range n.FirstLines {
		f.FirstLines[path] = config.File{Problem: "cannot open file: No such file or directory"}
	}
}

// maxRounds is how often answers may raise new questions: a name leads to a
// number, and that to a name.
const maxRounds = 3

// loaded is a configuration read to its end.
type loaded struct {
	main       *config.MainFile
	master     *config.MasterFile
	parameters *config.Parameters
	result     config.Resolution
}

func load(t *testing.T, main, master []byte, f *config.Facts, frozen *config.Frozen) loaded {
	t.Helper()
	l := loaded{main: config.ParseMain(mainPath, main), master: config.ParseMaster(masterPath, master)}
	options := config.Options{Frozen: frozen}
	l.parameters = config.Evaluate(l.main, f, options)
	for round := 0; !l.parameters.Needs.Empty(); round++ {
		if round == maxRounds {
			t.Fatalf("the answers always raise new questions: %+v", l.parameters.Needs)
		}
		answer(f, l.parameters.Needs)
		l.parameters = config.Evaluate(l.main, f, options)
	}
	l.result = config.Resolve(l.parameters, l.master, f, config.Flags{})
	for round := 0; !l.result.Needs.Empty(); round++ {
		if round == maxRounds {
			t.Fatalf("the answers always raise new questions: %+v", l.result.Needs)
		}
		answer(f, l.result.Needs)
		l.result = config.Resolve(l.parameters, l.master, f, config.Flags{})
	}
	return l
}

// allocated runs something and tells how many bytes it took.
func allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// judge holds everything that is true of any two texts.
func judge(t *testing.T, main, master []byte) {
	t.Helper()
	var l loaded
	took := allocated(func() { l = load(t, main, master, facts(), nil) })
	if limit := uint64(128<<20 + 1000*(len(main)+len(master))); took > limit {
		t.Fatalf("%d bytes of text made it allocate %d", len(main)+len(master), took)
	}
	if got := l.main.Print(); !bytes.Equal(got, main) {
		t.Fatalf("main.cf: got %q, want %q", got, main)
	}
	if got := l.master.Print(); !bytes.Equal(got, master) {
		t.Fatalf("master.cf: got %q, want %q", got, master)
	}
	for i := range l.master.Entries {
		if len(l.master.Entries[i].Fields) > config.NumColumns {
			t.Fatalf("%d columns", len(l.master.Entries[i].Fields))
		}
	}
	refused := false
	for _, d := range l.result.Config.Diagnostics {
		refused = refused || d.Severity == core.Error
		placed(t, &d, main, master)
	}
	if l.result.OK == refused || l.result.OK && !l.parameters.OK() {
		t.Fatalf("accepted %v, with %+v", l.result.OK, l.result.Config.Diagnostics)
	}
	again := load(t, main, master, facts(), nil)
	if !reflect.DeepEqual(l.result, again.result) {
		t.Fatalf("the same texts gave %+v and then %+v", l.result.Config, again.result.Config)
	}
	values(t, &l)
	operate(t, &l, main, master)
}

// placed wants the place of a diagnostic inside its file.
func placed(t *testing.T, d *core.Diagnostic, main, master []byte) {
	t.Helper()
	if d.Text == "" || d.Severity < core.Info || d.Severity > core.Error {
		t.Fatalf("%+v", *d)
	}
	text := main
	switch d.File {
	case mainPath:
	case masterPath:
		text = master
	default:
		t.Fatalf("no file: %+v", *d)
	}
	if d.Line == 0 && d.Column == 0 && d.File == mainPath {
		return // about a default
	}
	lines := bytes.Split(text, []byte{'\n'})
	if d.Line < 1 || int(d.Line) > len(lines) || d.Column < 1 || int(d.Column) > len(lines[d.Line-1])+1 {
		t.Fatalf("not in the file: %+v", *d)
	}
}

// values expands what the file says of any name, read by the master or not.
func values(t *testing.T, l *loaded) {
	t.Helper()
	for i := range min(len(l.main.Entries), 50) {
		name := l.main.Entries[i].Name
		text, err := l.parameters.Value(name)
		if raw, _, _ := l.parameters.Raw(name); len(text) > len(raw) && len(text) > 16<<20 {
			t.Fatalf("%s has %d bytes", name, len(text))
		}
		if err != nil && err.Error() == "" {
			t.Fatalf("%s: an error without a word", name)
		}
	}
}

// operate starts a machine with the configuration, or has it refuse it, and
// reloads it: the same text again changes nothing.
func operate(t *testing.T, l *loaded, main, master []byte) {
	t.Helper()
	s := &station{m: core.New(0, core.Options{Strict: true})}
	if !l.result.OK {
		s.step(t, core.RejectedConfig(0, l.result.Config))
		if !s.m.View().Exited {
			t.Fatal("a refused configuration does not end the start")
		}
		return
	}
	if fault := core.ConfigFault(l.result.Config); fault != "" {
		t.Fatal(fault)
	}
	s.step(t, core.LoadedConfig(0, l.result.Config))
	s.serve(t)
	if view := s.m.View(); view.Exited || len(view.Services) != len(l.result.Config.Services) {
		t.Fatalf("of %d services %d run; ended: %v", len(l.result.Config.Services), len(view.Services), view.Exited)
	}
	next := load(t, main, master, facts(), l.parameters.Freeze())
	if !next.result.OK {
		t.Fatalf("the same text is refused at a reload: %+v", next.result.Config.Diagnostics)
	}
	plan := s.m.Plan(next.result.Config)
	for i := range plan.Entries {
		if e := &plan.Entries[i]; e.Kept == 0 || e.Changed {
			t.Fatalf("a reload of the same text changes %+v", e.Entry)
		}
	}
	if len(plan.Removed) > 0 {
		t.Fatalf("a reload of the same text removes %v", plan.Removed)
	}
	s.step(t, core.GotSignal(core.SIGHUP))
	s.step(t, core.LoadedConfig(s.load, next.result.Config))
	s.serve(t)
}

// step gives the machine an event and checks it after that.
func (s *station) step(t *testing.T, ev core.Event) {
	t.Helper()
	s.observe(s.m.Step(s.now, ev))
	if err := s.m.Check(); err != nil {
		t.Fatalf("%v after %s", err, ev.AppendText(nil))
	}
}

// serve says yes to whatever the machine asks, and brings each service a
// client.
func (s *station) serve(t *testing.T) {
	t.Helper()
	grant := func() {
		for len(s.asked) > 0 {
			s.step(t, s.answer(&reader{[]byte{0, 1}}))
		}
	}
	grant()
	for _, service := range s.m.View().Services {
		s.step(t, core.ReadyListener(service.ID))
	}
	grant()
}

func FuzzMainText(f *testing.F) {
	for _, text := range []string{
		"", "a = b\n", "a = b\n  c\n# d\n  e\n", " x\n", "= y", "a b\n", "p = $q ${r?{s}:{t}} $(u) $$\n", "n = 1\x00 2\n", "\r\n a=\r\n",
		"mydestination = $a\na = $b$b\nb = $a\n", "a = ${{$b} == {$b} ? {$b}}\nb = ${a?{$a}:{$a}}\n", doubling,
	} {
		f.Add([]byte(text), byte(0))
	}
	seed(f, func(main, _ string) string { return main })
	f.Fuzz(func(t *testing.T, text []byte, beside byte) {
		judge(t, text, []byte(besideMain[int(beside)%len(besideMain)]))
	})
}

func FuzzMasterText(f *testing.F) {
	for _, text := range []string{
		"", "smtp inet n - y - - smtpd\n", "a unix - - - 60? 1 b -o {c = d e}\n  -v\n#x\n f {g", "x y z", "\x00", "a{b c}d\n",
	} {
		f.Add([]byte(text), byte(0))
	}
	seed(f, func(_, master string) string { return master })
	f.Fuzz(func(t *testing.T, text []byte, beside byte) {
		judge(t, []byte(besideMaster[int(beside)%len(besideMaster)]), text)
	})
}
