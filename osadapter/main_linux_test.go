package osadapter

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

// The test binary is also the server that the tests start: the first word
// after the contract's own says how it behaves.
func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(wire.GenerationVariable); ok {
		g, _ := wire.ParseGeneration(text)
		serve(os.Args[len(os.Args)-1], g)
	}
	os.Exit(m.Run())
}

func say(g uint32, s wire.Status) bool {
	b := wire.Message{PID: int32(os.Getpid()), Generation: g, Status: s}.Append(nil)
	n, err := unix.Write(wire.StatusFD, b)
	return err == nil && n == len(b)
}

// serve plays a server by the minimum of the contract.
func serve(behaviour string, g uint32) {
	switch behaviour {
	case "crash":
		os.Exit(3)
	case "deaf":
		unix.Close(wire.ListenFD)
		ignoreTerm()
	}
	for served := 0; ; served++ {
		poll := []unix.PollFd{{Fd: wire.ListenFD, Events: unix.POLLIN}, {Fd: wire.StatusFD, Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err != nil {
			continue
		}
		if poll[1].Revents != 0 && behaviour != "deaf" {
			os.Exit(0)
		}
		fd, _, err := unix.Accept(wire.ListenFD)
		if err != nil {
			continue
		}
		say(g, wire.Taken)
		_ = unix.SetNonblock(fd, false)
		if file, ok := strings.CutPrefix(behaviour, "note:"); ok {
			note(fd, file)
		}
		fmt.Fprintf(fdWriter(fd), "%s %d\n", behaviour, os.Getpid())
		if behaviour == "mute" {
			unix.Close(wire.StatusFD)
		}
		if behaviour == "busy" || behaviour == "mute" {
			var b [64]byte
			for {
				if n, err := unix.Read(fd, b[:]); n <= 0 && err != unix.EINTR {
					break
				}
			}
		}
		if behaviour == "heir" {
			bequeath(fd)
		}
		if behaviour == "chatter" {
			chatter(fd, g)
		}
		unix.Close(fd)
		if behaviour == "shut" {
			_ = unix.Shutdown(wire.ListenFD, unix.SHUT_RDWR)
			say(g, wire.Available)
			poll := []unix.PollFd{{Fd: wire.StatusFD, Events: unix.POLLIN}}
			for poll[0].Revents == 0 {
				_, _ = unix.Poll(poll, -1)
			}
			os.Exit(0)
		}
		if behaviour == "oneshot" || behaviour == "mute" || !say(g, wire.Available) {
			os.Exit(0)
		}
	}
}

// bequeath leaves a process behind that keeps the status channel open, tells the
// client its number, and exits.
func bequeath(fd int) {
	files := make([]uintptr, wire.StatusFD+1)
	for n := range files {
		files[n] = uintptr(n)
	}
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "60"}, &syscall.ProcAttr{Files: files})
	if err != nil {
		os.Exit(1)
	}
	fmt.Fprintf(fdWriter(fd), "heir %d\n", pid)
	os.Exit(0)
}

// chatter sends a thousand reports for each byte of the client, and gives it
// back.
func chatter(fd int, g uint32) {
	var b [1]byte
	for {
		if n, err := unix.Read(fd, b[:]); n <= 0 && err != unix.EINTR {
			return
		}
		for range 500 {
			say(g, wire.Available)
			say(g, wire.Taken)
		}
		_, _ = unix.Write(fd, b[:])
	}
}

// note writes what the client sends to a file, and leaves.
func note(fd int, file string) {
	var b [16]byte
	n, _ := unix.Read(fd, b[:2])
	if n == 1 {
		m, _ := unix.Read(fd, b[1:2])
		n += m
	}
	if err := os.WriteFile(file, b[:n], 0o600); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

type fdWriter int

func (w fdWriter) Write(p []byte) (int, error) { return unix.Write(int(w), p) }

// ask connects to the endpoint and returns the server's line.
func ask(t testing.TB, network, address string) string {
	t.Helper()
	c, err := net.DialTimeout(network, address, 10*time.Second)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer c.Close()
	return line(t, c)
}

func line(t testing.TB, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	var got []byte
	b := make([]byte, 1) // not what comes behind the line
	for !bytes.ContainsRune(got, '\n') {
		n, err := c.Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			t.Fatalf("read after %q: %v", got, err)
		}
	}
	return strings.TrimSpace(string(got))
}

func pidOf(t testing.TB, answer string) int {
	t.Helper()
	_, number, _ := strings.Cut(answer, " ")
	pid, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("no pid in %q", answer)
	}
	return pid
}

// eventually waits for the condition, with a deadline.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("counting descriptors needs /proc: %v", err)
	}
	return len(entries)
}
