//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	parallelClients = 8
	reloads         = 10
	messages        = 200
)

const (
	reloadLimit   = 20 * time.Second // until the log mentions a reload
	retireLimit   = 20 * time.Second // until servers have ended whose sessions ended
	deliveryLimit = 90 * time.Second // until the last message is in the mailbox
	stopLimit     = 10 * time.Second // until nothing runs after postfix stop
)

// deliverWhileReloading is the end-to-end test: mail on parallel connections,
// a reload in each round, and every message exactly once.
func (s *mailSystem) deliverWhileReloading(t *testing.T) {
	t.Helper()
	began := time.Now()
	master := s.start(t)
	number := 0
	for round := range reloads {
		plans := make([]plan, parallelClients)
		for i := range plans {
			// 25 messages a client in 10 rounds: 2 and 3 by turns.
			plans[i] = plan{address: s.addresses[i%len(s.addresses)], recipient: s.recipient.Username + "@" + mailDomain}
			for range 2 + (i+round)%2 {
				number++
				plans[i].numbers = append(plans[i].numbers, number)
			}
		}
		// The original loses the report of a server that takes a client while a
		// reload overtakes it, and then serves no other client until that session
		// ends; eight sessions that wait for each other would wait forever.
		if round%2 == 0 || s.original {
			s.reloadAcrossSessions(t, master, round+1, plans)
		} else {
			s.reloadBesideSessions(t, master, round+1, plans)
		}
	}
	if number != messages {
		t.Fatalf("%d messages planned, want %d", number, messages)
	}
	s.awaitDelivery(t)
	awaitNoZombie(t, master)
	s.must(t, "stop")
	s.gone(t, stopLimit, "stop")
	s.checkStory(t)
	s.checkLog(t)
	t.Logf("%d messages on %d connections at %v, %d reloads, in %.1f s",
		messages, parallelClients, s.addresses, reloads, time.Since(began).Seconds())
}

// plan is what one client does in one round.
type plan struct {
	address   string
	recipient string
	numbers   []int // of the messages, in order
}

