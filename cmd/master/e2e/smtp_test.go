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
func open(address string) (session, error) {
	conn, err := net.DialTimeout("tcp", address, sessionLimit)
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

// send sends the message with the number.
func (s session) send(recipient string, number int) error {
	// Should a message bounce, its notice lands in the mailbox and is noticed.
	if err := s.Mail(recipient); err != nil {
		return fmt.Errorf("message %d, sender: %w", number, err)
	}
	if err := s.Rcpt(recipient); err != nil {
		return fmt.Errorf("message %d, recipient: %w", number, err)
	}
	w, err := s.Data()
	if err != nil {
		return fmt.Errorf("message %d, data: %w", number, err)
	}
	_, err = fmt.Fprintf(w, "From: <%[1]s>\r\nTo: <%[1]s>\r\n%[2]s: %[3]d\r\n\r\n%[4]s", recipient, numberHeader, number, body(number, "\r\n"))
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("message %d, end of data: %w", number, err)
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
	entries, err := os.ReadDir(mailbox + "/new")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	counts := make(map[int]int, len(entries))
	for _, e := range entries {
		number, err := readMessage(mailbox + "/new/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("message %s: %w", e.Name(), err)
		}
		counts[number]++
	}
	return counts, nil
}

// readMessage gives the number of a delivered message that is whole.
func readMessage(path string) (number int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	m, err := mail.ReadMessage(file)
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
