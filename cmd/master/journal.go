package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/disk"
	"github.com/stationmaster/stationmaster/osadapter/journal"
	"github.com/stationmaster/stationmaster/osadapter/logs"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// crashDir is the directory where the journal is saved after a panic. We hold its
// lock.
type crashDir struct {
	directory string // empty: not known yet
	owner     core.Account
}

// newJournal returns a journal for every step from the first on.
func (d *daemon) newJournal() *journal.Journal {
	return journal.New(d.machine, journal.Size, journal.Hooks{
		As:      d.asJournalOwner,
		Warn:    func(text string) { d.lines.Line(core.LevelWarning, text) },
		Carrier: &disk.Beside{},
		Wake:    func() { d.loop.Wake() },
	})
}

// asJournalOwner runs act with the identity of the owner of the journal's files.
func (d *daemon) asJournalOwner(act func()) error {
	if !d.switchIdentity {
		act()
		return nil
	}
	if step, e := sys.AsOwner(d.kernel, d.crashDir.owner, act); e != 0 {
		return errors.New(core.IdentityFailure(step, d.crashDir.owner, e))
	}
	return nil
}

// saveLimit is how long the process waits for a disk when a bug ends it.
const saveLimit = 3 * time.Second

// saveJournal writes the last steps before a bug ends the process. Failures are
// logged and do not delay the end.
func (d *daemon) saveJournal() {
	defer func() {
		if r := recover(); r != nil {
			d.log.Log(logs.Warning, fmt.Sprintf("save journal: %v", r))
		}
	}()
	if d.journal == nil || d.crashDir.directory == "" {
		return
	}
	path, err := d.journal.Save(d.crashDir.directory, saveLimit)
	if err != nil {
		d.log.Log(logs.Warning, err.Error())
	} else {
		d.info("the last steps of this master are in " + path + "; please attach this file to the report")
	}
	d.journal.Finish(saveLimit)
}
