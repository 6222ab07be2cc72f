//go:build linux

package parity

import "golang.org/x/sys/unix"

var _ = topic("commandline", commandLines(), commandLineScenarios)

// commandLines are starts that end by themselves: the exit status, the time it
// takes, and the log are observed.
func commandLines() []scenario {
	usage := []shown{hint(`see master\(8\)`)}
	noFile := []shown{hint(`create the file, or start with -c DIRECTORY`)}
	var list []scenario
	for _, c := range []struct {
		name  string
		args  []string
		shows []shown
	}{
		{"an unknown option is a usage error", []string{"-c", "@dir/c", "-x"}, usage},
		{"an option without its argument is a usage error", []string{"-c"}, usage},
		{"an operand is a usage error", []string{"-c", "@dir/c", "word"}, usage},
		{"an operand after the end of options is a usage error", []string{"-c", "@dir/c", "--", "-v"}, usage},
		{"options after an operand are not options", []string{"word", "-t"}, usage},
		{"a long option is a usage error", []string{"--version"}, usage},
		{"t and w exclude each other", []string{"-c", "@dir/c", "-t", "-w"}, nil},
		{"w and t in one word exclude each other", []string{"-c", "@dir/c", "-wt"}, nil},
		{"i is for process 1 only", []string{"-c", "@dir/c", "-i"}, nil},
		{"i excludes d", []string{"-c", "@dir/c", "-i", "-d"}, nil},
		{"i excludes D", []string{"-c", "@dir/c", "-D", "-i"}, nil},
		{"i excludes w", []string{"-c", "@dir/c", "-iw"}, nil},
		{"i counts before a bad option that follows", []string{"-i", "-x"}, nil},
		{"a bad option counts before an i that follows", []string{"-x", "-i"}, usage},
		{"a bad option counts before a conflict", []string{"-tw", "-x"}, usage},
		{"e with a time of 0 ends at once", []string{"-c", "@dir/c", "-e", "0"}, nil},
		{"e with a word is 0", []string{"-c", "@dir/c", "-esoon"}, nil},
		{"e with a number and a word is the number", []string{"-c", "@dir/c", "-e", "3x"}, nil},
		{"the last e counts beside the first", []string{"-c", "@dir/c", "-e", "100", "-e", "3"}, nil},
		{"a missing configuration directory", []string{"-c", "@dir/none"}, noFile},
		{"a configuration directory that is a file", []string{"-c", "@dir/c/main.cf"}, noFile},
		{"D without a debugger command", []string{"-c", "@dir/c", "-D"}, []shown{hint(`set debugger_command in main.cf`)}},
		{"w reports a start that fails", []string{"-c", "@dir/c", "-w"}, []shown{hint(`create the directory, or correct queue_directory`)}},
	} {
		sc := scenario{name: c.name, shows: c.shows, play: func(s *station) {
			s.master("127.0.0.1:@port1 inet n - n - 2 actor")
			if c.name == "w reports a start that fails" {
				s.setMain("queue_directory", "@dir/none")
			}
			p := s.launch(s.bare(c.args...))
			p.pause()
		}}
		list = append(list, sc)
	}
	return list
}

