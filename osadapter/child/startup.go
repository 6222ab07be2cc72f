package child

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	machine "github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/facts"
	"github.com/stationmaster/stationmaster/osadapter/lock"
	"github.com/stationmaster/stationmaster/osadapter/logs"
)

// run is the whole life of the process. It never returns.
func (p *Process) run() {
	defer p.crashed()
	signal.Ignore(unix.SIGPIPE, unix.SIGXFSZ)
	wrongLine := p.readCommandLine()
	p.log = logs.New(logs.Origin{
		Process: p.name(), PID: p.pid,
		// With -S standard output is the client's, and a person reads standard
		// error.
		Fallback: !p.options.standard,
		// A master passes /dev/null, which is left alone.
		Stderr: !p.options.toStderr,
		Alone:  true,
	}, os.LookupEnv)
	settings, accept, err := p.start(wrongLine)
	if err != nil {
		p.Fatalf("%v", err)
	}
	if p.options.standard {
		p.serveStandard()
		os.Exit(0)
	}
	p.log.Started()
	l := newLoop(p, settings, accept)
	l.run()
}

// errSkeleton is a mistake in the server's code.
var errSkeleton = errors.New("this program must set exactly one of Stream, Requests, Sessions, Trigger and Datagram in its child.Server")

// readCommandLine is called first: it says whether a person is watching. The error
// is the text of the fatal line, for later.
func (p *Process) readCommandLine() (err error) {
	var ok bool
	if p.kind, ok = p.server.skeleton(); !ok {
		return errSkeleton
	}
	p.options, err = parseOptions(p.argv, p.kind)
	return err
}

// start does everything that precedes the main loop, in the reference's order (spec
// child, 4). The error is the text of the fatal line; wrongLine is that of
// readCommandLine, which is logged where main.cf says. accept is nil if the server
// takes no lock.
func (p *Process) start(wrongLine error) (settings machine.Settings, accept *lock.Accept, err error) {
	err = p.loadParameters()
	if wrongLine != nil {
		if p.byHand() && !p.options.standard && wrongLine != errSkeleton {
			p.tellHowToRun()
		}
		return settings, nil, wrongLine
	}
	if err != nil {
		return settings, nil, err
	}
	if settings, err = p.settings(); err != nil {
		return settings, nil, err
	}
	if !p.options.foreground && !p.options.standard && isTerminal(0) {
		p.tellHowToRun()
		return settings, nil, errors.New("do not run this command by hand")
	}
	if err := p.options.checkDemands(p.server); err != nil {
		return settings, nil, err
	}
	if !p.options.standard {
		if err := p.checkMaster(); err != nil {
			return settings, nil, err
		}
	}
	if p.options.debug {
		if err := p.runDebugger(); err != nil {
			return settings, nil, err
		}
	}
	held := -1
	if p.options.unprivileged || p.options.chroot {
		// Without the file, lines need the postlog socket; Switch has warned about
		// a file that cannot be opened while there is none.
		held, _ = p.log.Hold()
	}
	if !p.options.standard { // there the runtime prints a panic for the person who watches
		if err := p.reportCrashes(p.parameters.Log(), held); err != nil {
			p.Warnf("a panic in a goroutine that this server starts will not be logged; %v", err)
		}
	}
	queue := p.parameters.QueueDirectory()
	if err := os.Chdir(queue); err != nil {
		return settings, nil, fmt.Errorf("chdir %s: %s", queue, lock.ErrorText(errors.Unwrap(err)))
	}
	if settings.AcceptLock && !p.options.standard {
		// While we still have privileges: the lock files belong to root.
		if accept, err = lock.OpenAccept("pid/" + p.options.transport + "." + p.options.service); err != nil {
			return settings, nil, err
		}
	}
	return settings, accept, p.enterJail(queue)
}

// byHand reports whether no master started the process: a master always passes -t,
// and before the arguments in master.cf.
func (p *Process) byHand() bool { return p.options.transport == "" }

