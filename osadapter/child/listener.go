package child

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

// Sizes of one read (spec child, 5).
const (
	maxTrigger  = 1024
	maxDatagram = 4096
)

// errMissed means that another process was faster, or the client is gone.
var errMissed = errors.New("nothing to accept")

// adoptDescriptors checks that the master passed what the command line promises,
// and makes it close-on-exec. Without the check, a server that is started in
// another way would take a descriptor of the Go runtime for its listener.
func adoptDescriptors(transport string, listeners int) error {
	want, what := uint32(unix.S_IFSOCK), "a socket"
	if transport == "fifo" {
		want, what = unix.S_IFIFO, "a FIFO"
	}
	for i := range listeners {
		fd := wire.ListenFD + i
		if !isKind(fd, want) {
			return fmt.Errorf("listen descriptor %d is not %s", fd, what)
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			return fmt.Errorf("listen descriptor %d: %w", fd, err)
		}
		unix.CloseOnExec(fd)
	}
	if !isKind(wire.StatusFD, unix.S_IFSOCK) {
		return fmt.Errorf("status descriptor %d is not a socket", wire.StatusFD)
	}
	unix.CloseOnExec(wire.StatusFD)
	for _, fd := range []int{wire.FlowReadFD, wire.FlowWriteFD} {
		if isKind(fd, unix.S_IFIFO) {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

func isKind(fd int, kind uint32) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && uint32(st.Mode)&unix.S_IFMT == kind
}

// accept accepts one client without waiting. It returns errMissed if there is none.
func accept(listener int) (fd int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, _, err = unix.Accept(listener)
	if err == nil {
		unix.CloseOnExec(fd)
		return fd, nil
	}
	if isMissed(err) {
		return -1, errMissed
	}
	return -1, err
}

// isMissed reports whether the error of accept is to be expected (spec child, 5).
func isMissed(err error) bool {
	switch err {
	case unix.EAGAIN, unix.ECONNREFUSED, unix.ECONNRESET, unix.EHOSTDOWN, unix.EHOSTUNREACH,
		unix.EINTR, unix.ENETDOWN, unix.ENETUNREACH, unix.ENOTCONN, unix.ENOBUFS,
		unix.ECONNABORTED, unix.EPROTO:
		return true
	}
	return false
}

// receive reads one trigger or datagram without waiting. It returns errMissed if
// there is none.
func receive(listener int, transport string) ([]byte, error) {
	size := maxTrigger
	if transport == "unix-dgram" {
		size = maxDatagram
	}
	b := make([]byte, size)
	n, err := unix.Read(listener, b)
	switch {
	case err == nil && (n > 0 || transport == "unix-dgram"):
		return b[:n], nil
	case err == nil || err == unix.EAGAIN || err == unix.EINTR:
		return nil, errMissed
	default:
		return nil, err
	}
}

// keepAlive makes the kernel notice TCP clients that vanished.
func keepAlive(fd int) {
	// For a client that is gone, the next read fails.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
}
