//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// useEveryProgram makes each program of Postfix do its work once, and checks the
// effect and that the program was a child of the master.
func (s *mailSystem) useEveryProgram(t *testing.T) {
	t.Helper()
	began := time.Now()
	master := s.start(t)
	number := 0
	next := func() int { number++; return number }
	s.greetStrangers(t, next)
	s.encrypt(t, next)
	s.deliverEverywhere(t, next)
	s.bounceAndReport(t, next)
	s.limitClients(t)
	s.verifyRecipients(t)
	s.flushDeferred(t, next)
	s.shown(t, master, s.everyService())
	awaitNoZombie(t, master)
	s.must(t, "stop")
	s.gone(t, stopLimit, "stop")
	s.checkLog(t)
	t.Logf("in %.1f s", time.Since(began).Seconds())
}

// sender returns the sender's address of all mail.
func sender() string { return senderMailbox + "@" + virtualDomain }

// to returns the letter with the number to a recipient.
func to(recipient string, number int) letter {
	return letter{number: number, sender: sender(), recipient: recipient}
}

// mail sends a letter in a session of its own.
func (s *mailSystem) mail(t *testing.T, source, address string, l letter) {
	t.Helper()
	c, err := openFrom(source, address)
	if err != nil {
		t.Fatalf("session for message %d: %v", l.number, err)
	}
	defer c.Close()
	if err := c.submit(l); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
}

// sendmail submits a letter, or does what the flags ask, as local users do.
func (s *mailSystem) sendmail(l letter, flags ...string) error {
	cmd := exec.Command(filepath.Join(filepath.Dir(s.command), "sendmail"),
		append(append([]string{"-C", s.config(), "-i", "-f", l.sender}, flags...), l.recipient)...)
	cmd.Dir = "/"
	cmd.Stdin = strings.NewReader(l.text("\n"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("sendmail, message %d: %w: %s", l.number, err, out)
	}
	return nil
}

// awaitMessage waits until the message is at its destination, once.
func awaitMessage(t *testing.T, number int, where func() (map[int]int, error)) {
	t.Helper()
	eventually(t, deliveryLimit, fmt.Sprintf("delivery of message %d", number), func() string {
		counts, err := where()
		if err != nil {
			t.Fatal(err)
		}
		if counts[number] != 1 {
			return fmt.Sprintf("it is there %d times", counts[number])
		}
		return ""
	})
}

// in returns a function that reads a maildir.
func in(maildir string) func() (map[int]int, error) {
	return func() (map[int]int, error) { return delivered(maildir) }
}

// notices returns a function that counts the reports in the sender's mailbox that
// contain the text, by the number of the message.
func (s *mailSystem) notices(says string) func() (map[int]int, error) {
	return func() (map[int]int, error) {
		return countFiles(s.box(senderMailbox), func(path string) (int, error) { return readNotice(path, says) })
	}
}

var (
	aboutNumber = regexp.MustCompile(`(?m)^` + numberHeader + `: (\d+)$`)
	fromItself  = regexp.MustCompile(`(?m)^From: .*MAILER-DAEMON@`)
)

// readNotice returns the number of the message that a report is about, 0 if the
// report says something else.
func readNotice(path, says string) (number int, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	about := aboutNumber.FindSubmatch(text)
	if about == nil || !fromItself.Match(text) {
		return 0, fmt.Errorf("no report about a message: %.300q", text)
	}
	if !strings.Contains(string(text), says) {
		return 0, nil
	}
	_, err = fmt.Sscan(string(about[1]), &number)
	return number, err
}

// awaitLine waits for a line of the program in the log.
func (s *mailSystem) awaitLine(t *testing.T, program, line string) {
	t.Helper()
	pattern := regexp.MustCompile(line)
	eventually(t, deliveryLimit, fmt.Sprintf("a line of %s like %q", program, line), func() string {
		for _, e := range s.entries(t) {
			if e.process == program && pattern.MatchString(e.text) {
				return ""
			}
		}
		return "none"
	})
}
