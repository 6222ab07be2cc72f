//go:build linux

package e2e

import (
	"flag"
	"os"
	"testing"
)

var enabled = flag.Bool("e2e", false, "run the end-to-end mail test (root and Debian's postfix needed)")

// masterVariable names the master to be tested, if it is not ours.
const masterVariable = "E2E_MASTER"

func TestMain(m *testing.M) {
	if os.Getenv(guardVariable) != "" {
		guard()
		return
	}
	flag.Parse()
	code := m.Run()
	theGuard.dismiss()
	os.Exit(code)
}

// TestEndToEnd sends real mail through private mail systems, each started, reloaded
// and stopped with postfix(1) only.
func TestEndToEnd(t *testing.T) {
	if !*enabled {
		t.Skip("the end-to-end mail test runs with make e2e (flag -e2e)")
	}
	if os.Getuid() != 0 {
		t.Skip("the end-to-end mail test needs root: a mail system switches identities")
	}
	installed, missing := findPostfix()
	if missing != "" {
		t.Skip("the end-to-end mail test needs Debian's postfix: " + missing)
	}
	if _, err := os.Stat(installed.master); err != nil {
		t.Fatalf("the master to be driven is missing (make build builds ours, %s names another): %v", masterVariable, err)
	}
	t.Logf("driving %s under Postfix %s", installed.master, installed.version)
	t.Run("maillog_file", func(t *testing.T) {
		s := newMailSystem(t, installed, layout{chroot: false, maillogFile: true})
		s.deliverWhileReloading(t)
	})
	t.Run("syslog", func(t *testing.T) {
		log := listenSyslog(t)
		s := newMailSystem(t, installed, layout{chroot: false, allProtocols: true})
		s.log = log
		s.deliverWhileReloading(t)
		if n := s.count(t, "terminating on signal 15"); n != 1 {
			t.Errorf("log has %d lines of the master that say it was terminated by postfix stop, want 1", n)
		}
	})
	t.Run("chroot", func(t *testing.T) {
		s := newMailSystem(t, installed, layout{chroot: true, maillogFile: true})
		s.prepareChroot(t)
		s.deliverWhileReloading(t)
	})
	t.Run("abort", func(t *testing.T) {
		s := newMailSystem(t, installed, layout{chroot: false, maillogFile: true})
		s.abortInSession(t)
	})
	// The rest waits more than it works.
	t.Run("programs", func(t *testing.T) {
		t.Parallel()
		newWhole(t, installed, whole{patient: true, verbose: true}).useEveryProgram(t)
	})
	t.Run("kills", func(t *testing.T) {
		t.Parallel()
		newWhole(t, installed, whole{}).killEverything(t)
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		s := newMailSystem(t, installed, layout{chroot: true, maillogFile: true, oneshot: true})
		s.prepareChroot(t)
		s.measureMemory(t)
	})
}
