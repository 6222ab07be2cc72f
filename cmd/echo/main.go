// Command echo is the sample server: it greets each client with one line, echoes
// every line it receives, and hangs up after "quit". It shows how little code a
// server needs to run under a master.
//
// The greeting is the main.cf parameter echo_greeting (default: stationmaster
// echo), followed by the process ID: "stationmaster echo pid 4711". In master.cf:
//
//	# service type private unpriv chroot wakeup maxproc command
//	7007      inet n       y      n      -      2       echo -o echo_greeting=hello
//
// The program belongs in daemon_directory. Without a master,
//
//	echo hello | bin/echo -S -V
//
// serves one client on standard input and output, and logs to standard error.
//
// At most 4096 bytes of a line are buffered: a longer one is echoed in parts.
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

// echo serves one client until it says quit, disconnects, or cannot be written to.
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
