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

// daemon is the state that the parts of the start share.
type daemon struct {
	log         *logs.Log
	lines       *logs.Owner // log, as the machine writes to it
	start       boot.Start
	process     string // the name we were started under
	openFiles   uint64
	environ     []string // ours, then what children get
	credentials boot.Credentials
	options     options.Options

	kernel        sys.Linux
	machine       *core.Machine
	journal       *journal.Journal
	loop          *osadapter.Loop
	loader        *facts.Loader
	frozen        *config.Frozen
	locks         []*lock.Lock // held until the process ends
	crashDir      crashDir     // where the journal is saved after a panic
	releaseMemory *time.Timer  // returns memory to the system after a reload
	applied       bool         // a configuration is in force
	groups        error        // why we could not take root's groups

	// untold holds diagnostics about main.cf. The machine logs them with the rest
	// of the configuration, unless the start ends before that.
	untold []core.Diagnostic

	switchIdentity bool // we are root and act as mail owner where required
}

// reservedThreads is the number of threads that the daemon can need at the same
// time. A goroutine that waits in a system call holds one; a goroutine that waits
// otherwise holds none. The loop, signal delivery and the runtime's monitor have
// threads of their own already.
const reservedThreads = boot.Processors + // that run goroutines, including the collector's
	boot.Processors + // that have given up a processor and do not sleep yet
	1 + // that waits for the runtime's timers
	1 + // that waits for the ends of children
	1 + // that reads a configuration
	1 + // that receives the ticks of the watchdog
	1 + // that writes the journal file
	logs.MaxThreads + // that write to the log file
	1 // that saves the journal after a panic, or reports that the loop hangs

// lowDescriptors are one placeholder, one for the status channel, and the rest for
// listeners; few services have more. They are not reserved where only few
// descriptors are possible, because copying all of them is cheap there.
const (
	lowDescriptors = 8
	manyOpenFiles  = 4 * uint64(sys.LowEnd)
)

// run performs the start in the original's order (spec runtime, 2) and then runs
// the machine to its end.
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
	if d.groups != nil { // the same denial makes lockOut fail, with the original's line
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
	boot.ReleaseMemory()
	d.releaseMemory = time.AfterFunc(reloadRest, boot.ReleaseMemory)
	d.releaseMemory.Stop()
	d.loader.Runner = d.loop.Commands()
	return d.loop.Run()
}

