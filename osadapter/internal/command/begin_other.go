//go:build !linux

package command

import (
	"syscall"
	"time"

	"github.com/stationmaster/stationmaster/core"
)

// process is started by package syscall, which waits for its exec.
type process struct{ PID core.PID }

func begin(p *Program) (process, error) {
	pid, err := syscall.ForkExec(p.Argv[0], p.Argv, &syscall.ProcAttr{Env: p.Env, Files: p.Files})
	return process{core.PID(pid)}, err
}

func (p *process) pid() int { return int(p.PID) }

func (p *process) executed(time.Duration) (over bool, err error) { return true, nil }
