package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	firstGreeting  = "Hello from"
	secondGreeting = "Good evening from"
	processLimit   = "2"
	mistakenLimit  = "two"
	maxIdle        = 3 * time.Second
	// patienceOfC is how long we look whether a client is really kept waiting.
	patienceOfC = 500 * time.Millisecond
)

// clients that go from one step to the next.
type clients struct{ a, b, c, d, e *session }

// tell is the demo, step by step. Each step checks what it says.
func (d *demo) tell() error {
	if err := d.prepare(); err != nil {
		return err
	}
	d.introduce()
	var c clients
	for _, step := range []struct {
		heading string
		show    func(*clients) error
	}{
		{"The daemon starts. It listens, and that is all.", d.startDaemon},
		{"A client comes: a server process is started on demand.", d.onDemand},
		{"A second client comes while the first is served.", d.second},
		{"A third client comes, but master.cf allows 2 processes.", d.third},
		{fmt.Sprintf("All hang up. Idle processes leave after max_idle, %d s.", maxIdle/time.Second), d.idleExit},
		{"The greeting is changed and reloaded while a session is open.", d.reload},
		{"A reload with a mistake in master.cf is refused.", d.refusedReload},
		{"The daemon is stopped.", d.stopDaemon},
	} {
		d.showLog()
		d.out.heading(step.heading)
		if err := step.show(&c); err != nil {
			d.showLog()
			return d.withLastWords(fmt.Errorf("step %d: %w", d.out.step, err))
		}
	}
	return nil
}

func (d *demo) introduce() {
	d.out.title("stationmaster: an on-demand server comes, serves and leaves")
	reason := "you; without root the daemon serves its own user alone"
	if os.Getuid() == 0 {
		reason = "an account that exists here; the servers run as this user, not as root"
	}
	d.out.setting("mail_owner", d.tree.accounts.owner.name+" ("+reason+")")
	d.out.setting("directory", d.tree.root+" (removed at the end)")
	d.out.setting("programs", d.programs)
	d.out.setting("master.cf", d.tree.entry(processLimit))
	d.out.setting("main.cf", "max_idle = "+d.tree.maxIdle)
	d.out.setting("", "echo_greeting = "+firstGreeting)
	d.out.setting("", "and names for directories, accounts and the log")
	d.out.raw("\n")
	d.out.does("Lines with \"ok\" were checked. Lines with \"log |\" are the daemon's own.")
}

func (d *demo) startDaemon(*clients) error {
	if err := d.daemon.start(d.programs); err != nil {
		return err
	}
	d.did("Process %d runs \"master -c %s -d\".", d.daemon.pid, d.tree.config())
	err := d.until(d.patience, "the daemon has started", func() (bool, error) {
		return d.daemon.logged(0, "daemon started"), d.alive()
	})
	if err != nil {
		return err
	}
	if _, err := d.serverCount(0, d.patience); err != nil {
		return err
	}
	d.saw("It listens on %s, and there is no server process.", d.tree.address)
	return nil
}

// arrive opens a session and waits for its greeting.
func (d *demo) arrive(name, greeting string) (*session, error) {
	s, err := d.connect(name)
	if err != nil {
		return nil, err
	}
	if err := s.greeted(greeting); err != nil {
		return s, err
	}
	return s, s.echoes("I am client " + name)
}

func (d *demo) onDemand(c *clients) (err error) {
	if c.a, err = d.arrive("A", firstGreeting); err != nil {
		return err
	}
	pids, err := d.serverCount(1, d.patience)
	if err != nil {
		return err
	}
	if pids[0] != c.a.pid {
		return fmt.Errorf("client A was greeted by process %d, but the daemon's child is %d", c.a.pid, pids[0])
	}
	d.saw("Client A is greeted: \"%s pid %d\".", firstGreeting, c.a.pid)
	d.saw("Process %d is the daemon's one child. Client A stays.", c.a.pid)
	return nil
}

func (d *demo) second(c *clients) (err error) {
	if c.b, err = d.arrive("B", firstGreeting); err != nil {
		return err
	}
	pids, err := d.serverCount(2, d.patience)
	if err != nil {
		return err
	}
	if c.a.pid == c.b.pid || !slices.Contains(pids, c.a.pid) || !slices.Contains(pids, c.b.pid) {
		return fmt.Errorf("clients A and B were greeted by processes %d and %d, but the daemon's children are %v",
			c.a.pid, c.b.pid, pids)
	}
	if err := c.a.echoes("still here"); err != nil {
		return err
	}
	d.saw("Client B is served by a process of its own, %d, beside %d.", c.b.pid, c.a.pid)
	return nil
}

func (d *demo) third(c *clients) (err error) {
	if c.c, err = d.connect("C"); err != nil {
		return err
	}
	began := time.Now()
	err = d.until(d.patience, "client C has waited for a while", func() (bool, error) {
		if err := c.c.look(); err != nil {
			return false, err
		}
		pids, err := d.daemon.servers()
		switch {
		case err != nil:
			return false, err
		case len(c.c.pending) > 0 || c.c.ended:
			return false, errors.New("client C was served at once, above the limit")
		case len(pids) > 2:
			return false, fmt.Errorf("the limit of %s processes was exceeded: %v", processLimit, pids)
		}
		return time.Since(began) >= patienceOfC, nil
	})
	if err != nil {
		return err
	}
	d.saw("Client C is connected and waits in the queue; there are still 2 processes.")
	if err := c.b.quit(); err != nil {
		return err
	}
	d.did("Client B hangs up.")
	if err := c.c.greeted(firstGreeting); err != nil {
		return err
	}
	if c.c.pid != c.b.pid {
		return fmt.Errorf("client C was greeted by process %d, not by %d, which had become free", c.c.pid, c.b.pid)
	}
	d.saw("Now client C is served, by process %d, which had become free.", c.c.pid)
	return nil
}

