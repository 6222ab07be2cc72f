// Package osadapter carries a core.Machine on a real system: Driver turns what
// the kernel reports into events, Exec carries the actions out over a small
// interface to the kernel, and Loop waits.
//
// It refuses to decide: whether to listen, start, throttle or end is the
// machine's business. One goroutine owns everything here and blocks in one
// place only; signals, the clock and other goroutines wake it through one
// descriptor.
package osadapter

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/internal/spawn"
	"github.com/stationmaster/stationmaster/osadapter/internal/trigger"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Kernel is what Driver asks of the system, one method for about one system
// call. sys.Linux is the real one.
type Kernel interface {
	sockets.Calls
	spawn.Launcher
	trigger.Calls
	StatusPair() (ours, theirs sys.FD, e core.Errno)
	Launched(l *sys.Launch, patience core.Duration) (core.StartStep, core.Errno)
	FlowPipe() (read, write sys.FD, e core.Errno)
	PollOpen() (sys.FD, core.Errno)
	PollAdd(set, fd sys.FD, key uint64, read, write bool) core.Errno
	PollModify(set, fd sys.FD, key uint64, read, write bool) core.Errno
	PollRemove(set, fd sys.FD) core.Errno
	WakerOpen() (sys.FD, core.Errno)
	WakerDrain(waker sys.FD) core.Errno
	Kill(pid core.PID, s core.Signal) core.Errno
	PID() core.PID
	Wait() (sys.Reaped, core.Errno)
	WaitFor(pid core.PID) (sys.Reaped, core.Errno)
	Adopts() bool
}

// LoopKernel is what Loop asks of the system besides.
type LoopKernel interface {
	Kernel
	PollWait(set sys.FD, buffer []sys.PollEvent, timeout core.Duration) (int, core.Errno)
	WakerWake(waker sys.FD) core.Errno
	AwaitEnd() core.Errno
}

var _ LoopKernel = sys.Linux{}

// The key under which a descriptor is in the poll set says what it is: the
// kind in the top bits, the number of the thing below.
const (
	keyKindShift = 60
	keyNumber    = 1<<keyKindShift - 1
)

type keyKind uint8

const (
	keyWaker keyKind = iota + 1
	keyListener
	keyStatus
	keyWakeup
)

// wakerKey is the waker's key.
const wakerKey = uint64(keyWaker) << keyKindShift

func key(kind keyKind, number uint64) uint64 { return uint64(kind)<<keyKindShift | number&keyNumber }

func splitKey(k uint64) (keyKind, uint64) { return keyKind(k >> keyKindShift), k & keyNumber }
