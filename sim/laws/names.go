package laws

import (
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
	"github.com/stationmaster/stationmaster/sim/laws/internal/checks"
)

// What a book knows of a machine, and how it is shown to it.
type (
	Service    = account.Service
	Child      = account.Child
	Situation  = account.Situation
	KernelView = checks.KernelView
	Socket     = checks.Socket
	Running    = checks.Running
)

// The lives of a service.
const (
	Opening = account.Opening
	Active  = account.Active
	Removed = account.Removed
	Gone    = account.Gone
)

// The states of a child.
const (
	Pending = account.Pending
	Idle    = account.Idle
	Busy    = account.Busy
)
