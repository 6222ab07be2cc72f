//go:build linux

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// Addresses of clients that postscreen(8) has not met before. It trusts 127.0.0.1.
const (
	patientStranger   = "127.0.0.2"
	impatientStranger = "127.0.0.3"
	secretStranger    = "127.0.0.4"
)

// refused checks that the error has the code, and returns its text.
func refused(t *testing.T, what string, err error, code int) string {
	t.Helper()
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code != code {
		t.Fatalf("%s: got %v, want a refusal with code %d", what, err, code)
	}
	return reply.Msg
}

// greetStrangers tests postscreen(8): a new client is deferred, comes again, and is
// served by smtpd(8); one that talks before the greeting is not; one that asks
// postscreen for TLS gets it from tlsproxy(8).
func (s *mailSystem) greetStrangers(t *testing.T, next func() int) {
	t.Helper()
	address, local := s.addresses[0], s.recipient.Username+"@"+mailDomain
	l := to(local, next())
	c, err := openFrom(patientStranger, address)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "postscreen, a stranger", c.submit(l), 450)
	_ = c.Quit()
	s.awaitLine(t, "postscreen", `^PASS NEW \[`+patientStranger)
	s.mail(t, patientStranger, address, l)
	awaitMessage(t, l.number, in(s.mailbox()))

	impatient := net.Dialer{Timeout: sessionLimit, LocalAddr: &net.TCPAddr{IP: net.ParseIP(impatientStranger)}}
	conn, err := impatient.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(sessionLimit)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "EHLO too.early\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\n", local)
	answers := bufio.NewScanner(conn)
	const refusal = "550 5.5.1 Protocol error"
	var told []string
	for answers.Scan() {
		told = append(told, answers.Text())
		if strings.HasPrefix(answers.Text(), refusal) {
			break
		}
	}
	if !strings.HasPrefix(strings.Join(told[max(0, len(told)-1):], ""), refusal) {
		t.Errorf("postscreen tells a client that talks first %q, want a refusal", told)
	}
	s.awaitLine(t, "postscreen", `^PREGREET .*\[`+impatientStranger)

	secret, err := openFrom(secretStranger, address)
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	if err := secret.StartTLS(s.whole.key.client()); err != nil {
		t.Fatalf("STARTTLS with postscreen: %v", err)
	}
	refused(t, "postscreen, a stranger with TLS", secret.submit(l), 450)
	_ = secret.Quit()
}

// encrypt sends mail over TLS, through two servers that share their sessions:
// tlsmgr(8) keeps the keys for all.
func (s *mailSystem) encrypt(t *testing.T, next func() int) {
	t.Helper()
	secret := s.whole.key.client()
	var servers [2]session
	for i := range servers {
		var err error
		if servers[i], err = open(s.whole.direct); err != nil { // both are open, so two processes serve
			t.Fatal(err)
		}
		defer servers[i].Close()
	}
	for i, c := range servers {
		l := to(s.recipient.Username+"@"+mailDomain, next())
		if err := c.StartTLS(secret); err != nil {
			t.Fatalf("STARTTLS with server %d: %v", i+1, err)
		}
		if state, ok := c.TLSConnectionState(); !ok || state.DidResume != (i == 1) {
			t.Errorf("server %d: TLS %v, the session of before is taken up: %v, want %v", i+1, ok, state.DidResume, i == 1)
		}
		if err := errors.Join(c.submit(l), c.Quit()); err != nil {
			t.Fatal(err)
		}
		awaitMessage(t, l.number, in(s.mailbox()))
	}
}

// limitClients opens more sessions in a short time than anvil(8) allows.
func (s *mailSystem) limitClients(t *testing.T) {
	t.Helper()
	const allowed = 3
	for i := range allowed + 2 {
		c, err := open(s.whole.limited)
		switch {
		case i < allowed && err != nil:
			t.Fatalf("connection %d of %d within the limit: %v", i+1, allowed, err)
		case i < allowed:
			_ = c.Quit()
		default:
			refused(t, fmt.Sprintf("connection %d, the limit is %d", i+1, allowed), err, 421)
		}
	}
}

// verifyRecipients uses an smtpd that accepts only recipients to which mail can be
// delivered, as verify(8) finds out.
func (s *mailSystem) verifyRecipients(t *testing.T) {
	t.Helper()
	eventually(t, deliveryLimit, "a good recipient is verified", func() string {
		if err := s.ask(virtualMailbox + "@" + virtualDomain); err != nil {
			return err.Error() // not known yet
		}
		return ""
	})
	eventually(t, deliveryLimit, "a bad recipient is found out", func() string {
		err := s.ask(refusedRecipient)
		if err == nil {
			t.Fatal("a recipient to whom nothing can be delivered was accepted")
		}
		if !strings.Contains(err.Error(), "nobody is there") {
			return err.Error() // not known yet
		}
		return ""
	})
}

// ask asks the verifying smtpd whether it accepts mail for a recipient.
func (s *mailSystem) ask(recipient string) error {
	c, err := open(s.whole.verified)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Mail(sender()); err != nil {
		return err
	}
	if err := c.Rcpt(recipient); err != nil {
		return err
	}
	return c.Quit()
}
