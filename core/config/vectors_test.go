package config

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// The directories that stand for the placeholders of the vectors.
var placeholders = strings.NewReplacer("@CONFIG@", "/v/config", "@QUEUE@", "/v/queue", "@DAEMON@", "/v/daemon", "@DATA@", "/v/data")

var placeholdersBack = strings.NewReplacer("/v/config", "@CONFIG@", "/v/queue", "@QUEUE@", "/v/daemon", "@DAEMON@", "/v/data", "@DATA@")

// vectorFacts are the tables of the environment of the runs (spec vectors).
func vectorFacts() *Facts {
	addr := netip.MustParseAddr
	host := func(list ...string) (h Host) {
		for _, a := range list {
			h.Addresses = append(h.Addresses, addr(a))
		}
		return h
	}
	f := &Facts{
		ConfigDirectory: "/v/config", ProcessName: "master", ProcessID: 4711, Hostname: "build.example.com",
		Users: map[string]User{
			"postfix": {Found: true, UID: 102, GID: 105},
			"nobody":  {Found: true, UID: 65534, GID: 65534},
			"root":    {Found: true},
		},
		Groups: map[string]Group{
			"postfix": {Found: true, GID: 105}, "postdrop": {Found: true, GID: 106}, "root": {Found: true},
		},
		UserNames:  map[uint32]string{102: "postfix", 65534: "nobody", 0: "root"},
		GroupNames: map[uint32]string{105: "postfix", 106: "postdrop", 0: "root"},
		Hosts: map[string]Host{
			"localhost": host("127.0.0.1", "::1"), "LOCALHOST": host("127.0.0.1", "::1"),
			"dual.example": host("127.0.0.1", "::1"), "two.example": host("127.0.0.3", "127.0.0.2"),
			"dup.example": host("127.0.0.2", "127.0.0.2"), "v6.example": host("::1"),
			"v4.example": host("127.0.0.2"), "remote.example": host("198.51.100.7"),
		},
		Ports: map[string]Port{"pftest": {Found: true, Number: 10999}, "pfalias": {Found: true, Number: 10999}},
	}
	for _, p := range []string{"127.0.0.1/8", "192.0.2.1/24", "::1/128", "2001:db8::1/64"} {
		f.Interfaces = append(f.Interfaces, netip.MustParsePrefix(p))
	}
	for number, names := range map[uint16]string{25: "smtp mail", 37: "time timserver", 465: "submissions ssmtp smtps urd", 587: "submission"} {
		for name := range strings.FieldsSeq(names) {
			f.Ports[name] = Port{Found: true, Number: number}
		}
	}
	return f
}

// fill answers in the negative what the vectors' tables do not have.
func fill(f *Facts, n Needs) {
	if f.FirstLines == nil {
		f.FirstLines = map[string]File{}
	}
	for _, name := range n.Users {
		f.Users[name] = User{}
	}
	for _, name := range n.Groups {
		f.Groups[name] = Group{}
	}
	for _, uid := range n.UserIDs {
		f.UserNames[uid] = ""
	}
	for _, gid := range n.GroupIDs {
		f.GroupNames[gid] = ""
	}
	for _, name := range n.Hosts {
		f.Hosts[name] = Host{}
	}
	for _, name := range n.Ports {
		f.Ports[name] = Port{}
	}
	for _, path := range n.FirstLines {
		f.FirstLines[path] = File{Problem: "cannot open file: No such file or directory"}
	}
}

// latin1 turns a string of the vectors into the bytes it stands for.
func latin1(s string) []byte {
	var b []byte
	for _, r := range placeholders.Replace(s) {
		b = append(b, byte(r))
	}
	return b
}

// sanitized shows a text as the original's log does.
func sanitized(s string) string {
	b := []byte(placeholdersBack.Replace(s))
	for i, c := range b {
		if c < ' ' || c >= 0x7f {
			b[i] = '?'
		}
	}
	return string(b)
}

// logLines are the lines that the original logs about a configuration, up to
// the one it dies of. Advice that is ours alone is left out.
func logLines(list []core.Diagnostic) []string {
	lines := []string{}
	for _, d := range list {
		switch {
		case d.Severity == core.Error:
			return append(lines, "fatal: "+sanitized(d.Text))
		case d.Severity == core.Warning:
			lines = append(lines, "warning: "+sanitized(d.Text))
		case strings.Contains(d.Text, "using backwards-compatible default setting"):
			lines = append(lines, sanitized(d.Text))
		}
	}
	return lines
}

