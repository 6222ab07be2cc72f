package logs

import (
	"strings"
	"time"

	"github.com/stationmaster/stationmaster/core"
)

// Owner is the log of the process that owns the postlog socket: the master, from its
// start to its end. It belongs to the goroutine of the loop.
//
// That socket is not read before the services are there, nor while postlogd is
// throttled. Then lines go to the log file instead, and so does what others have sent.
type Owner struct {
	log     *Log
	socket  string // path of the postlog socket as its listener has it; empty: no log file
	inForce bool   // a configuration is
	unread  bool   // the socket is ours and postlogd cannot run
	find    FindSocket
}

// FindSocket returns the descriptor of our datagram socket with this path, -1 if there is
// none, and whether the service that reads it is throttled.
type FindSocket func(path string) (fd int, throttled bool)

// NewOwner returns the owner of the postlog socket that find finds.
func NewOwner(log *Log, find FindSocket) *Owner { return &Owner{log: log, find: find} }

// Know notes which socket will be the postlog socket: main.cf has been read, and no
// configuration is in force yet. queue is the queue directory.
func (o *Owner) Know(settings core.LogSettings, queue string) {
	o.socket = ""
	if settings.File != "" {
		o.socket = strings.TrimPrefix(settings.PostlogPath, queue+"/")
	}
}

// Apply puts the log settings of a configuration in force. A log that cannot be opened
// is an error for the first of them, which is for the caller to log; later the log stays
// as it was, and a warning says so (Differs: D20).
func (o *Owner) Apply(settings core.LogSettings, queue string) error {
	err := o.log.Switch(settings)
	switch {
	case err == nil:
		o.Know(settings, queue)
		o.look()
	case !o.inForce:
		return err
	default:
		o.log.Log(Warning, err.Error()+"; the log stays as it was; correct this or maillog_file, and reload")
	}
	o.inForce = true
	return nil
}

// A log file that does not take the first line is tried again so often, with so
// long a pause before it.
const (
	announceTries = 10
	announcePause = 100 * time.Millisecond
)

// Announced returns an error if the log file did not take the line that says that we
// serve, and takes no other a second later: the process that waits for the start may still show it.
func (o *Owner) Announced() error {
	err := o.log.Err()
	for try := 0; err != nil && try < announceTries; try++ {
		o.log.sys.AwaitWritable(none, announcePause)
		err = o.log.Retry()
	}
	return err
}

// Line writes one line of the machine's.
func (o *Owner) Line(level core.Level, text string) {
	if o.socket != "" {
		o.look()
	}
	o.log.Log(LevelOf(level), text)
}

// Flush hands over lines that were kept, and those that wait in a postlog socket without
// a reader. It returns what Log.Flush returns.
func (o *Owner) Flush() bool {
	if o.unread {
		o.look()
	}
	return o.log.Flush()
}

// look reports to the log whether the postlog socket is read.
func (o *Owner) look() {
	fd, throttled := none, false
	if o.socket != "" {
		fd, throttled = o.find(o.socket)
	}
	o.unread = fd >= 0 && (!o.inForce || throttled)
	o.log.PostlogSocket(fd, o.unread)
}

// LevelOf returns the level of a line of the machine's.
func LevelOf(level core.Level) Level { return levelsOfCore[level] }

var levelsOfCore = [...]Level{
	core.LevelVerbose: Info,
	core.LevelInfo:    Info,
	core.LevelWarning: Warning,
	core.LevelError:   Error,
	core.LevelFatal:   Fatal,
	core.LevelPanic:   Panic,
}
