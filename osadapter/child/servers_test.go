package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serverVariable makes the test program a server instead.
const serverVariable = "CHILD_TEST_SERVER"

func TestMain(m *testing.M) {
	if kind := os.Getenv(serverVariable); kind != "" {
		Main(testServer(kind))
	}
	os.Exit(m.Run())
}

// testServer returns the server that the tests run under a master.
func testServer(kind string) *Server {
	switch kind {
	case "stream":
		return &Server{Stream: talk}
	case "demanding":
		return &Server{Stream: talk, Limit: LimitOne, Privileged: true}
	case "unlimited":
		return &Server{Stream: talk, Limit: NoLimit}
	case "resident":
		return &Server{Stream: talk, MaxUse: Never, MaxIdle: Never}
	case "stuck":
		return &Server{Stream: getStuck, Watchdog: 200 * time.Millisecond}
	case "alive":
		return &Server{Stream: stayAlive, Watchdog: 200 * time.Millisecond}
	case "jailed":
		return &Server{
			Stream:   talk,
			PreJail:  func(p *Process) error { p.Warnf("pre-jail as %d in %s", os.Geteuid(), directory()); return nil },
			PostJail: func(p *Process) error { p.Warnf("post-jail as %d in %s", os.Geteuid(), directory()); return nil },
		}
	case "threaded":
		return &Server{Stream: talk, PreJail: startThreads}
	case "refusing":
		return &Server{Stream: talk, PreJail: func(*Process) error { return errors.New("no luck") }}
	case "panicking":
		return &Server{Stream: func(*Process, *Conn) { getLost(2 * maxCalls) }}
	case "faulting":
		return &Server{Sessions: func(_ *Process, c *Conn) { misread(nil) }}
	case "careless":
		return &Server{Stream: beCareless}
	case "requests":
		return &Server{Requests: request}
	case "draining":
		return &Server{Requests: request, Drain: true}
	case "narrow":
		return &Server{Requests: request, MaxClients: 1}
	case "pairs of requests":
		return &Server{Requests: request, MaxClients: 2}
	case "pairs of sessions":
		return &Server{Sessions: talk, MaxClients: 2}
	case "sessions":
		return &Server{Sessions: talk, Drain: true}
	case "trigger":
		return &Server{Trigger: func(p *Process, b []byte) { p.Warnf("trigger %q", b) }}
	case "datagram":
		return &Server{Datagram: func(p *Process, b []byte) { p.Warnf("datagram %q", b) }}
	default:
		return &Server{}
	}
}

func directory() string {
	d, _ := os.Getwd()
	return d
}

// getStuck hangs forever when it receives anything.
func getStuck(_ *Process, c *Conn) {
	if _, err := c.Reader().ReadByte(); err == nil {
		time.Sleep(time.Hour)
	}
}

// getLost panics with many calls on the stack.
func getLost(depth int) int {
	if depth == 0 {
		panic("lost my way")
	}
	return getLost(depth-1) + 1
}

// beCareless does something fatal, which the client chooses, in a goroutine.
func beCareless(p *Process, c *Conn) {
	what, _ := c.Reader().ReadString('\n')
	go func() {
		switch strings.TrimSpace(what) {
		case "panic":
			getLost(2 * maxCalls)
		case "fault":
			misread(nil)
		case "lines":
			panic("first\nsecond\n\nthird")
		case "abort":
			_ = unix.Kill(p.PID(), unix.SIGABRT)
		}
	}()
	select {}
}

// misread makes the runtime panic.
//
//go:noinline
func misread(p *Process) int { return p.pid }

// stayAlive takes longer than its watchdog's limit, but calls Alive.
func stayAlive(p *Process, c *Conn) {
	for range 40 {
		time.Sleep(10 * time.Millisecond)
		p.Alive()
	}
}

// talk answers lines until quit or end-of-file.
func talk(p *Process, c *Conn) {
	for {
		if request(p, c) != nil {
			return
		}
	}
}

// request answers one line.
func request(p *Process, c *Conn) error {
	line, err := c.Reader().ReadString('\n')
	if err != nil {
		return err
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	answer := line
	switch word {
	case "quit":
		return io.EOF
	case "pid":
		answer = strconv.Itoa(p.PID())
	case "service":
		answer = p.Service() + " " + p.Transport() + " " + strings.Join(p.Args(), " ")
	case "identity":
		groups, _ := os.Getgroups()
		answer = fmt.Sprint(os.Geteuid(), os.Getegid(), groups, directory())
	case "parameter":
		if answer, err = p.Parameter(rest, "none"); err != nil {
			answer = err.Error()
		}
	case "attribute":
		answer = c.Attribute(rest)
	case "leaks":
		answer = leaks(3)
	}
	_, err = io.WriteString(c, strings.TrimSpace(answer)+"\n")
	return err
}

// startThreads leaves the process with threads that existed before it dropped its
// privileges.
func startThreads(*Process) error {
	const threads = 4
	started := make(chan struct{})
	for range threads {
		go func() {
			runtime.LockOSThread()
			started <- struct{}{}
			select {}
		}()
	}
	for range threads {
		<-started
	}
	return nil
}

// leaks lists the descriptors from first up that a program started now would
// inherit.
func leaks(first int) string {
	var open []string
	for fd := first; fd < 64; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			what, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
			open = append(open, strconv.Itoa(fd)+"="+what)
		}
	}
	return "leaks:" + strings.Join(open, ",")
}