// adapterLines start the lines of the vectors that come from the work on the
// real system, after the configuration was accepted.
var adapterLines = []string{
	"fatal: bind", "fatal: chdir ", "fatal: open lock file ", "fatal: unix-domain name too long: ",
	"fatal: fifo_listen: ", "warning: master_wakeup_timer_event: ",
}

func configurationLines(log []string) (lines []string, adapterFailed bool) {
	lines = []string{}
	for _, line := range log {
		if slices.ContainsFunc(adapterLines, func(p string) bool { return strings.HasPrefix(line, p) }) {
			adapterFailed = adapterFailed || strings.HasPrefix(line, "fatal:")
			continue
		}
		lines = append(lines, line)
	}
	return lines, adapterFailed
}

func readVectors[T any](t *testing.T, name string) (list []T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// load evaluates and resolves with the vectors' facts.
func load(mainText, masterText string, flags Flags) (*Parameters, Resolution) {
	facts := vectorFacts()
	main := ParseMain("/v/config/main.cf", latin1(mainText))
	p := Evaluate(main, facts, EvaluateOptions{})
	if !p.Needs.Empty() {
		fill(facts, p.Needs)
		p = Evaluate(main, facts, EvaluateOptions{})
		if !p.Needs.Empty() {
			fill(facts, p.Needs)
			p = Evaluate(main, facts, EvaluateOptions{})
		}
	}
	master := ParseMaster("/v/config/master.cf", latin1(masterText))
	r := Resolve(p, master, facts, flags)
	if !r.Needs.Empty() {
		fill(facts, r.Needs)
		r = Resolve(p, master, facts, flags)
	}
	return p, r
}

type masterVector struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Main    string `json:"main_cf"`
	Master  string `json:"master_cf"`
	Flags   []string
	Result  string
	Log     []string
	Entries []vectorEntry
}

type vectorEntry struct {
	Name        string
	Type        string
	Count       int `json:"listen_fd_count"`
	Wakeup      int64
	Conditional bool  `json:"wakeup_conditional"`
	Limit       int32 `json:"max_proc"`
	Path        string
	Argv        []string
	Throttle    int64    `json:"throttle_delay"`
	LocalOnly   bool     `json:"local_only"`
	HostInName  bool     `json:"host_in_name"`
	Bits        int      `json:"flag_bits"`
	Listen      []string `json:"listen"`
	Cut         bool     `json:"argv_truncated"`
}

func TestMasterVectors(t *testing.T) {
	for _, v := range readVectors[masterVector](t, "master_cf.json") {
		t.Run(v.ID+"-"+v.Name, func(t *testing.T) {
			flags := Flags{Verbose: true, Foreground: slices.Contains(v.Flags, "-d")}
			_, r := load(v.Main, v.Master, flags)
			want, adapterFailed := configurationLines(v.Log)
			if got := logLines(r.Config.Diagnostics); !slices.Equal(got, want) {
				t.Errorf("log\n got %q\nwant %q", got, want)
			}
			accepted := v.Result == "started" || adapterFailed
			if r.OK != accepted {
				t.Errorf("accepted: got %v, want %v", r.OK, accepted)
			}
			if !accepted && len(r.Config.Services) > 0 {
				t.Error("a refused configuration has services")
			}
			if accepted {
				compareEntries(t, r.Config.Services, lastEntries(v.Entries), adapterFailed)
			}
		})
	}
}

// lastEntries keeps one entry for each identity: the last, at the place and
// with the sockets of the first.
func lastEntries(list []vectorEntry) (kept []vectorEntry) {
	for _, e := range list {
		i := slices.IndexFunc(kept, func(k vectorEntry) bool { return k.Name == e.Name && k.Type == e.Type })
		if i < 0 {
			kept = append(kept, e)
			continue
		}
		e.Listen = kept[i].Listen
		kept[i] = e
	}
	return kept
}

