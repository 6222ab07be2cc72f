package config_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/config"
)

// optionsPath is the path of the record: core/config/advice judges the same forms.
const optionsPath = "../../../../core/config/advice/testdata/options.json"

// optionForm is the reaction of one server to arguments in master.cf.
type optionForm struct {
	Program, Text string
	Refused       string // the error that ends it; empty: it accepts them
}

// optionPrograms are one server of each kind, with the limit that it requires.
var optionPrograms = []struct{ name, limit, flag string }{
	{"smtpd", "-", ""}, {"pickup", "1", "-l"}, {"showq", "-", ""}, {"tlsproxy", "0", "-z"}, {"smtp", "-", ""}, {"lmtp", "-", ""}, {"pipe", "-", ""},
}

// writtenForms are plausible ways to write arguments.
const writtenForms = `-o a=b
-oa=b
-o=b
-o =b
-o a=
-o a =b
-o a= b
-o a = b
-o { a = b }
-o {a=b}
-o { a b = c }
-o { a b=c }
-o{ name=value }
-o{a=b}
-o{ a = b }
-o { =b }
-o { }
-o {}
-o
-o -o a=b
-o -v
-o a
-o { a }
-o {a}
-o "a=b"
-o 'a=b'
-o "a b=c"
-o "a = b"
-o { "a" = b }
-o { a = b c }
-o { a == b }
-o a==b
-o a=b=c
-o a=b -o
-o a=b -o c=d
-o a=b, c
-o a=b c=d
-v -o a=b
-vo a=b
-vvo a
-ov=1
-ov
-o v=1 x
x
x -o a
x -o a=b
-o a=b -
-
--
-- -o a
-- a
-x
-vx
-xo a=b
-o a-b=c
-o a.b=c
-o $a=c
-o a$b=c
-o { $a = c }
-o {a=}
-o { a=b}
-o a={ b c }
-o a={b}
-o a=}
-o }a=b
-o {{a=b}}
-o { {a=b} }
-o { { a = b } }
-o a=$
-o #a=b
-o a=b #c
#a
# a
-o a:b
-o:a=b
-o: a=b
-O a=b
-o a,b=c
-oo a=b
-oo=b
-o -=b
-o --=b
-o -a=b
--o a=b
--help
user=x
a=b
flags=D
flags=D -o a
flags=D -o a=b
flags=D x=y
flags=
flags=DORX
flags=B
flags=d
FLAGS=D
flags
flags=D flags=O
-o a=b flags=D
{ -o a=b }
{-o} a=b
{ -oa=b }
{ -o { a = b } }
{-v}
{ a = b }
{ flags=D }
{}
-{v}
-{o} a=b
-o {a b}=c
-o { {a b} = c }
-o a="b c"
-o a='b' c
-m 3
-m
-i3 -o a
-z -o a=b
-ld
-e
-r`

// drawnForms returns random combinations.
func drawnForms(n int) (list []string) {
	random := rand.New(rand.NewPCG(13, 14))
	pieces := []string{"-o", "-o", "-o ", "-o ", "-v", "a", "b", "a=b", "=", " = ", " ", " ", "{", "}", "{ ", " }", "{a=b}", "\"", "'", "-", "#", ",", "$a", "x", "\t", "flags=D", "--"}
	for len(list) < n {
		var text strings.Builder
		for range 1 + random.IntN(7) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		if form := strings.TrimSpace(text.String()); form != "" && !slices.Contains(list, form) {
			list = append(list, form)
		}
	}
	return list
}

// TestServersRefuseTheOptionsThatWereRecorded starts the installed servers with
// many forms of options, and compares with the record. core/config/advice compares
// its judgement with the same record, both ways.
func TestServersRefuseTheOptionsThatWereRecorded(t *testing.T) {
	l := startLane(t, buildOurs(t))
	texts := append(strings.Split(writtenForms, "\n"), drawnForms(200)...)
	step := *vectorStep
	if *record {
		step = 1
	}
	main := placeholders.Replace("compatibility_level = 3.6\nqueue_directory = @QUEUE@\ndata_directory = @DATA@\nmaillog_file =\n" +
		"local_recipient_maps =\nproxy_read_maps =\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n")
	p := pair{Main: []byte(main)}
	var asked []optionForm
	for i, text := range texts {
		for j, program := range optionPrograms {
			entry := fmt.Sprintf("x unix - - n - %s %s %s\n", program.limit, program.name, text)
			args, ok := launched(main, entry)
			if (i+j)%step != 0 || !ok {
				continue
			}
			asked = append(asked, optionForm{Program: program.name, Text: text})
			start := serverStart{Program: program.name}
			if program.flag != "" {
				start.Args = append(start.Args, program.flag)
			}
			start.Args = append(append(start.Args, "-n", "x", "-t", "unix"), args...)
			p.Servers = append(p.Servers, start)
		}
	}
	a, err := l.ask(&p)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i, end := range a.Ends {
		f := &asked[i]
		if end.Late || end.Status != 0 != strings.HasPrefix(end.Log, "fatal: ") {
			t.Errorf("%s %s: %+v", f.Program, f.Text, end)
		}
		if end.Status != 0 {
			f.Refused = end.Log
			refused++
		}
	}
	t.Logf("%d starts, %d refused", len(asked), refused)
	if *record && !t.Failed() {
		writeRecord(t, optionsPath, asked)
	}
	var recorded []optionForm
	readRecord(t, optionsPath, &recorded)
	known := make(map[[2]string]string)
	for _, f := range recorded {
		known[[2]string{f.Program, f.Text}] = f.Refused
	}
	for _, f := range asked {
		if before, ok := known[[2]string{f.Program, f.Text}]; !ok || before != f.Refused {
			t.Errorf("%s %s: recorded %q, but this Postfix says %q: record anew with -record", f.Program, f.Text, before, f.Refused)
		}
	}
}

// launched returns the arguments with which the master starts the service of an
// entry; ok is false if it refuses the entry.
func launched(main, entry string) (args []string, ok bool) {
	facts := &config.Facts{
		ConfigDirectory: configPath, ProcessName: "master", Hostname: "build.example.com",
		Interfaces: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")},
		Users: map[string]config.User{
			"postfix": {Found: true, UID: ownerUID, GID: ownerGID}, "nobody": {Found: true, UID: 65534, GID: 65534},
		},
		Groups:     map[string]config.Group{"postdrop": {Found: true, GID: 106}},
		UserNames:  map[uint32]string{ownerUID: "postfix", 65534: "nobody"},
		GroupNames: map[uint32]string{106: "postdrop"},
		FirstLines: map[string]config.File{"/etc/mailname": {Line: "mail.example.com"}},
	}
	p := config.Evaluate(config.ParseMain("main.cf", []byte(main)), facts, config.EvaluateOptions{})
	r := config.Resolve(p, config.ParseMaster("master.cf", []byte(entry)), facts, config.Flags{})
	if !r.OK || len(r.Config.Services) != 1 {
		return nil, false
	}
	return r.Config.Services[0].Args, true
}
