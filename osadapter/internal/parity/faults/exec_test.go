//go:build linux && amd64

package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hangExecs makes execs of children hang, of programs whose path contains the text:
// as many as there is room for, or all.
func (w *watcher) hangExecs(program string, room int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hung = func(p place) bool {
		if p.who != starting || p.call != "execute" || !strings.Contains(p.label, program) || room == 0 {
			return false
		}
		room--
		return true
	}
}

// givenUp is the daemon's line about a start that takes too long.
const givenUp = "Connection timed out -- the file system that holds the program does not respond"

// hungLives are what happens while execs hang.
var hungLives = map[string]func(l *life) error{
	"one is slow": func(l *life) error {
		w := l.watcher
		w.hangExecs("servant", 1)
		waits := l.client(l.current[1])
		if err := l.await("an exec hangs", func() bool { return w.holding() == 1 }); err != nil {
			return err
		}
		others := slices.Delete(slices.Clone(l.current), 1, 2)
		for _, v := range others {
			if err := l.system.serves(v); err != nil {
				return fmt.Errorf("while another hangs: %w", err)
			}
		}
		if err := l.reload(second); err != nil {
			return err
		}
		if !l.has(second) || l.refused > 0 {
			return errors.New("the reload is not done")
		}
		if err := l.system.serves(others[0]); err != nil {
			return fmt.Errorf("after the reload: %w", err)
		}
		w.letGo()
		return <-waits
	},
	"one is given up": func(l *life) error {
		w := l.watcher
		w.hangExecs("servant", 1)
		waits := l.client(l.current[1])
		if err := l.await("an exec is given up", func() bool { return l.says(givenUp) }); err != nil {
			return err
		}
		if err := l.await("its process is reaped", func() bool { return len(l.children()) == 0 }); err != nil {
			return fmt.Errorf("%w: %s", err, l.portrait())
		}
		w.letGo() // the process has ended
		if err := <-waits; err != nil {
			return fmt.Errorf("after the throttle time: %w", err)
		}
		if log := l.system.log(); strings.Contains(log, "reaped process") || strings.Contains(log, "killed by") {
			return errors.New("the process was taken for another")
		}
		return nil
	},
	"a look-up": func(l *life) error {
		w := l.watcher
		w.hangExecs("getent", -1)
		if err := l.system.configure(slices.Concat(first, []service{{name: "no-such-port", kind: "inet"}})); err != nil {
			return err
		}
		if err := unix.Kill(w.process(), unix.SIGHUP); err != nil {
			return err
		}
		if err := l.await("a look-up hangs", func() bool { return w.holding() > 0 }); err != nil {
			return err
		}
		if err := l.serveAll(); err != nil {
			return fmt.Errorf("while a look-up hangs: %w", err)
		}
		w.letGo()
		if err := l.await("the reload is refused", func() bool { return l.says(refusedText) }); err != nil {
			return err
		}
		return l.system.configure(first)
	},
}

// client connects to a service and waits until it is served.
func (l *life) client(v service) <-chan error {
	served := make(chan error, 1)
	go func() { served <- l.system.serves(v) }()
	return served
}

// TestFaultsOfHungExecs makes the system not answer an exec: everything else
// continues, and nothing of it is left in the end.
func TestFaultsOfHungExecs(t *testing.T) {
	if reason := unable(); reason != "" {
		t.Skip(reason)
	}
	healthy, err := rehearse(circumstances{})
	if err != nil {
		t.Fatalf("a life without a fault: %v", err)
	}
	for name, happens := range hungLives {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "one is given up" && testing.Short() {
				t.Skip("waits for the time limit")
			}
			l := hungLife(t)
			defer l.system.close()
			if err := errors.Join(happens(l), l.heal(healthy.descriptors), l.finish()); err != nil {
				t.Errorf("%v\n%s", err, l.everything())
			}
		})
	}
	t.Run("the end", func(t *testing.T) {
		t.Parallel()
		l := hungLife(t)
		defer l.system.close()
		l.watcher.hangExecs("servant", -1)
		var clients sync.WaitGroup
		defer clients.Wait()
		for _, v := range l.current {
			clients.Go(func() { _ = l.system.once(v) }) // the end comes first
		}
		if err := l.await("every exec hangs", func() bool { return l.watcher.holding() >= len(l.current) }); err != nil {
			t.Fatalf("%v\n%s", err, l.everything())
		}
		began := time.Now()
		if err := l.finish(); err != nil {
			t.Errorf("%v after %v\n%s", err, time.Since(began), l.everything())
		}
	})
}

// hungLife returns a life that has begun without a fault.
func hungLife(t *testing.T) *life {
	t.Helper()
	l, err := newLife(nil, nil, circumstances{})
	if err == nil {
		err = l.until(boot)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, l.everything())
	}
	return l
}
