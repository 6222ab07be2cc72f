package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestComplaintsOfChildrenAreAnError(t *testing.T) {
	s := &station{dir: t.TempDir()}
	if err := os.Mkdir(s.path("q"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.check(); err != nil {
		t.Errorf("without complaints: %v", err)
	}
	if err := os.WriteFile(s.path("q", complaintsName), []byte("the first\nthe second\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "children reported 2 problems, first: the first"
	if err := s.check(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWarningsOfMastersAreAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := newSyslog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.conn.Close()
	client, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	say := func(line string) {
		t.Helper()
		if _, err := client.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		for limit := time.Now().Add(5 * time.Second); !strings.Contains(l.last(), line); {
			if time.Now().After(limit) {
				t.Fatalf("%q is not heard", line)
			}
			time.Sleep(time.Millisecond)
		}
	}
	say("<22>Nov 23 06:00:00 postfix/master[7]: daemon started -- version 3.7.11, configuration /c")
	if err := l.check(); err != nil {
		t.Errorf("a start is no trouble: %v", err)
	}
	say("<20>Nov 23 06:00:00 postfix/master[7]: warning: process /s/child pid 8 exit status 1")
	if err := l.check(); err == nil || !strings.Contains(err.Error(), "pid 8 exit status 1") {
		t.Errorf("got %v", err)
	}
	l.forget()
	if err := l.check(); err != nil {
		t.Errorf("after it is forgotten: %v", err)
	}
}

func TestRoundsAreLeftOutWhenTimeIsUp(t *testing.T) {
	for _, c := range []struct {
		rounds, round int
		since         time.Duration
		want          bool
	}{
		{3, 0, time.Hour, false}, // there is one round of everything
		{3, 1, 5 * time.Minute, false},
		{3, 1, 6 * time.Minute, true},
		{9, 1, 6 * time.Minute, false}, // more rounds were requested
		{9, 8, 17 * time.Minute, true},
	} {
		b := &bench{settings: settings{rounds: c.rounds}, began: time.Now().Add(-c.since)}
		if got := b.late(c.round); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestFiguresOfTheKernelAreRead(t *testing.T) {
	self := process(os.Getpid())
	cpu, err := self.cpu()
	if err != nil || cpu <= 0 {
		t.Errorf("CPU %v, %v", cpu, err)
	}
	resident, anonymous, err := self.memory()
	if err != nil || anonymous <= 0 || resident <= anonymous {
		t.Errorf("memory %v, %v, %v", resident, anonymous, err)
	}
	before, err := self.files()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if after, err := self.files(); err != nil || after != before+1 {
		t.Errorf("%v files and %v with one more, %v", before, after, err)
	}
	if wakeups, err := self.wakeups(); err != nil || wakeups <= 0 {
		t.Errorf("wake-ups %v, %v", wakeups, err)
	}
	if _, err := process(1 << 30).cpu(); err == nil {
		t.Error("a process that is not there has run")
	}
}

func TestWordsOfTheClientsAreRead(t *testing.T) {
	w, err := parseWords("connections=12 seconds=0.5\n")
	if err != nil || len(w) != 2 || w["connections"] != 12 || w["seconds"] != 0.5 {
		t.Errorf("got %v, %v", w, err)
	}
	for _, line := range []string{"connections", "connections=", "seconds=soon"} {
		if w, err := parseWords(line); err == nil {
			t.Errorf("%q is read as %v", line, w)
		}
	}
}
