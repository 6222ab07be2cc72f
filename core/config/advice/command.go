package advice

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// command checks the program of an entry.
func (c *check) command(e *entry) {
	text, at := e.command(), e.place(config.ColumnCommand)
	if text[0] == '-' || allDigits(text) || text == "y" || text == "n" {
		c.inMaster(ShiftedColumns, at, "the column of the command holds \""+text+"\": there is one column too few or too many before it",
			"write the eight columns: service type private unpriv chroot wakeup maxproc command; write - for a default")
		return
	}
	directory := c.p.DaemonDirectory()
	if d, known := c.in.Programs[directory]; known && !d.Unknown && !d.Directory {
		c.inMain(DaemonDirectory, c.valueAt("daemon_directory"), "daemon_directory = "+directory+" is not a directory: no service can be started",
			"name the directory that has Postfix's servers, such as smtpd")
		return
	}
	if c.bare() {
		c.inMain(DaemonDirectory, c.valueAt("daemon_directory"), "daemon_directory = "+directory+
			" has none of the programs that master.cf names: no service can be started", "name the directory that has Postfix's servers, such as smtpd")
		return
	}
	program, known := c.in.Programs[directory+"/"+text]
	switch {
	case !known || program.Unknown:
	case !program.Exists:
		c.inMaster(UnknownCommand, at, "there is no program "+directory+"/"+text+": every start of the service fails", c.commandHint(text))
	case !program.Regular:
		c.inMaster(NotAProgram, at, directory+"/"+text+" is not a file that can be run: every start of the service fails", c.commandHint(text))
	case !program.Executable:
		c.inMaster(NotExecutable, at, directory+"/"+text+" is not executable by any user: every start of the service fails",
			"make it executable: chmod 755 "+directory+"/"+text)
	default:
		c.content(&started{directory + "/" + text, at, imported, "every start of the service fails"}, &program)
	}
}

// bare reports whether the daemon directory has none of several programs.
func (c *check) bare() bool {
	if c.programs == programsUnseen {
		c.programs = c.seePrograms()
	}
	return c.programs == programsMissing
}

// programs is what is known of the programs of master.cf: whether any is there.
type programs uint8

const (
	programsUnseen programs = iota
	programsMissing
	programsFound // one at least, or it is not known
)

func (c *check) seePrograms() programs {
	missing := make(map[string]bool)
	for i := range c.entries {
		e := &c.entries[i]
		if e.off {
			continue
		}
		program, known := c.in.Programs[c.p.DaemonDirectory()+"/"+e.command()]
		if !known || program.Unknown || program.Exists {
			return programsFound
		}
		missing[e.command()] = true
	}
	if len(missing) < 2 { // a single one may be a slip of the pen
		return programsFound
	}
	return programsMissing
}

// commandHint says what to write instead of a command that is not there. What
// is itself missing is not a remedy.
func (c *check) commandHint(text string) string {
	switch {
	case text[0] == '/':
		return "the path begins at the daemon directory; put a link to the program there, or let spawn(8) or pipe(8) run it: argv=" + text
	case strings.IndexByte(text, '$') >= 0:
		return "macros are not expanded in this column; write the name of a program in the daemon directory"
	}
	near, ok := nearest(strings.ToLower(text), serverNames[:])
	if program, known := c.in.Programs[c.p.DaemonDirectory()+"/"+near]; known && !program.Unknown && !program.Regular {
		ok = false
	}
	if ok && near != text && len(text) > 3 {
		return "did you mean " + near + "?"
	}
	return "write the name of a program in the daemon directory, or put the program there"
}

// demanded compares an entry with what its server demands.
func (c *check) demanded(e *entry) {
	limit, given := c.limit(e)
	at := e.place(config.ColumnLimit)
	switch {
	case !given:
	case e.server.limit == limitOne && limit != 1:
		c.inMaster(WrongLimit, at, e.command()+" refuses to start with a process limit other than 1; here it is "+decimal(limit),
			"write 1 in the column maxproc")
	case e.server.limit == limitNone && limit != 0:
		c.inMaster(WrongLimit, at, e.command()+" refuses to start with a process limit; here it is "+decimal(limit),
			"write 0 in the column maxproc, which is no limit")
	}
	if e.server.root {
		c.privileges(e)
	}
	c.wakeup(e)
	c.named(e)
	want := map[privacy]string{private: "y", public: "n"}[e.server.privacy]
	where := map[string]string{"y": "private/", "n": "public/"}[want]
	column := e.Fields[config.ColumnPrivate].Text
	if is := map[string]string{"y": "y", "-": "y", "n": "n"}[column]; want != "" && is != "" && is != want &&
		(e.transport() == "unix" || e.transport() == "fifo") {
		c.inMaster(WrongPrivacy, e.place(config.ColumnPrivate), "the clients of "+e.command()+" look for it in "+where+
			" alone: with \""+column+"\" in the column private they do not find it", "write "+want+" in the column private")
	}
}

// named checks a server that serves under two names only.
func (c *check) named(e *entry) {
	if e.command() != "proxymap" {
		return
	}
	reads, _, _ := c.setting(e, "proxymap_service_name")
	writes, _, _ := c.setting(e, "proxywrite_service_name")
	if reads != "" && writes != "" && e.name() != reads && e.name() != writes {
		c.inMaster(WrongName, e.place(config.ColumnName), "proxymap refuses to serve under another name than "+reads+" or "+writes,
			"write one of these names")
	}
}

// limit is the process limit of an entry. given is false if it is broken.
func (c *check) limit(e *entry) (limit int64, given bool) {
	text := e.Fields[config.ColumnLimit].Text
	if text == "-" {
		return int64(c.p.ProcessLimit()), c.p.OK()
	}
	digits, _ := leadingDigits(text)
	limit, _ = cNumber(digits)
	return limit, digits != "" && limit >= 0
}

// privileges checks a server that must act as root or as other users.
func (c *check) privileges(e *entry) {
	if column := e.Fields[config.ColumnUnprivileged].Text; column == "y" || column == "-" {
		c.inMaster(NeedsPrivileges, e.place(config.ColumnUnprivileged), e.command()+" refuses to start without privileges",
			"write n in the column unpriv")
	}
	chroot := e.Fields[config.ColumnChroot].Text == "y"
	if e.resolved != nil {
		chroot = e.resolved.Chroot
	}
	if chroot {
		c.inMaster(CannotChroot, e.place(config.ColumnChroot), e.command()+" cannot work chrooted: the programs, mailboxes and accounts "+
			"that it needs are not in the queue directory", "write n in the column chroot")
	}
}

// wakeup checks the timer of a server.
func (c *check) wakeup(e *entry) {
	text, at := e.Fields[config.ColumnWakeup].Text, e.place(config.ColumnWakeup)
	digits, _ := leadingDigits(text)
	seconds, _ := cNumber(digits)
	switch {
	case text != "-" && digits == "" || seconds < 0: // broken
	case seconds == 0 && e.server.wakeup == wakeupIsNeeded:
		c.inMaster(MissingWakeup, at, e.command()+" needs a periodic wakeup, and this entry has none",
			"write "+wakeupTimes[e.command()]+" in the column wakeup")
	case seconds > 0 && e.server.wakeup == wakeupIsNoise:
		c.inMaster(UselessWakeup, at, e.command()+" treats each wakeup as a client with invalid input, and does nothing else with it",
			"write - in the column wakeup")
	}
}

// wakeupTimes are the times of the master.cf that comes with Postfix.
var wakeupTimes = map[string]string{"pickup": "60", "qmgr": "300", "oqmgr": "300", "nqmgr": "300", "flush": "1000?"}
