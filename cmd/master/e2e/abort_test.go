//go:build linux

package e2e

import (
	"testing"
	"time"
)

// abortLimit is how long processes may take to end after postfix abort.
const abortLimit = 5 * time.Second

// abortInSession aborts the mail system in the middle of eight sessions, and starts
// it again in the same place.
func (s *mailSystem) abortInSession(t *testing.T) {
	t.Helper()
	s.start(t)
	sessions := make([]session, parallelClients)
	each(t, "before the abort", func(i int) (err error) {
		sessions[i], err = open(s.addresses[i%len(s.addresses)])
		return err
	})
	if n := len(inside(s.root)); n <= parallelClients {
		t.Errorf("%d processes run with %d sessions open, want more", n, parallelClients)
	}
	s.must(t, "abort")
	s.gone(t, abortLimit, "abort")
	for i, c := range sessions {
		if err := c.Noop(); err == nil {
			t.Errorf("session %d outlived postfix abort", i)
		}
		_ = c.Close()
	}
	s.start(t)
	c, err := open(s.addresses[0])
	if err != nil {
		t.Fatalf("after the abort and a new start: %v", err)
	}
	defer c.Close()
	const number = 1
	if err := c.send(s.recipient.Username+"@"+mailDomain, number); err != nil {
		t.Fatalf("after the abort and a new start: %v", err)
	}
	eventually(t, deliveryLimit, "delivery after the abort and a new start", func() string {
		counts, err := delivered(s.mailbox())
		if err != nil {
			t.Fatalf("mailbox: %v", err)
		}
		if counts[number] != 1 {
			return "the message is not in the mailbox"
		}
		return ""
	})
	s.must(t, "abort")
	s.gone(t, abortLimit, "abort")
	s.checkLog(t)
}
