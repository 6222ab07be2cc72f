//go:build linux && !amd64

package parity

import (
	"errors"
	"time"
)

func noTurnedClock() string {
	return "turning the clock of a process forward is made for amd64 only"
}

// turn exists for machines where noTurnedClock returns "".
func (p *process) turn(time.Duration) { p.station.stop(noTurnedClock()) }

func (p *process) turnHeld(d time.Duration) { p.turn(d) }

func (p *process) hold() error { return errors.ErrUnsupported }
