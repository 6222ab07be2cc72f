// Command master is a drop-in replacement for Postfix's master(8): it owns every
// listening socket of the mail system, starts servers on demand, and keeps them
// within the rules of master.cf.
//
// This package holds the order of the start and the ways to end (spec runtime, 1 to
// 3). What happens in between is decided by core and carried out by osadapter.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/boot"
	"github.com/stationmaster/stationmaster/osadapter/logs"
	"github.com/stationmaster/stationmaster/osadapter/options"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

func main() {
	// Identities are switched per thread; everything that needs one runs on this
	// thread.
	runtime.LockOSThread()
	boot.SetUmask()
	start := boot.Enter()
	openFiles, limitErr := boot.RaiseOpenFiles()
	boot.CloseInherited()
	standardErr := boot.OpenStandard()
	if !start.Clean && standardErr == nil && !waits() {
		// Returns only if it fails; then the process continues as it is.
		_ = boot.CleanImage(os.Args, os.Environ())
	}
	runtimeErr := boot.NeutralizeRuntime()
	signalErr := boot.DefaultSignals()
	process := options.ProcessName(os.Args[0])
	log := logs.New(logs.Origin{Process: process, PID: os.Getpid(), Fallback: true, Stderr: true}, syscall.Getenv)
	d := &daemon{log: log, start: start, process: process, openFiles: openFiles, environ: os.Environ()}
	defer d.recovered()
	for _, err := range []error{limitErr, standardErr, runtimeErr, signalErr} {
		if err != nil {
			d.fatal(err.Error())
		}
	}
	if missing := sys.Missing(); missing != "" {
		d.fatal(missing)
	}
	d.readCommandLine()
	if d.options.Wait && start.Ready == nil {
		d.waitForDaemon()
	}
	d.finish(d.run())
}

// waits reports whether this process only starts the daemon and waits for it. Only
// the daemon needs a clean image then.
func waits() bool {
	o, err := options.Parse(os.Args, syscall.Getenv)
	return err == nil && o.Wait
}

// readCommandLine checks the credentials of the process and reads its options.
func (d *daemon) readCommandLine() {
	d.credentials = boot.CurrentCredentials()
	if err := d.credentials.CheckStart(); err != nil {
		d.fatal(err.Error())
	}
	o, err := options.Parse(os.Args, syscall.Getenv)
	if notFirst := o.CheckInit(os.Getpid()); notFirst != nil {
		err = notFirst
	}
	if err != nil {
		var usage *options.UsageError
		if errors.As(err, &usage) {
			d.info("see master(8) for the meaning of the options")
		}
		d.fatal(err.Error())
	}
	directory, err := os.Getwd()
	if err != nil {
		directory = "/"
	}
	o.ConfigDirectory = o.AbsoluteConfigDirectory(directory)
	if o.ConfigDirectory != "" {
		d.environ = boot.SetVariable(d.environ, options.ConfigVariable, o.ConfigDirectory)
	}
	d.options = o
}

// waitForDaemon is the parent process of option -w: it starts the daemon, and its
// exit status says whether the daemon came up.
func (d *daemon) waitForDaemon() {
	waiter, err := boot.Detach(os.Args, d.environ)
	if err != nil {
		d.fatal(err.Error())
	}
	err = waiter.Wait(boot.ReadyLimit)
	var late *boot.WaitError
	if errors.As(err, &late) {
		d.log.Log(logs.Warning, late.Error())
		err = boot.ErrNotReady
	}
	if err != nil {
		d.fatal(err.Error())
	}
	d.exit(0)
}

// finish ends the process as the machine decided.
func (d *daemon) finish(e osadapter.Ending) {
	switch {
	case e.Fatal:
		boot.ExitFatal(d.log.Finish, d.release)
	case e.Signal != 0:
		d.log.Finish()
		d.release()
		boot.DieBySignal(syscall.Signal(e.Signal))
	}
	d.exit(e.Code)
}

// exit ends the process with a status and logs nothing.
func (d *daemon) exit(code int) {
	d.log.Finish()
	d.release()
	os.Exit(code)
}

// release releases what a thread that hangs on a disk would otherwise keep.
func (d *daemon) release() { boot.Release(d.locks) }

// fatal logs the line, and ends the process a second later with exit status 1.
func (d *daemon) fatal(text string) {
	for i := range d.untold {
		d.lines.Line(d.untold[i].Level(), d.untold[i].Text)
	}
	d.log.Log(logs.Fatal, text)
	boot.ExitFatal(d.log.Finish, d.release)
}

func (d *daemon) info(text string) { d.log.Log(logs.Info, text) }

// panicLimit is how long the process may live on after a bug, to log and to save
// the journal.
const panicLimit = 20 * time.Second

// recovered ends the process after a bug like the original's panic: a line in the
// log, the journal in a file, then SIGABRT. Children notice the end of their
// channels and leave in order.
func (d *daemon) recovered() {
	r := recover()
	if r == nil {
		return
	}
	boot.ArmDeadmanFor(panicLimit)
	text := fmt.Sprint(r)
	var lost *sys.IdentityLost
	if err, ok := r.(error); ok && errors.As(err, &lost) {
		d.endAsSomebodyElse(lost)
	}
	if d.switchIdentity {
		// The bug may have struck while we acted as mail_owner, and the kernel may
		// have refused to make us root again. If it still does, the lines below are
		// written with that identity.
		d.kernel.Resume()
	}
	var broken core.BrokenInvariant
	if err, ok := r.(error); ok && errors.As(err, &broken) {
		text = fmt.Sprintf("%s (step %d); please report this with the lines above", broken.Error(), broken.Step)
	}
	d.log.Log(logs.Panic, text)
	d.saveJournal()
	for _, line := range strings.Split(strings.TrimSpace(string(debug.Stack())), "\n") {
		d.info(strings.TrimSpace(line))
	}
	boot.ExitPanic(d.log.Finish, d.release)
}

// endAsSomebodyElse ends the process if the kernel does not make us root again. The
// log file may be closed to the current identity, so it asks for root a little
// longer first: this is the last line.
func (d *daemon) endAsSomebodyElse(lost *sys.IdentityLost) {
	const tries = 20
	for range tries {
		if d.kernel.Resume() == 0 {
			break
		}
		boot.Pause(time.Second / tries)
	}
	if lost.Refused != 0 {
		d.info(core.IdentityRemedy(lost.Step, lost.Owner))
		d.info("master cannot become root again either (" + lost.Errno.String() + "), so it ends")
	}
	d.fatal(lost.Error())
}
