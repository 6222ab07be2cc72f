// Package spawn starts the children of services with exactly the descriptors,
// argument vector, environment and identity that the contract promises (spec
// runtime, 7.1).
//
// It does not decide whether a child may be started, does not reap, and keeps no
// list of children. What children inherit from the whole process, such as umask,
// limits and ignored signals, is set up once when the daemon boots. All system
// calls go through Launcher.
package spawn

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Launcher is the system call that Start makes; sys.Linux is the real one.
type Launcher interface {
	Start(p *sys.Process) (sys.Launch, core.StartStep, core.Errno)
}

var _ Launcher = sys.Linux{}

// Starter starts children one at a time and reuses its memory, so that a start
// allocates little. The zero value is ready for use. It must not be copied.
type Starter struct {
	// Low is passed to the process when that saves time, see sys.Process.
	Low []sys.FD

	crowded bool // descriptors with high numbers have been seen
	process sys.Process
	environ []string
	argv    []string
	files   []sys.FD
}

// Request describes the child to start.
type Request struct {
	Entry      *core.ServiceConfig
	Generation core.Generation
	Stress     bool
	FlowRead   sys.FD
	FlowWrite  sys.FD
	Status     sys.FD        // the child's end of its status channel
	Listeners  []sys.FD      // in address order, as the service has them open
	Environ    []string      // NAME=VALUE, without GENERATION; not modified
	Patience   core.Duration // how long to wait for the exec
}

// Start starts a child. EINPROGRESS means that the exec has not happened yet. With any
// other error, the step says what failed, StartFork or StartExec, and there can be a
// process that is about to end. The sys.Process that k receives stays valid until the
// next Start.
func (s *Starter) Start(k Launcher, r *Request) (sys.Launch, core.StartStep, core.Errno) {
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

// appendFiles places every descriptor at its number.
func appendFiles(f []sys.FD, r *Request) []sys.FD {
	first := [wire.ListenFD]sys.FD{
		0: 0, 1: 1, 2: 2, wire.FlowReadFD: r.FlowRead, wire.FlowWriteFD: r.FlowWrite, wire.StatusFD: r.Status,
	}
	return append(append(f, first[:]...), r.Listeners...)
}

// appendEnvironment adds the generation, of which children receive the low 32 bits,
// and drops a GENERATION that import_environment let in.
func appendEnvironment(env, environ []string, g core.Generation) []string {
	for _, entry := range environ {
		if !strings.HasPrefix(entry, wire.GenerationVariable+"=") {
			env = append(env, entry)
		}
	}
	return append(env, wire.GenerationVariable+"="+wire.FormatGeneration(uint32(g)))
}
