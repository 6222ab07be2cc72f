package sys

import (
	"math"
	"unsafe"

	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// pollBatch is the largest number of events that one PollWait returns. The next one
// returns the rest: the set is level-triggered.
const pollBatch = 64

// PollOpen creates a poll set.
func (Linux) PollOpen() (FD, core.Errno) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return None, number(err)
	}
	return FD(fd), 0
}

// PollAdd adds fd to the set. Its events carry key.
func (Linux) PollAdd(set, fd FD, key uint64, read, write bool) core.Errno {
	return pollControl(set, fd, unix.EPOLL_CTL_ADD, key, read, write)
}

// PollModify changes key and interest of fd, which must be in the set.
func (Linux) PollModify(set, fd FD, key uint64, read, write bool) core.Errno {
	return pollControl(set, fd, unix.EPOLL_CTL_MOD, key, read, write)
}

// PollRemove removes fd from the set. It must precede the close of a descriptor
// that another process shares, since the set would keep reporting it.
func (Linux) PollRemove(set, fd FD) core.Errno {
	return pollControl(set, fd, unix.EPOLL_CTL_DEL, 0, false, false)
}

func pollControl(set, fd FD, operation int, key uint64, read, write bool) core.Errno {
	event := unix.EpollEvent{Fd: int32(key), Pad: int32(key >> 32)}
	if read {
		event.Events |= unix.EPOLLIN
	}
	if write {
		event.Events |= unix.EPOLLOUT
	}
	return number(unix.EpollCtl(int(set), operation, int(fd), &event))
}

// PollWait waits until a descriptor of the set is ready, at most for timeout; a
// negative timeout waits forever, zero does not wait. A timeout of a few
// milliseconds is exact from Linux 5.11 on; others are rounded up to milliseconds.
// It returns the number of events in buffer; with 0, the time is over or a signal
// arrived, and the caller asks its clock which.
func (Linux) PollWait(set FD, buffer []PollEvent, timeout core.Duration) (n int, e core.Errno) {
	var events [pollBatch]unix.EpollEvent
	n, err := epollWait(set, events[:min(len(buffer), pollBatch)], timeout)
	if err == unix.EINTR {
		return 0, 0
	}
	if err != nil {
		return 0, number(err)
	}
	for i, event := range events[:n] {
		buffer[i] = PollEvent{
			Key:    uint64(uint32(event.Fd)) | uint64(uint32(event.Pad))<<32,
			Read:   event.Events&unix.EPOLLIN != 0,
			Write:  event.Events&unix.EPOLLOUT != 0,
			Hangup: event.Events&unix.EPOLLHUP != 0,
			Error:  event.Events&unix.EPOLLERR != 0,
		}
	}
	return n, 0
}

// exactBelow is the timeout from which on a millisecond does not matter.
const exactBelow = 10 * core.Millisecond

func epollWait(set FD, events []unix.EpollEvent, timeout core.Duration) (int, error) {
	if timeout > 0 && timeout < exactBelow && len(events) > 0 {
		limit := unix.NsecToTimespec(int64(timeout))
		n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(set), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), uintptr(unsafe.Pointer(&limit)), 0, 0)
		switch e {
		case 0:
			return int(n), nil
		case unix.ENOSYS, unix.EPERM: // an older kernel, or a filter that does not know the call
		default:
			return 0, e
		}
	}
	return unix.EpollWait(int(set), events, milliseconds(timeout))
}

func milliseconds(d core.Duration) int {
	if d < 0 {
		return -1
	}
	up := (int64(d) + int64(core.Millisecond) - 1) / int64(core.Millisecond)
	return int(min(up, math.MaxInt32))
}

// WakerOpen creates a descriptor that is readable from WakerWake until WakerDrain.
func (Linux) WakerOpen() (FD, core.Errno) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return None, number(err)
	}
	return FD(fd), 0
}

// WakerWake makes the waker readable. Any goroutine may call it, any number of
// times; it does not block. After an error it must be called again.
func (k Linux) WakerWake(waker FD) core.Errno {
	_, e := k.Write(waker, []byte{1, 1, 1, 1, 1, 1, 1, 1})
	if e == core.EAGAIN { // the counter is full: it is readable
		return 0
	}
	return e
}

// WakerDrain makes the waker unreadable until the next WakerWake. Look for what was
// announced after the drain, or a wake-up is lost.
func (k Linux) WakerDrain(waker FD) core.Errno {
	var counter [8]byte
	_, e := k.Read(waker, counter[:])
	if e == core.EAGAIN {
		return 0
	}
	return e
}
