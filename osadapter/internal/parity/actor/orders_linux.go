package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	statusFD      = 5
	firstListener = 6
	taken         = 0
	available     = 1
)

// orders is the vocabulary. The answer is sent to the test as "did ANSWER".
var orders map[string]func(a *actor, words []string) string

func init() {
	orders = map[string]func(a *actor, words []string) string{
		// accept waits for a client of any listener, or for the channel's end.
		"accept": func(a *actor, _ []string) string { return a.accept(-1) },
		// taken and avail send the report that the contract requires.
		"taken": func(a *actor, _ []string) string { return a.report(taken, a.pid, a.generation) },
		"avail": func(a *actor, _ []string) string { return a.report(available, a.pid, a.generation) },
		// report STATUS [PID [GENERATION]] sends any report; "-" is the right value.
		"report": (*actor).anyReport,
		// raw HEX writes bytes to the status channel.
		"raw": func(_ *actor, w []string) string {
			b, err := hex.DecodeString(strings.Join(w, ""))
			if err != nil {
				return err.Error()
			}
			return wrote(unix.Write(statusFD, b))
		},
		// say TEXT writes a line to the latest client; close hangs up on it.
		"say":   func(a *actor, w []string) string { return a.say(strings.Join(w, " ")) },
		"hear":  func(a *actor, _ []string) string { return a.hear() },
		"close": func(a *actor, _ []string) string { return a.hangUp() },
		// fifo and dgram read one message from the first listener.
		"fifo":  func(a *actor, _ []string) string { return a.message() },
		"dgram": func(a *actor, _ []string) string { return a.message() },
		// pass accepts, and receives a descriptor as the client.
		"pass": func(a *actor, _ []string) string { return a.pass() },
		// peer reports who is on the other side of the latest client.
		"peer": func(a *actor, _ []string) string { return a.peer() },
		// eof waits for the end of the status channel.
		"eof": func(_ *actor, _ []string) string { return waitForChannel() },
		// shut closes the descriptor with this number.
		"shut": func(_ *actor, w []string) string { return result(unix.Close(number(w, 0))) },
		// serve [max_use=N] [max_idle=MS] lives as a server should, until it leaves.
		"serve": (*actor).serve,
		// sleep MS waits; hang waits forever.
		"sleep": func(_ *actor, w []string) string {
			time.Sleep(time.Duration(number(w, 0)) * time.Millisecond)
			return "slept"
		},
		"hang": func(_ *actor, _ []string) string { return hang() },
		// deaf ignores SIGTERM; stop stops itself; signal N raises a signal.
		"deaf":   func(_ *actor, _ []string) string { signal.Ignore(unix.SIGTERM); return "deaf" },
		"stop":   func(a *actor, _ []string) string { return result(unix.Kill(a.pid, unix.SIGSTOP)) },
		"signal": func(a *actor, w []string) string { return a.die(unix.Signal(number(w, 0))) },
		// count NAME adds a byte to the file counts/NAME of the station.
		"count": (*actor).count,
		"exit":  func(_ *actor, w []string) string { os.Exit(number(w, 0)); return "" },
	}
}

func (a *actor) obey(order string) {
	words := strings.Fields(order)
	if len(words) == 0 {
		return
	}
	do := orders[words[0]]
	if do == nil {
		a.tell("did", "unknown order "+words[0])
		return
	}
	a.tell("did", do(a, words[1:]))
}

func number(words []string, i int) int {
	if i >= len(words) {
		return 0
	}
	n, err := strconv.Atoi(words[i])
	if err != nil {
		return 0
	}
	return n
}

func result(err error) string {
	if err != nil {
		return err.Error()
	}
	return "ok"
}

func wrote(n int, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("wrote %d", n)
}

// report writes one status message, in one piece.
func (a *actor) report(status, pid int, generation uint32) string {
	var b [12]byte
	binary.NativeEndian.PutUint32(b[0:], uint32(int32(pid)))
	binary.NativeEndian.PutUint32(b[4:], generation)
	binary.NativeEndian.PutUint32(b[8:], uint32(int32(status)))
	return wrote(unix.Write(statusFD, b[:]))
}

func (a *actor) anyReport(words []string) string {
	pid, generation := a.pid, a.generation
	if len(words) > 1 && words[1] != "-" {
		pid = number(words, 1)
	}
	if len(words) > 2 && words[2] != "-" {
		generation = uint32(number(words, 2))
	}
	return a.report(number(words, 0), pid, generation)
}

// ready polls the listeners and the status channel for ms milliseconds; -1:
// forever. It returns the first that is ready, or -1.
func (a *actor) ready(ms int) int {
	fds := []unix.PollFd{{Fd: statusFD, Events: unix.POLLIN}}
	for i := range a.listeners {
		fds = append(fds, unix.PollFd{Fd: int32(firstListener + i), Events: unix.POLLIN})
	}
	for {
		n, err := unix.Poll(fds, ms)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return -1
		}
		break
	}
	for _, p := range fds {
		if p.Revents != 0 {
			return int(p.Fd)
		}
	}
	return -1
}

func (a *actor) accept(ms int) string {
	switch fd := a.ready(ms); fd {
	case -1:
		return "nobody came"
	case statusFD:
		return "channel ended"
	default:
		client, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err != nil {
			return err.Error()
		}
		a.clients = append(a.clients, client)
		return fmt.Sprintf("accepted at %d", fd)
	}
}

func (a *actor) client() int {
	if len(a.clients) == 0 {
		return -1
	}
	return a.clients[len(a.clients)-1]
}

func (a *actor) say(text string) string {
	return wrote(unix.Write(a.client(), []byte(text+"\n")))
}

func (a *actor) hear() string {
	b := make([]byte, 4096)
	n, err := unix.Read(a.client(), b)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%q", b[:n])
}

func (a *actor) hangUp() string {
	fd := a.client()
	if fd < 0 {
		return "no client"
	}
	a.clients = a.clients[:len(a.clients)-1]
	return result(unix.Close(fd))
}

func (a *actor) message() string {
	for {
		if fd := a.ready(-1); fd == statusFD {
			return "channel ended"
		}
		b := make([]byte, 4096)
		n, err := unix.Read(firstListener, b)
		if err == unix.EAGAIN || err == unix.EINTR {
			continue
		}
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%q", b[:n])
	}
}

func (a *actor) pass() string {
	if text := a.accept(-1); !strings.HasPrefix(text, "accepted") {
		return text
	}
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, oobn, _, _, err := unix.Recvmsg(a.client(), b, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return err.Error()
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) == 0 {
		return "no descriptor came"
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return "no descriptor came"
	}
	_ = a.hangUp()
	a.clients = append(a.clients, fds[0])
	return fmt.Sprintf("passed %s with %q", describe(fds[0]), b)
}

func (a *actor) peer() string {
	c, err := unix.GetsockoptUcred(a.client(), unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("pid %d uid %d gid %d", c.Pid, c.Uid, c.Gid)
}

func waitForChannel() string {
	fds := []unix.PollFd{{Fd: statusFD, Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			return "channel ended"
		}
	}
}

// die ends the process by the signal itself: the runtime's handlers are removed
// first.
func (a *actor) die(s unix.Signal) string {
	defaultAction(s)
	return result(unix.Kill(a.pid, s))
}

func (a *actor) count(words []string) string {
	if len(words) == 0 {
		return "no name"
	}
	fd, err := unix.Open(a.dir+"/counts/"+words[0], unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err.Error()
	}
	defer unix.Close(fd)
	return wrote(unix.Write(fd, []byte(".")))
}
