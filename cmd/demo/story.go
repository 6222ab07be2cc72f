package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// demo is one run. The first error stays in err, and everything that comes after
// it does nothing, so that play reads as the story that it is.
type demo struct {
	*station
	ctx      context.Context // ends on a signal, at the limit, when the daemon ends
	cancel   context.CancelCauseFunc
	out      io.Writer
	patience time.Duration // for one condition

	steps   int
	log     []string // lines since the last call of expectLog
	clients []*client
	err     error
}

// glance is the time between two looks at a condition.
const glance = 10 * time.Millisecond

const (
	firstGreeting  = "Hello from"
	secondGreeting = "Good evening from"
)

// play is the story. Each step checks what it says.
func (d *demo) play() {
	d.say("stationmaster in a few steps: \"ok\" marks what has been checked, \"log |\" the daemon's own lines.\n")
	d.say("  directory   %s (removed at the end)", d.dir)
	d.say("  mail_owner  %s", d.accounts.owner.Username)
	d.say("  master.cf   %s", d.entry("2"))
	d.say("  main.cf     max_idle = %v, service_throttle_time = %v, echo_greeting = %s", maxIdle, throttleTime, firstGreeting)

	d.step("The daemon starts. It listens, and no server process exists.")
	d.try(d.configure(firstGreeting, "2"))
	if d.err == nil {
		d.try(d.start(d.cancel))
	}
	d.expectLog("daemon started")
	d.expectServers(0)
	d.ok("master (process %d) listens on %s", d.pid(), d.echo)

	d.step("A client connects: a server process is started on demand.")
	a := d.connect("A", d.echo)
	a.greeted(firstGreeting)
	d.expectServers(1, a)
	d.ok("client A is served by process %d, the only server process", a.pid)

	d.step("Limits: master.cf allows two processes, and three clients come.")
	b := d.connect("B", d.echo)
	b.greeted(firstGreeting)
	d.expectServers(2, a, b)
	d.ok("client B is served by a second process, %d", b.pid)
	c := d.connect("C", d.echo)
	c.waits(500 * time.Millisecond)
	d.expectServers(2, a, b)
	d.ok("client C is connected and waits; no third process is started")
	b.quit()
	c.greeted(firstGreeting)
	d.check(c.pid == b.pid, "client C is served by process %d instead of %d, which is free", c.pid, b.pid)
	d.ok("client B leaves, and its process serves client C")

	d.step("Idle exit: all clients leave, and max_idle later so do the servers.")
	a.quit()
	c.quit()
	began := time.Now()
	d.expectServers(0)
	idle := time.Since(began)
	d.check(idle > maxIdle-time.Second, "idle processes left after %v, before max_idle", idle)
	d.ok("no server process is left after %.1f s", idle.Seconds())

	d.step("Reload: the greeting changes, and no connection is lost.")
	e := d.connect("E", d.echo)
	e.greeted(firstGreeting)
	f := d.connect("F", d.echo)
	f.greeted(firstGreeting)
	g := d.connect("G", d.echo)
	d.say("  clients E and F are served, client G waits; SIGHUP to process %d", d.pid())
	d.try(d.configure(secondGreeting, "2"))
	d.reload()
	d.expectLog("reload -- version")
	e.talks()
	f.talks()
	d.ok("the sessions of E and F continue in their processes, %d and %d", e.pid, f.pid)
	f.quit()
	g.greeted(secondGreeting)
	d.expectServers(2, e, g)
	d.ok("client F leaves and its process exits; a new one, %d, greets client G with \"%s\"", g.pid, secondGreeting)
	g.quit()

	d.step("A reload with a mistake in master.cf is refused.")
	d.try(d.configure(secondGreeting, "two"))
	d.reload()
	d.expectLog(d.path("config/master.cf"), "line 2", `"two"`)
	d.expectLog("reload refused")
	e.talks()
	d.ok("the daemon names file, line and value; client E's session continues")
	h := d.connect("H", d.echo)
	h.greeted(secondGreeting)
	h.quit()
	d.ok("a new client, H, is served as before")

	d.step("Throttle: the second service's program fails.")
	i := d.connect("I", d.flaky)
	began = time.Now()
	d.expectLog("bad command startup -- throttling")
	d.try(d.link("flaky", d.path("programs/echo")))
	d.say("  the program is repaired, and client I still waits")
	i.greeted(secondGreeting)
	throttled := time.Since(began)
	d.check(throttled >= throttleTime, "the service was throttled for %v only", throttled)
	d.refuteLog("bad command startup")
	d.ok("no start for %.1f s; then process %d is started and serves client I", throttled.Seconds(), i.pid)

	d.step("The daemon stops.")
	if d.going() {
		d.try(d.stop(d.patience))
	}
	e.disconnected()
	i.disconnected()
	d.expectLog("terminating on signal 15")
	d.ok("all processes are gone, the clients E and I are disconnected")
	if d.err == nil {
		d.say("\nThe demo succeeded.")
	}
}