func (d *demo) idleExit(c *clients) error {
	for _, s := range []*session{c.a, c.c} {
		if err := s.quit(); err != nil {
			return err
		}
	}
	began := time.Now()
	pids, err := d.daemon.servers()
	if err != nil {
		return err
	}
	if len(pids) != 2 {
		return fmt.Errorf("two processes were to wait for new clients, but there are: %v", pids)
	}
	d.did("Clients A and C hang up. Both processes wait for new clients ...")
	if _, err := d.serverCount(0, maxIdle+d.patience); err != nil {
		return err
	}
	waited := time.Since(began)
	if waited < maxIdle-time.Second { // in whole seconds, as the contract has it
		return fmt.Errorf("the processes left after %v already, before max_idle of %v", waited, maxIdle)
	}
	d.saw("After %.1f s both have left by themselves: no server process.", waited.Seconds())
	return nil
}

// hangup asks the daemon to reload, the way that an operator's script does.
// What it logs comes after the given number of lines.
func (d *demo) hangup() (lines int, err error) {
	pid, err := d.daemon.recordedPID()
	if err != nil {
		return 0, err
	}
	if pid != d.daemon.pid {
		return 0, fmt.Errorf("pid/master.pid names process %d, but the daemon is %d", pid, d.daemon.pid)
	}
	d.showLog()
	return len(d.daemon.lines), d.daemon.signal(syscall.SIGHUP)
}

func (d *demo) reload(c *clients) (err error) {
	if c.d, err = d.arrive("D", firstGreeting); err != nil {
		return err
	}
	d.saw("Client D is served by a new process, %d, and stays.", c.d.pid)
	if err := d.tree.writeMain(secondGreeting); err != nil {
		return err
	}
	lines, err := d.hangup()
	if err != nil {
		return err
	}
	d.did("main.cf gets \"echo_greeting = %s\"; SIGHUP goes to the process that pid/master.pid names, %d.",
		secondGreeting, d.daemon.pid)
	err = d.until(d.patience, "the daemon reloads", func() (bool, error) {
		return d.daemon.logged(lines, "reload -- version"), d.alive()
	})
	if err != nil {
		return err
	}
	if c.e, err = d.arrive("E", secondGreeting); err != nil {
		return err
	}
	if c.e.pid == c.d.pid {
		return fmt.Errorf("clients D and E are both served by process %d", c.d.pid)
	}
	d.saw("Client E is greeted: \"%s pid %d\".", secondGreeting, c.e.pid)
	if err := c.d.echoes("and I was here before"); err != nil {
		return err
	}
	d.saw("Client D's session goes on in its old process, %d.", c.d.pid)
	if err := c.d.quit(); err != nil {
		return err
	}
	err = d.until(d.patience, fmt.Sprintf("the old process %d leaves", c.d.pid), func() (bool, error) {
		if err := d.alive(); err != nil {
			return false, err
		}
		pids, err := d.daemon.servers()
		return !slices.Contains(pids, c.d.pid), err
	})
	if err != nil {
		return err
	}
	d.saw("Client D hangs up, and process %d leaves at once: it has the old settings.", c.d.pid)
	return nil
}

func (d *demo) refusedReload(c *clients) error {
	if err := d.tree.writeMaster(mistakenLimit); err != nil {
		return err
	}
	lines, err := d.hangup()
	if err != nil {
		return err
	}
	d.did("master.cf gets the process limit \"%s\" instead of %s; SIGHUP again.", mistakenLimit, processLimit)
	err = d.until(d.patience, "the daemon refuses the new master.cf", func() (bool, error) {
		return d.daemon.logged(lines, "reload refused"), d.alive()
	})
	if err != nil {
		return err
	}
	if !d.daemon.logged(lines, d.tree.masterFile(), "line 2", `"`+mistakenLimit+`"`) {
		return errors.New("the daemon refused master.cf but did not name the file, line 2 and the bad value")
	}
	d.saw("The daemon names file, line and value, and keeps what it has.")
	if err := c.e.echoes("did anything happen?"); err != nil {
		return err
	}
	f, err := d.arrive("F", secondGreeting)
	if err != nil {
		return err
	}
	d.saw("Client E's session goes on, and a new client F is served by process %d.", f.pid)
	return f.quit()
}

func (d *demo) stopDaemon(c *clients) error {
	servers, err := d.daemon.servers()
	if err != nil {
		return err
	}
	lines := len(d.daemon.lines)
	if err := d.daemon.signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the daemon: %w", err)
	}
	d.did("SIGTERM goes to the daemon while %s still run, one with client E.", counted(len(servers)))
	err = d.until(d.patience, "no process is left", func() (bool, error) {
		if d.daemon.running() {
			return false, nil
		}
		left, err := d.daemon.orphans()
		return len(left) == 0, err
	})
	if err != nil {
		return err
	}
	if !d.daemon.logged(lines, "terminating on signal 15") || !d.daemon.status.Signaled() ||
		d.daemon.status.Signal() != syscall.SIGTERM {
		return fmt.Errorf("the daemon was to say so and die of SIGTERM, but: %s", d.daemon.exit())
	}
	if err := c.e.hungUp(); err != nil {
		return err
	}
	d.saw("The daemon and its servers are gone; client E is disconnected.")
	if err := d.cleanUp(); err != nil {
		return err
	}
	if _, err := os.Lstat(d.tree.root); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s was removed but can still be found", d.tree.root)
	}
	d.saw("The directory is removed.")
	return nil
}