// detach cuts the process off from its starter as far as the options say.
func (d *daemon) detach() {
	if !d.options.Foreground {
		if err := boot.DetachStandard(d.options.KeepStdout || d.options.Init); err != nil {
			d.fatal(err.Error())
		}
	}
	if d.options.Detach() {
		if err := boot.NewSession(); err != nil {
			d.info("an interactive shell made this process the leader of its process group, so it cannot leave the session; start it with -w, or run \"postfix start\"")
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
	d.loop, err = osadapter.NewLoop(d.machine, d.kernel, osadapter.Hooks{
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

// beforeGroupSignal ignores the signal that we are about to send to our own process
// group, and arms a timer that ends the process within seconds whatever happens
// next.
func beforeGroupSignal(s core.Signal) {
	boot.ArmDeadman()
	boot.IgnoreSignal(syscall.Signal(s))
}

// loadMain reads main.cf and decides whether this process may run a master.
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
		d.info("user " + itoa(d.credentials.UID) + " may not start this master; start it as root, or as mail_owner (" +
			parameters.MailOwner().Name + ")")
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

// enterQueue changes to the queue directory and takes the lock of the mail system,
// or only tests it with -t.
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

// starter names the user who runs this process.
func (d *daemon) starter() string {
	if d.credentials.Root() {
		return "root"
	}
	return "user " + itoa(d.credentials.UID)
}

// lockOut takes the lock of the data directory, as the mail owner, and has the
// runtime write crash reports there. It logs as root, because the log may have to
// be opened first.
func (d *daemon) lockOut(p *config.Parameters) {
	var locked, opened error
	var earlier string
	path := p.DataDirectory() + "/" + d.process + ".lock"
	d.asOwner(p.MailOwner(), func() {
		if locked = d.acquire(path); locked == nil {
			earlier, opened = boot.OpenCrashOutput(p.DataDirectory())
		}
	})
	d.ownLock(locked, path, p.MailOwner().Name, "the master of a mail system with the same data_directory; give each mail system its own data_directory")
	if opened != nil {
		d.log.Log(logs.Warning, opened.Error()+"; a crash of the Go runtime will leave no report; correct this and restart the master")
	}
	if earlier != "" {
		d.log.Log(logs.Warning, "a previous master crashed; its crash report is in "+earlier+"; please report it, with the log of that time")
	}
	d.crashDir = crashDir{p.DataDirectory(), p.MailOwner()}
}

// acquire takes a lock and holds it until the process ends.
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

// ownLock ends the process if err says that a lock was not obtained. The lock file
// belongs to owner; held describes a process that holds it.
func (d *daemon) ownLock(err error, path, owner, held string) {
	if err == nil {
		return
	}
	d.info(lockRemedy(err, absolute(path), owner, held))
	d.fatal(err.Error())
}

// asOwner runs act with the mail owner's identity on this thread, if we are root.
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

// reloadRest is the time between reading a configuration and returning the memory
// that this took: clients that come after a reload are served first.
const reloadRest = 2 * time.Second

// load answers LoadConfig without blocking the loop. The machine requests one at a
// time.
func (d *daemon) load(r core.Request) {
	go func() {
		boot.MakeRoom()
		defer d.releaseMemory.Reset(reloadRest)
		defer func() {
			// A bug met while reading must not end the mail system: the reload is
			// refused, and the line says what to report.
			if bug := recover(); bug != nil {
				d.loop.Post(core.ConfigRejectedEvent(r, config.Refusal(core.Diagnostic{
					Severity: core.Error,
					Text:     fmt.Sprintf("internal error (%v) while reading the configuration; please report this line with the configuration", bug),
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

// apply switches logging and sets the variables of children that depend on it. At
// start these are filtered: a variable that import_environment does not name is
// missing until a reload sets it, as in the original. If the log of a reload cannot
// be opened, logging continues where it was (Differs: D20).
func (d *daemon) apply(c *core.Config) []string {
	if err := d.lines.Apply(c.Log, c.QueueDirectory); err != nil {
		d.fatal(err.Error())
	}
	if d.applied {
		d.environ = boot.ExportPostlog(boot.ExportTag(d.environ, c.Log), c.Log)
	} else {
		// The services listen, and the line that says so comes next: a reader of
		// that line may send a signal (spec runtime, 2.20 to 2.23).
		boot.Catch(d.loop.Signals(), syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGILL,
			syscall.SIGBUS, syscall.SIGSEGV, syscall.SIGTERM)
		if err := boot.InstallWatchdog(); err != nil {
			d.log.Log(logs.Warning, err.Error()+"; the master continues without the watchdog that ends it if the Go runtime hangs")
		}
	}
	d.applied = true
	d.journal.Apply(c.JournalFile, c.JournalLimit)
	return d.environ
}

// announce logs the version and tells the waiting parent that the services are up.
// If the log file did not take the lines of the start, and still takes none a second
// later, the start fails instead, while the parent can still report it.
func (d *daemon) announce() {
	d.info("this master is " + version.Text())
	if err := d.lines.Announced(); err != nil {
		d.fatal(err.Error())
	}
	d.start.Ready.Announce()
	d.log.Started()
}

// postlogSocket returns our postlog socket, and whether postlogd is throttled.
func (d *daemon) postlogSocket(path string) (fd int, throttled bool) {
	socket, id := d.loop.Socket(path)
	return int(socket), socket != sys.None && d.machine.Throttled(id)
}
