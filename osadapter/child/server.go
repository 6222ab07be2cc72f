// Package child is the library with which a server written in Go lives under a
// master, ours or the original: it reads the command line that a master gives,
// finds its parameters in main.cf, takes its place among the processes of its
// service, accepts, reports, and leaves when it should. What a server in any
// language must keep to is in docs/contract.md.
//
// When it accepts, reports and leaves is decided by core/child; this package
// carries those decisions out. It refuses to speak any mail protocol, to start
// other processes (but for the debugger of -D), and to run outside a master
// except with -S, which serves one client on standard input and output (not for
// Datagram).
//
// What a process keeps in memory is lost when it leaves: after MaxUse clients,
// after MaxIdle without one, and at every reload of the master, which replaces all
// processes. Several processes of a service share no memory either. State that
// must last belongs into a file (data_directory is made for it) or a database.
//
// Lines of the log go where main.cf says. With maillog_file they go to the postlog
// service and, while nobody takes them there, to the file itself or to standard
// output, as the master's own lines do. A process that gives up root (-u) or enters
// the queue directory (-c) opens the file before that and keeps it: after a log
// rotation it writes to the renamed file until a reload, which "postfix logrotate"
// makes as well.
//
// A panic is logged with its cause and the calls that led to it, in whichever
// goroutine it happens; the exit status is 2. Goroutines that a server starts itself
// are covered on Linux (amd64 and arm64), and in the queue directory as root
// directory (-c) if the program is linked statically (CGO_ENABLED=0): there, the
// process executes its program once more to report. Where that is not possible, a
// warning at its start says so.
//
// A server is a Server with one of its five functions set, and Main:
//
//	func main() {
//		child.Main(&child.Server{Stream: func(p *child.Process, c *child.Conn) { … }})
//	}
package child

import (
	"os"
	"time"

	machine "github.com/stationmaster/stationmaster/core/child"
)

// Never overrides max_use or max_idle: the server leaves for no such reason.
const Never = -1

// Limit is what a server demands of the process limit in master.cf.
type Limit uint8

// The demands. A server whose demand is not met ends at its start with a fatal
// line (spec child, 2).
const (
	AnyLimit Limit = iota
	LimitOne       // one process alone, "-l"
	NoLimit        // as many as there are clients, "-z"
)

// Server says what a server does. Exactly one of Stream, Requests, Sessions,
// Trigger and Datagram is set; it decides how clients are served and which
// transports a service may have, as is said with each. The functions must not
// keep what they are given after they return.
type Server struct {
	// Stream serves one client at a time, to its end; the connection is closed
	// when it returns. For inet, unix and pass.
	Stream func(*Process, *Conn)
	// Requests serves many clients, each in a goroutine: it is called when a
	// client has sent something, answers one request and returns; an error
	// closes the connection. The process is busy while a request is open, and
	// while it has MaxClients clients. For inet, unix and pass.
	Requests func(*Process, *Conn) error
	// Sessions serves many clients, each in a goroutine, to its end. The
	// process is busy only while it has MaxClients clients: below that it takes
	// one more at any time, and the master starts no other process. For inet,
	// unix and pass.
	Sessions func(*Process, *Conn)
	// Trigger gets the bytes of one wakeup, each a request code; unknown ones
	// are to be ignored. For unix, fifo and pass.
	Trigger func(*Process, []byte)
	// Datagram gets one message, cut at 4096 bytes. For unix-dgram.
	Datagram func(*Process, []byte)

	// Name is the program's name in the log; empty: that of argv[0].
	Name string
	// Limit is the process limit that the server cannot do without.
	Limit Limit
	// Privileged: the server cannot do its work as mail_owner.
	Privileged bool
	// MaxUse is after how many clients the process leaves. It overrides max_use
	// of main.cf (100 if it is not there) and -m; 0: no override; or Never.
	MaxUse int32
	// MaxIdle is how long the process waits for a client before it leaves. It
	// overrides max_idle of main.cf (100 s if it is not there) and -i; 0: no
	// override; or Never.
	MaxIdle time.Duration
	// MaxClients bounds the clients of Requests and Sessions at once; 0: 1000,
	// and never more than half of the descriptors that the process may have. A
	// process that has so many reports itself taken, so that the master starts
	// another one for the next client, and available when a client leaves.
	MaxClients int32
	// Drain: when the master has cut the process off, clients of Requests and
	// Sessions are served to their end. Without it they are dropped, as by the
	// reference's servers.
	Drain bool
	// Watchdog ends the process, with a fatal line and exit status 1, when its
	// main loop has got stuck for so long. For Stream, Trigger and Datagram that
	// is the time since the last Alive or the beginning of the function; the
	// clients of Requests and Sessions do not hold the loop up. 0: daemon_timeout
	// of main.cf (18000 s if it is not there) for Stream and Requests, and 1000 s
	// for Sessions, Trigger and Datagram.
	Watchdog time.Duration
	// PreJail runs before privileges are dropped, PostJail after. An error is
	// fatal.
	PreJail  func(*Process) error
	PostJail func(*Process) error
}

const defaultMaxClients = 1000

// Main runs the server with the command line and environment of this process
// and never returns.
func Main(s *Server) {
	p := &Process{server: s, argv: os.Args, pid: os.Getpid()}
	p.run()
}

// skeleton reports by the function that is set what kind of server this is; ok
// is false unless it is exactly one.
func (s *Server) skeleton() (k machine.Skeleton, ok bool) {
	n := 0
	for _, f := range []struct {
		set  bool
		kind machine.Skeleton
	}{
		{s.Stream != nil, machine.Single},
		{s.Requests != nil, machine.Multi},
		{s.Sessions != nil, machine.EventDriven},
		{s.Trigger != nil, machine.Trigger},
		{s.Datagram != nil, machine.Datagram},
	} {
		if f.set {
			k = f.kind
			n++
		}
	}
	return k, n == 1
}
