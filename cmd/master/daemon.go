package main

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/boot"
	"github.com/stationmaster/stationmaster/osadapter/facts"
	"github.com/stationmaster/stationmaster/osadapter/journal"
	"github.com/stationmaster/stationmaster/osadapter/lock"
	"github.com/stationmaster/stationmaster/osadapter/logs"
	"github.com/stationmaster/stationmaster/osadapter/options"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/osadapter/version"
)

// daemon is what the parts of a start share.
type daemon struct {
	log         *logs.Log
	lines       *logs.Owner // log, as the machine writes to it
	start       boot.Start
	process     string // the name we were started under
	openFiles   uint64
	environ     []string // ours, then what children get
	credentials boot.Credentials
	options     options.Options

	kernel  sys.Linux
	machine *core.Machine
	journal *journal.Journal
	loop    *osadapter.Loop
	loader  *facts.Loader
	frozen  *config.Frozen
	locks   []*lock.Lock // held until the process ends
	refuge  refuge       // for the journal
	settle  *time.Timer  // until memory is given back after a reload
	applied bool         // a configuration is in force
	groups  error        // what kept us from having root's groups

	// untold is what is to be said about main.cf. The machine says it with the
	// rest of the configuration, unless the start ends before that.
	untold []core.Diagnostic

	switchIdentity bool // we are root and act as mail owner where that is due
}

// reservedThreads are all those that the daemon can need at the same time. Each
// goroutine that waits in a system call keeps one; who waits otherwise keeps none,
// but for the loop, which has one of its own already, as the delivery of signals and
// the runtime's monitor have.
const reservedThreads = boot.Processors + // they run, the collector's included
	boot.Processors + // they have given a processor up and do not sleep yet
	1 + // the runtime's wait for its timers
	1 + // watches for the ends of children
	1 + // reads a configuration
	1 + // takes the ticks of the watchdog
	1 + // writes the journal's file
	logs.MaxThreads + // write to the log file
	1 // saves the journal when a bug has struck, or says that the loop hangs

// lowDescriptors are one that stands for nothing, one for the status channel and
// the rest for listeners: a service that has more of them is rare. They are not
// reserved where there cannot be many descriptors: to copy them all costs little.
const (
	lowDescriptors = 8
	manyOpenFiles  = 4 * uint64(sys.LowEnd)
)

// run goes through the start in the original's order (spec runtime, 2) and
// then carries the machine to its end.
func (d *daemon) run() osadapter.Ending {
	d.detach()
	if text := boot.OpenFilesWarning(d.openFiles); text != "" {
		d.log.Log(logs.Warning, text)
	}
	if err := d.prepareLoop(); err != nil {
		d.fatal(err.Error())
	}
	parameters, ending := d.loadMain()
	if ending != nil {
		return *ending
	}
	d.enterQueue(parameters)
	d.lockOut(parameters)
	if d.groups != nil { // what denies this denies what lockOut does, which has the original's line
		d.fatal(d.groups.Error())
	}
	boot.ReserveThreads(reservedThreads) // before we say that we are up
	c, ok := d.loader.LoadServices(parameters)
	if !ok {
		return *d.loop.Boot(core.ConfigRejectedEvent(0, c))
	}
	if d.options.Verbose > 0 {
		for i := range c.Services {
			for _, line := range config.DumpService(&c.Services[i]) {
				d.info(line)
			}
		}
	}
	if d.options.Debug {
		d.info("running: " + c.DebuggerCommand)
		if err := boot.RunDebugger(c.DebuggerCommand, d.environ); err != nil {
			d.fatal(err.Error())
		}
	}
	d.untold = nil
	d.log.Settle()
	if ending := d.loop.Boot(core.ConfigLoadedEvent(0, c)); ending != nil {
		return *ending
	}
	boot.RelaxMonitor()
	boot.SettleMemory()
	d.settle = time.AfterFunc(reloadRest, boot.SettleMemory)
	d.settle.Stop()
	d.loader.Runner = d.loop.Commands()
	return d.loop.Run()
}

// detach cuts us off from whoever started us, as far as the options say.
func (d *daemon) detach() {
	if !d.options.Foreground {
		if err := boot.DetachStandard(d.options.KeepStdout || d.options.Init); err != nil {
			d.fatal(err.Error())
		}
	}
	if d.options.Detach() {
		if err := boot.NewSession(); err != nil {
			d.info("a shell made this process the leader of a process group; start it with -w, or through postfix start")
			d.fatal(err.Error())
		}
	}
	if d.credentials.Root() {
		d.groups = boot.SetRootGroups()
	}
}

