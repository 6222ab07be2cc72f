package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// client is one connection to a service of the demo.
type client struct {
	demo *demo
	name string
	conn net.Conn
	in   *bufio.Reader
	pid  int // of the server process that sent the greeting
}

// connect opens a connection. The kernel accepts it whether or not a server
// process is there.
func (d *demo) connect(name, address string) *client {
	c := &client{demo: d, name: name}
	if d.err != nil {
		return c
	}
	conn, err := net.DialTimeout("tcp", address, d.patience)
	if err != nil {
		d.fail(fmt.Errorf("client %s cannot connect: %w", name, err))
		return c
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
	d.clients = append(d.clients, c)
	// What ends the demo also ends the wait for an answer.
	context.AfterFunc(d.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return c
}

// readLine waits for a line; awaited names it.
func (c *client) readLine(awaited string) string {
	if !c.demo.going() {
		return ""
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(c.demo.patience))
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.demo.fail(fmt.Errorf("client %s did not receive %s: %w", c.name, awaited, err))
	}
	return strings.TrimSuffix(line, "\n")
}

// greeted waits for the greeting, which names the server process.
func (c *client) greeted(greeting string) {
	line := c.readLine("a greeting")
	if _, err := fmt.Sscanf(line, greeting+" pid %d", &c.pid); err != nil {
		c.demo.fail(fmt.Errorf("client %s was greeted with %q instead of %q and a pid", c.name, line, greeting))
	}
}

// waits checks that the server stays silent for a while.
func (c *client) waits(while time.Duration) {
	if !c.demo.going() {
		return
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(while))
	if text, err := c.in.Peek(1); len(text) > 0 || err == io.EOF {
		c.demo.fail(fmt.Errorf("client %s was answered (%q) although it had to wait", c.name, text))
	}
}

// send sends a line.
func (c *client) send(line string) {
	if c.demo.err != nil {
		return
	}
	if _, err := io.WriteString(c.conn, line+"\n"); err != nil {
		c.demo.fail(fmt.Errorf("client %s cannot send %q: %w", c.name, line, err))
	}
}

// talks sends a line and checks that the server echoes it.
func (c *client) talks() {
	line := "I am client " + c.name
	c.send(line)
	if got := c.readLine("the echo of its line"); got != line {
		c.demo.fail(fmt.Errorf("client %s sent %q and received %q", c.name, line, got))
	}
}

// disconnected waits until the server closes the connection.
func (c *client) disconnected() {
	if c.demo.err != nil {
		return
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(c.demo.patience))
	if text, err := c.in.ReadByte(); err == nil {
		c.demo.fail(fmt.Errorf("client %s received %q instead of the end of its session", c.name, text))
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		c.demo.fail(fmt.Errorf("the server did not end the session of client %s: %w", c.name, err))
	}
}

// quit ends the session.
func (c *client) quit() {
	c.send("quit")
	c.disconnected()
}
