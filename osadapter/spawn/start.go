// Package spawn starts the children of services, with exactly the descriptors,
// argument vector, environment and identity that the contract promises (spec
// runtime, 7.1).
//
// It refuses to decide whether a child may be started, to reap, and to remember
// children. What children inherit from the whole process, such as umask, limits
// and ignored signals, is set up once when the daemon boots. What it asks of
// the system goes through Kernel.
package spawn

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Kernel is what Start asks of the system; sys.Linux is the real one.
type Kernel interface {
	StatusPair() (ours, theirs sys.FD, e core.Errno)
	Start(p *sys.Process) (core.PID, core.StartStep, core.Errno)
	Close(fd sys.FD) core.Errno
}

var _ Kernel = sys.Linux{}

// Request says what to start.
type Request struct {
	Entry      *core.ServiceConfig
	Generation core.Generation
	Stress     bool
	FlowRead   sys.FD
	FlowWrite  sys.FD
	Listeners  []sys.FD // in address order, as the service has them open now
	Environ    []string // NAME=VALUE, without GENERATION; not changed
}

// Child is a process that was started.
type Child struct {
	PID    core.PID
	Status sys.FD // our end of its status channel, non-blocking
}

// Start starts a child with a status channel of its own. The child's end of
// the channel stays open in the child alone, so that its death is seen as
// end-of-file. After an error nothing is left behind, and the step tells what
// was tried: StartChannel, StartFork or StartExec.
func Start(k Kernel, r *Request) (Child, core.StartStep, core.Errno) {
	ours, theirs, e := k.StatusPair()
	if e != 0 {
		return Child{Status: sys.None}, core.StartChannel, e
	}
	pid, step, e := k.Start(&sys.Process{
		Path:  r.Entry.Path,
		Argv:  r.Entry.Argv(len(r.Listeners), r.Stress),
		Env:   environment(r.Environ, r.Generation),
		Files: files(r, theirs),
		Root:  r.Entry.SwitchIdentity,
	})
	k.Close(theirs)
	if e != 0 {
		k.Close(ours)
		return Child{Status: sys.None}, step, e
	}
	return Child{PID: pid, Status: ours}, core.StartNone, 0
}

// files puts every descriptor at its number.
func files(r *Request, status sys.FD) []sys.FD {
	f := make([]sys.FD, wire.ListenFD, wire.ListenFD+len(r.Listeners))
	f[0], f[1], f[2] = 0, 1, 2
	f[wire.FlowReadFD] = r.FlowRead
	f[wire.FlowWriteFD] = r.FlowWrite
	f[wire.StatusFD] = status
	return append(f, r.Listeners...)
}

// environment adds the generation, of which the wire carries the low 32 bits,
// and drops one that import_environment let in.
func environment(environ []string, g core.Generation) []string {
	env := make([]string, 0, len(environ)+1)
	for _, entry := range environ {
		if !strings.HasPrefix(entry, wire.GenerationVariable+"=") {
			env = append(env, entry)
		}
	}
	return append(env, wire.GenerationVariable+"="+wire.FormatGeneration(uint32(g)))
}
