package kernel

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Program says how a child behaves. The zero value serves each client at once
// and keeps the contract.
type Program struct {
	Work      core.Duration // that one client takes
	MaxUse    int           // clients after which it leaves; 0: never
	MaxIdle   core.Duration // without a client after which it leaves; 0: never
	DieEarly  bool          // ends with DieStatus before it does anything
	DieBusy   bool          // ends with DieStatus in the middle of a request
	DieStatus core.ExitStatus
	Deaf      bool // ignores SIGTERM
	Silent    bool // neither serves nor reports
	Liar      bool // sends nonsense before each report
	Closes    bool // closes its status channel at once and lives on

	Exec      core.Duration // that its exec takes: its disk is slow
	ExecErrno core.Errno    // not 0: the exec fails after that
	DeadDisk  bool          // nobody can be killed while he is executed
}

// patience is the longest work that clients who wait can bear.
const patience = 10 * core.Second

// good tells whether clients can rely on it.
func (p *Program) good() bool {
	return p.Exec == 0 && !p.DieEarly && !p.DieBusy && !p.Silent && !p.Closes && p.Work <= patience
}

// Process is a child of the daemon, from its start until it is reaped.
type Process struct {
	kernel     *Kernel
	PID        core.PID
	Path       string
	Argv       []string
	Generation uint32
	program    Program
	fds        []*description
	listeners  int // 6 to 5+listeners are what it listens on

	executing bool        // its program is not executed yet
	executed  core.Time   // when it will be
	timed     bool        // executed is known
	doomed    core.Signal // it dies of as soon as it can

	begun     bool
	stopped   bool
	ended     bool // a zombie
	status    core.ExitStatus
	used      int
	idleSince core.Time

	busy    bool
	until   core.Time      // when busy: the end of the work
	client  *description   // when busy: the connection; nil with a FIFO or datagrams
	waiting []*description // connections over which a descriptor is to come
	unsaid  []byte         // of a report that did not fit into the channel
}

// Signal does what the signal does by default.
func (p *Process) Signal(s core.Signal) {
	switch {
	case p.ended:
	case s == sigstop:
		p.stopped = true
	case s == sigcont:
		p.stopped = false
	case p.executing && p.program.DeadDisk:
		p.doomed = s
	case p.executing: // nothing is ignored or caught yet
		p.end(core.KilledBy(s))
	case s == core.SIGTERM && p.program.Deaf:
	case s == core.SIGHUP && p.program.Deaf:
	default:
		p.end(core.KilledBy(s))
	}
}

// end makes the process a zombie. What it held is closed.
func (p *Process) end(s core.ExitStatus) {
	p.ended, p.status, p.executing = true, s, false
	for n := range p.fds {
		p.close(n)
	}
	if p.client != nil {
		p.kernel.release(p.client)
		p.client = nil
	}
	for _, d := range p.waiting {
		p.kernel.release(d)
	}
	p.waiting = nil
	p.kernel.childDied = true
}

func (p *Process) close(n int) {
	if p.fds[n] != nil {
		p.kernel.release(p.fds[n])
		p.fds[n] = nil
	}
}

// step lets the process do one thing and tells whether there was any to do.
func (p *Process) step(now core.Time) bool {
	switch {
	case p.ended || p.stopped:
		return false
	case p.executing:
		return p.execute(now)
	case !p.begun:
		return p.begin(now)
	case len(p.unsaid) > 0:
		return p.flush(now)
	case p.busy:
		return p.goOn(now)
	case p.program.Silent:
		return false
	}
	status := p.fds[wire.StatusFD]
	if status != nil {
		if r := status.readiness(); r.read || r.hangup {
			p.end(core.ExitedWith(0)) // the master is gone, or wants us gone
			return true
		}
	}
	if p.pick(now) {
		return true
	}
	if p.program.MaxIdle > 0 && now >= p.idleSince.Add(p.program.MaxIdle) {
		p.end(core.ExitedWith(0))
		return true
	}
	return false
}

// execute comes to the end of the exec when its time has come.
func (p *Process) execute(now core.Time) bool {
	switch {
	case !p.timed:
		p.executed, p.timed = now.Add(p.program.Exec), true
	case now < p.executed:
		return false
	case p.doomed != 0:
		p.end(core.KilledBy(p.doomed))
	case p.program.ExecErrno != 0:
		p.kernel.unexecuted[p.PID] = p.program.ExecErrno
		p.end(core.ExitedWith(notExecuted))
	default:
		p.executing = false
	}
	return true
}