func (d *daemon) prepareLoop() error {
	var low []sys.FD
	if d.openFiles >= manyOpenFiles {
		low = d.kernel.ReserveLow(lowDescriptors)
	}
	d.machine = core.New(0, core.MachineOptions{
		InitMode:    d.options.Init,
		GroupLeader: d.options.Init || syscall.Getpgrp() == os.Getpid(),
		Verbose:     d.options.Verbose > 0,
		ExitSet:     d.options.ExitAfterSet,
		ExitAfter:   core.Duration(d.options.ExitAfter) * core.Second,
		Descriptors: osadapter.Descriptors(d.openFiles),
	})
	d.lines = logs.NewOwner(d.log, d.postlogSocket)
	d.journal = d.newJournal()
	var err error
	d.loop, err = osadapter.NewLoop(d.machine, d.kernel, osadapter.Surroundings{
		Log:               d.lines.Line,
		Load:              d.load,
		Apply:             d.apply,
		Flush:             d.lines.Flush,
		Announce:          d.announce,
		BeforeGroupSignal: beforeGroupSignal,
		CatchEnds:         func() { boot.Catch(d.loop.Signals(), syscall.SIGCHLD) },
		Low:               low,
		OpenFiles:         d.openFiles,
		Journal:           d.journal,
	}, clock.New())
	if err != nil {
		return err
	}
	d.loop.OnHang = func() {
		boot.ArmDeadman()
		d.fatal("watchdog timeout")
	}
	d.loop.Feed = boot.FeedWatchdog
	return nil
}

// beforeGroupSignal survives the signal that we send to our own group, and
// makes sure that the end comes within seconds whatever happens on the way.
func beforeGroupSignal(s core.Signal) {
	boot.ArmDeadman()
	boot.IgnoreSignal(syscall.Signal(s))
}

// loadMain reads main.cf and judges whether we may run at all.
func (d *daemon) loadMain() (*config.Parameters, *osadapter.Ending) {
	directory := d.options.ConfigDirectory
	if directory == "" {
		directory = config.DefaultDirectory
	}
	d.loader = &facts.Loader{
		ConfigDirectory: directory,
		ProcessName:     d.process,
		Runner:          facts.Plain{},
		Flags: config.Flags{
			Foreground: d.options.Foreground,
			Verbose:    d.options.Verbose > 0,
			Debug:      d.options.Debug,
		},
	}
	parameters, diagnostics, ok := d.loader.LoadMain()
	if parameters != nil {
		d.log.Configure(parameters.Log())
	}
	if !ok {
		return nil, d.loop.Boot(core.ConfigRejectedEvent(0, config.Refusal(diagnostics...)))
	}
	d.untold = parameters.Diagnostics
	switchIdentity, err := d.credentials.CheckOwner(parameters.MailOwner().UID)
	if err != nil {
		d.info("started by user " + itoa(d.credentials.UID) + "; without root only mail_owner itself (" +
			parameters.MailOwner().Name + ") may start a master")
		d.fatal(err.Error())
	}
	d.switchIdentity, d.loader.Flags.SwitchIdentity = switchIdentity, switchIdentity
	d.frozen = parameters.Freeze()
	settings := parameters.Log()
	d.lines.Know(settings, parameters.QueueDirectory())
	kept := boot.FilterEnvironment(parameters.Environment(), boot.ExportTag(d.environ, settings), d.options.ConfigDirectory)
	d.environ = boot.ExportPostlog(kept, settings)
	d.log.SetZone(boot.Variable(d.environ, "TZ"))
	return parameters, nil
}

// enterQueue changes to the queue directory and takes, or with -t tests, the
// lock of the mail system.
func (d *daemon) enterQueue(p *config.Parameters) {
	if err := os.Chdir(p.QueueDirectory()); err != nil {
		d.info("create the directory, or correct queue_directory in " + config.MainPath(d.loader.ConfigDirectory))
		d.fatal("chdir " + p.QueueDirectory() + ": " + lock.ErrorText(errnoOf(err)))
	}
	path := "pid/" + d.process + ".pid"
	if d.options.Test {
		held, err := lock.Test(path)
		if held || err != nil {
			d.exit(1)
		}
		d.exit(0)
	}
	d.ownLock(d.acquire(path), path, d.starter(), `a master of this mail system; stop it with "postfix stop", or use "postfix reload"`)
}

// starter names who runs this process.
func (d *daemon) starter() string {
	if d.credentials.Root() {
		return "root"
	}
	return "user " + itoa(d.credentials.UID)
}

