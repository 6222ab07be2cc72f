package logsim

import (
	"fmt"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/logs"
	"github.com/stationmaster/stationmaster/sim/logsim/system"
)

// Bounds of the waits of the daemon, as docs/architecture.md and the manual of
// osadapter/logs have them.
const (
	diskPatience  = 100 * core.Millisecond // for a log file, in one call
	startPatience = 3 * core.Second        // in all until the services are there, and again at the end
	announceLimit = core.Second
	retryPause    = 100 * core.Millisecond // after which the loop comes round for Flush
	longestWait   = 300 * core.Second      // after which it comes round anyway
	hope          = 30 * core.Second       // so long a daemon that was there is waited for
)

// player is the daemon around the log, and those who trouble it.
type player struct {
	h     *system.Host
	d     system.Choose
	log   *logs.Log
	owner *logs.Owner

	settings  core.LogSettings
	listener  int // of the postlog socket; -1: there is none yet
	throttled bool
	up        bool // the start is over
	reloaded  bool
	last      core.Time // of the lines
	onSyslog  bool      // some that were tried since a log file was taken say so: it may be
	looked    bool      // the log has looked for the postlog socket, as it does when it takes a log file
	wants     bool      // Flush has asked for another look soon
	foreign   int       // lines of others so far
	calm      bool      // nothing goes wrong any more
	story     []string
	tell      bool
}

// Play has a log live through a day that the seed chooses, and returns the laws that it
// broke. With story, what happened comes with them.
func Play(seed uint64, story bool) (findings, told []string) {
	p := newPlayer(system.Dice(seed))
	p.tell = story
	p.h.Guard(p.play)
	return p.h.Findings(), p.story
}

func newPlayer(d system.Choose) *player {
	p := &player{h: system.NewHost(d), d: d, listener: -1}
	p.h.Disk.MakeDirectory(system.LogDirectory)
	p.h.Ledger.Tag, p.h.Ledger.PID = "postfix/master", 42
	return p
}

// open opens the log.
func (p *player) open() {
	p.log = logs.New(logs.Origin{Process: "master", PID: 42, Fallback: true, System: p.h}, p.environment())
	p.owner = logs.NewOwner(p.log, func(string) (int, bool) {
		p.looked = true
		return p.listener, p.throttled
	})
}

func (p *player) note(format string, args ...any) {
	if p.tell {
		p.story = append(p.story, fmt.Sprintf("%9.3f ", float64(p.h.Time())/float64(core.Second))+fmt.Sprintf(format, args...))
	}
}

// chance is true so many times of 100.
func (p *player) chance(percent uint32) bool { return p.d(100) < percent }

func (p *player) play() {
	h := p.h
	if p.chance(70) {
		h.Syslog.Bind(p.chance(30))
	}
	for range p.d(3) {
		p.trouble()
	}
	p.open()
	if !p.start() {
		return
	}
	for turns := 10 + p.d(60); turns > 0; turns-- {
		p.turn()
		if len(h.Findings()) > 0 {
			return
		}
	}
	if p.chance(30) {
		p.end()
		return
	}
	p.rest()
	p.end()
}

// environment is what the daemon is started with.
func (p *player) environment() func(string) (string, bool) {
	postlog := p.chance(40)
	return func(name string) (string, bool) {
		switch {
		case name == logs.PostlogVariable && postlog:
			return system.PostlogPath, true
		case name == logs.HostVariable:
			return "mx.example.com", true
		}
		return "", false
	}
}

// limit is how long a line may wait now.
func (p *player) limit() core.Duration {
	if p.up {
		return diskPatience
	}
	return diskPatience + startPatience
}

// say logs a line.
func (p *player) say(level logs.Level, size int) {
	words := "a line"
	if size > len(words) {
		words = strings.Repeat("x", size)
	}
	text := p.h.Ledger.Say(level, words)
	p.h.Within(p.limit(), "a line", func() {
		switch core := coreLevel[level]; {
		case p.up || p.chance(50) && core != 0:
			p.owner.Line(core, text)
		default:
			p.log.Log(level, text)
		}
	})
	p.h.Ledger.Said()
	p.last = p.h.Time()
}

