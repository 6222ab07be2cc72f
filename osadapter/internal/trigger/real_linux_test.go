package trigger

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"golang.org/x/sys/unix"
)

var kernel = sys.Linux{}

// patience bounds every wait of a test.
const patience = 5 * time.Second

// directory creates a directory with a short name.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "trig")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// service opens the listener of an entry with our own identity.
func service(t *testing.T, kind core.ServiceType, endpoint string) (*core.ServiceConfig, sys.FD) {
	t.Helper()
	e := entry(kind, endpoint)
	e.SwitchIdentity = false
	e.Backlog = 5
	paths := sockets.NewPaths(kernel)
	l, step, errno := paths.Open(sockets.RequestFor(e, 0, false))
	if errno != 0 {
		t.Fatalf("listen %s: step %d: %v", endpoint, step, errno)
	}
	t.Cleanup(func() { paths.Remove(&l) })
	return e, l.FD
}

// await waits until poll reports one of the events for the descriptor.
func await(t *testing.T, fd sys.FD, events int16) {
	t.Helper()
	set := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for deadline := time.Now().Add(patience); ; {
		left := time.Until(deadline)
		n, err := unix.Poll(set, int(max(left, 0).Milliseconds()))
		if n > 0 {
			return
		}
		if err != nil && err != unix.EINTR || left <= 0 {
			t.Fatalf("descriptor %d does not get ready: %v", fd, err)
		}
	}
}

// accept takes a connection from a listener.
func accept(t *testing.T, listener sys.FD) *os.File {
	t.Helper()
	await(t, listener, unix.POLLIN)
	fd, _, err := unix.Accept4(int(listener), unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "accepted")
	t.Cleanup(func() { f.Close() })
	return f
}

// descriptors lists the open descriptors of this process.
func descriptors(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "anon_inode") {
			open = append(open, to)
		}
	}
	slices.Sort(open)
	return open
}

// checkRequest reads a request up to the end of its connection.
func checkRequest(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Errorf("request %q, %v; want %q", got, err, want)
	}
}

func TestStreamServicesGetTheRequest(t *testing.T) {
	for kind, endpoint := range map[core.ServiceType]string{
		core.Unix: filepath.Join(directory(t), "s"),
		core.Inet: "127.0.0.1:0", // any port: the listener knows which
	} {
		e, listener := service(t, kind, endpoint)
		before := descriptors(t)
		a, errno := Begin(kernel, e, listener)
		if errno != 0 {
			t.Fatalf("%s: %v", kind, errno)
		}
		for a.State == Connecting {
			await(t, a.FD, unix.POLLOUT)
			if errno := a.Continue(kernel); errno != 0 {
				t.Fatalf("%s: %v", kind, errno)
			}
		}
		client := accept(t, listener)
		checkRequest(t, client, "W\x00")
		client.Close()
		await(t, a.FD, unix.POLLIN) // the loop sees the hangup
		a.Close(kernel)
		if after := descriptors(t); !slices.Equal(before, after) {
			t.Errorf("%s: open before %v, after %v", kind, before, after)
		}
	}
}

