//go:build linux

package parity

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestVerdicts(t *testing.T) {
	original := observation{"end: start 1: signal 6", "log: a", "log: panic", "log: b"}
	for _, row := range []struct {
		name     string
		original observation
		ours     observation
		rules    []shown
		allowed  []shown
		want     verdictKind
		text     string
	}{
		{"equal", original, original, nil, nil, same, ""},
		{"a line less", original, original[:3], nil, nil, differs, "- log: b"},
		{"a line more", original, append(slices.Clone(original), "log: c"), nil, nil, differs, "+ log: c"},
		{"another order", observation{"log: a", "log: b"}, observation{"log: b", "log: a"}, nil, nil, differs, "log: "},
		{
			"explained on both sides", original,
			observation{"end: start 1: signal 15", "log: a", "log: b"},
			[]shown{{"Q1", `panic|signal 6$`, `signal 15$`}},
			nil,
			documented, "",
		},
		{
			"explained on one side only", original,
			observation{"end: start 1: signal 15", "log: a", "log: b"},
			[]shown{{"Q1", `panic|signal 6$`, ""}},
			nil,
			differs, "+ end: start 1: signal 15",
		},
		{"a rule that explains nothing", original, original, []shown{{"Q1", `panic`, ""}}, nil, differs, "row Q1"},
		{"a rule that is half seen", original, original[:3], []shown{{"Q1", `b$`, "never"}}, nil, differs, "row Q1"},
		{"both stop at one place", observation{"BROKEN: x"}, observation{"BROKEN: x"}, nil, nil, differs, "stopped with the original: x"},
		{"the crash file counts for nothing", observation{"log: a"}, observation{"file: d/master.crash file 0600 @owner:@owner size 0", "log: a"}, nil, nil, same, ""},
		{"allowed and not there", original, original, nil, []shown{{"D31", "", "x$"}}, same, ""},
		{"allowed and there", original, append(slices.Clone(original), "log: x"), nil, []shown{{"D31", "", "x$"}}, documented, ""},
		{"not what is allowed", original, append(slices.Clone(original), "log: y"), nil, []shown{{"D31", "", "x$"}}, differs, "+ log: y"},
		{"but it must be empty", observation{"log: a"}, observation{"file: d/master.crash file 0600 @owner:@owner size 9", "log: a"}, nil, nil, differs, "size 9"},
	} {
		v := judge("x/y", row.rules, row.allowed, row.original, row.ours)
		if v.kind != row.want || !strings.Contains(v.text, row.text) {
			t.Errorf("%s: got %v\n%s\nwant %v with %q", row.name, v, v.text, verdict{kind: row.want}, row.text)
		}
	}
}