// tellHowToRun says how to run the server if it is started without a master.
func (p *Process) tellHowToRun() {
	what := "master starts this server on demand; add an entry for it to master.cf and run \"postfix reload\""
	if p.kind == machine.Datagram {
		what += "; a datagram server cannot be tried by hand"
	} else {
		what += "; to try it by hand, add -S, which serves one client on standard input and output"
	}
	p.Infof("%s", what)
}

// enterJail drops privileges between the server's own two steps.
func (p *Process) enterJail(queue string) error {
	if p.server.PreJail != nil {
		if err := p.server.PreJail(p); err != nil {
			return err
		}
	}
	if err := dropPrivileges(p.parameters.MailOwner(), p.options.unprivileged, p.options.chroot, queue); err != nil {
		var denied *deniedError
		if errors.As(err, &denied) && denied.err == unix.EPERM {
			p.Infof("this process lacks the capability %s, which columns 4 and 5 of its master.cf entry require; give it to the master (CapabilityBoundingSet= of its unit, --cap-add of its container)", denied.capability)
		}
		return err
	}
	if p.server.PostJail != nil {
		return p.server.PostJail(p)
	}
	return nil
}

// loadParameters reads main.cf and switches the log as it says, even if it has
// other mistakes.
func (p *Process) loadParameters() error {
	directory := os.Getenv("MAIL_CONFIG")
	if directory == "" {
		directory = config.DefaultDirectory
	}
	directory, err := filepath.Abs(directory)
	if err != nil {
		return fmt.Errorf("configuration directory: %w", err)
	}
	main := facts.Loader{ConfigDirectory: directory, ProcessName: p.name(), Overrides: p.options.overrides, WithoutOwn: true}
	params, diagnostics, ok := main.LoadMain()
	var wrongLog error
	if params != nil {
		wrongLog = p.switchLog(params)
	} else if p.byHand() {
		p.Infof("main.cf is expected in the directory %s; set MAIL_CONFIG to use another one", directory)
	}
	for _, d := range diagnostics {
		switch {
		case d.Severity == core.Warning:
			p.Warnf("%s", d.Text)
		case d.Severity == core.Error:
			return errors.New(d.Text)
		}
	}
	if !ok {
		return errors.New("main.cf has errors")
	}
	p.parameters = params
	return wrongLog
}

// switchLog switches the log as main.cf says. A log file that cannot be opened ends
// nothing: its lines are counted until it can. For one that the configuration
// forbids, it returns the text of a fatal line.
func (p *Process) switchLog(params *config.Parameters) error {
	if problem := params.CheckLogFile(); problem != nil {
		return problem
	}
	if err := p.log.Switch(params.Log()); err != nil {
		p.Warnf("%v", err)
	}
	return nil
}

// settings returns what main.cf and the command line say about the main loop.
func (p *Process) settings() (machine.Settings, error) {
	s := machine.Settings{
		Skeleton:    p.kind,
		RetireAfter: p.options.retireAfter,
		MaxClients:  p.server.MaxClients,
		AcceptLock:  !p.options.alone && (p.kind == machine.Single || p.kind == machine.Trigger || p.kind == machine.Datagram),
		EarlyUnlock: p.options.transport == "fifo" || p.options.transport == "unix-dgram",
		Drain:       p.server.Drain,
	}
	if s.MaxClients <= 0 {
		s.MaxClients = defaultMaxClients
	}
	s.MaxClients = min(s.MaxClients, affordableClients())
	var err error
	if s.MaxUse, err = p.parameters.Int("max_use", 100, 1, 0); err != nil {
		return s, err
	}
	if s.MaxIdle, err = p.parameters.Time("max_idle", "100s", 1, 0); err != nil {
		return s, err
	}
	timeout, err := p.parameters.Time("daemon_timeout", "18000s", 1, 0)
	if err != nil {
		return s, err
	}
	switch n := p.server.MaxUse; {
	case n > 0:
		s.MaxUse = n
	case n < 0:
		s.MaxUse = 0
	}
	switch d := p.server.MaxIdle; {
	case d > 0:
		s.MaxIdle = core.Duration(d)
	case d < 0:
		s.MaxIdle = 0
	}
	p.watchdog.set(p.watchdogLimit(time.Duration(timeout)), p)
	return s, nil
}

