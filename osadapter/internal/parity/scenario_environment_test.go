//go:build linux

package parity

import (
	"os"
	"path/filepath"
)

var _ = topic("environment", environments())

// environments: which variables of the master's environment reach its children.
func environments() []scenario {
	careless := []string{"IFS=x", "LD_PRELOAD=", "MAIL_LOGTAG=tag", "POSTLOG_HOSTNAME=elsewhere", "GENERATION=7", "XAUTHORITY=/x", "DISPLAY=:0", "LANG=de_DE", "A=1", "A=2", "B=", "TZ=UTC"}
	empty := []shown{{row: "D12", original: `^child 1.env POSTLOG_SERVICE=$`}}
	var list []scenario
	for _, c := range []struct {
		name  string
		main  []string
		env   []string
		args  []string
		shows []shown
	}{
		{"the default list", nil, careless, nil, nil},
		{"an empty postlog service", nil, []string{"POSTLOG_SERVICE=", "POSTLOG_HOSTNAME=elsewhere"}, nil, empty},
		{"a list without LANG", []string{"import_environment = MAIL_CONFIG MAIL_LOGTAG TZ"}, careless, nil, nil},
		{"an empty list", []string{"import_environment ="}, careless, nil, []shown{{row: "Q41", ours: `^child 1.env MAIL_CONFIG=@dir/c`}}},
		{"a list of variables and values", []string{"import_environment = MAIL_CONFIG, A, B  C=3,D = 4"}, careless, nil, []shown{hint(`write NAME=value`)}},
		{"values in braces", []string{"import_environment = MAIL_CONFIG {A = new value} { B=x y } {C=}"}, careless, nil, nil},
		{"later items win", []string{"import_environment = MAIL_CONFIG A=first A=second A"}, careless, nil, nil},
		{"a missing brace", []string{"import_environment = MAIL_CONFIG {A = new"}, careless, nil, []shown{hint(`write { NAME = value }`)}},
		{"text after a brace", []string{"import_environment = MAIL_CONFIG {A = new}x"}, careless, nil, []shown{hint(`write { NAME = value }`)}},
		{"a value without a name", []string{"import_environment = MAIL_CONFIG =x"}, careless, nil, []shown{hint(`write NAME=value`)}},
		{"a log name", []string{"syslog_name = other"}, careless, nil, nil},
		{"a log name that is not imported", []string{"syslog_name = other", "import_environment = MAIL_CONFIG"}, careless, nil, nil},
		{"a log file", []string{"maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir"}, careless, nil, nil},
		{"a log file that is not imported", []string{"maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir", "import_environment = MAIL_CONFIG"}, careless, nil, nil},
		{"a generation that is imported", []string{"import_environment = MAIL_CONFIG GENERATION=99"}, careless, nil, nil},
		{"variables without a value or a name", nil, []string{"NOTHING", "=x", "LANG=C", "TZ="}, nil, nil},
		{"macros in the list", []string{"import_environment = MAIL_CONFIG A=$mail_owner B=$myhostname"}, careless, nil, nil},
	} {
		list = append(list, scenario{name: "children with " + c.name, shows: c.shows, play: func(s *station) {
			s.main(c.main...)
			s.master("x unix n - n - 2 actor")
			l := s.command(c.args...)
			l.Env = c.env
			p := s.launch(l)
			started := func() bool {
				text, _ := os.ReadFile(s.path("counts/log"))
				return s.countLog(startedText) > 0 || len(text) > 0
			}
			s.eventually("started or ended", func() bool { return started() || s.keeper.status(p.pid) != "" })
			if started() {
				s.dial("public/x")
				s.child()
			} else {
				p.awaitEnd()
			}
			if paths, _ := filepath.Glob(s.path("counts/log")); len(paths) > 0 {
				s.observeLogFile("counts/log")
			}
		}})
	}
	return list
}