func TestSyslogLines(t *testing.T) {
	for text, want := range map[string]logLine{
		"<22>Nov  3 04:05:06 postfix/master[123]: daemon started":         {priority: 22, tag: "postfix/master", pid: 123, text: "daemon started"},
		"<18>Nov 13 04:05:06 master[7]: fatal: x: y[8]: z":                {priority: 18, tag: "master", pid: 7, text: "fatal: x: y[8]: z"},
		"<22>Nov  3 04:05:06 host postfix/master[123]: a host is no good": {priority: 22, tag: "host postfix/master", pid: 123, text: "a host is no good"},
		"<22>Nov  3 04:05:06 postfix/master[1]: with a line feed\n":       {priority: -1, text: "<22>Nov  3 04:05:06 postfix/master[1]: with a line feed\n"},
		"no form": {priority: -1, text: "no form"},
	} {
		got := parseSyslog(text)
		if got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
	for priority, want := range map[int]string{22: "info", 20: "warning", 18: "crit", 14: "info facility 1", -1: "bad form"} {
		if got := (logLine{priority: priority}).severity(); got != want {
			t.Errorf("%d: got %q, want %q", priority, got, want)
		}
	}
}

func TestWhatDiffersFromRunToRunGetsNames(t *testing.T) {
	s := &station{dir: "/tmp/pa123", owner: account{"o", 102, 105}, group: account{"g", 106, 106}, ports: map[string]int{"@port1": 20123}}
	n := &names{s, map[int]string{1: "init", 4711: "master", 4712: "child 1"}}
	for line, want := range map[string]string{
		"log: process /tmp/pa123/s/actor pid 4712 exit status 3":    "log: process @dir/s/actor pid child 1 exit status 3",
		"log: process /tmp/pa123/s/actor pid 99 killed by signal 9": "log: process @dir/s/actor pid other killed by signal 9",
		"child 1.parent: 4711":                                              "child 1.parent: master",
		"child 1.fd 6: peercred=4711/102/105 x":                             "child 1.fd 6: peercred=master/@owner/@owner x",
		"listener: tcp 127.0.0.1:20123 backlog 5":                           "listener: tcp 127.0.0.1:@port1 backlog 5",
		"log: daemon started -- version 3.7.11, configuration /tmp/pa123/c": "log: daemon started -- version V, configuration @dir/c",
		"x: uid 102 gid 106":                                                "x: uid @owner gid @group",
		"limit 4711":                                                        "limit 4711",
	} {
		if got := n.replace(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestTableIsReadStrictly(t *testing.T) {
	for text, want := range map[string]int{
		"# x\n\n| id | a | b | c | d |\n| --- | --- | --- | --- | --- |\n| Q1 | a | b | c | d |\n| D12 | a | b | c | d |\n\n| Postfix | a | b |\n| --- | --- | --- |\n| x | y | z |\n": 2,
		"| id | a | b | c | d |\n| --- | --- | --- | --- | --- |\n| Q1 | a | b | c |\n":                                                                                                -1,
		"| id | a | b | c | d |\n| --- | --- | --- | --- | --- |\n| – | a | b | c | d |\n":                                                                                             -1,
	} {
		path := filepath.Join(t.TempDir(), "differences.md")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		rows, err := readDifferences(path)
		if err == nil && len(rows) != want || err != nil && want >= 0 {
			t.Errorf("%q: got %v, %v", text, rows, err)
		}
	}
}

// The result of waiting for rest: a process that works never rests, nor does one
// whose child waits to be reaped.
func TestOnlySleepersRest(t *testing.T) {
	for _, row := range []struct {
		name, script string
		want         bool
	}{
		{"one that sleeps", "exec sleep 60", true},
		{"one that works", "while :; do :; done", false},
		{"one that wakes now and then", "while :; do sleep 0.01; done", false},
		{"one with a child that works", "cat /dev/zero >/dev/null & exec sleep 60", false},
		{"one with a dead child", "true & exec sleep 60", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("/bin/sh", "-c", row.script)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
				_ = cmd.Wait()
			}()
			limit := newLimit(400 * time.Millisecond)
			if row.want {
				limit = newLimit(patience)
			}
			if got := limit.rest(cmd.Process.Pid, still); got != row.want {
				text, resting := household(cmd.Process.Pid)
				t.Errorf("rests: %v, want %v: %s %v", got, row.want, text, resting)
			}
		})
	}
}

func TestLogLinesHaveTheTimeOfTheirWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s, err := newSyslog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	before := time.Now()
	s.mu.Lock() // stops the reader
	s.send(t, "<22>Nov  3 04:05:06 postfix/master[123]: first")
	s.send(t, "<22>Nov  3 04:05:06 postfix/master[123]: second")
	after := time.Now()
	for time.Since(after) < still/5 {
		time.Sleep(time.Millisecond)
	}
	s.mu.Unlock()
	s.drain()
	for _, line := range s.all() {
		if line.at.Before(before) || line.at.After(after) {
			t.Errorf("%q was written between %v and %v, not at %v", line.text, before, after, line.at)
		}
	}
	if n := len(s.all()); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
}

func (s *syslog) send(t *testing.T, text string) {
	t.Helper()
	c, err := net.DialUnix("unixgram", nil, s.conn.LocalAddr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// Another run of these tests on the machine must not get the same port.
func TestAPortIsGivenOnce(t *testing.T) {
	first, giveBack := freePort()
	if first == 0 {
		t.Fatal("no free port")
	}
	nextPort.Store(int32(first - firstPort - 1)) // as another process would count
	second, giveBackSecond := freePort()
	giveBack()
	if second == first || second == 0 {
		t.Errorf("%d was given twice, or there is none: %d", first, second)
	} else {
		giveBackSecond()
	}
}
