package stuck

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Gate blocks the execs of one file. A process that waits there can be killed. When
// this process ends, in whatever way, the kernel lets all of them pass.
type Gate struct {
	Path string

	fd      int
	stop    [2]int // a pipe; closing its second end ends watch
	done    chan struct{}
	mu      sync.Mutex
	open    bool
	waiting []int32 // the kernel's number of each exec
	arrived atomic.Int32
}

// close lets the waiting processes pass at the end of the test.
func (g *Gate) close() {
	g.Open()
	_ = unix.Close(g.stop[1])
	<-g.done
	_ = unix.Close(g.stop[0])
	_ = unix.Close(g.fd)
}

// NewGate copies the program into a directory of the test, and puts a gate before
// it.
func NewGate(t testing.TB, program string) *Gate {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	g := &Gate{Path: filepath.Join(dir, filepath.Base(program)), done: make(chan struct{})}
	if err := copyProgram(program, g.Path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	g.fd, err = unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		t.Skipf("to hold up an exec needs root and fanotify: %v", err)
	}
	if err := unix.FanotifyMark(g.fd, unix.FAN_MARK_ADD, unix.FAN_OPEN_EXEC_PERM, unix.AT_FDCWD, g.Path); err != nil {
		unix.Close(g.fd)
		t.Skipf("to hold up an exec needs permission events of fanotify: %v", err)
	}
	if err := unix.Pipe2(g.stop[:], unix.O_CLOEXEC); err != nil {
		unix.Close(g.fd)
		t.Fatal(err)
	}
	go g.watch()
	t.Cleanup(g.close)
	return g
}

// copyProgram creates a file that no process has open for writing any more, not
// even a child that another test is just starting: otherwise it could not be
// executed.
func copyProgram(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if end := target.Close(); err == nil {
		err = end
	}
	if err != nil {
		return err
	}
	return os.Chmod(to, 0o755)
}

// watch records arriving processes, and lets them pass once the gate is open.
func (g *Gate) watch() {
	defer close(g.done)
	var event unix.FanotifyEventMetadata
	for {
		ready := []unix.PollFd{{Fd: int32(g.fd), Events: unix.POLLIN}, {Fd: int32(g.stop[0])}}
		if _, err := unix.Poll(ready, -1); err != nil && err != unix.EINTR {
			return
		}
		if ready[1].Revents != 0 {
			return
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			continue
		}
		n, err := unix.Read(g.fd, unsafe.Slice((*byte)(unsafe.Pointer(&event)), unsafe.Sizeof(event)))
		if err != nil || n < int(unsafe.Sizeof(event)) {
			continue
		}
		g.mu.Lock()
		if g.open {
			g.pass(event.Fd)
		} else {
			g.waiting = append(g.waiting, event.Fd)
		}
		g.mu.Unlock()
		g.arrived.Add(1)
	}
}

// pass lets one exec go on.
func (g *Gate) pass(fd int32) {
	answer := unix.FanotifyResponse{Fd: fd, Response: unix.FAN_ALLOW}
	_, _ = unix.Write(g.fd, unsafe.Slice((*byte)(unsafe.Pointer(&answer)), unsafe.Sizeof(answer)))
	_ = unix.Close(int(fd))
}

// Open lets all processes pass, now and from now on.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
	for _, fd := range g.waiting {
		g.pass(fd)
	}
	g.waiting = nil
}

// Shut blocks all processes again.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = false
}

// Arrived returns how many execs have reached the gate so far.
func (g *Gate) Arrived() int { return int(g.arrived.Load()) }

// Disk is a mounted file system that answers no request. A process that requests a
// file from it cannot even be killed, until the disk is taken away.
type Disk struct {
	Dir string

	asked atomic.Int32
	done  chan struct{}
	once  sync.Once
}

// Messages between the kernel and the server of a file system in user space.
const (
	opInit        = 26
	headerSize    = 40
	initReplySize = 16 + 64
	bufferSize    = 1 << 17
)

// NewDisk mounts a Disk until the end of the test.
func NewDisk(t testing.TB) *Disk {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("a disk that does not answer needs FUSE: %v", err)
	}
	dir, err := os.MkdirTemp("", "disk")
	if err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fd)
	if err := unix.Mount("stuck", dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		unix.Close(fd)
		os.Remove(dir)
		t.Skipf("a disk that does not answer needs root, and mounts of FUSE: %v", err)
	}
	d := &Disk{Dir: dir, done: make(chan struct{})}
	go d.serve(fd)
	t.Cleanup(d.TakeAway)
	return d
}

// serve greets the kernel, and then reads requests without answering. A request
// that has been read cannot be interrupted.
func (d *Disk) serve(fd int) {
	defer close(d.done)
	defer unix.Close(fd)
	request := make([]byte, bufferSize)
	for {
		n, err := unix.Read(fd, request)
		switch {
		case err == unix.EINTR || err == unix.ENOENT || err == unix.EAGAIN:
			continue
		case err != nil || n < headerSize:
			return // it is not mounted any more
		}
		if binary.NativeEndian.Uint32(request[4:]) != opInit {
			d.asked.Add(1)
			continue
		}
		var reply [initReplySize]byte
		binary.NativeEndian.PutUint32(reply[0:], initReplySize)
		copy(reply[8:16], request[8:16]) // which request it answers
		binary.NativeEndian.PutUint32(reply[16:], 7)
		binary.NativeEndian.PutUint32(reply[20:], 31)
		binary.NativeEndian.PutUint32(reply[36:], 4096) // the most that is written at once
		if _, err := unix.Write(fd, reply[:]); err != nil {
			return
		}
	}
}

// Asked returns the number of requests that it has left unanswered so far.
func (d *Disk) Asked() int { return int(d.asked.Load()) }

// TakeAway unmounts it: waiting processes get an error.
func (d *Disk) TakeAway() {
	d.once.Do(func() {
		for unix.Unmount(d.Dir, unix.MNT_FORCE|unix.MNT_DETACH) == unix.EINTR {
		}
		<-d.done
		for range 100 { // a mount that is about to go can be busy for a moment
			if os.Remove(d.Dir) == nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
}
