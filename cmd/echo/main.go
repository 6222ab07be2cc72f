// Command echo is the sample server: it greets each client with one line, says
// back every line that it is sent, and hangs up after "quit". It does nothing
// else, and shows how little a server needs to live under a master.
//
// The greeting is the main.cf parameter echo_greeting (default: stationmaster
// echo), followed by the process's identity: "stationmaster echo pid 4711".
// In master.cf:
//
//	# service type private unpriv chroot wakeup maxproc command
//	7007      inet n       y      n      -      2       echo -o echo_greeting=hello
//
// The program belongs into daemon_directory. Without a master,
//
//	echo hello | bin/echo -S -V
//
// serves one client on standard input and output, and shows the log on standard
// error.
//
// No more than 4096 bytes of a line are held: a longer one comes back in parts.
package main

import (
	"bufio"
	"fmt"

	"github.com/stationmaster/stationmaster/osadapter/child"
)

func main() {
	var greeting string
	child.Main(&child.Server{
		PreJail: func(p *child.Process) (err error) {
			greeting, err = p.Parameter("echo_greeting", "stationmaster echo")
			return err
		},
		Stream: func(p *child.Process, c *child.Conn) { echo(p, c, greeting) },
	})
}

// echo serves one client until it says quit, hangs up, or can no longer be
// written to.
func echo(p *child.Process, c *child.Conn, greeting string) {
	if _, err := fmt.Fprintf(c, "%s pid %d\n", greeting, p.PID()); err != nil {
		return
	}
	in := c.Reader()
	for {
		line, err := in.ReadSlice('\n')
		if text := string(line); text == "quit\n" || text == "quit\r\n" {
			return
		}
		if _, werr := c.Write(line); werr != nil {
			return
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
		p.Alive()
	}
}
