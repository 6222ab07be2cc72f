// Package logs writes the log lines of the master and of servers in Go to
// syslog, or to the postlog socket with a file as fallback, as the original
// does (spec runtime, 14).
//
// A line that cannot be handed over at once is written elsewhere or kept until
// a target takes it. Logging waits for no target, except at the start and at the end of a
// process, and then not long, and a moment for the disk of a log file. Beyond 1 MiB
// lines are lost, and a line says how many when lines go through again. It never decides what
// else is worth a line, and never ends the process.
package logs

import (
	"sync"
	"time"

	"github.com/stationmaster/stationmaster/core"
)

// Level says how bad it is. The zero value is never valid.
type Level uint8

// The five levels (spec runtime, 14.1).
const (
	Info Level = iota + 1
	Warning
	Error
	Fatal
	Panic
	numLevels
)

var levels = [numLevels]struct {
	prefix   string
	priority int // syslog severity
}{
	Info:    {"", 6},
	Warning: {"warning: ", 4},
	Error:   {"error: ", 3},
	Fatal:   {"fatal: ", 2},
	Panic:   {"panic: ", 2},
}

// Prefix is what stands before the text, with its blank.
func (l Level) Prefix() string {
	if l < numLevels {
		return levels[l].prefix
	}
	return ""
}

// priority is the syslog severity; an unknown level is shown as a panic.
func (l Level) priority() int {
	if l == 0 || l >= numLevels {
		return levels[Panic].priority
	}
	return levels[l].priority
}

// Logger takes log lines. Text has no level prefix and no line feed.
type Logger interface {
	Log(level Level, text string)
}

// Environment variables that steer logging until main.cf has been read.
const (
	TagVariable     = "MAIL_LOGTAG"      // the tag before the process name
	PostlogVariable = "POSTLOG_SERVICE"  // path of the postlog socket; empty or absent: syslog
	HostVariable    = "POSTLOG_HOSTNAME" // host name in postlog lines
	zoneVariable    = "TZ"
)

const (
	defaultTag   = "postfix"
	defaultHost  = "amnesiac"
	mailFacility = 2
	linesBefore  = 16 // lines that an error on standard error may bring along
	syslogPath   = "/dev/log"
	none         = -1 // no descriptor
)

// Origin says who writes the lines.
type Origin struct {
	Process string // the process name, second part of the tag
	PID     int    // as shown in the lines
	// Syslog is the path of the syslog socket; empty means /dev/log.
	Syslog string
	// Fallback lets lines be appended to the log file, or written to standard
	// output, when the postlog socket cannot take them.
	Fallback bool
	// Alone is for a process that does not call Flush: what is kept is tried again
	// by itself.
	Alone bool
	// Stderr copies errors, each with the lines before it, to descriptor 2 until
	// Started is called, unless it is closed or /dev/null (Differs: Q16).
	Stderr bool
	// Now returns the time that the lines show; nil means that of System.
	Now func() time.Time
	// System is what the log works on; nil means the real one.
	System System
}

// patience is how long a start waits, in all, for a syslog daemon that takes no
// lines; so does an end. One that was never there is not waited for.
const patience = 3 * time.Second

// diskPatience is how much of it an end spends on a log file's disk that does not
// answer. The rest is for the syslog daemon that gets the lines then.
const diskPatience = time.Second

// Between two tries to deliver kept lines to a daemon that is not there lies at
// least againPause. Flush asks for another try for as long as hope lasts after
// the latest line: daemons that are restarted come back within seconds.
const (
	againPause = 100 * time.Millisecond
	hope       = 30 * time.Second
)

// Log is an open log. It may be used by several goroutines.
type Log struct {
	mu       sync.Mutex
	sys      System
	origin   Origin
	zone     *time.Location
	settings core.LogSettings
	tag      string // "NAME/PROCESS[PID]: "
	route    route  // where lines go
	leaving  *route // a syslog daemon that is given up and has yet to take what was kept for it
	lost     outage
	left     map[string]*logFile // by path: log files that were given up, with more to know of them
	switched bool
	ending   bool
	patience time.Duration // what is left of it
	again    time.Time     // no daemon is looked for before
	hopeless time.Time     // Flush asks for no more tries then
	listener int           // the end of the postlog socket that postlogd reads; -1: it is not ours
	unread   bool          // postlogd does not read it for a while
	retry    func()        // cancels the next try of a process that does not call Flush; nil: nothing is kept
	stderr   int           // a private copy of descriptor 2; -1: none
	before   []string      // lines of the start, to be shown before an error
	err      error
	line     []byte
}

