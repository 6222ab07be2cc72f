//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// deliverEverywhere sends one message through every delivery agent: in by
// sendmail(1) and pickup(8), out by local(8), virtual(8), pipe(8), smtp(8) on one
// connection for both messages, which scache(8) keeps, lmtp(8), discard(8).
func (s *mailSystem) deliverEverywhere(t *testing.T, next func() int) {
	t.Helper()
	for _, way := range []struct {
		recipient string
		where     func() (map[int]int, error)
	}{
		{s.recipient.Username + "@" + mailDomain, in(s.mailbox())},
		{virtualMailbox + "@" + virtualDomain, in(s.box(virtualMailbox))},
		{"anybody@" + pipeDomain, in(s.piped())},
		{"anybody@" + smtpDomain, s.whole.smtp.delivered},
		{"anybody@" + smtpDomain, s.whole.smtp.delivered},
		{"anybody@" + lmtpDomain, s.whole.lmtp.delivered},
	} {
		l := to(way.recipient, next())
		if err := s.sendmail(l); err != nil {
			t.Fatal(err)
		}
		awaitMessage(t, l.number, way.where)
	}
	s.awaitLine(t, "smtp", `conn_use=2.* status=sent `)
	s.mail(t, "", s.addresses[0], to("anybody@"+discardDomain, next()))
	s.awaitLine(t, "discard", ` status=sent \(`+discardDomain+`\)`)
	c, err := open(s.addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// The table of mailboxes is read by proxymap(8).
	told := refused(t, "unknown recipient", c.submit(to("unknown@"+virtualDomain, next())), 550)
	if !strings.Contains(told, "User unknown in virtual mailbox table") {
		t.Errorf("an unknown recipient is told %q", told)
	}
}

// bounceAndReport makes mail be returned to its sender, and requests a report about
// delivered mail.
func (s *mailSystem) bounceAndReport(t *testing.T, next func() int) {
	t.Helper()
	for _, bad := range []struct{ recipient, reason string }{
		{"somebody@" + refusedDomain, "nobody is there"},
		{refusedRecipient, "said: 550 5.1.1 nobody is there"},
		{"unknown@" + virtualDomain, "unknown user: \"unknown@" + virtualDomain + "\""},
	} {
		l := to(bad.recipient, next())
		if err := s.sendmail(l); err != nil {
			t.Fatal(err)
		}
		awaitMessage(t, l.number, s.notices("Undelivered Mail Returned to Sender"))
		awaitMessage(t, l.number, s.notices(bad.reason))
	}
	l := to(virtualMailbox+"@"+virtualDomain, next())
	if err := s.sendmail(l, "-N", "success"); err != nil {
		t.Fatal(err)
	}
	awaitMessage(t, l.number, in(s.box(virtualMailbox)))
	awaitMessage(t, l.number, s.notices("Successful Mail Delivery Report"))
}

// flushDeferred sends mail to a server that does not listen, sees it in the queue's
// listing, and has it delivered on request. Mail that will never be accepted is
// deleted.
func (s *mailSystem) flushDeferred(t *testing.T, next func() int) {
	t.Helper()
	s.wantListing(t, "Mail queue is empty")
	if err := s.sendmail(to("anybody@"+pausedDomain, next())); err != nil {
		t.Fatal(err)
	}
	s.awaitLine(t, "error", ` status=deferred \(not now\)`)
	s.wantListing(t, "not now", "anybody@"+pausedDomain, "in 1 Request.")
	s.tool(t, "postsuper", "-d", "ALL")
	s.wantListing(t, "Mail queue is empty")
	var late *sink
	for _, ask := range []func(){
		func() { s.tool(t, "postqueue", "-s", lateDomain) },
		func() { s.etrn(t) },
		func() { s.tool(t, "postqueue", "-f") },
	} {
		if late != nil {
			late.close()
		}
		first, second := to("anybody@"+lateDomain, next()), to("anybody@"+lateDomain, next())
		s.mail(t, "", s.addresses[0], first)
		s.awaitDeferred(t, 1)
		s.mail(t, "", s.addresses[0], second)
		s.awaitDeferred(t, 2)
		s.wantListing(t, "Connection refused", "anybody@"+lateDomain, sender(), "in 2 Requests.")
		late = listenSink(t, s.whole.late)
		ask()
		awaitMessage(t, first.number, late.delivered)
		awaitMessage(t, second.number, late.delivered)
		eventually(t, deliveryLimit, "an empty queue", func() string { return strings.Join(s.queued(t), " ") })
		s.wantListing(t, "Mail queue is empty")
	}
}

// awaitDeferred waits until n messages are deferred, and recorded with flush(8).
func (s *mailSystem) awaitDeferred(t *testing.T, n int) {
	t.Helper()
	eventually(t, deliveryLimit, "deferred mail", func() string {
		queued, recorded := s.queued(t), s.recorded(t)
		for _, name := range queued {
			if !strings.HasPrefix(name, "deferred/") || !strings.Contains(recorded, filepath.Base(name)) {
				return name + " is not deferred and recorded"
			}
		}
		if len(queued) != n {
			return fmt.Sprintf("%d files are in the queue, want %d", len(queued), n)
		}
		return ""
	})
}

// recorded returns what flush(8) has recorded.
func (s *mailSystem) recorded(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob(s.queue() + "/flush/*")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return strings.Join(all, "")
}

// wantListing waits until postqueue -p shows all that is wanted.
func (s *mailSystem) wantListing(t *testing.T, wanted ...string) {
	t.Helper()
	eventually(t, deliveryLimit, "the listing of postqueue -p", func() string {
		listing := s.tool(t, "postqueue", "-p")
		for _, want := range wanted {
			if !strings.Contains(listing, want) {
				return fmt.Sprintf("no %q in\n%s", want, listing)
			}
		}
		return ""
	})
}

// tool runs one of Postfix's commands on the mail system and returns its output.
func (s *mailSystem) tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := s.toolOutput(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// etrn requests the deferred mail over SMTP.
func (s *mailSystem) etrn(t *testing.T) {
	t.Helper()
	c, err := open(s.whole.direct)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	id, err := c.Text.Cmd("ETRN %s", lateDomain)
	if err != nil {
		t.Fatal(err)
	}
	c.Text.StartResponse(id)
	defer c.Text.EndResponse(id)
	if _, _, err := c.Text.ReadResponse(250); err != nil {
		t.Fatalf("ETRN: %v", err)
	}
}
