//go:build linux

package e2e

import "fmt"

// Requests for programs that mail alone does not use. Errors are checked only if
// the program does not start.

func askAnvil(s *mailSystem, _ int) error {
	c, err := open(s.whole.limited)
	if err == nil {
		err = c.Quit()
	}
	return err
}

func askVerify(s *mailSystem, _ int) error { return s.ask(virtualMailbox + "@" + virtualDomain) }

func askFlush(s *mailSystem, _ int) error {
	_, err := s.toolOutput("postqueue", "-s", lateDomain)
	return err
}

func askShowq(s *mailSystem, _ int) error {
	_, err := s.toolOutput("postqueue", "-p")
	return err
}

func askTLS(s *mailSystem, _ int) error { return startTLS(s, "", s.whole.direct) }

// startTLS has one encrypted session from a source, "" for any.
func startTLS(s *mailSystem, source, address string) error {
	c, err := openFrom(source, address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.StartTLS(s.whole.key.client()); err != nil {
		return err
	}
	return c.Quit()
}

func askDiscard(s *mailSystem, attempt int) error {
	return s.sendmail(to("anybody@"+discardDomain, 2*stormLetters+attempt))
}

// askTLSProxy is a stranger each time: postscreen has TLS made for those alone.
func askTLSProxy(s *mailSystem, attempt int) error {
	return startTLS(s, fmt.Sprintf("127.0.1.%d", attempt%250+1), s.addresses[0])
}