// deadline is when the process next does something by itself.
func (p *Process) deadline() (core.Time, bool) {
	switch {
	case p.ended || p.stopped:
	case p.executing:
		return p.executed, p.timed
	case p.busy:
		return p.until, true
	case p.begun && !p.program.Silent && p.program.MaxIdle > 0:
		return p.idleSince.Add(p.program.MaxIdle), true
	}
	return 0, false
}

func (p *Process) begin(now core.Time) bool {
	p.begun, p.idleSince = true, now
	switch {
	case p.program.DieEarly:
		p.end(p.program.DieStatus)
	case p.program.Closes:
		p.close(wire.StatusFD)
	}
	return true
}

// pick takes what waits at one of the listeners.
func (p *Process) pick(now core.Time) bool {
	for n := wire.ListenFD; n < len(p.fds); n++ {
		d := p.fds[n]
		if !d.readiness().read {
			continue
		}
		var scrap [1024]byte
		switch s := d.socket; {
		case d.kind == pipeKind, s.kind == sys.Datagram:
			if count, e := d.read(scrap[:]); e == 0 && count > 0 {
				p.take(nil, now)
				return true
			}
		case len(s.queue) > 0:
			c := s.queue[0]
			s.queue = s.queue[1:]
			if p.transport() == "pass" {
				p.waiting = append(p.waiting, c)
			} else {
				p.take(c, now)
			}
			return true
		}
	}
	return p.receive(now)
}

// receive takes the descriptor that comes over one of the waiting connections.
func (p *Process) receive(now core.Time) bool {
	for n, c := range p.waiting {
		s := c.socket
		if len(s.passed) == 0 && !s.shut {
			continue
		}
		p.waiting = append(p.waiting[:n:n], p.waiting[n+1:]...)
		var one [1]byte
		s.receive(one[:])
		if len(s.passed) > 0 {
			p.kernel.release(s.passed[0])
			s.passed = s.passed[1:]
			p.take(c, now)
		} else {
			p.kernel.release(c)
		}
		return true
	}
	return false
}

// transport is what the command line says.
func (p *Process) transport() string {
	for n, word := range p.Argv {
		if word == "-t" && n+1 < len(p.Argv) {
			return p.Argv[n+1]
		}
	}
	return ""
}

func (p *Process) take(c *description, now core.Time) {
	p.busy, p.client, p.until = true, c, now.Add(p.program.Work)
	p.report(wire.Taken, now)
}

// goOn finishes the request when its time has come.
func (p *Process) goOn(now core.Time) bool {
	if now < p.until {
		return false
	}
	if p.program.DieBusy {
		p.end(p.program.DieStatus)
		return true
	}
	if p.client != nil {
		var scrap [1024]byte
		for p.client.socket != nil && len(p.client.socket.bytes) > 0 {
			p.client.socket.receive(scrap[:])
		}
		p.client.socket.send([]byte{answer})
		p.kernel.release(p.client)
		p.client = nil
	}
	p.busy, p.idleSince = false, now
	p.used++
	p.report(wire.Available, now)
	return true
}

// answer is what a client reads that was served.
const answer = '+'

func (p *Process) report(s wire.Status, now core.Time) {
	m := wire.Message{PID: int32(p.PID), Generation: p.Generation, Status: s}
	if p.program.Liar {
		for _, lie := range []wire.Message{
			{PID: m.PID + 1, Generation: m.Generation, Status: s},
			{PID: m.PID, Generation: m.Generation + 1, Status: s},
			{PID: m.PID, Generation: m.Generation, Status: 7},
		} {
			p.unsaid = lie.Append(p.unsaid)
		}
	}
	p.unsaid = m.Append(p.unsaid)
	p.flush(now)
}

// flush writes what is to be reported. Whoever cannot report that it is
// available leaves.
func (p *Process) flush(core.Time) bool {
	d := p.fds[wire.StatusFD]
	if d == nil {
		p.unsaid = nil
		return true
	}
	for len(p.unsaid) > 0 {
		n, e := d.socket.send(p.unsaid[:wire.StatusSize])
		switch {
		case e == core.EAGAIN:
			return false
		case e != 0:
			p.unsaid = nil
			if !p.busy {
				p.end(core.ExitedWith(0))
			}
			return true
		}
		p.unsaid = p.unsaid[n:]
	}
	if !p.busy && p.program.MaxUse > 0 && p.used >= p.program.MaxUse {
		p.end(core.ExitedWith(0))
	}
	return true
}