// New opens the log that the environment names: the postlog socket of
// POSTLOG_SERVICE, else syslog with facility mail (spec runtime, 2.5). The
// socket is opened at once. A server in Go starts with this, too.
func New(origin Origin, env func(string) (string, bool)) *Log {
	if origin.Syslog == "" {
		origin.Syslog = syslogPath
	}
	if origin.System == nil {
		origin.System = realSystem{&beside}
	}
	if origin.Now == nil {
		origin.Now = origin.System.Now
	}
	l := &Log{origin: origin, sys: origin.System, stderr: none, listener: none, patience: patience}
	value, present := env(zoneVariable)
	l.zone = l.sys.Zone(value, present)
	if origin.Stderr {
		l.stderr = l.sys.CopyOfStderr()
	}
	settings := core.LogSettings{Name: defaultTag, Facility: mailFacility, Hostname: defaultHost}
	if tag, ok := env(TagVariable); ok && tag != "" {
		settings.Name = tag
	}
	if host, ok := env(HostVariable); ok && host != "" {
		settings.Hostname = host
	}
	if path, ok := env(PostlogVariable); ok && path != "" {
		settings.PostlogPath = path
	}
	l.adopt(settings, l.open(settings, settings.PostlogPath != ""))
	return l
}

// Switch opens the log anew with settings and closes the old one: at the end of
// the start and at every reload. The error says that lines would go to the log
// file and that it cannot be opened, or, not at the start, that a log file is
// given up for a syslog daemon that is not there. Then the log stays where and as
// it was, if that is any better (Differs: D20). At the start a postlog socket that
// takes lines is enough; later the file counts even so, because postlogd will open
// it anew. The error reads "open logfile 'PATH': REASON" or "log socket 'PATH':
// REASON".
func (l *Log) Switch(settings core.LogSettings) error {
	l.begin()
	defer l.mu.Unlock()
	next := l.open(settings, settings.File != "")
	l.err = next.probe(l.switched)
	if _, ok := next.(*syslog); ok && !l.holdsFile() {
		l.err = nil // the daemon may come any time
	}
	if l.err != nil && l.route.target.probe(l.switched) == nil {
		next.close()
		l.switched = true
		return l.err
	}
	l.switched = true
	l.adopt(settings, next)
	return l.err
}

// Hold opens the log file now, if lines may go there, and keeps it open until the
// next Switch: for a process that is about to give up the rights to open it, or
// to leave the tree that it is in. From then on lines that the postlog socket does
// not take go to this file, also after it was renamed. The descriptor is -1 when
// there is no such file.
func (l *Log) Hold() (fd int, err error) {
	l.begin()
	defer l.mu.Unlock()
	p, ok := l.route.target.(*postlog)
	if !ok || !p.fallback || p.file.path == stdoutPath {
		return -1, nil
	}
	err = p.file.hold()
	return p.file.held, err
}

// HoldDescriptor is Hold with a log file that is open already.
func (l *Log) HoldDescriptor(fd int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.route.target.(*postlog); ok {
		p.file.held = fd
	}
}

// holdsFile reports whether lines go to a log file now, by way of postlogd or not.
func (l *Log) holdsFile() bool {
	p, ok := l.route.target.(*postlog)
	return ok && p.fallback
}

// Configure prepares the log for the settings of main.cf, before they are in force: a
// start logs on as before until the services are there (spec runtime,
// 14.1). Valid UTF-8 passes from now on if it may, and what the postlog socket of
// the environment does not take goes to the log file, what was kept before all
// else. Without a log file, the variable was left over: syslog takes the lines.
func (l *Log) Configure(settings core.LogSettings) {
	l.begin()
	defer l.mu.Unlock()
	l.settings.AllowUnicode = settings.AllowUnicode
	p, ok := l.route.target.(*postlog)
	if !ok || !l.origin.Fallback {
		return
	}
	p.fallTo(settings.File, true)
	if !p.fallback && p.fd < 0 {
		l.adopt(l.settings, openSyslog(l.sys, l.origin.Syslog))
	}
	l.flush()
}

// open makes the target of settings; postlogd takes the lines if asPostlog.
func (l *Log) open(settings core.LogSettings, asPostlog bool) target {
	if asPostlog {
		return openPostlog(l.sys, settings.PostlogPath, settings.File, l.origin.Fallback)
	}
	return openSyslog(l.sys, l.origin.Syslog)
}

// adopt makes settings and their target those in force. What is kept goes the new
// way, except to a log file when the syslog daemon is only slow.
func (l *Log) adopt(settings core.LogSettings, next target) {
	l.settings = settings
	l.tag = tagOf(settings.Name, l.origin)
	old := l.route
	if before, ok := old.target.(*syslog); ok {
		if s, ok := next.(*syslog); ok {
			s.met = before.met
		}
	}
	l.route = route{target: next, facility: settings.Facility, host: firstLabel(settings.Hostname) + " "}
	l.heed()
	if old.target == nil {
		return
	}
	if l.leaving != nil && l.route.isSyslog() {
		l.route.kept.take(&l.leaving.kept)
		l.leaving.target.close()
		l.leaving = nil
	}
	if !old.flush(&l.lost) && old.isSyslog() && !l.route.isSyslog() && isFull(old.stuck) {
		l.leaving = &old
		l.returnToFile(next)
		return
	}
	l.route.kept.take(&old.kept)
	l.leaveFile(old.target)
	l.returnToFile(next)
	old.target.close()
}

