//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"net/textproto"
	"sync"
	"testing"
	"time"
)

const (
	stormLetters  = 2000
	batchLetters  = 8 // one of each way
	stormBatches  = stormLetters / batchLetters
	persistence   = 60 * time.Second // how long a client tries to get one letter accepted
	betweenTrials = 50 * time.Millisecond
)

// entrance is where a letter is handed in.
type entrance int

const (
	byPostscreen entrance = iota // in the clear, through postscreen(8)
	byTLS                        // to smtpd(8), encrypted
	bySendmail                   // through postdrop(1) and pickup(8)
	numEntrances
)

// way is how a letter travels.
type way struct {
	entrance  entrance
	recipient string
	bounces   bool
}

// ways returns the way of each of the letters of a batch.
func (s *mailSystem) ways() [batchLetters]way {
	local := s.recipient.Username + "@" + mailDomain
	return [batchLetters]way{
		{byPostscreen, local, false},
		{byPostscreen, virtualMailbox + "@" + virtualDomain, false},
		{byPostscreen, "anybody@" + pipeDomain, false},
		{byTLS, "anybody@" + smtpDomain, false},
		{byTLS, "anybody@" + lmtpDomain, false},
		{byTLS, refusedRecipient, true},
		{bySendmail, local, false},
		{bySendmail, "somebody@" + refusedDomain, true},
	}
}

// wayOf returns the way of the letter with the number, from 1.
func (s *mailSystem) wayOf(number int) way { return s.ways()[(number-1)%batchLetters] }

// storm sends letters on parallel connections until all are accepted. It goes
// on as far as it is allowed to.
type storm struct {
	*mailSystem
	clients sync.WaitGroup

	mu        sync.Mutex
	changed   *sync.Cond
	next      int         // batch to be sent
	allowed   int         // batches
	accepted  int         // letters
	unsettled map[int]int // attempts that may have succeeded, by number of the letter
	failed    error
}

// newStorm begins a storm in which nothing is allowed yet.
func newStorm(t *testing.T, s *mailSystem) *storm {
	m := &storm{mailSystem: s, unsettled: map[int]int{}}
	m.changed = sync.NewCond(&m.mu)
	for range parallelClients {
		m.clients.Go(func() {
			for batch, ok := m.take(); ok; batch, ok = m.take() {
				m.send(batch)
			}
		})
	}
	t.Cleanup(func() {
		m.fail(errors.New("the test is over")) // none waits forever
		m.clients.Wait()
	})
	return m
}

// take waits for a batch that may be sent. ok is false when there are no more.
func (m *storm) take() (batch int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.next == m.allowed && m.next < stormBatches && m.failed == nil {
		m.changed.Wait()
	}
	if m.next == stormBatches || m.failed != nil {
		return 0, false
	}
	m.next++
	return m.next - 1, true
}

// allow lets the storm continue until this many batches are sent.
func (m *storm) allow(batches int) {
	m.mu.Lock()
	m.allowed = min(max(m.allowed, batches), stormBatches)
	m.mu.Unlock()
	m.changed.Broadcast()
}

// fail ends the storm early.
func (m *storm) fail(err error) {
	m.mu.Lock()
	m.failed = errors.Join(m.failed, err)
	m.mu.Unlock()
	m.changed.Broadcast()
}

// await waits until so many letters are accepted.
func (m *storm) await(t *testing.T, letters int) {
	t.Helper()
	eventually(t, 2*persistence, fmt.Sprintf("%d letters are accepted", letters), func() string {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.failed != nil {
			t.Fatal(m.failed)
		}
		if m.accepted < letters {
			return fmt.Sprintf("%d are", m.accepted)
		}
		return ""
	})
}

// send sends one batch. Letters with the same entrance go in one session.
func (m *storm) send(batch int) {
	var groups [numEntrances][]letter
	for place, w := range m.ways() {
		groups[w.entrance] = append(groups[w.entrance], to(w.recipient, batch*batchLetters+place+1))
	}
	for e, letters := range groups {
		end := time.Now().Add(persistence)
		for len(letters) > 0 {
			n, err := m.attempt(entrance(e), letters)
			letters = letters[n:]
			var reply *textproto.Error
			switch {
			case err == nil:
			case errors.As(err, &reply) && reply.Code >= 500 || time.Now().After(end):
				m.fail(err)
				return
			default:
				// Whom it served was killed, or whom that one asked.
				time.Sleep(betweenTrials)
			}
		}
	}
}

// attempt hands letters in and reports how many were accepted before the error.
func (m *storm) attempt(e entrance, letters []letter) (n int, err error) {
	submit := func(l letter) error { return m.sendmail(l) }
	if e != bySendmail {
		c, err := m.enter(e)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		defer func() {
			if err == nil {
				_ = c.Quit() // all is accepted, whatever it answers
			}
		}()
		submit = c.submit
	}
	for _, l := range letters {
		err := submit(l)
		m.mu.Lock()
		switch {
		case err == nil:
			m.accepted++
			n++
		case e == bySendmail || errors.Is(err, errUnsettled):
			m.unsettled[l.number]++
		}
		m.mu.Unlock()
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// enter opens a session at the entrance.
func (m *storm) enter(e entrance) (session, error) {
	if e == byPostscreen {
		return open(m.addresses[0])
	}
	c, err := open(m.whole.direct)
	if err != nil {
		return c, err
	}
	if err := c.StartTLS(m.whole.key.client()); err != nil {
		c.Close()
		return c, err
	}
	return c, nil
}
