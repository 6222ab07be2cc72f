// Package logs writes the log lines of the master and of servers in Go to
// syslog, or to the postlog socket with a file as fallback, as the original
// does (spec runtime, 14).
//
// It refuses to wait: a line that cannot be handed over at once is kept for a
// moment, written elsewhere or lost, as each target says. Lines that were lost
// are told of when lines go through again. It never decides what else is worth a
// line, and never ends the process.
package logs

import (
	"errors"
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
	// Stderr copies errors, each with the lines before it, to descriptor 2 until
	// Started is called, unless it is closed or /dev/null (Differs: Q16).
	Stderr bool
	// Now gives the time; nil means the system's clock.
	Now func() time.Time
}

// target takes finished lines. None of its functions waits.
type target interface {
	// probe tells whether lines can go anywhere, as far as opening it shows. With
	// an error there is no descriptor open.
	probe() error
	// send hands one line over, or keeps it. The error says why it is lost.
	send(line []byte) error
	close()
}

// Log is an open log. It may be used by several goroutines.
type Log struct {
	mu       sync.Mutex
	origin   Origin
	zone     *time.Location
	settings core.LogSettings
	tag      string // "NAME/PROCESS[PID]: "
	host     string // first label, with a blank behind; empty for syslog
	target   target
	lost     outage
	switched bool
	stderr   int      // a private copy of descriptor 2; -1: none
	before   []string // lines of the start, for who reads an error
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
	if origin.Now == nil {
		origin.Now = time.Now
	}
	l := &Log{origin: origin, stderr: -1}
	value, present := env(zoneVariable)
	l.zone = loadZone(value, present)
	if origin.Stderr {
		l.stderr = copyOfStderr()
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
// the start and at every reload. The error says that lines would go to the
// fallback file and that it cannot be opened, or, not at the start, that a log
// file is given up for a syslog daemon that is not there. Then the log stays
// where and as it was, if that is any better (Differs: D20). It reads
// "open logfile 'PATH': REASON" or "log socket 'PATH': REASON".
func (l *Log) Switch(settings core.LogSettings) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.open(settings, settings.File != "")
	l.err = next.probe()
	if _, ok := next.(*syslog); ok && !l.holdsFile() {
		l.err = nil // the daemon may come any time
	}
	l.switched = true
	if l.err != nil && l.target.probe() == nil {
		return l.err
	}
	l.adopt(settings, next)
	return l.err
}

// Hold opens the log file now, if lines may go there, and keeps it open until the
// next Switch: for a process that is about to give up the rights to open it, or
// to leave the tree that it is in. From then on lines that the postlog socket does
// not take go to this file, also after it was renamed. The descriptor is -1 when
// there is no such file.
func (l *Log) Hold() (fd int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.target.(*postlog)
	if !ok || !p.fallback || p.file == stdoutPath {
		return -1, nil
	}
	if p.held < 0 {
		p.held, err = p.open()
	}
	return p.held, err
}

// holdsFile tells whether lines go to a log file now, by way of postlogd or not.
func (l *Log) holdsFile() bool {
	p, ok := l.target.(*postlog)
	return ok && p.fallback
}

// AllowUnicode decides whether valid UTF-8 passes, before anything else of the
// settings is in force: a start knows it when main.cf has been read, and logs on
// with what it had until the services are there (spec runtime, 14.1).
func (l *Log) AllowUnicode(allow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settings.AllowUnicode = allow
}

// open makes the target of settings; postlogd takes the lines if asPostlog.
func (l *Log) open(settings core.LogSettings, asPostlog bool) target {
	if asPostlog {
		return openPostlog(settings.PostlogPath, settings.File, l.origin.Fallback)
	}
	return openSyslog(l.origin.Syslog, &l.lost)
}

// adopt makes settings and their target those in force.
func (l *Log) adopt(settings core.LogSettings, next target) {
	if l.target != nil {
		l.target.close()
	}
	l.target = next
	l.settings = settings
	l.tag = tagOf(settings.Name, l.origin)
	l.host = ""
	if _, ok := next.(*postlog); ok {
		l.host = firstLabel(settings.Hostname) + " "
	}
}

// Log writes one line.
func (l *Log) Log(level Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.tellLost()
	body := l.compose(level, text)
	if err == nil {
		err = l.target.send(l.line)
	}
	l.note(err)
	if l.stderr >= 0 {
		l.copy(level, l.origin.Process+": "+string(l.line[body:])+"\n")
	}
}

// tellLost says in a line of its own how many lines were lost before. The error
// says why the log still takes none; the next line then has no better luck, and
// must not come before this one.
func (l *Log) tellLost() error {
	if l.lost.lines == 0 {
		return nil
	}
	told := l.lost
	l.lost = outage{}
	l.compose(Warning, told.text())
	err := l.target.send(l.line)
	if err != nil {
		l.lost.resume(told)
	}
	return err
}

// note keeps what became of a line. Before the first Switch, standard error
// hears what matters, and a missing syslog daemon is nothing unusual.
func (l *Log) note(err error) {
	if err != nil && l.switched {
		l.lost.lose(err)
	}
	l.keepFileError(err)
}

// keepFileError makes err what Err gives, if it is about the log file.
func (l *Log) keepFileError(err error) {
	l.err = nil
	var file *fileError
	if errors.As(err, &file) {
		l.err = err
	}
}

// compose builds a line in l.line and tells where its text begins.
func (l *Log) compose(level Level, text string) (body int) {
	l.line = l.line[:0]
	if l.host == "" {
		l.line = appendPriority(l.line, l.settings.Facility, level)
	}
	l.line = l.origin.Now().In(l.zone).AppendFormat(l.line, time.Stamp)
	l.line = append(l.line, ' ')
	l.line = append(l.line, l.host...)
	l.line = append(l.line, l.tag...)
	body = len(l.line)
	l.line = append(l.line, level.Prefix()...)
	l.line = appendPrintable(l.line, text, l.settings.AllowUnicode)
	return body
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
		_ = writeIfReady(l.stderr, earlier)
	}
	l.before = nil
	_ = writeIfReady(l.stderr, line)
}

// Err is what went wrong with the fallback file at the last line; nil if the
// line did not need it or it was written.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Retry tries again to tell of the lines that were lost since the first Switch,
// and gives what Err gives after that.
func (l *Log) Retry() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keepFileError(l.tellLost())
	return l.err
}

// Flush tries again to hand over lines that the syslog socket could not take,
// and tells whether all are gone. Every Log does that, too.
func (l *Log) Flush() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.target.(*syslog); ok {
		return s.flush()
	}
	return true
}

// SetZone sets the time zone of the lines as the variable TZ would: present is
// false when the variable does not exist, and the system's zone counts then.
func (l *Log) SetZone(value string, present bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.zone = loadZone(value, present)
}

// Started ends the copy to standard error and closes our hold on it, so that
// nobody waits for its other end.
func (l *Log) Started() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stderr >= 0 {
		closeDescriptor(l.stderr)
		l.stderr = -1
	}
	l.before = nil
}

// Close closes every descriptor of the log. Lines after it are lost.
func (l *Log) Close() {
	l.Started()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target.close()
	l.target = nowhere{}
}

// nowhere loses every line.
type nowhere struct{}

func (nowhere) probe() error      { return nil }
func (nowhere) send([]byte) error { return nil }
func (nowhere) close()            {}