var commandLineScenarios = []scenario{
	{
		name:  "e with a negative time",
		shows: []shown{{row: "Q33", original: `invalid delay|^end: start 1: signal 6`, ours: `^log: crit .* usage: |^log: info .* see master|^end: start 1: exit status 1`}},
		play: func(s *station) {
			s.master("127.0.0.1:@port1 inet n - n - 2 actor")
			s.run("-e", "-1")
		},
	},
	{
		name:  "a relative configuration directory",
		shows: []shown{{row: "Q23", original: `fatal: open c/master\.cf|^end: start 1: exit status 1`, ours: `started|terminating|signal 15|^file: q/private/x|^listener: `}},
		play: func(s *station) {
			s.master("x unix - - n - 2 actor")
			l := s.bare("-c", "c")
			l.Dir = "@dir"
			p := s.launch(l)
			s.eventually("started or ended", func() bool { return s.countLog(startedText) > 0 || s.keeper.status(p.pid) != "" })
		},
	},
	{
		name: "a relative configuration directory is enough for t",
		play: func(s *station) {
			l := s.bare("-c", "c", "-t")
			l.Dir = "@dir"
			s.runAs(l)
		},
	},
	{
		name: "w returns when the daemon serves",
		play: func(s *station) {
			s.master("127.0.0.1:@port1 inet n - n - 2 actor")
			p := s.start("-w")
			s.observe("parent", p.awaitEnd())
			p.observeMaster()
			s.dial("@port1")
			c := s.child()
			p.signal(unix.SIGTERM)
			s.observe("daemon", p.awaitDaemonEnd())
			c.awaitEnd()
		},
	},
	{
		name:  "d keeps the standard descriptors and the session",
		shows: []shown{{row: "Q15", original: `kill process group: No such process|^end: start 1: exit status 1`, ours: `^end: start 1: signal 15|terminating on signal 15`}},
		play: func(s *station) {
			s.master("127.0.0.1:@port1 inet n - n - 2 actor")
			l := s.command("-d")
			l.Stdin, l.Stdout, l.Stderr = "@dir/in", "@dir/out", "@dir/err"
			p := s.startAs(l)
			p.observeMaster()
			s.dial("@port1")
			s.child()
		},
	},
	{
		name: "s keeps standard output",
		play: func(s *station) {
			s.master("127.0.0.1:@port1 inet n - n - 2 actor")
			l := s.command("-s")
			l.Stdin, l.Stdout, l.Stderr = "@dir/in", "@dir/out", "@dir/err"
			p := s.startAs(l)
			p.observeMaster()
			s.dial("@port1")
			s.child()
		},
	},
	{
		name:  "v makes children verbose",
		shows: nil,
		play: func(s *station) {
			s.ignore(`^log: info `) // verbose lines are for debugging
			s.master("127.0.0.1:@port1 inet n - n - 2 actor")
			s.start("-v", "-v")
			s.dial("@port1")
			s.child()
		},
	},
	{
		name: "MAIL_VERBOSE counts as v, even empty",
		play: func(s *station) {
			s.ignore(`^log: info `)
			s.master("127.0.0.1:@port1 inet n - n - 2 actor")
			l := s.command()
			l.Env = append(l.Env, "MAIL_VERBOSE=")
			s.startAs(l)
			s.dial("@port1")
			s.child()
		},
	},
	{
		name: "MAIL_CONFIG names the configuration",
		play: func(s *station) {
			s.master("127.0.0.1:@port1 inet n - n - 2 actor")
			l := s.bare()
			l.Env = append(l.Env, "MAIL_CONFIG=@dir/c")
			s.startAs(l)
			s.dial("@port1")
			s.child()
		},
	},
	{
		name:  "D runs the debugger command and waits for it",
		shows: []shown{{row: "Q15", original: `kill process group: No such process|^end: start 1: exit status 1`, ours: `^end: start 1: signal 15|terminating on signal 15`}},
		play: func(s *station) {
			s.main("debugger_command = echo $process_name $$PATH >@dir/out; exit 3")
			s.master("x unix - - n - 2 actor")
			s.start("-D")
		},
	},
	{
		name:  "MAIL_DEBUG counts as D",
		shows: []shown{{row: "Q15", original: `kill process group: No such process|^end: start 1: exit status 1`, ours: `^end: start 1: signal 15|terminating on signal 15`}},
		play: func(s *station) {
			s.main("debugger_command = echo here >@dir/out")
			s.master("x unix - - n - 2 actor")
			l := s.command()
			l.Env = append(l.Env, "MAIL_DEBUG=")
			s.startAs(l)
		},
	},
	{
		name: "the name in argv names the lock files and the log",
		play: func(s *station) {
			s.master("x unix - - n - 2 actor")
			l := s.command()
			l.Argv[0] = "/somewhere/other"
			s.startAs(l)
		},
	},
	{
		name:  "only root may start it",
		shows: []shown{{row: "D4", original: `reserved for the superuser|^end: start 1: exit status 1`, ours: `started|terminating|signal 15|^file: |^listener: `}},
		play: func(s *station) {
			s.master("x unix - - n - 2 actor")
			l := s.command()
			l.UID, l.GID, l.Groups = s.owner.uid, s.owner.gid, []int{s.owner.gid}
			s.require("chown", unix.Chown(s.path("q/pid"), s.owner.uid, s.owner.gid))
			p := s.launch(l)
			s.eventually("started or ended", func() bool { return s.countLog(startedText) > 0 || s.keeper.status(p.pid) != "" })
		},
	},
	{
		name:  "another user may not start it",
		shows: []shown{hint(`user 65534 may not start this master`)},
		play: func(s *station) {
			s.master("x unix - - n - 2 actor")
			l := s.command()
			l.UID, l.GID = 65534, 65534
			s.runAs(l)
		},
	},
	{
		name:  "failures are told on standard error",
		shows: []shown{{row: "Q16", original: `^stderr: master: invalid option -- 'x'`, ours: `^stderr: `}, hint(`see master`)},
		play: func(s *station) {
			l := s.command("-x")
			l.Stdout, l.Stderr = "@dir/out", "@dir/err"
			s.runAs(l)
		},
	},
}
