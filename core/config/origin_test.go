package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// originText returns origins as short texts.
func originText(list []Origin) string {
	var texts []string
	for _, o := range list {
		text := [...]string{"?", "column", "argument", "parameter", "default", "system"}[o.Kind] + " " + o.Name + "=" + o.Text
		if o.File != "" {
			text += fmt.Sprintf("@%s:%d:%d", path.Base(o.File), o.At.Line, o.At.Column)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

func TestOriginOfAParameter(t *testing.T) {
	p, _ := load(goodMain+"a = 1\na =\n  2 $b\n", "", Flags{})
	for name, want := range map[string]string{
		"a":                "parameter a=2 $b@main.cf:10:3",
		"inet_protocols":   "parameter inet_protocols=all@main.cf:7:18",
		"mail_owner":       "default mail_owner=postfix",
		"never_heard_of":   "default never_heard_of=",
		"config_directory": "system config_directory=" + p.inquiry.facts.ConfigDirectory,
	} {
		if got := originText([]Origin{p.Origin(name)}); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestSourcesNameThePlaceOfEveryValue(t *testing.T) {
	const masterText = "# a\nsmtp inet n - y - - smtpd\n" + // line 2
		"[::1]:10025 inet n n - - 1 smtpd\n  -o\n # b\n  x=y\n" + // 3
		"localhost:pftest inet n - - - 200 smtpd\n" + // 7
		"foo unix - - - 60? 0 foo\n" + // 8
		"bar fifo n - - - - bar\n" // 9
	p, r := load(goodMain+"default_process_limit = 50\n", masterText, Flags{})
	if !r.OK {
		t.Fatalf("refused: %q", logLines(r.Config.Diagnostics))
	}
	f := ParseMaster("/v/config/master.cf", []byte(masterText))
	limit := "parameter default_process_limit=50@main.cf:8:25"
	addresses := "parameter inet_interfaces=127.0.0.1@main.cf:6:19; parameter inet_protocols=all@main.cf:7:18"
	var seen []int32
	for i := range r.Config.Services {
		s := &r.Config.Services[i]
		e := f.Entry(s.Line)
		if e == nil {
			t.Fatalf("no entry in line %d", s.Line)
		}
		seen = append(seen, s.Line)
		from := p.Sources(f, e, s)
		for _, c := range []struct {
			what string
			line int32
			got  []Origin
			want string
		}{
			{"canonical", 2, from.Canonical, "column service name=smtp@master.cf:2:1; default known_tcp_ports=lmtp=24, smtp=25, smtps=submissions=465, submission=587"},
			{"listen", 2, from.Listen, addresses},
			{"backlog", 2, from.Backlog, limit + "; default max_proc=-@master.cf:2:19"},
			{"chroot", 2, from.Chroot, "column chroot=y@master.cf:2:15"},
			{"limit", 2, from.Limit, limit + "; default max_proc=-@master.cf:2:19"},
			{"stress", 2, from.Stress, addresses},
			{"path", 2, from.Path, "column command=smtpd@master.cf:2:21; parameter daemon_directory=@DAEMON@@main.cf:3:20"},
			{"wakeup", 2, from.Wakeup, "default wakeup_time=-@master.cf:2:17"},
			{"throttle", 2, from.Throttle, "default service_throttle_time=60s"},
			{"canonical", 3, from.Canonical, "column service name=[::1]:10025@master.cf:3:1"},
			{"listen", 3, from.Listen, "column service name=[::1]:10025@master.cf:3:1"},
			{"backlog", 3, from.Backlog, limit},
			{"unprivileged", 3, from.Unprivileged, "column unprivileged=n@master.cf:3:20"},
			{"chroot", 3, from.Chroot, "parameter compatibility_level=3.6@main.cf:1:23; default chroot=-@master.cf:3:22"},
			{"limit", 3, from.Limit, "column max_proc=1@master.cf:3:26"},
			{"stress", 3, from.Stress, "column max_proc=1@master.cf:3:26"},
			{"args", 3, from.Args, "argument argument=-o@master.cf:4:3; argument argument=x=y@master.cf:6:3"},
			{"canonical", 7, from.Canonical, "column service name=localhost:pftest@master.cf:7:1; system services(5)=pftest"},
			{"listen", 7, from.Listen, "column service name=localhost:pftest@master.cf:7:1; system the resolver=localhost; parameter inet_protocols=all@main.cf:7:18"},
			{"backlog", 7, from.Backlog, "column max_proc=200@master.cf:7:31"},
			{"canonical", 8, from.Canonical, "column service name=foo@master.cf:8:1; default private=-@master.cf:8:10"},
			{"listen", 8, from.Listen, "parameter queue_directory=@QUEUE@@main.cf:2:19; column service name=foo@master.cf:8:1; default private=-@master.cf:8:10"},
			{"wakeup", 8, from.Wakeup, "column wakeup_time=60?@master.cf:8:16"},
			{"backlog", 8, from.Backlog, limit},
			{"owner", 8, from.Owner, "default mail_owner=postfix"},
			{"backlog", 9, from.Backlog, ""},
			{"stress", 9, from.Stress, "column transport type=fifo@master.cf:9:5"},
			{"private", 9, from.Private, "column private=n@master.cf:9:10"},
		} {
			want := strings.NewReplacer("@QUEUE@", p.Origin("queue_directory").Text, "@DAEMON@", p.Origin("daemon_directory").Text).Replace(c.want)
			if got := originText(c.got); c.line == s.Line && got != want {
				t.Errorf("line %d, %s:\n got %s\nwant %s", s.Line, c.what, got, want)
			}
		}
	}
	if !slices.Equal(seen, []int32{2, 3, 7, 8, 9}) {
		t.Errorf("services of lines %v", seen)
	}
}

func TestDisabledNamesTheParameter(t *testing.T) {
	const masterText = "1 inet n - - - - a\nfoo unix - - - - - b\nbar unix - - - - - c\nbroken\n"
	disabledLines := func(p *Parameters) (list []string) {
		f := ParseMaster("/v/config/master.cf", []byte(masterText))
		for i := range f.Entries {
			if by, off := p.Disabled(&f.Entries[i]); off {
				list = append(list, fmt.Sprintf("%d %s", f.Entries[i].Line, originText(by)))
			}
		}
		return list
	}
	p, _ := load(goodMain+"master_service_disable = foo.unix inet\n", "", Flags{})
	const by = " parameter master_service_disable=foo.unix inet@main.cf:8:26"
	if got := disabledLines(p); !slices.Equal(got, []string{"1" + by, "2" + by}) {
		t.Errorf("got %q", got)
	}
	p, _ = load(strings.Replace(goodMain, "protocols = all", "protocols =", 1), "", Flags{})
	if got := disabledLines(p); len(got) != 1 || !strings.HasPrefix(got[0], "1 parameter inet_protocols=@") {
		t.Errorf("got %q", got)
	}
}

func TestServerOptionsOfArguments(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []ServerOption
	}{
		{nil, nil},
		{[]string{"-o", "a=b", "-vo", "c = d e"}, []ServerOption{{"a", "b", 1}, {"c", "d e", 3}}},
		{[]string{"-oa=b", "-v", "-m", "5", "-i9s"}, []ServerOption{{"a", "b", 0}, {"max_use", "5", 3}, {"max_idle", "9s", 4}}},
		{[]string{"-o", "a=b", "flags=R", "-o", "c=d"}, []ServerOption{{"a", "b", 1}}},
		{[]string{"-o", "a=", "--", "-o", "c=d"}, []ServerOption{{"a", "", 1}}},
		{[]string{"-o", "a=b", "", "-o", "c=d"}, []ServerOption{{"a", "b", 1}}},
		{[]string{"-o", "a==b", "-o", "nonsense", "-o", "c=d"}, []ServerOption{{"a", "=b", 1}}},
		{[]string{"-o", "a=b", "-o", "=x", "-o", "c=d"}, []ServerOption{{"a", "b", 1}}},
		{[]string{"-x", "-o", "a=b"}, nil},
		{[]string{"-o"}, nil},
		{[]string{"-n", "-o", "-o", "a=b"}, []ServerOption{{"a", "b", 3}}},
	} {
		if got := ServerOptions(c.args); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %+v, want %+v", c.args, got, c.want)
		}
	}
}
