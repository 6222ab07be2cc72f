//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// refusedRecipient is the only one whom a sink does not know.
const refusedRecipient = "refused@" + smtpDomain

// sink is a server to which the mail system delivers over SMTP or LMTP. It
// counts messages and keeps none.
type sink struct {
	listener net.Listener

	mu     sync.Mutex
	counts map[int]int // messages by number
	failed error
	open   map[net.Conn]bool
	closed bool
}

// listenSink makes a sink that takes mail until the test is over.
func listenSink(t *testing.T, address string) *sink {
	t.Helper()
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	k := &sink{listener: listener, counts: map[int]int{}, open: map[net.Conn]bool{}}
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if k.enter(conn) {
				sessions.Go(func() { k.serve(conn) })
			}
		}
	})
	t.Cleanup(func() {
		k.close()
		sessions.Wait()
	})
	return k
}

func (k *sink) address() string { return k.listener.Addr().String() }

// enter notes an open connection. ok is false after the end.
func (k *sink) enter(conn net.Conn) (ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		conn.Close()
		return false
	}
	k.open[conn] = true
	return true
}

// close ends the sink with its connections, which mail systems like to keep.
func (k *sink) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	k.listener.Close()
	for conn := range k.open {
		conn.Close()
	}
}

// serve is one session. Who breaks it off may have been killed.
func (k *sink) serve(conn net.Conn) {
	defer func() {
		k.mu.Lock()
		delete(k.open, conn)
		k.mu.Unlock()
		conn.Close()
	}()
	text := textproto.NewConn(conn)
	err := text.PrintfLine("220 sink.test")
	for err == nil {
		var line string
		if err = conn.SetDeadline(time.Now().Add(10 * sessionLimit)); err != nil {
			return
		}
		if line, err = text.ReadLine(); err != nil {
			return
		}
		verb, argument, _ := strings.Cut(strings.ToUpper(line), " ")
		switch verb {
		case "RCPT":
			answer := "250 2.1.5 known"
			if strings.Contains(argument, strings.ToUpper(refusedRecipient)) {
				answer = "550 5.1.1 nobody is there"
			}
			err = text.PrintfLine("%s", answer)
		case "DATA":
			if err = text.PrintfLine("354 go on"); err == nil {
				err = k.receive(text)
			}
		case "QUIT":
			_ = text.PrintfLine("221 bye")
			return
		default:
			err = text.PrintfLine("250 sink.test")
		}
	}
}

// receive takes one message. Only a whole one counts, before it is confirmed.
func (k *sink) receive(text *textproto.Conn) error {
	content, err := io.ReadAll(text.DotReader())
	if err != nil {
		return err
	}
	number, err := readLetter(bytes.NewReader(content))
	k.mu.Lock()
	if err != nil {
		k.failed = errors.Join(k.failed, fmt.Errorf("message at the sink: %w", err))
	} else {
		k.counts[number]++
	}
	k.mu.Unlock()
	return text.PrintfLine("250 2.0.0 taken")
}

// delivered returns the counts of messages by number.
func (k *sink) delivered() (map[int]int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.counts), k.failed
}
