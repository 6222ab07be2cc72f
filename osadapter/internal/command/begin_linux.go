package command

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// process is started as children are, so that an exec that hangs blocks nothing.
type process struct {
	sys.Launch
	failed error // of an exec that failed at once
}

func begin(p *Program) (process, error) {
	what := sys.Process{Path: p.Argv[0], Argv: p.Argv, Env: p.Env}
	for _, fd := range p.Files {
		what.Files = append(what.Files, sys.FD(fd))
	}
	launch, _, e := sys.Linux{}.Start(&what)
	switch {
	case e == 0 || e == core.EINPROGRESS:
		return process{launch, nil}, nil
	case launch.PID == 0:
		return process{}, unix.Errno(e)
	default:
		return process{launch, unix.Errno(e)}, nil
	}
}

func (p *process) pid() int { return int(p.PID) }

// executed reports whether the exec is over, waiting for at most pause, and its
// error.
func (p *process) executed(pause time.Duration) (over bool, err error) {
	if p.failed != nil {
		return true, p.failed
	}
	switch _, e := (sys.Linux{}).Launched(&p.Launch, core.Duration(pause)); e {
	case 0:
		return true, nil
	case core.EINPROGRESS:
		return false, nil
	default:
		return true, unix.Errno(e)
	}
}