// lockOut takes the lock of the data directory, as the mail owner, and gives
// the runtime a place there for its last words. What is to be said about it is
// said as root: the log may have to be opened first.
func (d *daemon) lockOut(p *config.Parameters) {
	var locked, opened error
	var earlier string
	path := p.DataDirectory() + "/" + d.process + ".lock"
	d.asOwner(p.MailOwner(), func() {
		if locked = d.acquire(path); locked == nil {
			earlier, opened = boot.OpenCrashOutput(p.DataDirectory())
		}
	})
	d.ownLock(locked, path, p.MailOwner().Name, "the master of a mail system with the same data_directory; give each mail system its own")
	if opened != nil {
		d.log.Log(logs.Warning, opened.Error()+"; a crash of the Go runtime would leave no report")
	}
	if earlier != "" {
		d.log.Log(logs.Warning, "an earlier master crashed; its last words are in "+earlier+"; please report them, with the log of that time")
	}
	d.refuge = refuge{p.DataDirectory(), p.MailOwner()}
}

// acquire takes a lock, which is held until the process ends.
func (d *daemon) acquire(path string) error {
	l, err := lock.Acquire(path)
	if err == nil {
		err = l.Record(os.Getpid())
	}
	if err == nil {
		d.locks = append(d.locks, l)
	}
	return err
}

// ownLock ends the process if a lock could not be had. It belongs to owner; held
// is what a process that has it means.
func (d *daemon) ownLock(err error, path, owner, held string) {
	if err == nil {
		return
	}
	d.info(lockRemedy(err, absolute(path), owner, held))
	d.fatal(err.Error())
}

// asOwner acts with the mail owner's identity on this thread, if we are root.
func (d *daemon) asOwner(owner core.Account, act func()) {
	if !d.switchIdentity {
		act()
		return
	}
	if step, e := sys.AsOwner(d.kernel, owner, act); e != 0 {
		d.info(core.IdentityRemedy(step, owner))
		d.fatal(core.IdentityFailure(step, owner, e))
	}
}

// reloadRest is how long after a configuration was read its remains are given
// back: clients of the reload come first.
const reloadRest = 2 * time.Second

// load answers LoadConfig without blocking the loop. The machine asks for one
// at a time.
func (d *daemon) load(r core.Request) {
	go func() {
		boot.MakeRoom()
		defer d.settle.Reset(reloadRest)
		defer func() {
			// A bug met while reading must not take mail down: the reload is
			// refused, and the line says what to report.
			if bug := recover(); bug != nil {
				d.loop.Post(core.ConfigRejectedEvent(r, config.Refusal(core.Diagnostic{
					Severity: core.Error,
					Text:     fmt.Sprintf("internal error (%v) while reading the configuration; please report this, with the configuration", bug),
				})))
			}
		}()
		c, ok := d.loader.Load(d.frozen)
		if ok {
			d.loop.Post(core.ConfigLoadedEvent(r, c))
			return
		}
		d.loop.Post(core.ConfigRejectedEvent(r, c))
	}()
}

// apply switches logging, and gives children the variables that follow from
// it. At start these were filtered already: what import_environment does not
// name stays away until a reload brings it, as in the original. A reload to a log
// that cannot be had leaves the log where it was (Differs: D20).
func (d *daemon) apply(c *core.Config) []string {
	if err := d.lines.Apply(c.Log, c.QueueDirectory); err != nil {
		d.fatal(err.Error())
	}
	if d.applied {
		d.environ = boot.ExportPostlog(boot.ExportTag(d.environ, c.Log), c.Log)
	} else {
		// The services are there and the line that says so comes next: whoever
		// reads it may send a signal (spec runtime, 2.20 to 2.23).
		boot.Catch(d.loop.Signals(), syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGILL,
			syscall.SIGBUS, syscall.SIGSEGV, syscall.SIGTERM)
		if err := boot.InstallWatchdog(); err != nil {
			d.log.Log(logs.Warning, err.Error()+"; the master goes on without the watchdog that ends it when the Go runtime hangs")
		}
	}
	d.applied = true
	d.journal.Apply(c.JournalFile, c.JournalLimit)
	return d.environ
}

// announce logs which build serves and tells the process that waits for it. A log
// file that did not take the lines of the start, and takes no other a second later,
// ends the start instead, while somebody may still hear of it.
func (d *daemon) announce() {
	d.info("this master is " + version.Text())
	if err := d.lines.Announced(); err != nil {
		d.fatal(err.Error())
	}
	d.start.Ready.Announce()
	d.log.Started()
}

// postlogSocket is what the log must know of the postlog socket.
func (d *daemon) postlogSocket(path string) (fd int, throttled bool) {
	socket, id := d.loop.Socket(path)
	return int(socket), socket != sys.None && d.machine.Throttled(id)
}