// leaveFile remembers what is known of the log file of a target that is given up.
func (l *Log) leaveFile(old target) {
	p, ok := old.(*postlog)
	if !ok || !p.file.worthKnowing() {
		return
	}
	if l.left == nil {
		l.left = map[string]*logFile{}
	}
	known := p.file
	l.left[known.path] = &known
	p.file.under = nil
}

// returnToFile lets a target know what is known of its log file.
func (l *Log) returnToFile(next target) {
	if p, ok := next.(*postlog); ok && l.left[p.file.path] != nil {
		p.file.continues(l.left[p.file.path])
		delete(l.left, p.file.path)
	}
}

// PostlogSocket tells the log of the end of the postlog socket that postlogd
// reads: the master has it, too. The descriptor is -1 when there is none. While it
// is unread, because postlogd cannot run, the log takes what is queued there and
// writes it to the log file, as it does with lines of its own.
func (l *Log) PostlogSocket(fd int, unread bool) {
	l.begin()
	defer l.mu.Unlock()
	l.listener, l.unread = fd, unread && fd >= 0
	l.heed()
}

// heed lets the target know that it is in force, and what it must of the postlog
// socket.
func (l *Log) heed() {
	if p, ok := l.route.target.(*postlog); ok {
		p.unread, p.file.inForce = l.unread, true
	}
}

// begin begins a method that may have to wait for a disk. It ends with l.mu.Unlock.
func (l *Log) begin() {
	l.mu.Lock()
	l.renewPatience()
}

// renewPatience lets the disk of the log file be waited for.
func (l *Log) renewPatience() {
	if p, ok := l.route.target.(*postlog); ok {
		p.file.left = filePatience
	}
}

// Log writes one line.
func (l *Log) Log(level Level, text string) {
	l.begin()
	defer l.mu.Unlock()
	ready := l.flush()
	var body int
	l.line, body = l.compose(l.line[:0], level, text)
	var err error
	if ready {
		err = l.route.deliver(level, l.line)
	}
	switch {
	case !ready:
		l.keep(level)
	case err == nil:
		l.err = nil
	case isHopeless(err):
		l.lost.lose(err)
	default:
		l.route.stuck = err
		l.keepFileError(err)
		l.keep(level)
	}
	if l.stderr >= 0 {
		l.copy(level, l.origin.Process+": "+string(l.line[body:])+"\n")
	}
}

// compose adds a line to dst and returns where its prefix and text begin.
func (l *Log) compose(dst []byte, level Level, text string) (whole []byte, body int) {
	dst = l.origin.Now().In(l.zone).AppendFormat(dst, time.Stamp)
	dst = append(dst, ' ')
	dst = append(dst, l.tag...)
	body = len(dst)
	dst = append(dst, level.Prefix()...)
	return appendPrintable(dst, text, maxText, l.settings.AllowUnicode), body
}

// copy writes an error to the copy of standard error, and before it the lines
// that led to it: they say which file and line, and what to do.
func (l *Log) copy(level Level, line string) {
	if level < Error {
		if len(l.before) == linesBefore {
			l.before = append(l.before[:0], l.before[1:]...)
		}
		l.before = append(l.before, line)
		return
	}
	// A reader that went away or sleeps is no concern of ours.
	for _, earlier := range l.before {
		_ = writeIfReady(l.sys, l.stderr, earlier)
	}
	l.before = nil
	_ = writeIfReady(l.sys, l.stderr, line)
}

// SetZone sets the time zone of the lines as the variable TZ would: present is
// false when the variable does not exist, and the system's zone counts then.
func (l *Log) SetZone(value string, present bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.zone = l.sys.Zone(value, present)
}

// Started ends the copy to standard error and closes our hold on it, so that
// no process waits for its other end.
func (l *Log) Started() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stderr >= 0 {
		l.sys.Close(l.stderr)
		l.stderr = none
	}
	l.before = nil
}

// Close closes every descriptor of the log. Lines after it are lost.
func (l *Log) Close() {
	l.Started()
	l.begin()
	defer l.mu.Unlock()
	l.flush()
	if l.retry != nil {
		l.retry()
		l.retry = nil
	}
	l.route.target.close()
	l.route = route{target: nowhere{}}
	if l.leaving != nil {
		l.leaving.target.close()
		l.leaving = nil
	}
	for path, file := range l.left {
		file.close()
		delete(l.left, path)
	}
}

// nowhere loses every line.
type nowhere struct{}

func (nowhere) probe(bool) error  { return nil }
func (nowhere) send([]byte) error { return nil }
func (nowhere) descriptor() int   { return -1 }
func (nowhere) close()            {}