func TestPassServiceGetsAPipeWithTheRequest(t *testing.T) {
	e, listener := service(t, core.Pass, filepath.Join(directory(t), "s"))
	before := descriptors(t)
	a, errno := Begin(kernel, e, listener)
	if errno != 0 || a.State != Open {
		t.Fatalf("state %d, %v", a.State, errno)
	}
	conn := accept(t, listener)
	data, control := make([]byte, 8), make([]byte, 64)
	n, m, _, _, err := unix.Recvmsg(int(conn.Fd()), data, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil || n != 1 {
		t.Fatalf("%d bytes, %v; want one byte and a descriptor", n, err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:m])
	if err != nil || len(messages) != 1 {
		t.Fatal(messages, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatal(fds, err)
	}
	flags, err := unix.FcntlInt(uintptr(fds[0]), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDONLY || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("the passed descriptor has flags %#x, %v; want a blocking read end", flags, err)
	}
	client := os.NewFile(uintptr(fds[0]), "passed")
	checkRequest(t, client, "W\x00")
	client.Close()
	conn.Close()
	await(t, a.FD, unix.POLLIN)
	a.Close(kernel)
	if after := descriptors(t); !slices.Equal(before, after) {
		t.Errorf("open before %v, after %v", before, after)
	}
}

func TestFIFOServiceGetsOneByte(t *testing.T) {
	path := filepath.Join(directory(t), "f")
	e, listener := service(t, core.FIFO, path)
	before := descriptors(t)
	a, errno := Begin(kernel, e, listener)
	if errno != 0 || a.State != Done || a.FD != sys.None {
		t.Fatalf("state %d, %v", a.State, errno)
	}
	var b [8]byte
	if n, errno := kernel.Read(listener, b[:]); errno != 0 || string(b[:n]) != "W" {
		t.Errorf("got %q, %v", b[:n], errno)
	}
	if after := descriptors(t); !slices.Equal(before, after) {
		t.Errorf("open before %v, after %v", before, after)
	}
}

func TestUnsafeFIFOsAreRefused(t *testing.T) {
	dir := directory(t)
	path := filepath.Join(dir, "f")
	e, listener := service(t, core.FIFO, path)
	if err := os.Link(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	if a, errno := Begin(kernel, e, listener); errno != core.EPERM || a.State != Failed {
		t.Errorf("hard link: state %d, %v", a.State, errno)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+"2", path); err != nil {
		t.Fatal(err)
	}
	if a, errno := Begin(kernel, e, listener); errno != core.EPERM || a.State != Failed {
		t.Errorf("symbolic link: state %d, %v", a.State, errno)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if a, errno := Begin(kernel, e, listener); errno != core.EPERM || a.State != Failed {
		t.Errorf("regular file: state %d, %v", a.State, errno)
	}
	if text, err := os.ReadFile(path); err != nil || len(text) != 0 {
		t.Errorf("the file was written: %q, %v", text, err)
	}
	var b [8]byte
	if n, errno := kernel.Read(listener, b[:]); errno != core.EAGAIN {
		t.Errorf("the FIFO was written: %q, %v", b[:n], errno)
	}
}

// A wakeup of a service whose queue is full must not wait.
func TestFullQueueFailsAtOnce(t *testing.T) {
	e, listener := service(t, core.Unix, filepath.Join(directory(t), "s"))
	for range 100 {
		a, errno := Begin(kernel, e, listener)
		if errno == core.EAGAIN {
			if a.State != Failed || a.FD != sys.None {
				t.Errorf("state %d, descriptor %d", a.State, a.FD)
			}
			return
		}
		if errno != 0 {
			t.Fatal(errno)
		}
		defer a.Close(kernel)
	}
	t.Error("the queue never got full")
}

func TestNobodyThere(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := gone.Addr().(*net.TCPAddr).AddrPort()
	gone.Close()
	a, errno := Begin(kernel, entry(core.Inet, netip.AddrPortFrom(port.Addr().Unmap(), port.Port()).String()), sys.None)
	if errno == 0 && a.State == Connecting {
		await(t, a.FD, unix.POLLOUT)
		errno = a.Continue(kernel)
		a.Close(kernel)
	}
	if errno != core.ECONNREFUSED || a.State != Failed || a.FD != sys.None {
		t.Errorf("inet: state %d, %v", a.State, errno)
	}
	path := filepath.Join(directory(t), "s")
	if a, errno := Begin(kernel, entry(core.Unix, path), sys.None); errno != core.ENOENT || a.State != Failed {
		t.Errorf("unix: state %d, %v", a.State, errno)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	fifo := entry(core.FIFO, path)
	fifo.SwitchIdentity = false
	if a, errno := Begin(kernel, fifo, sys.None); errno != sys.ENXIO || a.State != Failed {
		t.Errorf("fifo: state %d, %v", a.State, errno)
	}
}
