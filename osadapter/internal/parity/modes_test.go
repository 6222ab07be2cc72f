//go:build linux

package parity

import (
	"bytes"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A mode is another state of the log in which scenarios are played once more,
// against both masters: what a start, a configuration and a log say must arrive in
// each. Modes are not recorded, so they need an installed original.
type mode struct {
	name    string
	topics  []string
	prepare func(s *station)
	rules   []shown            // differences that any scenario may show in it
	instead map[string][]shown // by full name: what a scenario shows in it
	except  map[string]string  // by full name: why a scenario is not played in it
}

var modes = []mode{
	{
		name:    "a log that sleeps", // a syslog daemon that reads nothing for a second
		topics:  []string{"addresses", "boot", "commandline", "environment", "locks", "logging"},
		prepare: func(s *station) { s.slow = time.Second },
	},
	{
		name:    "no postlog socket", // but POSTLOG_SERVICE in the environment
		topics:  []string{"addresses", "boot", "commandline", "locks", "logging"},
		prepare: func(s *station) { s.logFile = newLogFile(s) },
		rules:   []shown{{row: "D31", ours: `^log: .*` + regexp.QuoteMeta(toSyslog) + `$`}},
		instead: map[string][]shown{
			// The original has logged these before it knew the file.
			"boot/a_main.cf_that_has_just_been_written":     {{row: "D31", ours: `overriding earlier entry: A=`}},
			"boot/start_fails_when_eight_descriptors":       {},
			"commandline/another_user_may_not_start_it":     {{row: "D31", ours: `^log: (info|crit) `}},
			"logging/parameters_that_stand_twice_in_file":   {{row: "D31", ours: `overriding earlier entry: (myhostname|odd)=`}},
			"logging/parameters_that_stand_twice_in_syslog": {{row: "D31", ours: `overriding earlier entry: (myhostname|odd)=`}},
			"logging/a_log_file_with_a_prefix_that_is_not_allowed_ends_the_start": {
				{row: "D5", ours: `^line in counts/log: .* put the file below`}, {row: "D14", original: `^file: q/private/`},
			},
			// There is no syslog socket to take the number of a closed descriptor.
			"boot/parent_with_all_standard_descriptors_closed": {},
			"boot/parent_with_standard_error_closed":           {},
			"boot/parent_with_standard_input_closed":           {},
			"boot/parent_with_standard_output_closed":          {},
		},
		except: map[string]string{
			"boot/parent_with_all_standard_descriptors_closed_and_d": "the original cannot start so",
		},
	},
}

// inMode returns the scenario in a mode, which its name mentions.
func (sc *scenario) inMode(m *mode) *scenario {
	other := *sc
	other.name += " with " + m.name
	other.mode = m
	if rules, ok := m.instead[sc.fullName()]; ok {
		other.shows = rules
	}
	needs := sc.needs
	other.needs = func() string {
		if reason := m.except[sc.fullName()]; reason != "" {
			return reason
		}
		if installedOriginal() == "" {
			return "no original is installed, and of this mode nothing is recorded"
		}
		if needs != nil {
			return needs()
		}
		return ""
	}
	return &other
}

// inModes returns the scenario as it is and in each mode that its topic has.
func (sc *scenario) inModes() []*scenario {
	all := []*scenario{sc}
	for i := range modes {
		if slices.Contains(modes[i].topics, sc.topic) {
			all = append(all, sc.inMode(&modes[i]))
		}
	}
	return all
}

func TestModesNameTopicsAndScenarios(t *testing.T) {
	names := map[string]bool{}
	for _, sc := range allScenarios() {
		names[sc.fullName()] = true
	}
	for i := range modes {
		for _, name := range modes[i].topics {
			if len(topics[name]) == 0 {
				t.Errorf("%s: no topic %s", modes[i].name, name)
			}
		}
		for name := range modes[i].except {
			if !names[name] {
				t.Errorf("%s: no scenario %s", modes[i].name, name)
			}
		}
		for name := range modes[i].instead {
			if !names[name] {
				t.Errorf("%s: no scenario %s", modes[i].name, name)
			}
		}
	}
}

const fillerText = "parity filler"

// sleep keeps the daemon from reading for a while, with its queue full, so that no
// line fits before that.
func (s *syslog) sleep(d time.Duration) {
	until := time.Now().Add(d)
	s.mu.Lock()
	s.asleep = until
	s.mu.Unlock()
	// The daemon notices after it has read a line, which frees room once more.
	for s.fill(); time.Now().Before(until); s.fill() {
		s.mu.Lock()
		sleeping := s.sleeping
		s.mu.Unlock()
		if sleeping {
			s.fill()
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// fill sends meaningless lines until no other fits.
func (s *syslog) fill() {
	for range 64 { // as many as it takes: each may have that much in progress
		c, err := net.DialUnix("unixgram", nil, s.conn.LocalAddr().(*net.UnixAddr))
		if err != nil {
			return
		}
		raw, err := c.SyscallConn()
		sent := 0
		if err == nil {
			_ = raw.Control(func(fd uintptr) {
				for unix.Send(int(fd), []byte(fillerText), unix.MSG_DONTWAIT) == nil {
					sent++
				}
			})
		}
		c.Close()
		if sent == 0 {
			return
		}
	}
}

// rest sleeps, on the daemon's side, for as long as requested.
func (s *syslog) rest() {
	s.mu.Lock()
	left := time.Until(s.asleep)
	s.sleeping = left > 0
	s.mu.Unlock()
	if left > 0 {
		time.Sleep(left)
		s.mu.Lock()
		s.sleeping = false
		s.mu.Unlock()
	}
}

// logFile is the log file of a station's master, whose lines are also copied to the
// station's log.
type logFile struct {
	path string
	stop chan struct{}
	done chan struct{}
}

// toSyslog marks the lines of a master with a log file that arrived at syslog.
const toSyslog = " (to syslog)"

func newLogFile(s *station) *logFile {
	f := &logFile{path: s.path("counts/maillog"), stop: make(chan struct{}), done: make(chan struct{})}
	// Writable by mail_owner: with -v the original also logs as the owner, and ends
	// if it cannot.
	s.require("write", os.WriteFile(f.path, nil, 0o600))
	s.require("chmod", os.Chmod(f.path, 0o666))
	go f.follow(s.log)
	return f
}

// configure sets the file in main.cf, unless the scenario names one.
func (f *logFile) configure(main []string) []string {
	if slices.ContainsFunc(main, func(line string) bool { return regexp.MustCompile(`^maillog_file\s*=`).MatchString(line) }) {
		return main
	}
	return append(slices.Clone(main), "maillog_file = "+f.path, "maillog_file_prefixes = @dir")
}

// environment adds what postfix(1) passes to its master.
func (f *logFile) environment(env []string) []string {
	if slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "POSTLOG_SERVICE=") }) {
		return env
	}
	return append(slices.Clone(env), "POSTLOG_SERVICE=@dir/q/public/postlog", "POSTLOG_HOSTNAME=host.example.net")
}

// follow copies the lines of the file.
func (f *logFile) follow(log *syslog) {
	defer close(f.done)
	read := 0
	for stopped := false; !stopped; time.Sleep(time.Millisecond) {
		select {
		case <-f.stop:
			stopped = true
		default:
		}
		var st unix.Stat_t
		if unix.Stat(f.path, &st) != nil || int(st.Size) == read {
			continue
		}
		text, err := os.ReadFile(f.path)
		if err != nil || len(text) < read {
			continue
		}
		for _, line := range bytes.SplitAfter(text[read:], []byte("\n")) {
			if !bytes.HasSuffix(line, []byte("\n")) {
				break
			}
			read += len(line)
			log.add(parseLogFile(strings.TrimSuffix(string(line), "\n"), time.Unix(st.Mtim.Unix())))
		}
	}
}

// drain waits until the lines that are in the file now have been copied.
func (f *logFile) drain(log *syslog) {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return
	}
	want := bytes.Count(text, []byte("\n"))
	log.wait(func() bool {
		have := 0
		for _, l := range log.lines {
			if l.file {
				have++
			}
		}
		return have >= want
	})
}

func (f *logFile) close() {
	close(f.stop)
	<-f.done
}

// parseLogFile parses a line of a log file: its severity is that of its prefix.
func parseLogFile(line string, at time.Time) logLine {
	m := logFileForm.FindStringSubmatch(line)
	if m == nil {
		return logLine{priority: -1, text: line, at: at, file: true}
	}
	pid, _ := strconv.Atoi(m[3])
	l := logLine{priority: facilityMail*8 + 6, tag: m[2], pid: pid, text: line[len(m[0]):], at: at, file: true}
	for prefix, severity := range map[string]int{"warning: ": 4, "error: ": 3, "fatal: ": 2, "panic: ": 2} {
		if strings.HasPrefix(l.text, prefix) {
			l.priority = facilityMail*8 + severity
		}
	}
	return l
}
