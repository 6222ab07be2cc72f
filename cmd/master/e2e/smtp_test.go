//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/smtp"
	"os"
	"strings"
	"time"
)

const (
	mailDomain   = "e2e.test"
	numberHeader = "X-Message-Number"
	sessionLimit = 30 * time.Second // for all that one session does
)

// session is one SMTP session.
type session struct{ *smtp.Client }

// open connects to smtpd and greets it.
func open(address string) (session, error) { return openFrom("", address) }

// openFrom is open from the given address of the loopback; empty is any.
func openFrom(source, address string) (session, error) {
	dialer := net.Dialer{Timeout: sessionLimit}
	if source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return session{}, err
	}
	if err := conn.SetDeadline(time.Now().Add(sessionLimit)); err != nil {
		conn.Close()
		return session{}, err
	}
	client, err := smtp.NewClient(conn, mailDomain) // closes it when it fails
	if err != nil {
		return session{}, fmt.Errorf("greeting: %w", err)
	}
	if err := client.Hello("client." + mailDomain); err != nil {
		client.Close()
		return session{}, fmt.Errorf("hello: %w", err)
	}
	return session{client}, nil
}

// letter is one message: its number, and the addresses on its envelope.
type letter struct {
	number            int
	sender, recipient string
}

// text returns the whole message. Its Message-ID contains the number too, so that
// the log says which queue file holds it.
func (l letter) text(end string) string {
	return fmt.Sprintf("From: <%[1]s>%[5]sTo: <%[2]s>%[5]sMessage-ID: <%[3]d@%[6]s>%[5]s%[4]s: %[3]d%[5]s%[5]s%[7]s",
		l.sender, l.recipient, l.number, numberHeader, end, mailDomain, body(l.number, end))
}

// errUnsettled means that a message may have been accepted or not: the server
// was given all of it and did not confirm.
var errUnsettled = errors.New("given, not confirmed")

// send sends the message with the number to a recipient, in the recipient's own
// name: should it bounce, its notice lands in the mailbox and is noticed.
func (s session) send(recipient string, number int) error {
	return s.submit(letter{number: number, sender: recipient, recipient: recipient})
}

// submit sends a message.
func (s session) submit(l letter) error {
	if err := s.Mail(l.sender); err != nil {
		return fmt.Errorf("message %d, sender: %w", l.number, err)
	}
	if err := s.Rcpt(l.recipient); err != nil {
		return fmt.Errorf("message %d, recipient: %w", l.number, err)
	}
	w, err := s.Data()
	if err != nil {
		return fmt.Errorf("message %d, data: %w", l.number, err)
	}
	_, err = io.WriteString(w, l.text("\r\n"))
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("message %d, end of data: %w: %w", l.number, errUnsettled, err)
	}
	return nil
}

// body is the text of the message with the number; one in ten is long.
func body(number int, end string) string {
	lines := 3
	if number%10 == 0 {
		lines = 500
	}
	return strings.Repeat(fmt.Sprintf("This is message %d.%s", number, end), lines) + "." + end
}

// delivered counts, by number, the messages in the mailbox.
func delivered(mailbox string) (map[int]int, error) {
	return countFiles(mailbox, readMessage)
}

// countFiles counts the messages in a maildir by the number that read returns.
func countFiles(mailbox string, read func(path string) (number int, err error)) (map[int]int, error) {
	entries, err := os.ReadDir(mailbox + "/new")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	counts := make(map[int]int, len(entries))
	for _, e := range entries {
		number, err := read(mailbox + "/new/" + e.Name())
		if errors.Is(err, io.EOF) {
			continue // empty: who was to write it was killed, and the message must come again
		}
		if err != nil {
			return nil, fmt.Errorf("message %s: %w", e.Name(), err)
		}
		counts[number]++
	}
	return counts, nil
}

// readMessage returns the number of a delivered message that is whole.
func readMessage(path string) (number int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return readLetter(file)
}

// readLetter returns the number of a message that is whole, with lines that end
// as they do in files.
func readLetter(from io.Reader) (number int, err error) {
	m, err := mail.ReadMessage(from)
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscan(m.Header.Get(numberHeader), &number); err != nil {
		return 0, fmt.Errorf("not a message of ours, %q from %q: %w", m.Header.Get("Subject"), m.Header.Get("From"), err)
	}
	text, err := io.ReadAll(m.Body)
	if err != nil {
		return 0, err
	}
	if string(text) != body(number, "\n") {
		return 0, fmt.Errorf("message %d was changed on its way: %d bytes", number, len(text))
	}
	return number, nil
}
