// Command servant is a minimal server that fulfils the contract with a master: it
// answers one line to each client, whatever the type of its service. The fault
// tests build it and put it into their mail systems.
//
// It reads no configuration, takes no lock, and drops no privileges. Its own
// arguments are the directory in which it creates a file for each client that
// cannot be answered otherwise, and "once" if it must leave after one client.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

// longest is the largest request.
const longest = 4096

type servant struct {
	transport  string
	marks      string
	once       bool
	generation uint32
}

func main() {
	s := &servant{}
	args := os.Args[1:]
	for i := 0; i+1 < len(args); i++ {
		if args[i] == "-t" {
			s.transport = args[i+1]
		}
		if args[i] == "marks" {
			s.marks = args[i+1]
			s.once = i+2 < len(args) && args[i+2] == "once"
		}
	}
	s.generation, _ = wire.ParseGeneration(os.Getenv(wire.GenerationVariable))
	s.live()
}

// live serves until the master is gone, or only one client with "once".
func (s *servant) live() {
	if !s.report(wire.Available) {
		return
	}
	watched := []unix.PollFd{{Fd: wire.StatusFD, Events: unix.POLLIN}, {Fd: wire.ListenFD, Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(watched, -1); err != nil && err != unix.EINTR {
			return
		}
		if watched[0].Revents != 0 {
			return
		}
		if watched[1].Revents == 0 {
			continue
		}
		served, again := s.client()
		if !again || served && s.once {
			return
		}
	}
}

// report sends a status message to the master, and reports whether it still reads.
func (s *servant) report(status wire.Status) bool {
	m := wire.Message{PID: int32(unix.Getpid()), Generation: s.generation, Status: status}
	_, err := unix.Write(wire.StatusFD, m.Append(nil))
	return err == nil
}

// client accepts one client, if it is still there, and serves it whatever the
// master does meanwhile.
func (s *servant) client() (served, again bool) {
	switch s.transport {
	case "fifo", "unix-dgram":
		var b [longest]byte
		n, err := unix.Read(wire.ListenFD, b[:])
		if err != nil || n <= 0 {
			return false, true
		}
		again = s.report(wire.Taken)
		s.mark(b[:n])
	default:
		fd, _, err := unix.Accept4(wire.ListenFD, unix.SOCK_CLOEXEC)
		if err != nil {
			return false, true
		}
		again = s.report(wire.Taken)
		if s.transport == "pass" {
			fd = passed(fd)
		}
		answer(fd)
	}
	return true, again && s.report(wire.Available)
}

// mark creates a file for each line.
func (s *servant) mark(text []byte) {
	for _, word := range strings.Fields(string(bytes.ReplaceAll(text, []byte{wire.WakeupByte}, nil))) {
		_ = os.WriteFile(filepath.Join(s.marks, filepath.Base(word)), nil, 0o600)
	}
}

// passed returns the connection that came over fd, or -1.
func passed(fd int) int {
	defer unix.Close(fd)
	var b [1]byte
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(fd, b[:], control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return -1
	}
	rights, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(rights) != 1 {
		return -1
	}
	return rights[0]
}

// answer reads a line, or a wakeup request, and answers it.
func answer(fd int) {
	if fd < 0 {
		return
	}
	defer unix.Close(fd)
	var b [longest]byte
	for n := 0; n < len(b); {
		got, err := unix.Read(fd, b[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || got <= 0 {
			return
		}
		n += got
		if b[n-1] == '\n' || b[n-1] == wire.WakeupEnd {
			break
		}
	}
	_, _ = unix.Write(fd, fmt.Appendf(nil, "served by %d\n", unix.Getpid()))
}
