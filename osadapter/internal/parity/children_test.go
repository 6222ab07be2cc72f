//go:build linux

package parity

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// child is an actor that a master started, as the test sees it.
type child struct {
	station *station
	conn    *net.UnixConn
	pid     int
	process int      // a descriptor of the process, -1: it has ended
	given   []string // "name: value", as the actor reported

	// Guarded by the company's lock.
	answers []string // to orders
	events  []string
	ended   bool
}

// company holds all actors of a station.
type company struct {
	listener *net.UnixListener

	mu        sync.Mutex
	changed   chan struct{}
	all       []*child // in the order of their calls
	calls     []*child // every connection, including one that has sent nothing yet
	marks     int      // see drain
	taken     int      // how many of them the scenario has received
	chronicle []string // starts and ends in order
}

func newCompany(s *station, path string) (*company, error) {
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, err
	}
	c := &company{listener: l, changed: make(chan struct{})}
	go c.receive(s)
	return c, nil
}

func (c *company) receive(s *station) {
	for {
		conn, err := c.listener.AcceptUnix()
		if err != nil {
			return
		}
		x := &child{station: s, conn: conn, pid: peerOf(conn)}
		if x.process, err = unix.PidfdOpen(x.pid, 0); err != nil {
			x.process = -1
		}
		c.catchUp()
		c.mu.Lock()
		c.calls = append(c.calls, x)
		c.mu.Unlock()
		// The notes are sent at once, and are read here, so that starts have an
		// order.
		b := make([]byte, 1<<17)
		if c.hear(x, b) {
			go func() {
				for c.hear(x, b) {
				}
			}()
		}
	}
}

// catchUp waits until everything that other actors have sent is known, in
// particular their ends, which came before this start. It does not wait forever,
// since in a flood there is always more.
func (c *company) catchUp() {
	newLimit(5 * time.Second).poll(func() bool { return !c.someHaveMore() })
}

// someHaveMore reports whether an actor has sent something that is not known yet.
func (c *company) someHaveMore() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.calls {
		if !x.ended && (x.given == nil || x.hasMore()) {
			return true
		}
	}
	return false
}

// hear reads the next message of an actor; it returns false after the last one.
func (c *company) hear(x *child, b []byte) bool {
	n, err := x.conn.Read(b)
	if err != nil || n == 0 {
		x.awaitDeath()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.tell()
	if err != nil || n == 0 {
		x.ended = true
		if len(x.given) > 0 {
			c.chronicle = append(c.chronicle, x.label()+" ends")
		}
		return false
	}
	what, text, _ := strings.Cut(string(b[:n]), " ")
	switch what {
	case "notes":
		x.given = strings.Split(text, "\n")
		c.all = append(c.all, x)
		c.chronicle = append(c.chronicle, x.label()+" starts ("+x.service()+")")
	case "mark":
		x.given = []string{}
		c.marks++
	case "did":
		x.answers = append(x.answers, text)
	case "event":
		x.events = append(x.events, text)
	}
	return true
}

// awaitDeath waits until the last thread of an actor whose connection has ended is
// dead: until then its listener may be open, and it cannot be reaped.
func (x *child) awaitDeath() {
	if x.process < 0 {
		return
	}
	if len(x.given) > 0 {
		newLimit(patience).poll(func() bool {
			fds := []unix.PollFd{{Fd: int32(x.process), Events: unix.POLLIN}}
			n, err := unix.Poll(fds, 0)
			return err == nil && n > 0
		})
	}
	_ = unix.Close(x.process)
	x.process = -1
}

// tell wakes the waiting goroutines; the caller holds the lock.
func (c *company) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// wait waits until holds, which is called with the lock held, returns true.
func (c *company) wait(holds func() bool) bool {
	limit := newLimit(patience)
	c.mu.Lock()
	defer c.mu.Unlock()
	for !holds() {
		changed := c.changed
		c.mu.Unlock()
		ok := limit.wait(changed)
		c.mu.Lock()
		if !ok {
			return holds()
		}
	}
	return true
}

// drain waits until everything that actors have sent before this call is known
// here, including their ends.
func (c *company) drain() {
	c.mu.Lock()
	want := c.marks + 1
	c.mu.Unlock()
	conn, err := net.DialUnix("unixpacket", nil, c.listener.Addr().(*net.UnixAddr))
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("mark")); err != nil {
		return
	}
	// Connections are accepted in order.
	c.wait(func() bool { return c.marks >= want })
	newLimit(patience).poll(func() bool { return !c.someHaveMore() })
}

// hasMore reports whether the actor has sent something that has not been read.
func (x *child) hasMore() bool {
	raw, err := x.conn.SyscallConn()
	if err != nil {
		return false
	}
	more := false
	_ = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		more = err == nil && n > 0
	})
	return more
}

func (c *company) close() {
	c.listener.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.calls {
		x.conn.Close()
	}
}

// value returns what the actor noted under a name.
func (x *child) value(name string) string {
	for _, line := range x.given {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return v
		}
	}
	return ""
}

// generation returns the number of the start, which names the child in
// observations.
func (x *child) generation() int {
	for _, line := range x.given {
		if v, ok := strings.CutPrefix(line, "env GENERATION="); ok {
			if n, err := strconv.ParseInt(v, 8, 64); err == nil {
				return int(n)
			}
		}
	}
	return 0
}

func (x *child) label() string { return "child " + strconv.Itoa(x.generation()) }

// service returns the name in argv: the argument of -n, or argv[0].
func (x *child) service() string {
	argv := strings.Split(x.value("argv"), "|")
	for i, word := range argv {
		if word == "-n" && i+1 < len(argv) {
			return argv[i+1]
		}
	}
	return argv[0]
}

// order sends an order to the actor, and does not wait.
func (x *child) order(words string) {
	_, _ = x.conn.Write([]byte(words))
}

// do sends an order to the actor and returns its answer.
func (x *child) do(words string) string {
	c := x.station.company
	c.mu.Lock()
	before := len(x.answers)
	c.mu.Unlock()
	x.order(words)
	x.station.await("answer to "+words, c.wait(func() bool { return len(x.answers) > before || x.ended }))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(x.answers) == before {
		return "ended"
	}
	return x.answers[before]
}

// awaitAnswer waits until the actor has answered n orders since it started, and
// returns the n-th answer.
func (x *child) awaitAnswer(n int) string {
	c := x.station.company
	x.station.await("answer "+strconv.Itoa(n)+" of "+x.label(), c.wait(func() bool { return len(x.answers) >= n || x.ended }))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(x.answers) < n {
		return "ended"
	}
	return x.answers[n-1]
}

// awaitEvent waits until the serving actor has reported this event n times.
func (x *child) awaitEvent(text string, n int) {
	c := x.station.company
	x.station.await(x.label()+" tells "+text, c.wait(func() bool {
		count := 0
		for _, e := range x.events {
			if e == text {
				count++
			}
		}
		return count >= n
	}))
}

// exit makes the actor exit, and waits until it has.
func (x *child) exit(status int) {
	x.order("exit " + strconv.Itoa(status))
	x.awaitEnd()
}

// awaitEnd waits until the actor has ended.
func (x *child) awaitEnd() {
	x.station.await(x.label()+" ends", x.station.company.wait(func() bool { return x.ended }))
}

// isEnded reports whether the actor has ended.
func (x *child) isEnded() bool {
	x.station.company.mu.Lock()
	defer x.station.company.mu.Unlock()
	return x.ended
}