var coreLevel = map[logs.Level]core.Level{
	logs.Info: core.LevelInfo, logs.Warning: core.LevelWarning, logs.Error: core.LevelError, logs.Fatal: core.LevelFatal, logs.Panic: core.LevelPanic,
}

// lines logs some.
func (p *player) lines(most uint32) {
	for range p.d(most + 1) {
		p.say(logs.Info+logs.Level(p.d(3)), 0)
	}
}

// draw returns settings as main.cf may have them.
func (p *player) draw() core.LogSettings {
	s := core.LogSettings{Name: "postfix", Facility: system.MailFacility, Hostname: "mx.example.com", PostlogPath: system.PostlogPath, AllowUnicode: p.chance(50)}
	switch p.d(5) {
	case 0, 1:
		s.File = system.LogPath
	case 2:
		s.File = system.OtherLogPath
	}
	return s
}

// start goes through a start, and reports whether the daemon is up.
func (p *player) start() bool {
	p.lines(4)
	p.configure()
	p.lines(4)
	if p.chance(10) {
		p.burst()
	}
	for range p.d(2) {
		p.trouble()
	}
	p.settle()
	p.lines(4)
	if err := p.apply(); err != nil {
		p.note("the start fails: %v", err)
		p.say(logs.Fatal, 0)
		p.end()
		return false
	}
	p.say(logs.Info, 0)
	if err := p.announce(); err != nil {
		p.note("nobody takes the first line: %v", err)
		p.say(logs.Fatal, 0)
		p.end()
		return false
	}
	p.note("up")
	return true
}

// configure reads main.cf.
func (p *player) configure() {
	p.settings = p.draw()
	p.note("main.cf is read: %s", target(p.settings))
	p.log.Configure(p.settings)
	p.owner.Know(p.settings, system.QueueDirectory)
}

// settle ends what comes before the services, and makes the postlog socket, which
// postlogd does not read yet.
func (p *player) settle() {
	p.log.Settle()
	p.h.Postlog.Bind(false)
	p.h.Postlog.Stop(true)
	p.listener = p.h.Postlog.Listener()
	if waited := p.h.Patience; waited > startPatience+retryPause {
		p.h.Find("blocked", "the start waited for %d ms in all", waited/core.Millisecond)
	}
}

// apply puts the first settings in force.
func (p *player) apply() error {
	p.h.Ledger.GiveUp()
	p.onSyslog = p.settings.File == ""
	return p.owner.Apply(p.settings, system.QueueDirectory)
}

// announce ends the start, if the log takes a line.
func (p *player) announce() (err error) {
	began := p.h.Time()
	p.h.Within(announceLimit+core.Second, "the announcement", func() { err = p.owner.Announced() })
	if waited := p.h.Time().Sub(began); err != nil && waited < announceLimit-retryPause {
		p.h.Find("kept", "the start gives its first line up after %d ms", waited/core.Millisecond)
	}
	p.up = err == nil
	return err
}

func target(s core.LogSettings) string {
	if s.File == "" {
		return "syslog"
	}
	return "postlog, with " + s.File
}

// turn is a piece of the day.
func (p *player) turn() {
	switch p.d(12) {
	case 0, 1, 2:
		p.lines(6)
	case 3, 4:
		p.trouble()
	case 5:
		p.relief()
	case 6:
		p.reload()
	case 7:
		p.others()
	case 8:
		p.postlogd()
	case 9:
		if p.chance(15) {
			p.burst()
		}
	}
	p.flush()
	p.pass(p.span())
}

// span is how long nobody does anything.
func (p *player) span() core.Duration {
	return [...]core.Duration{
		0, core.Millisecond / 3, core.Millisecond, 20 * core.Millisecond, retryPause, 150 * core.Millisecond, core.Second, 10 * core.Second, hope, 2 * hope,
	}[p.d(10)]
}

// pass lets the time go on, with the loop coming round as Flush asks for it.
func (p *player) pass(d core.Duration) {
	end := p.h.Time().Add(d)
	for p.h.Time() < end {
		next := min(end, p.h.Time().Add(longestWait))
		if p.wants {
			next = min(end, p.h.Time().Add(retryPause))
		}
		p.h.At(next)
		p.flush()
	}
	if n := len(p.h.Ledger.Queued); n > 0 && d >= 2*retryPause && p.throttled && !p.reloaded && !p.onSyslog && p.fileWorks() {
		p.h.Find("kept", "%d lines wait in the postlog socket, which nobody reads", n)
	}
}

