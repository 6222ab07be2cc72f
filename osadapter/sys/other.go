//go:build !linux

package sys

import (
	"net/netip"
	"runtime"

	"github.com/stationmaster/stationmaster/core"
)

// Linux does not exist on this system: every method returns ENOSYS. Missing says
// why.
type Linux struct{}

// plan is not used here.
type plan struct{}

// Missing says in one line what this system lacks to run the daemon.
func Missing() string {
	return "the daemon runs on Linux only: " + runtime.GOOS +
		" lacks epoll, identities per thread and the way in which it starts children"
}

// Close answers ENOSYS.
func (Linux) Close(FD) core.Errno { return ENOSYS }

// Read answers ENOSYS.
func (Linux) Read(FD, []byte) (int, core.Errno) { return 0, ENOSYS }

// Write answers ENOSYS.
func (Linux) Write(FD, []byte) (int, core.Errno) { return 0, ENOSYS }

// FlowPipe answers ENOSYS.
func (Linux) FlowPipe() (read, write FD, e core.Errno) { return None, None, ENOSYS }

// Pipe answers ENOSYS.
func (Linux) Pipe() (read, write FD, e core.Errno) { return None, None, ENOSYS }

// Open answers ENOSYS.
func (Linux) Open(string, OpenMode) (FD, core.Errno) { return None, ENOSYS }

// Unlink answers ENOSYS.
func (Linux) Unlink(string) core.Errno { return ENOSYS }

// Rename answers ENOSYS.
func (Linux) Rename(_, _ string) core.Errno { return ENOSYS }

// Mkfifo answers ENOSYS.
func (Linux) Mkfifo(string, uint32) core.Errno { return ENOSYS }

// Chmod answers ENOSYS.
func (Linux) Chmod(string, uint32) core.Errno { return ENOSYS }

// Fchmod answers ENOSYS.
func (Linux) Fchmod(FD, uint32) core.Errno { return ENOSYS }

// Lstat answers ENOSYS.
func (Linux) Lstat(string) (FileStatus, core.Errno) { return FileStatus{}, ENOSYS }

// Fstat answers ENOSYS.
func (Linux) Fstat(FD) (FileStatus, core.Errno) { return FileStatus{}, ENOSYS }

// StatusPair answers ENOSYS.
func (Linux) StatusPair() (ours, theirs FD, e core.Errno) { return None, None, ENOSYS }

// Socket answers ENOSYS.
func (Linux) Socket(Family, SocketKind) (FD, core.Errno) { return None, ENOSYS }

// SetOption answers ENOSYS.
func (Linux) SetOption(FD, Option, int) core.Errno { return ENOSYS }

// Bind answers ENOSYS.
func (Linux) Bind(FD, core.Endpoint) core.Errno { return ENOSYS }

// Listen answers ENOSYS.
func (Linux) Listen(FD, int) core.Errno { return ENOSYS }

// Connect answers ENOSYS.
func (Linux) Connect(FD, core.Endpoint) core.Errno { return ENOSYS }

// SocketError answers ENOSYS.
func (Linux) SocketError(FD) core.Errno { return ENOSYS }

// LocalAddress answers ENOSYS.
func (Linux) LocalAddress(FD) (netip.AddrPort, core.Errno) { return netip.AddrPort{}, ENOSYS }

// Send answers ENOSYS.
func (Linux) Send(FD, []byte) (int, core.Errno) { return 0, ENOSYS }

// SendDescriptor answers ENOSYS.
func (Linux) SendDescriptor(FD, byte, FD) core.Errno { return ENOSYS }

// Shutdown answers ENOSYS.
func (Linux) Shutdown(FD) core.Errno { return ENOSYS }

// PollOpen answers ENOSYS.
func (Linux) PollOpen() (FD, core.Errno) { return None, ENOSYS }

// PollAdd answers ENOSYS.
func (Linux) PollAdd(_, _ FD, _ uint64, _, _ bool) core.Errno { return ENOSYS }

// PollModify answers ENOSYS.
func (Linux) PollModify(_, _ FD, _ uint64, _, _ bool) core.Errno { return ENOSYS }

// PollRemove answers ENOSYS.
func (Linux) PollRemove(_, _ FD) core.Errno { return ENOSYS }

// PollWait answers ENOSYS.
func (Linux) PollWait(FD, []PollEvent, core.Duration) (int, core.Errno) { return 0, ENOSYS }

// WakerOpen answers ENOSYS.
func (Linux) WakerOpen() (FD, core.Errno) { return None, ENOSYS }

// WakerWake answers ENOSYS.
func (Linux) WakerWake(FD) core.Errno { return ENOSYS }

// WakerDrain answers ENOSYS.
func (Linux) WakerDrain(FD) core.Errno { return ENOSYS }

// ReserveLow returns none.
func (Linux) ReserveLow(int) []FD { return nil }

// Start answers ENOSYS.
func (Linux) Start(*Process) (Launch, core.StartStep, core.Errno) {
	return Launch{}, core.StartFork, ENOSYS
}

// Launched answers ENOSYS.
func (Linux) Launched(*Launch, core.Duration) (core.StartStep, core.Errno) {
	return core.StartFork, ENOSYS
}

// Wait answers ENOSYS.
func (Linux) Wait() (Reaped, core.Errno) { return Reaped{}, ENOSYS }

// WaitFor answers ENOSYS.
func (Linux) WaitFor(core.PID) (Reaped, core.Errno) { return Reaped{}, ENOSYS }

// AwaitEnd answers ENOSYS.
func (Linux) AwaitEnd() core.Errno { return ENOSYS }

// Adopts returns false.
func (Linux) Adopts() bool { return false }

// Kill answers ENOSYS.
func (Linux) Kill(core.PID, core.Signal) core.Errno { return ENOSYS }

// PID returns 0: process IDs are not known here.
func (Linux) PID() core.PID { return 0 }

// Assume answers ENOSYS.
func (Linux) Assume(_, _ uint32) (core.ListenStep, core.Errno) { return core.StepUser, ENOSYS }

// Resume answers ENOSYS.
func (Linux) Resume() core.Errno { return ENOSYS }
