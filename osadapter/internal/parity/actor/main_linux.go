// Command actor is the scripted server of the parity suite: a child of any master,
// which records what it was given and then obeys orders, correct or harmful. The
// tests build it and put it into a daemon directory.
//
// It serves no other purpose: without the directory of a test above its own there
// is no source of orders, and it exits.
//
// Orders are words. They come from the arguments in master.cf (separated by ";"),
// and after these from the tests, over the socket "ctl" beside its daemon
// directory. See orders for the vocabulary.
package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	a := &actor{pid: unix.Getpid(), control: -1, listeners: 1}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		os.Exit(99)
	}
	a.dir = filepath.Dir(filepath.Dir(program))
	words := a.arguments(os.Args[1:])
	// What was given is recorded before anything is opened.
	given := notes()
	var script []string
	for _, order := range strings.Split(strings.Join(words, " "), ";") {
		if order = strings.TrimSpace(order); order != "" {
			script = append(script, order)
		}
	}
	if len(script) > 0 && script[0] == "alone" {
		script = script[1:] // nothing is reported: for floods
	} else {
		a.connect()
		a.tell("notes", strings.Join(given, "\n"))
	}
	for _, order := range script {
		a.obey(order)
	}
	a.listenToTest()
}

// actor is the scripted server.
type actor struct {
	pid        int
	dir        string // of the station
	control    int    // socket to the test, -1: none
	listeners  int
	generation uint32
	clients    []int // accepted, the latest last
	maxUse     int
	maxIdle    int // milliseconds, 0: forever
}

// arguments parses the arguments of the contract and returns the remaining words.
func (a *actor) arguments(args []string) []string {
	if n, err := strconv.ParseUint(os.Getenv("GENERATION"), 8, 32); err == nil {
		a.generation = uint32(n)
	}
	for i := 0; i < len(args); i++ {
		word := args[i]
		if len(word) < 2 || word[0] != '-' {
			return args[i:]
		}
		if strings.IndexByte("imnostr", word[1]) < 0 {
			continue
		}
		value := word[2:]
		if value == "" && i+1 < len(args) {
			i++
			value = args[i]
		}
		if n, err := strconv.Atoi(value); err == nil && word[1] == 's' {
			a.listeners = n
		}
	}
	return nil
}

// connect connects to the test, with a descriptor far above those of the contract.
func (a *actor) connect() {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	if high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 64); err == nil {
		_ = unix.Close(fd)
		fd = high
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: a.dir + "/ctl"}); err != nil {
		_ = unix.Close(fd)
		return
	}
	a.control = fd
}

// tell sends one packet to the test: a word for its kind, and the text.
func (a *actor) tell(what, text string) {
	if a.control >= 0 {
		_ = unix.Send(a.control, []byte(what+" "+text), unix.MSG_NOSIGNAL)
	}
}

// listenToTest executes orders until the test has ended.
func (a *actor) listenToTest() {
	buf := make([]byte, 4096)
	for a.control >= 0 {
		n, err := unix.Read(a.control, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			os.Exit(0)
		}
		a.obey(string(buf[:n]))
	}
	os.Exit(0)
}
