package main

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// runWithout runs a master without a capability, and waits for its end.
func (s *station) runWithout(capability uintptr, args ...string) (int, string) {
	s.t.Helper()
	p := s.command(args...)
	done := make(chan error)
	go func() {
		// The thread cannot regain the capability: it ends with the goroutine.
		runtime.LockOSThread()
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
			done <- err
			return
		}
		done <- p.Run()
	}()
	if err := <-done; p.ProcessState == nil {
		s.t.Fatal(err)
	}
	return p.ProcessState.ExitCode(), p.words()
}

func TestMissingCapabilityIsNamed(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root: it gives up a part of it")
	}
	for _, x := range []struct {
		name       string
		capability uintptr
		fatal      string
	}{
		{"CAP_SETGID", unix.CAP_SETGID, "fatal: set_eugid: setegid(" + itoa(newStation(t).owner.gid) + "): Operation not permitted\n"},
		{"CAP_SETUID", unix.CAP_SETUID, "fatal: set_eugid: seteuid(" + itoa(newStation(t).owner.uid) + "): Operation not permitted\n"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := newStation(t)
			code, words := s.runWithout(x.capability)
			if code != 1 || !strings.HasSuffix(words, x.fatal) || !strings.Contains(words, "the capability "+x.name+" ") {
				t.Errorf("exit status %d, standard error %q, want %q and %s", code, words, x.fatal, x.name)
			}
		})
	}
}

func TestLockFileThatCannotBeHadIsToldWithPathAndOwner(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name   string
		spoil  func(s *station) error
		remedy string // @ is the station
	}{
		{"directory", func(s *station) error { return os.Mkdir(s.path("q/pid/master.pid"), 0o700) }, "lock file @/q/pid/master.pid must be a regular file owned by OWNER"},
		{"missing", func(s *station) error { return os.Remove(s.path("q/pid")) }, "the directory of lock file @/q/pid/master.pid is missing"},
		{"links", func(s *station) error {
			if err := os.WriteFile(s.path("d/master.lock"), nil, 0o600); err != nil {
				return err
			}
			return os.Link(s.path("d/master.lock"), s.path("d/other"))
		}, "lock file @/d/master.lock must be a regular file owned by MAIL"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := newStation(t)
			must(t, x.spoil(s))
			code, words := s.run()
			owner := "root"
			if os.Getuid() != 0 {
				owner = "user " + itoa(os.Getuid())
			}
			want := strings.NewReplacer("@", s.dir, "OWNER", owner, "MAIL", s.owner.name).Replace(x.remedy)
			if code != 1 || !strings.Contains(words, want) || !strings.Contains(words, "fatal: open lock file ") {
				t.Errorf("exit status %d, standard error %q, want %q", code, words, want)
			}
		})
	}
}

func TestReloadThatLeavesNoServiceSaysSo(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	const warning = "/master.cf; no mail is accepted or delivered; add entries to master.cf and run \"postfix reload\"\n"
	if log := s.log(); strings.Contains(log, warning) {
		t.Errorf("said with a service:\n%s", log)
	}
	s.main += "master_service_disable = inet\n"
	s.write()
	must(t, p.Process.Signal(unix.SIGHUP))
	s.eventually("the warning", func() bool {
		return strings.Contains(s.log(), "warning: no service is enabled in "+s.path("c")+warning)
	})
}

func TestLockRemedyNamesTheHolder(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.start()
	if _, words := s.run(); !strings.Contains(words, "lock file "+s.path("q/pid/master.pid")+" is held by process ") {
		t.Errorf("standard error %q", words)
	}
}
