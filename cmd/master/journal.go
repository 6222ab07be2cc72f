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

// refuge is where the journal can be saved: a directory whose lock we hold,
// and whose it is.
type refuge struct {
	directory string // empty: not known yet
	owner     core.Account
}

// newJournal returns a journal for every step from the first on.
func (d *daemon) newJournal() *journal.Journal {
	return journal.New(d.machine, journal.Size, journal.Surroundings{
		As:      d.asJournalOwner,
		Warn:    func(text string) { d.lines.Line(core.LevelWarning, text) },
		Carrier: &disk.Beside{},
		Wake:    func() { d.loop.Wake() },
	})
}

// asJournalOwner acts with the identity that the journal's files belong to.
func (d *daemon) asJournalOwner(act func()) error {
	if !d.switchIdentity {
		act()
		return nil
	}
	if step, e := sys.AsOwner(d.kernel, d.refuge.owner, act); e != 0 {
		return errors.New(core.IdentityFailure(step, d.refuge.owner, e))
	}
	return nil
}

// saveLimit is how long an end over a bug waits for a disk.
const saveLimit = 3 * time.Second

// saveJournal writes the last steps before the process ends over a bug. What
// goes wrong on the way is told and keeps nobody from ending.
func (d *daemon) saveJournal() {
	defer func() {
		if r := recover(); r != nil {
			d.log.Log(logs.Warning, fmt.Sprintf("save journal: %v", r))
		}
	}()
	if d.journal == nil || d.refuge.directory == "" {
		return
	}
	path, err := d.journal.Save(d.refuge.directory, saveLimit)
	if err != nil {
		d.log.Log(logs.Warning, err.Error())
	} else {
		d.info("the last steps are in " + path + "; please add the file to the report")
	}
	d.journal.Finish(saveLimit)
}