// each runs a step for all clients at once and fails the test if one fails.
func each(t *testing.T, what string, step func(i int) error) {
	t.Helper()
	var clients sync.WaitGroup
	failed := make([]error, parallelClients)
	for i := range parallelClients {
		clients.Go(func() { failed[i] = step(i) })
	}
	clients.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// reloadAcrossSessions reloads in the middle of eight sessions. The sessions
// continue during and after the reload; then their servers must leave.
func (s *mailSystem) reloadAcrossSessions(t *testing.T, master, reload int, plans []plan) {
	t.Helper()
	sessions := make([]session, parallelClients)
	each(t, "before the reload", func(i int) (err error) {
		if sessions[i], err = open(plans[i].address); err != nil {
			return err
		}
		return sessions[i].send(plans[i].recipient, plans[i].numbers[0])
	})
	defer func() {
		for _, c := range sessions {
			_ = c.Close()
		}
	}()
	earlier := children(master)
	var servers []process
	for _, p := range earlier {
		if p.command == "smtpd" && !p.zombie() {
			servers = append(servers, p)
		}
	}
	if len(servers) < parallelClients {
		t.Errorf("%d servers for %d sessions: %v", len(servers), parallelClients, servers)
	}
	s.awaitJail(t, servers)
	during := s.reload()
	each(t, "during the reload", func(i int) error {
		if len(plans[i].numbers) < 3 {
			return nil
		}
		return sessions[i].send(plans[i].recipient, plans[i].numbers[1])
	})
	s.awaitReload(t, reload, during)
	each(t, "after the reload", func(i int) error {
		last := plans[i].numbers[len(plans[i].numbers)-1]
		return errors.Join(sessions[i].send(plans[i].recipient, last), sessions[i].Quit())
	})
	s.awaitRetired(t, reload, earlier)
}

// reloadBesideSessions reloads while clients connect.
func (s *mailSystem) reloadBesideSessions(t *testing.T, master, reload int, plans []plan) {
	t.Helper()
	earlier := children(master)
	during := s.reload()
	each(t, "beside the reload", func(i int) error {
		c, err := open(plans[i].address)
		if err != nil {
			return err
		}
		defer c.Close()
		for _, number := range plans[i].numbers {
			if err := c.send(plans[i].recipient, number); err != nil {
				return err
			}
		}
		return c.Quit()
	})
	s.awaitReload(t, reload, during)
	s.awaitRetired(t, reload, earlier)
}

// reload starts a postfix reload; the channel receives its error when it has
// returned.
func (s *mailSystem) reload() <-chan error {
	returned := make(chan error, 1)
	go func() {
		code, text, err := invoke(s.command, "-c", s.config(), "reload")
		if err == nil && code != 0 {
			err = fmt.Errorf("exit status %d: %s", code, text)
		}
		returned <- err
	}()
	return returned
}

// awaitReload waits until the reload with the number, counted from 1, is done.
func (s *mailSystem) awaitReload(t *testing.T, number int, returned <-chan error) {
	t.Helper()
	if err := <-returned; err != nil {
		t.Fatalf("postfix reload: %v", err)
	}
	eventually(t, reloadLimit, "reload", func() string {
		if n := s.count(t, "reload -- version"); n != number {
			return fmt.Sprintf("the log tells of %d reloads, want %d", n, number)
		}
		return ""
	})
}

// awaitRetired waits until the processes of the earlier configuration have ended;
// their sessions have.
func (s *mailSystem) awaitRetired(t *testing.T, reload int, earlier []process) {
	t.Helper()
	eventually(t, retireLimit, fmt.Sprintf("servers from before reload %d leave", reload), func() string {
		if left := alive(earlier); len(left) > 0 {
			return fmt.Sprintf("still there: %v", left)
		}
		return ""
	})
}

// awaitDelivery waits until every message is in the mailbox exactly once and
// the queue is empty.
func (s *mailSystem) awaitDelivery(t *testing.T) {
	t.Helper()
	eventually(t, deliveryLimit, "delivery", func() string {
		counts, err := delivered(s.mailbox())
		if err != nil {
			t.Fatalf("mailbox: %v", err)
		}
		arrived := 0
		for _, n := range counts {
			arrived += n
		}
		if arrived < messages {
			return fmt.Sprintf("%d of %d messages are in the mailbox", arrived, messages)
		}
		if queued := s.queued(t); len(queued) > 0 {
			return fmt.Sprintf("%d files are left in the queue: %v", len(queued), queued)
		}
		return ""
	})
	counts, err := delivered(s.mailbox())
	if err != nil {
		t.Fatalf("mailbox: %v", err)
	}
	for number := range messages {
		if n := counts[number+1]; n != 1 {
			t.Errorf("message %d arrived %d times, want once", number+1, n)
		}
	}
	if len(counts) != messages {
		t.Errorf("%d different messages arrived, want %d", len(counts), messages)
	}
}

// queued lists the messages that are still in the queue.
func (s *mailSystem) queued(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, name := range []string{"maildrop", "incoming", "active", "deferred", "hold", "corrupt"} {
		err := filepath.WalkDir(filepath.Join(s.queue(), name), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // delivered while we looked
			}
			if err == nil && !d.IsDir() {
				found = append(found, strings.TrimPrefix(path, s.queue()+"/"))
			}
			return err
		})
		if err != nil {
			t.Fatalf("look through the queue: %v", err)
		}
	}
	return found
}

// awaitNoZombie waits until the master has reaped every dead child.
func awaitNoZombie(t *testing.T, master int) {
	t.Helper()
	eventually(t, 5*time.Second, "dead children are reaped", func() string {
		var dead []process
		for _, p := range children(master) {
			if p.zombie() {
				dead = append(dead, p)
			}
		}
		if len(dead) > 0 {
			return fmt.Sprint(dead)
		}
		return ""
	})
}

// checkStory checks that the log mentions one start and every reload.
func (s *mailSystem) checkStory(t *testing.T) {
	t.Helper()
	for _, want := range []struct {
		text  string
		times int
	}{{"daemon started -- version " + s.version, 1}, {"reload -- version " + s.version, reloads}} {
		line := want.text + ", configuration " + s.config()
		if n := s.count(t, line); n != want.times {
			t.Errorf("the master logged %q %d times, want %d", line, n, want.times)
		}
	}
}
