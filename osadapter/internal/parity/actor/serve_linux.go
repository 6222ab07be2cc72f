package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// serve is the life of a server for one client at a time: accept, report taken,
// serve, report available. It ends with exit status 0 when the status channel
// ends, when its uses are used up, or when it was idle for too long.
func (a *actor) serve(words []string) string {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "max_use":
			a.maxUse = number([]string{value}, 0)
		case "max_idle":
			a.maxIdle = number([]string{value}, 0)
		}
	}
	a.tell("did", "serving")
	for uses := 0; a.maxUse == 0 || uses < a.maxUse; {
		ms := -1
		if a.maxIdle > 0 {
			ms = a.maxIdle
		}
		text := a.accept(ms)
		switch {
		case text == "nobody came", text == "channel ended":
			a.leave(text)
		case !strings.HasPrefix(text, "accepted"):
			continue // another process was faster
		}
		uses++
		_ = a.report(taken, a.pid, a.generation)
		a.tell("event", "taken")
		a.session()
		_ = a.hangUp()
		if answer := a.report(available, a.pid, a.generation); answer != "wrote 12" {
			a.leave("report: " + answer)
		}
		a.tell("event", "available")
	}
	a.leave("used up")
	return ""
}

func (a *actor) leave(why string) {
	a.tell("event", "leaves: "+why)
	os.Exit(0)
}

// session does what the client asks for, line by line:
//
//	who      answers "PID GENERATION SERVICE"
//	exit N   ends the server
//	signal N ends it by a signal
//	stop     stops it
//	quit     ends the session
func (a *actor) session() {
	var rest []byte
	b := make([]byte, 4096)
	for len(rest) < 1<<16 {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		if !found {
			n, err := unix.Read(a.client(), b)
			if err == unix.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return
			}
			rest = append(rest, b[:n]...)
			continue
		}
		rest = after
		words := strings.Fields(string(line))
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "quit":
			return
		case "who":
			_ = a.say(fmt.Sprintf("%d %d %s", a.pid, a.generation, os.Args[0]))
		default:
			if do := orders[words[0]]; do != nil {
				_ = a.say(do(a, words[1:]))
			}
		}
	}
}

// defaultAction restores the kernel's action, bypassing the runtime: the process
// ends a moment later.
func defaultAction(s unix.Signal) {
	var action [4]uint64 // handler (0: default), flags, restorer, mask
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}