// fileWorks reports whether nothing is wrong with the log files.
func (p *player) fileWorks() bool {
	disk := &p.h.Disk
	f := disk.Files[system.LogPath]
	return disk.Free < 0 && disk.Sick == 0 && disk.Latency == 0 && !disk.Hangs() && p.h.Crowded == 0 &&
		disk.Directories[system.LogDirectory] && (f == nil || !f.Directory)
}

// flush is what the loop does before it waits.
func (p *player) flush() {
	done := false
	p.h.Within(diskPatience, "a flush", func() { done = p.owner.Flush() })
	p.wants = !done
}

// burst logs more than is kept.
func (p *player) burst() {
	p.note("a burst")
	for range 400 + p.d(400) {
		p.say(logs.Info, 1000+int(p.d(900)))
		if len(p.h.Findings()) > 0 {
			return
		}
	}
}

// reload puts other settings in force, or the same.
func (p *player) reload() {
	if p.chance(60) {
		p.settings = p.draw()
	}
	p.note("a reload: %s", target(p.settings))
	p.h.Ledger.Warnings++
	p.reloaded = true
	if p.settings.File != "" && p.onSyslog {
		p.h.Ledger.GiveUp()
	}
	p.looked = false
	p.h.Within(3*diskPatience, "a reload", func() {
		if err := p.owner.Apply(p.settings, system.QueueDirectory); err != nil {
			p.h.Find("reload", "it would end the daemon: %v", err)
		}
	})
	switch {
	case p.settings.File == "":
		p.onSyslog = true
	case p.looked:
		p.onSyslog = false
	}
}

// others send lines to the postlog socket.
func (p *player) others() {
	for range p.d(8) {
		line := fmt.Sprintf("%s mx postfix/smtpd[%d]: a line of a server", system.StampOf(p.h.Time()), 1000+p.foreign)
		if p.h.Postlog.Foreign(line) {
			p.foreign++
		}
	}
}

// postlogd begins to read, or ends.
func (p *player) postlogd() {
	switch p.d(3) {
	case 0:
		p.throttled = true
		p.h.Postlog.Stop(true)
		p.note("postlogd is throttled")
		p.say(logs.Warning, 0) // which is said of it
	case 1:
		p.throttled = false
		p.h.Postlog.Stop(true)
		p.note("postlogd reads nothing")
	default:
		p.throttled = false
		p.h.Postlog.Stop(false)
		p.note("postlogd reads")
	}
}

// trouble is something that goes wrong.
func (p *player) trouble() {
	h := p.h
	switch p.d(14) {
	case 0:
		if h.Syslog.Stop(p.chance(70)); !h.Syslog.Stopped {
			h.Syslog.Pace = 20 * core.Millisecond
			p.note("the syslog daemon reads slowly")
			return
		}
		p.note("the syslog daemon stops reading")
	case 1:
		h.Syslog.Die(p.chance(50))
		p.note("the syslog daemon dies")
	case 2:
		h.Syslog.Bind(p.chance(30))
		p.note("another syslog daemon comes")
	case 3:
		h.Syslog.Sick, h.Postlog.Sick = p.d(500), p.d(300)
		p.note("the kernel has no memory")
	case 4:
		h.Crowded = p.d(300)
		p.note("descriptors are short")
	case 5, 6:
		h.Disk.Free = [...]int{0, 1, 10, 50, 100, 1000}[p.d(6)]
		p.note("the disk has room for %d bytes", h.Disk.Free)
	case 7, 8:
		h.Disk.Early = p.chance(50)
		h.Disk.Hang(true)
		h.Ledger.Stalled = true
		p.note("the disk does not answer")
	case 9:
		h.Disk.Early = p.chance(50)
		h.Disk.Latency = [...]core.Duration{core.Millisecond, 30 * core.Millisecond, 90 * core.Millisecond, 100 * core.Millisecond, 150 * core.Millisecond}[p.d(5)]
		h.Ledger.Stalled = true
		p.note("the disk takes %d ms", h.Disk.Latency/core.Millisecond)
	case 10:
		h.Disk.Sick = p.d(400)
		p.note("calls on the disk fail")
	case 11:
		h.Disk.Rotate(system.LogPath)
		p.note("the log is rotated")
	case 12:
		h.Disk.PutDirectory(system.LogPath)
		p.note("a directory is in the place of the log")
	case 13:
		h.Disk.LoseDirectory(system.LogDirectory)
		p.note("the log's directory is gone")
	}
}