// affordableClients leaves half of the descriptors for the server's own files: a
// server without descriptors cannot even refuse clients.
func affordableClients() int32 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return defaultMaxClients
	}
	return int32(max(1, min(uint64(limit.Cur)/2, math.MaxInt32)))
}

// checkMaster checks what the master passed: the transport, the generation, and the
// descriptors, which it makes close-on-exec.
func (p *Process) checkMaster() error {
	if err := p.options.checkTransport(p.kind); err != nil {
		if p.byHand() {
			p.tellHowToRun()
		}
		return err
	}
	if text, ok := os.LookupEnv(wire.GenerationVariable); ok {
		if p.generation, ok = wire.ParseGeneration(text); !ok {
			return fmt.Errorf("bad generation: %s", text)
		}
	}
	err := adoptDescriptors(p.options.transport, p.options.listeners)
	if err != nil {
		p.tellHowToRun()
	}
	return err
}

// runDebugger runs debugger_command on this process and waits for it (spec
// runtime, 15).
func (p *Process) runDebugger() error {
	command, err := p.Parameter("debugger_command", "")
	if err != nil {
		return err
	}
	if command == "" {
		return errors.New("no debugger_command variable set up")
	}
	p.Infof("running: %s", command)
	// The debugger's own result does not matter.
	_ = exec.Command("/bin/sh", "-c", command).Run()
	return nil
}

// deniedError is the failure of a call that needs a capability.
type deniedError struct {
	call       string
	capability string
	err        error
}

func (e *deniedError) Error() string { return e.call + ": " + lock.ErrorText(e.err) }

// dropPrivileges becomes the mail owner and enters the queue directory, as -u and
// -c say. If the process is not root, it obeys -u only as the owner itself.
func dropPrivileges(owner core.Account, unprivileged, jail bool, queue string) error {
	root := unix.Geteuid() == 0
	if unprivileged && !root && unix.Geteuid() != int(owner.UID) {
		return fmt.Errorf("cannot become user %s: the process runs as user ID %s, not as root or %s",
			owner.Name, strconv.Itoa(unix.Geteuid()), owner.Name)
	}
	if unprivileged && root {
		if err := unix.Setgid(int(owner.GID)); err != nil {
			return &deniedError{fmt.Sprintf("setgid(%d)", owner.GID), "CAP_SETGID", err}
		}
		// Of package syscall, which changes every thread of the process; the
		// function of x/sys/unix changes only the calling one.
		if err := syscall.Setgroups([]int{int(owner.GID)}); err != nil {
			return &deniedError{fmt.Sprintf("initgroups(%s, %d)", owner.Name, owner.GID), "CAP_SETGID", err}
		}
	}
	if jail {
		if err := unix.Chroot(queue); err != nil {
			return &deniedError{fmt.Sprintf("chroot(%s)", queue), "CAP_SYS_CHROOT", err}
		}
		if err := unix.Chdir("/"); err != nil {
			return fmt.Errorf("chdir(/): %s", lock.ErrorText(err))
		}
	}
	if unprivileged && root {
		if err := unix.Setuid(int(owner.UID)); err != nil {
			return &deniedError{fmt.Sprintf("setuid(%d)", owner.UID), "CAP_SETUID", err}
		}
	}
	return nil
}

// isTerminal reports whether the descriptor may be a terminal.
func isTerminal(fd int) bool {
	_, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	return err == nil
}
