//go:build linux && amd64

package faults

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/trace"
)

const (
	journalFile = "d/master.trace"
	earlierFile = journalFile + ".1"
)

// The disk of the journal hangs in each of its calls, from the start of the daemon
// on: all clients are served through a whole life, and the end comes in time. If
// the disk recovers before the end, recording continues, and nothing is missing
// from it.
func TestFaultsOfAHungJournal(t *testing.T) {
	if reason := unable(); reason != "" {
		t.Skip(reason)
	}
	calls := []struct{ name, label string }{
		{"open", journalFile},
		{"fstat", journalFile},
		{"lstat", journalFile},
		{"read", journalFile},
		{"rename", journalFile},
		{"open", journalFile + " (make)"},
		{"write", journalFile},
		{"open", earlierFile},
	}
	for _, call := range calls {
		for _, goesOn := range []bool{false, true} {
			name := strings.ReplaceAll(call.name+" "+call.label, "/", ":")
			if goesOn {
				name += ", and goes on"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				l, err := preparedLife()
				if err != nil {
					t.Fatal(err)
				}
				defer l.system.close()
				// There is an earlier recording, which must be set aside.
				if err := l.system.leaveRecording(); err != nil {
					t.Fatal(err)
				}
				l.watcher.hung = func(p place) bool { return p.who == daemon && p.call == call.name && p.label == call.label }
				if err := errors.Join(l.begin([]string{call.name}), l.withHungDisk(goesOn)); err != nil {
					t.Errorf("%v\n%s", err, l.everything())
				}
				if err := errors.Join(l.finish(), l.clean()); err != nil {
					t.Errorf("%v\n%s", err, l.everything())
				}
				if goesOn {
					if err := l.recorded(); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// leaveRecording leaves the recording of an earlier daemon.
func (s *system) leaveRecording() error {
	owner, _, err := accounts()
	return errors.Join(err, os.WriteFile(s.path(journalFile), []byte(trace.Mark), 0o600),
		os.Chown(s.path(journalFile), owner.uid, owner.gid))
}

// withHungDisk plays a life up to its end.
func (l *life) withHungDisk(goesOn bool) error {
	if err := l.until(undo); err != nil {
		return err
	}
	if l.watcher.holding() == 0 {
		return errors.New("nothing hangs")
	}
	if !goesOn {
		return nil
	}
	l.watcher.letGo()
	return l.serveAll()
}

// recorded returns an error unless the journal is complete, from the start to the
// last step.
func (l *life) recorded() error {
	recording, err := os.ReadFile(l.system.path(journalFile))
	if err != nil {
		return err
	}
	if _, err := trace.Replay(recording); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	text, err := trace.Text(recording)
	for _, part := range []string{"snapshot after step 0", "terminating on signal 15", "\n  exit "} {
		if !strings.Contains(string(text), part) {
			err = errors.Join(err, fmt.Errorf("the journal has nothing of %q", part))
		}
	}
	return err
}

// hangs reports whether the call must not be answered.
func (w *watcher) hangs(n *notification) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hung == nil || w.silent {
		return false
	}
	p, ok := place{phase: w.phase, who: w.identify(int(n.tid))}, false
	if p.who == other {
		return false
	}
	if p.call, p.label, ok = w.describe(n); !ok || !w.hung(p) {
		return false
	}
	if w.held == nil {
		w.held = map[int]uint64{}
	}
	w.held[int(n.tid)] = n.id
	return true
}

// holds reports whether the thread is in a call that hangs.
func (w *watcher) holds(tid int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held[tid] != 0
}

func (w *watcher) holding() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.held)
}

// letGo answers the calls that hang, and lets none hang any more.
func (w *watcher) letGo() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range w.held {
		answer(w.listener, &response{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
	}
	w.hung, w.held = nil, nil
}