// relief is the end of some trouble.
func (p *player) relief() {
	h := p.h
	switch p.d(6) {
	case 0:
		h.Syslog.Stop(false)
	case 1:
		if !h.Syslog.Lives() {
			h.Syslog.Bind(p.chance(30))
		}
		h.Syslog.Stop(false)
	case 2:
		h.Disk.Free = -1
	case 3:
		h.Disk.Hang(false)
		h.Disk.Latency = 0
	case 4:
		h.Disk.Sick, h.Crowded, h.Syslog.Sick, h.Postlog.Sick = 0, 0, 0, 0
	case 5:
		p.restoreFiles()
	}
	p.note("some trouble ends")
}

func (p *player) restoreFiles() {
	p.h.Disk.MakeDirectory(system.LogDirectory)
	if f := p.h.Disk.Files[system.LogPath]; f != nil && f.Directory {
		p.h.Disk.Take(system.LogPath)
	}
}

// mend ends all trouble.
func (p *player) mend() {
	h := p.h
	h.Disk.Free, h.Disk.Latency, h.Disk.Sick, h.Crowded, h.Syslog.Sick, h.Postlog.Sick = -1, 0, 0, 0, 0, 0
	h.Disk.Hang(false)
	p.restoreFiles()
	if !h.Syslog.Lives() {
		h.Syslog.Bind(false)
	}
	h.Syslog.Pace = core.Millisecond / 10
	h.Syslog.Stop(false)
	p.throttled = false
	h.Postlog.Stop(false)
	p.note("all trouble ends")
}

// rest ends all trouble, and finds fault with what is not delivered then: soon, if the
// log has hope, else with the next line.
func (p *player) rest() {
	p.mend()
	p.calm = true
	hopes := p.wants || p.h.Time().Sub(p.last) < hope-core.Second
	p.pass(hope)
	if n := p.h.Ledger.Waiting(); n > 0 && hopes {
		p.h.Find("kept", "%d lines wait though all is well for %d s", n, hope/core.Second)
	}
	p.say(logs.Info, 0)
	p.flush()
	p.pass(hope)
	if n := p.h.Ledger.Waiting(); n > 0 {
		p.h.Find("kept", "%d lines wait for ever", n)
	}
	if p.wants && !p.throttled {
		p.h.Find("kept", "the log asks for another try and nothing is left")
	}
	p.h.Ledger.Settled()
}

// drained is how many lines the slowest reader takes while an end waits.
const drained = 50

// end ends the daemon. When a syslog daemon is there that reads, or all is well, nothing
// may be left.
func (p *player) end() {
	h := p.h
	h.Ledger.Ending = true
	p.note("the end")
	well := h.Syslog.TakesAll() && h.Crowded == 0
	left := func() int {
		if p.reloaded || p.onSyslog { // then the postlog socket may be no business of the log
			return h.Ledger.Waiting()
		}
		return h.Ledger.Waiting() + len(h.Ledger.Queued)
	}
	waiting := left()
	p.h.Within(startPatience+retryPause+2*diskPatience, "the end", func() { p.log.Finish() })
	if n := left(); n > 0 && (p.calm || well && waiting <= drained) {
		h.Find("kept", "the end leaves %d of %d lines", n, waiting)
	}
	if p.listener >= 0 {
		h.Close(p.listener)
	}
	p.log.Close()
	h.Disk.Hang(false)
	h.At(h.Time().Add(longestWait))
	if n := h.Open(); n > 0 {
		h.Find("descriptors", "%d are open after the end", n)
	}
}