func (d *demo) say(format string, args ...any) {
	if d.err == nil {
		_, err := fmt.Fprintf(d.out, format+"\n", args...)
		d.try(err)
	}
}

func (d *demo) step(title string) {
	d.showLog()
	if d.going() {
		d.steps++
		d.say("\n%d. %s", d.steps, title)
	}
}

func (d *demo) ok(format string, args ...any) {
	d.showLog()
	d.say("  ok "+format, args...)
}

// going reports whether the demo is to continue.
func (d *demo) going() bool {
	if d.err == nil && d.ctx.Err() != nil {
		d.fail(context.Cause(d.ctx))
	}
	return d.err == nil
}

// fail records the first error, or what ended the demo meanwhile, which explains
// the error.
func (d *demo) fail(err error) {
	if d.err != nil {
		return
	}
	d.showLog()
	if d.ctx.Err() != nil {
		err = context.Cause(d.ctx)
	}
	if d.steps > 0 {
		err = fmt.Errorf("step %d: %w", d.steps, err)
	}
	d.err = err
}

func (d *demo) try(err error) {
	if err != nil {
		d.fail(err)
	}
}

func (d *demo) check(holds bool, format string, args ...any) {
	if !holds {
		d.fail(fmt.Errorf(format, args...))
	}
}

// until waits for a condition.
func (d *demo) until(awaited func() string, holds func() bool) {
	for deadline := time.Now().Add(d.patience); d.going() && !holds(); {
		if time.Now().After(deadline) {
			d.fail(errors.New("waited in vain for " + awaited()))
			return
		}
		select {
		case <-d.ctx.Done():
		case <-time.After(glance):
		}
	}
}

// expectServers waits until exactly n server processes run, those of clients
// among them.
func (d *demo) expectServers(n int, clients ...*client) {
	var pids []int
	d.until(func() string { return fmt.Sprintf("%d server processes; there are: %v", n, pids) }, func() bool {
		pids = processes(d.pid(), "echo", "flaky")
		return len(pids) == n
	})
	for _, c := range clients {
		d.check(slices.Contains(pids, c.pid), "client %s was greeted by process %d, but the server processes are %v", c.name, c.pid, pids)
	}
}

// showLog prints what the daemon has logged since the last call.
func (d *demo) showLog() {
	for _, line := range d.newLogLines() {
		d.say("  log | %s", line)
		d.log = append(d.log, line)
	}
}

// expectLog waits for a line that contains all words, after those that were
// expected before.
func (d *demo) expectLog(words ...string) {
	d.until(func() string { return fmt.Sprintf("a line with %q in the log", words) }, func() bool {
		d.showLog()
		at := slices.IndexFunc(d.log, func(line string) bool {
			return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
		})
		d.log = d.log[at+1:]
		return at >= 0
	})
}

// refuteLog checks that no line since the one expected last contains text.
func (d *demo) refuteLog(text string) {
	d.showLog()
	for _, line := range d.log {
		d.check(!strings.Contains(line, text), "the log must not say: %s", line)
	}
}

func (d *demo) pid() int {
	if d.daemon == nil {
		return 0
	}
	return d.daemon.Process.Pid
}

// reload sends a hangup to the process that the pid file names, as an operator's
// script does.
func (d *demo) reload() {
	if !d.going() {
		return
	}
	text, err := os.ReadFile(d.path("queue/pid/master.pid"))
	d.try(err)
	d.check(strings.TrimSpace(string(text)) == fmt.Sprint(d.pid()), "pid/master.pid holds %q; the daemon is %d", text, d.pid())
	d.try(d.signal(syscall.SIGHUP))
}

// cleanUp stops the daemon and removes the directory.
func (d *demo) cleanUp() error {
	for _, c := range d.clients {
		_ = c.conn.Close()
	}
	err := d.stop(3 * time.Second)
	d.showLog()
	return errors.Join(err, os.RemoveAll(d.dir))
}
