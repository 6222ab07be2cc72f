package sockets

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"golang.org/x/sys/unix"
)

var kernel = sys.Linux{}

// directory creates a directory with a short name that everybody can enter.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ours requests an endpoint with our own identity.
func ours(kind core.ServiceType, path string) Request {
	return Request{Type: kind, Endpoint: core.Endpoint{Path: path}, Backlog: 5}
}

func mustOpen(t *testing.T, r Request) *Listener {
	t.Helper()
	return mustOpenIn(t, NewPaths(kernel), r)
}

func mustOpenIn(t *testing.T, p *Paths, r Request) *Listener {
	t.Helper()
	l, step, e := p.Open(r)
	if e != 0 {
		t.Fatalf("open %s: step %d: %v", r.Endpoint, step, e)
	}
	t.Cleanup(func() {
		if l.FD != sys.None {
			unix.Close(int(l.FD))
		}
	})
	return &l
}

// checkClosed checks that the code under test closed the descriptor.
func checkClosed(t *testing.T, fd sys.FD) {
	t.Helper()
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("descriptor %d is still open", fd)
	}
}

func dial(t *testing.T, path string) (net.Conn, error) {
	t.Helper()
	c, err := net.DialTimeout("unix", path, 5*time.Second)
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// asOwner locks the test to a thread that ends with it, and returns an account
// without rights.
func asOwner(t *testing.T) core.Account {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: files are made in the name of another account")
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("needs the account nobody: %v", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	return core.Account{Name: u.Username, UID: uint32(uid), GID: uint32(gid)}
}

func TestFilesHaveTheOwnerAndModeOfTheContract(t *testing.T) {
	owner := asOwner(t)
	dir := directory(t)
	if err := os.Chown(dir, int(owner.UID), int(owner.GID)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		kind core.ServiceType
		mode uint32
	}{
		{core.Unix, unix.S_IFSOCK | 0o666},
		{core.UnixDatagram, unix.S_IFSOCK | 0o666},
		{core.Pass, unix.S_IFSOCK | 0o666},
		{core.FIFO, unix.S_IFIFO | 0o622},
	} {
		path := filepath.Join(dir, test.kind.String())
		r := ours(test.kind, path)
		r.Owner, r.SwitchIdentity = owner, true
		l := mustOpen(t, r)
		var s unix.Stat_t
		if err := unix.Lstat(path, &s); err != nil {
			t.Fatal(err)
		}
		if s.Mode != test.mode || s.Uid != owner.UID || s.Gid != owner.GID {
			t.Errorf("%s: mode %o, owner %d:%d", test.kind, s.Mode, s.Uid, s.Gid)
		}
		if e := NewPaths(kernel).Remove(l); e != 0 {
			t.Errorf("remove %s: %v", test.kind, e)
		}
	}
	if unix.Geteuid() != 0 || unix.Getegid() != 0 {
		t.Errorf("identity is %d:%d after all", unix.Geteuid(), unix.Getegid())
	}
}

// Clients must see the mail owner as their peer: they trust it.
func TestClientsSeeTheOwnerAsPeer(t *testing.T) {
	owner := asOwner(t)
	dir := directory(t)
	if err := os.Chown(dir, int(owner.UID), int(owner.GID)); err != nil {
		t.Fatal(err)
	}
	r := ours(core.Unix, filepath.Join(dir, "s"))
	r.Owner, r.SwitchIdentity = owner, true
	mustOpen(t, r)
	c, err := dial(t, r.Endpoint.Path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var peer *unix.Ucred
	raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil || peer.Uid != owner.UID || peer.Gid != owner.GID {
		t.Errorf("peer is %+v, %v; want uid %d", peer, err, owner.UID)
	}
}

// The owner must be able to write the directory: root acts with its identity.
func TestOwnerWithoutRightsInTheDirectoryIsRefused(t *testing.T) {
	owner := asOwner(t)
	path := filepath.Join(directory(t), "s")
	for _, kind := range []core.ServiceType{core.Unix, core.FIFO} {
		r := ours(kind, path)
		r.Owner, r.SwitchIdentity = owner, true
		_, step, e := NewPaths(kernel).Open(r)
		if e != core.EACCES {
			t.Errorf("%s: step %d with %v, want EACCES", kind, step, e)
		}
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := ours(core.Unix, path)
	r.Owner, r.SwitchIdentity = owner, true
	if _, step, e := NewPaths(kernel).Open(r); step != core.StepRemove || e != core.EACCES {
		t.Errorf("a file in the way: step %d with %v", step, e)
	}
}

func TestListenersDoNotBlockAndCloseOnExec(t *testing.T) {
	dir := directory(t)
	requests := []Request{{Type: core.Inet, Backlog: 5, Endpoint: core.Endpoint{Address: netip.MustParseAddrPort("127.0.0.1:0")}}}
	for _, kind := range []core.ServiceType{core.Unix, core.UnixDatagram, core.FIFO, core.Pass} {
		requests = append(requests, ours(kind, filepath.Join(dir, kind.String())))
	}
	for _, r := range requests {
		l := mustOpen(t, r)
		flags, err1 := unix.FcntlInt(uintptr(l.FD), unix.F_GETFL, 0)
		fdFlags, err2 := unix.FcntlInt(uintptr(l.FD), unix.F_GETFD, 0)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if flags&unix.O_NONBLOCK == 0 || fdFlags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: flags %#x, descriptor flags %#x", r.Type, flags, fdFlags)
		}
	}
}

func TestInetSocketHasTheOptionsOfTheContract(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, step, e := NewPaths(kernel).Open(Request{
			Type: core.Inet, Backlog: 37, WindowSize: 8192,
			Endpoint: core.Endpoint{Address: netip.MustParseAddrPort(address)},
		})
		if e == core.EADDRNOTAVAIL || e == sys.EAFNOSUPPORT {
			t.Logf("%s: this machine lacks the address: step %d: %v", address, step, e)
			continue
		}
		if e != 0 {
			t.Fatal(step, e)
		}
		fd := int(l.FD)
		defer unix.Close(fd)
		want := map[string][3]int{
			"SO_REUSEADDR": {unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
			"SO_REUSEPORT": {unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
			"SO_RCVBUF":    {unix.SOL_SOCKET, unix.SO_RCVBUF, 2 * 8192}, // the kernel doubles it
			"SO_SNDBUF":    {unix.SOL_SOCKET, unix.SO_SNDBUF, 2 * 8192},
		}
		if strings.HasPrefix(address, "[") {
			want["IPV6_V6ONLY"] = [3]int{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1}
		}
		for name, o := range want {
			if got, err := unix.GetsockoptInt(fd, o[0], o[1]); err != nil || got != o[2] {
				t.Errorf("%s: %s is %d, %v; want %d", address, name, got, err, o[2])
			}
		}
		// For a listening socket, the kernel reports the length of the queue here.
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil || info.Sacked != 37 {
			t.Errorf("%s: backlog %d, %v; want 37", address, info.Sacked, err)
		}
	}
}

func TestPortInUseIsReportedAndClosed(t *testing.T) {
	other, err := net.Listen("tcp4", "127.0.0.1:0") // without SO_REUSEPORT
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	r := Request{Type: core.Inet, Backlog: 5, Endpoint: core.Endpoint{Address: netip.MustParseAddrPort(other.Addr().String())}}
	l, step, e := NewPaths(kernel).Open(r)
	if step != core.StepBind || e != core.EADDRINUSE || l.FD != sys.None {
		t.Errorf("step %d with %v, descriptor %d", step, e, l.FD)
	}
}

// A restarted master must get its port while children of the old one live.
func TestSecondListenerMaySharePort(t *testing.T) {
	first := mustOpen(t, Request{Type: core.Inet, Backlog: 5, Endpoint: core.Endpoint{Address: netip.MustParseAddrPort("127.0.0.1:0")}})
	bound, e := kernel.LocalAddress(first.FD)
	if e != 0 {
		t.Fatal(e)
	}
	mustOpen(t, Request{Type: core.Inet, Backlog: 5, Endpoint: core.Endpoint{Address: bound}})
}

func TestOpenReplacesWhateverFileIsThere(t *testing.T) {
	dir := directory(t)
	for name, put := range map[string]func(path string) error{
		"file":             func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) },
		"dangling symlink": func(p string) error { return os.Symlink("nowhere", p) },
		"fifo":             func(p string) error { return unix.Mkfifo(p, 0o600) },
		"nothing":          func(string) error { return nil },
	} {
		path := filepath.Join(dir, "s")
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		l := mustOpen(t, ours(core.Unix, path))
		if _, err := dial(t, path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if e := NewPaths(kernel).Remove(l); e != 0 {
			t.Errorf("%s: remove: %v", name, e)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, step, e := NewPaths(kernel).Open(ours(core.Unix, filepath.Join(dir, "d"))); step != core.StepRemove || e != core.EISDIR {
		t.Errorf("directory: step %d with %v", step, e)
	}
}

// A duplicate of the descriptor stands for a child that still holds it.
func TestRemoveRefusesClientsWhileAChildHoldsTheSocket(t *testing.T) {
	path := filepath.Join(directory(t), "s")
	for _, r := range []Request{
		ours(core.Unix, path),
		{Type: core.Inet, Backlog: 5, Endpoint: core.Endpoint{Address: netip.MustParseAddrPort("127.0.0.1:0")}},
	} {
		l := mustOpen(t, r)
		network, address := "unix", path
		if r.Type == core.Inet {
			bound, e := kernel.LocalAddress(l.FD)
			if e != 0 {
				t.Fatal(e)
			}
			network, address = "tcp", bound.String()
		}
		held, err := unix.FcntlInt(uintptr(l.FD), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(held)
		second := path + "2" // another name, to come by even when the file is gone
		if network == "unix" {
			if err := os.Link(path, second); err != nil {
				t.Fatal(err)
			}
			address = second
		}
		fd := l.FD
		if e := NewPaths(kernel).Remove(l); e != 0 {
			t.Error(e)
		}
		checkClosed(t, fd)
		c, err := net.DialTimeout(network, address, 5*time.Second)
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%s: a client gets %v, want connection refused", network, err)
		}
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestFilesOfOthersAreNotRemoved(t *testing.T) {
	path := filepath.Join(directory(t), "s")
	for name, end := range map[string]func(*Paths, *Listener) core.Errno{"remove": (*Paths).Remove, "abandon": (*Paths).Abandon} {
		first := mustOpen(t, ours(core.Unix, path))
		second := mustOpen(t, ours(core.Unix, path)) // unlinks the first one's file
		if e := end(NewPaths(kernel), first); e != 0 {
			t.Errorf("%s: %v", name, e)
		}
		if _, err := dial(t, path); err != nil {
			t.Errorf("%s took the file of another: %v", name, err)
		}
		if e := NewPaths(kernel).Remove(second); e != 0 {
			t.Error(e)
		}
	}
}

// A reload that gives one path to another type of service: the old listener
// serves on until the reload is settled, and again if it is given up.
func TestSetAsideAndBack(t *testing.T) {
	dir := directory(t)
	path := filepath.Join(dir, "s")
	p := NewPaths(kernel)
	old := mustOpenIn(t, p, ours(core.Unix, path))
	r := ours(core.FIFO, path)
	r.SetAside = true

	fresh := mustOpenIn(t, p, r)
	if s, e := kernel.Lstat(path); e != 0 || s.Type != sys.NamedPipe || s.ID != fresh.File {
		t.Fatalf("at the path: %+v, %v", s, e)
	}
	if e := p.Abandon(fresh); e != 0 {
		t.Fatal(e)
	}
	if _, err := dial(t, path); err != nil {
		t.Errorf("the old listener is not back: %v", err)
	}

	fresh = mustOpenIn(t, p, r)
	if e := p.Commit(fresh); e != 0 {
		t.Fatal(e)
	}
	if e := p.Remove(old); e != 0 {
		t.Fatal(e)
	}
	if s, e := kernel.Lstat(path); e != 0 || s.ID != fresh.File {
		t.Errorf("removing the old one hurt the new one: %+v, %v", s, e)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
}

// Two spellings of a path are one path: the second listener that wants it sets
// nothing aside.
func TestSpellingsOfAPathAreOnePath(t *testing.T) {
	dir := directory(t)
	p := NewPaths(kernel)
	running := mustOpenIn(t, p, ours(core.Unix, dir+"/x"))
	for _, path := range []string{dir + "/./x", dir + "/x"} {
		r := ours(core.FIFO, path)
		r.SetAside = true
		l := mustOpenIn(t, p, r)
		defer func() {
			if e := p.Abandon(l); e != 0 {
				t.Error(e)
			}
			entries, err := os.ReadDir(dir)
			if s, e := kernel.Lstat(dir + "/x"); err != nil || e != 0 || s.ID != running.File || len(entries) != 1 {
				t.Errorf("%v %v %+v %v", err, e, s, entries)
			}
		}()
	}
}

func TestFIFOIsNotReadableUntilSomebodyWrites(t *testing.T) {
	path := filepath.Join(directory(t), "f")
	l := mustOpen(t, ours(core.FIFO, path))
	readable := func() bool {
		set := []unix.PollFd{{Fd: int32(l.FD), Events: unix.POLLIN}}
		if _, err := unix.Poll(set, 0); err != nil {
			t.Fatal(err)
		}
		return set[0].Revents != 0
	}
	if readable() {
		t.Error("readable while empty")
	}
	writer, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(writer, []byte("W")); err != nil {
		t.Fatal(err)
	}
	if !readable() {
		t.Error("not readable after a write")
	}
	var b [8]byte
	if n, e := kernel.Read(l.FD, b[:]); n != 1 || e != 0 {
		t.Errorf("read %d bytes, %v", n, e)
	}
	unix.Close(writer)
	if readable() {
		t.Error("readable after the last writer left: the loop would spin")
	}
}

func TestDatagramsQueueUntilSomebodyReads(t *testing.T) {
	path := filepath.Join(directory(t), "d")
	l := mustOpen(t, ours(core.UnixDatagram, path))
	c, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	var b [8]byte
	if n, e := kernel.Read(l.FD, b[:]); e != 0 || string(b[:n]) != "hello" {
		t.Errorf("got %q, %v", b[:n], e)
	}
}