func compareEntries(t *testing.T, got []core.ServiceConfig, want []vectorEntry, adapterFailed bool) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d services, want %d", len(got), len(want))
	}
	for i := range want {
		s, w := &got[i], want[i]
		argv := s.Argv(len(s.Endpoints), false)
		for j := range argv {
			argv[j] = sanitized(argv[j])
		}
		g := vectorEntry{
			Name: sanitized(s.Canonical), Type: s.Type.String(), Count: len(s.Endpoints), Wakeup: s.WakeupInterval.Seconds(),
			Conditional: s.WakeupIfUsed, Limit: s.ProcessLimit, Path: sanitized(s.Path), Argv: argv,
			Throttle: s.ThrottleDelay.Seconds(), LocalOnly: s.LocalOnly, HostInName: s.HostInName, Bits: w.Bits,
		}
		if bits := "flags: " + number(w.Bits); DumpService(s)[1] != bits {
			t.Errorf("entry %d: %s, want %s", i, DumpService(s)[1], bits)
		}
		for _, e := range s.Endpoints {
			if s.Type == core.Inet {
				g.Listen = append(g.Listen, "["+formatAddress(e.Address.Addr())+"]:"+number(int(e.Address.Port())))
			}
		}
		if adapterFailed {
			w.Listen, g.Listen = nil, nil
		}
		if g.Cut = w.Cut; w.Cut {
			for j := range g.Argv {
				if j < len(w.Argv) && strings.HasPrefix(g.Argv[j], w.Argv[j]) {
					g.Argv[j] = w.Argv[j]
				}
			}
		}
		a, _ := json.Marshal(g)
		b, _ := json.Marshal(w)
		if g.Listen == nil && len(w.Listen) == 0 {
			w.Listen = nil
			b, _ = json.Marshal(w)
		}
		if string(a) != string(b) {
			t.Errorf("entry %d\n got %s\nwant %s", i, a, b)
		}
	}
}

type mainVector struct {
	ID       string
	Kind     string
	Name     string
	Main     string `json:"main_cf"`
	Text     string `json:"master_cf"`
	Params   []string
	Postconf struct {
		Values map[string]string
	}
	Master struct {
		Outcome  string
		Log      []string
		Exact    *string
		Tag      string
		Facility int
		Limit    *int32 `json:"max_proc"`
		Throttle *int64 `json:"throttle_delay"`
	}
}

func TestMainVectors(t *testing.T) {
	for _, v := range readVectors[mainVector](t, "main_cf.json") {
		t.Run(v.ID+"-"+v.Name, func(t *testing.T) {
			p, r := load(v.Main, v.Text, Flags{Verbose: true})
			want, adapterFailed := configurationLines(v.Master.Log)
			if got := logLines(r.Config.Diagnostics); !slices.Equal(got, want) {
				t.Errorf("log\n got %q\nwant %q", got, want)
			}
			if accepted := v.Master.Outcome == "started" || adapterFailed; r.OK != accepted {
				t.Errorf("accepted: got %v, want %v", r.OK, accepted)
			}
			compareExpanded(t, v, p)
			if !r.OK || v.Master.Outcome != "started" {
				return
			}
			if tag := r.Config.Log.Name + "/master"; tag != v.Master.Tag {
				t.Errorf("tag %q, want %q", tag, v.Master.Tag)
			}
			if f := int(r.Config.Log.Facility); f != v.Master.Facility {
				t.Errorf("facility %d, want %d", f, v.Master.Facility)
			}
			if v.Kind == "typed" {
				s := r.Config.Services[0]
				if v.Master.Throttle != nil && s.ThrottleDelay.Seconds() != *v.Master.Throttle {
					t.Errorf("throttle %d, want %d", s.ThrottleDelay.Seconds(), *v.Master.Throttle)
				}
				if v.Master.Limit != nil && s.ProcessLimit != *v.Master.Limit {
					t.Errorf("limit %d, want %d", s.ProcessLimit, *v.Master.Limit)
				}
			}
		})
	}
}

func compareExpanded(t *testing.T, v mainVector, p *Parameters) {
	t.Helper()
	for name, want := range v.Postconf.Values {
		got, err := p.Value(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if folded := strings.Join(strings.Fields(placeholdersBack.Replace(got)), " "); folded != string(latin1Text(want)) {
			t.Errorf("%s = %q, want %q", name, folded, want)
		}
		if v.Master.Exact != nil && sanitized(got) != *v.Master.Exact {
			t.Errorf("%s is exactly %q, want %q", name, sanitized(got), *v.Master.Exact)
		}
	}
}

func latin1Text(s string) (b []byte) {
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}
