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
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Kernel is what Start asks of the system; sys.Linux is the real one.
type Kernel interface {
	Start(p *sys.Process) (sys.Launch, core.StartStep, core.Errno)
}

var _ Kernel = sys.Linux{}

// Starter starts children one after the other, and keeps what it needs for
// that: to start one takes little new memory. The zero value is ready for use.
// It must not be copied.
type Starter struct {
	// Low is given to the process from when on it pays, see sys.Process.
	Low []sys.FD

	crowded bool // descriptors with high numbers were seen
	process sys.Process
	environ []string
	argv    []string
	files   []sys.FD
}

// Request says what to start.
type Request struct {
	Entry      *core.ServiceConfig
	Generation core.Generation
	Stress     bool
	FlowRead   sys.FD
	FlowWrite  sys.FD
	Status     sys.FD        // the child's end of its status channel
	Listeners  []sys.FD      // in address order, as the service has them open now
	Environ    []string      // NAME=VALUE, without GENERATION; not changed
	Patience   core.Duration // how long to wait for the program to be executed
}

// Start starts a child. EINPROGRESS says that the program is not executed yet. With
// any other error the step says what was tried, StartFork or StartExec, and there can
// be a process that is about to end. What k is given stays valid until the next Start.
func (s *Starter) Start(k Kernel, r *Request) (sys.Launch, core.StartStep, core.Errno) {
	s.argv = r.Entry.AppendArgv(s.argv[:0], len(r.Listeners), r.Stress)
	s.environ = appendEnvironment(s.environ[:0], r.Environ, r.Generation)
	s.files = appendFiles(s.files[:0], r)
	p := &s.process
	p.Path, p.Argv, p.Env, p.Files = r.Entry.Path, s.argv, s.environ, s.files
	p.Root, p.Patience = r.Entry.SwitchIdentity, r.Patience
	if s.crowded = s.crowded || slices.Max(s.files) >= sys.LowEnd; s.crowded {
		p.Low = s.Low
	}
	return k.Start(p)
}

// appendFiles puts every descriptor at its number.
func appendFiles(f []sys.FD, r *Request) []sys.FD {
	first := [wire.ListenFD]sys.FD{
		0: 0, 1: 1, 2: 2, wire.FlowReadFD: r.FlowRead, wire.FlowWriteFD: r.FlowWrite, wire.StatusFD: r.Status,
	}
	return append(append(f, first[:]...), r.Listeners...)
}

// appendEnvironment adds the generation, of which the wire carries the low 32
// bits, and drops one that import_environment let in.
func appendEnvironment(env, environ []string, g core.Generation) []string {
	for _, entry := range environ {
		if !strings.HasPrefix(entry, wire.GenerationVariable+"=") {
			env = append(env, entry)
		}
	}
	return append(env, wire.GenerationVariable+"="+wire.FormatGeneration(uint32(g)))
}
