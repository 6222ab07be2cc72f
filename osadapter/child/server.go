// Package child is the library with which a server written in Go runs under a
// master, ours or the original: it parses the command line that the master passes,
// reads its parameters from main.cf, takes its place among the processes of its
// service, accepts clients, reports its status, and leaves when it should.
// docs/contract.md says what a server in any language must do.
//
// core/child decides when it accepts, reports and leaves; this package carries those
// decisions out. It speaks no mail protocol, starts no other processes (except for
// the debugger of -D), and runs outside a master only with -S, which serves one
// client on standard input and output (not for Datagram).
//
// What a process keeps in memory is lost when it leaves: after MaxUse clients, after
// MaxIdle without one, and at every reload of the master, which replaces all
// processes. Several processes of a service share no memory either. State that must
// last belongs in a file (data_directory is made for it) or a database.
//
// Log lines go where main.cf says. With maillog_file they go to the postlog service
// and, while it takes none, to the file itself or to standard output, like the
// master's own lines. A process that drops root (-u) or enters the queue directory
// (-c) opens the file before that and keeps it open: after a log rotation it writes
// to the renamed file until a reload, which "postfix logrotate" also requests.
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

// Never disables max_use or max_idle: the server does not leave for that reason.
const Never = -1

// Limit is what a server requires of the process limit in master.cf.
type Limit uint8

// The requirements. A server whose requirement is not met ends at its start with a
// fatal line (spec child, 2).
const (
	AnyLimit Limit = iota
	LimitOne       // one process alone, "-l"
	NoLimit        // as many as there are clients, "-z"
)

// Server describes a server. Exactly one of Stream, Requests, Sessions, Trigger and
// Datagram must be set; it determines how clients are served and which transports a
// service may have. The functions must not keep their arguments after they return.
type Server struct {
	// Stream serves one client at a time, to its end; the connection is closed
	// when it returns. For inet, unix and pass.
	Stream func(*Process, *Conn)
	// Requests serves many clients, each in a goroutine: it is called when a client
	// has sent something, answers one request and returns; an error closes the
	// connection. The process is busy while a request is being answered, and while
	// it has MaxClients clients. For inet, unix and pass.
	Requests func(*Process, *Conn) error
	// Sessions serves many clients, each in a goroutine, to its end. The process is
	// busy only while it has MaxClients clients: below that it accepts another one
	// at any time, and the master starts no other process. For inet, unix and pass.
	Sessions func(*Process, *Conn)
	// Trigger receives the bytes of one wakeup, each a request code; it must ignore
	// unknown ones. For unix, fifo and pass.
	Trigger func(*Process, []byte)
	// Datagram receives one message, cut at 4096 bytes. For unix-dgram.
	Datagram func(*Process, []byte)

	// Name is the program's name in the log; empty: that of argv[0].
	Name string
	// Limit is the process limit that the server requires.
	Limit Limit
	// Privileged says that the server cannot run as mail_owner.
	Privileged bool
	// MaxUse is the number of clients after which the process leaves. It overrides
	// max_use of main.cf (default 100) and -m; 0: no override; or Never.
	MaxUse int32
	// MaxIdle is how long the process waits for a client before it leaves. It
	// overrides max_idle of main.cf (default 100 s) and -i; 0: no override; or
	// Never.
	MaxIdle time.Duration
	// MaxClients bounds the number of clients that Requests and Sessions serve at
	// once; 0: 1000, and never more than half of the descriptors that the process
	// may open. A process that reaches it reports itself taken, so that the master
	// starts another one for the next client, and available when a client leaves.
	MaxClients int32
	// Drain says that clients of Requests and Sessions are served to their end
	// after the master has cut the process off. Without it they are dropped, as by
	// the original's servers.
	Drain bool
	// Watchdog ends the process, with a fatal line and exit status 1, when its main
	// loop is stuck for that long. For Stream, Trigger and Datagram that is the
	// time since the last Alive or the beginning of the function; the clients of
	// Requests and Sessions do not block the loop. 0: daemon_timeout of main.cf
	// (default 18000 s) for Stream and Requests, and 1000 s for Sessions, Trigger
	// and Datagram.
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

// skeleton returns the kind of the server, which the function that is set
// determines; ok is false unless exactly one is set.
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
