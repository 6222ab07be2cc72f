package trigger

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// fakeKernel succeeds, except that call number failAt fails with errno. It counts
// open descriptors.
type fakeKernel struct {
	calls      []string
	failAt     int
	errno      core.Errno
	open       map[sys.FD]bool
	nextFD     sys.FD
	uid        uint32
	inProgress bool // connections take time
	bound      netip.AddrPort
	file       sys.FileStatus
	renamed    bool // another file is at the path now
}

func newFakeKernel(failAt int, errno core.Errno) *fakeKernel {
	return &fakeKernel{
		failAt: failAt, errno: errno, open: map[sys.FD]bool{}, nextFD: 10,
		bound: netip.MustParseAddrPort("192.0.2.7:2525"),
		file:  sys.FileStatus{ID: sys.FileID{Device: 1, Inode: 2}, Type: sys.NamedPipe, Links: 1},
	}
}

func (k *fakeKernel) call(text string, args ...any) core.Errno {
	k.calls = append(k.calls, strings.TrimSpace(text+" "+fmt.Sprintln(args...)))
	if k.failAt == len(k.calls)-1 {
		return k.errno
	}
	return 0
}

func (k *fakeKernel) openFD() sys.FD {
	k.nextFD++
	k.open[k.nextFD] = true
	return k.nextFD
}

func (k *fakeKernel) Assume(uid, _ uint32) (core.ListenStep, core.Errno) {
	if e := k.call("assume", uid); e != 0 {
		return core.StepUser, e
	}
	k.uid = uid
	return core.StepNone, 0
}

func (k *fakeKernel) Resume() core.Errno {
	if e := k.call("resume"); e != 0 {
		return e
	}
	k.uid = 0
	return 0
}

func (k *fakeKernel) Socket(f sys.Family, kind sys.SocketKind) (sys.FD, core.Errno) {
	if e := k.call("socket", f, kind); e != 0 {
		return sys.None, e
	}
	return k.openFD(), 0
}

func (k *fakeKernel) Connect(_ sys.FD, to core.Endpoint) core.Errno {
	e := k.call("connect", to)
	if e == 0 && k.inProgress {
		return core.EINPROGRESS
	}
	return e
}

func (k *fakeKernel) SocketError(sys.FD) core.Errno { return k.call("socket-error") }

func (k *fakeKernel) LocalAddress(sys.FD) (netip.AddrPort, core.Errno) {
	return k.bound, k.call("local-address")
}

func (k *fakeKernel) Send(_ sys.FD, p []byte) (int, core.Errno) {
	return len(p), k.call("send", p)
}

func (k *fakeKernel) SendDescriptor(_ sys.FD, with byte, passed sys.FD) core.Errno {
	if !k.open[passed] {
		panic("passes a descriptor that is not open")
	}
	return k.call("send-descriptor", with)
}

func (k *fakeKernel) Pipe() (read, write sys.FD, e core.Errno) {
	if e := k.call("pipe"); e != 0 {
		return sys.None, sys.None, e
	}
	return k.openFD(), k.openFD(), 0
}

func (k *fakeKernel) Write(_ sys.FD, p []byte) (int, core.Errno) { return len(p), k.call("write", p) }

func (k *fakeKernel) Open(path string, mode sys.OpenMode) (sys.FD, core.Errno) {
	if e := k.call("open", path, mode, "as", k.uid); e != 0 {
		return sys.None, e
	}
	return k.openFD(), 0
}

func (k *fakeKernel) Lstat(string) (sys.FileStatus, core.Errno) {
	file := k.file
	if k.renamed {
		file.ID.Inode++
	}
	return file, k.call("lstat")
}

func (k *fakeKernel) Fstat(sys.FD) (sys.FileStatus, core.Errno) { return k.file, k.call("fstat") }

func (k *fakeKernel) Close(fd sys.FD) core.Errno {
	if !k.open[fd] {
		panic("close of a descriptor that is not open")
	}
	delete(k.open, fd)
	return k.call("close")
}

func entry(kind core.ServiceType, endpoint string) *core.ServiceConfig {
	e := &core.ServiceConfig{Type: kind, Owner: core.Account{Name: "mail", UID: 25, GID: 26}, SwitchIdentity: true}
	e.Endpoints = []core.Endpoint{{Path: endpoint}}
	if kind == core.Inet {
		e.Endpoints = []core.Endpoint{{Address: netip.MustParseAddrPort(endpoint)}}
	}
	return e
}

// run continues an attempt as far as it goes by itself, and closes it when it is over.
func run(k *fakeKernel, kind core.ServiceType) (Attempt, core.Errno) {
	endpoint := "private/x"
	if kind == core.Inet {
		endpoint = "192.0.2.1:25"
	}
	a, e := Begin(k, entry(kind, endpoint), 7)
	if e == 0 && a.State == Connecting {
		e = a.Continue(k)
		if a.State == Done || a.State == Failed {
			a.Close(k)
		}
	}
	return a, e
}

// The caller's poll set has to lose the descriptor before it is closed.
func TestContinueClosesNothing(t *testing.T) {
	for n := 3; n < 5; n++ { // socket, connect; SocketError fails, or the request does
		k := newFakeKernel(n-1, core.ECONNREFUSED)
		k.inProgress = true
		a, _ := Begin(k, entry(core.Inet, "192.0.2.1:25"), sys.None)
		a.Continue(k)
		if (a.State != Failed && a.State != Done) || !k.open[a.FD] {
			t.Errorf("call %d fails: state %d, open %v", n, a.State, k.open)
		}
	}
}

func TestRequestOfEachType(t *testing.T) {
	for _, test := range []struct {
		kind  core.ServiceType
		state State
		calls []string
	}{
		{core.Unix, Open, []string{"socket 1 1", "connect private/x", "send [87]", "send [0]"}},
		{core.Inet, Open, []string{"local-address", "socket 2 1", "connect 192.0.2.7:2525", "socket-error", "send [87]", "send [0]"}},
		{core.Pass, Open, []string{"socket 1 1", "connect private/x", "pipe", "send-descriptor 0", "write [87]", "write [0]"}},
		{core.FIFO, Done, []string{"assume 25", "open private/x 2 as 25", "fstat", "lstat", "write [87]", "close", "resume"}},
	} {
		k := newFakeKernel(-1, 0)
		k.inProgress = test.kind == core.Inet
		a, e := run(k, test.kind)
		if e != 0 || a.State != test.state || !slices.Equal(k.calls, test.calls) {
			t.Errorf("%s: state %d, %v, calls %q", test.kind, a.State, e, k.calls)
		}
		if (a.State == Open) != (a.FD != sys.None) {
			t.Errorf("%s: state %d with descriptor %d", test.kind, a.State, a.FD)
		}
		a.Close(k)
		a.Close(k) // harmless when repeated
		if len(k.open) != 0 || a.State != Done {
			t.Errorf("%s: left open %v, state %d", test.kind, k.open, a.State)
		}
	}
}

// Each call of each type fails once: no descriptor stays open, and the identity is
// root's again. Failed sends do not count: the connection was established.
func TestFailureLeavesNothing(t *testing.T) {
	for _, kind := range []core.ServiceType{core.Unix, core.Inet, core.Pass, core.FIFO} {
		for _, inProgress := range []bool{false, true} {
			for n := 0; ; n++ {
				k := newFakeKernel(n, core.EPIPE)
				k.inProgress = inProgress
				a, e := run(k, kind)
				if n >= len(k.calls) {
					break
				}
				call, _, _ := strings.Cut(k.calls[n], " ")
				where := fmt.Sprintf("%s, call %d %q fails", kind, n, k.calls[n])
				harmless := call == "send" || call == "resume" || kind == core.FIFO && (call == "write" || call == "close")
				if k.uid != 0 {
					t.Errorf("%s: identity %d", where, k.uid)
				}
				if harmless {
					if e != 0 || a.State != Open && a.State != Done {
						t.Errorf("%s: state %d, %v", where, a.State, e)
					}
					if call == "send" && len(k.open) != 0 {
						t.Errorf("%s: the receiver waits for the rest on %v", where, k.open)
					}
					a.Close(k)
				} else if e != core.EPIPE || a.State != Failed || a.FD != sys.None {
					t.Errorf("%s: state %d, %v, descriptor %d", where, a.State, e, a.FD)
				}
				if len(k.open) != 0 {
					t.Errorf("%s: left open %v", where, k.open)
				}
			}
		}
	}
}

func TestUnfinishedAttemptCanBeClosed(t *testing.T) {
	k := newFakeKernel(-1, 0)
	k.inProgress = true
	a, e := Begin(k, entry(core.Inet, "192.0.2.1:25"), sys.None)
	if e != 0 || a.State != Connecting || a.FD == sys.None {
		t.Fatalf("state %d, descriptor %d, %v", a.State, a.FD, e)
	}
	a.Close(k)
	if len(k.open) != 0 || a.State != Done {
		t.Errorf("left open %v, state %d", k.open, a.State)
	}
	if e := a.Continue(k); e != 0 || len(k.open) != 0 {
		t.Errorf("a closed attempt went on: %v", e)
	}
}

// A descriptor may be reported ready although the connection attempt is still
// pending.
func TestFalseAlarmKeepsConnecting(t *testing.T) {
	for _, e := range []core.Errno{core.EAGAIN, core.ENOTCONN} {
		k := newFakeKernel(3, e) // without local-address: socket, connect, socket-error, send
		k.inProgress = true
		a, got := runEntryAddress(k)
		if got != 0 || a.State != Connecting {
			t.Errorf("%v: state %d, %v", e, a.State, got)
		}
		if got := a.Continue(k); got != 0 || a.State != Open {
			t.Errorf("%v, second time: state %d, %v", e, a.State, got)
		}
		a.Close(k)
	}
}

func runEntryAddress(k *fakeKernel) (Attempt, core.Errno) {
	a, e := Begin(k, entry(core.Inet, "192.0.2.1:25"), sys.None)
	if e == 0 {
		e = a.Continue(k)
	}
	return a, e
}

func TestInetWakeupGoesToAnAddressOfTheService(t *testing.T) {
	for _, test := range []struct{ bound, want string }{
		{"192.0.2.7:2525", "connect 192.0.2.7:2525"},
		{"0.0.0.0:25", "connect 127.0.0.1:25"},
		{"[::]:25", "connect [::1]:25"},
		{"[fe80::1%2]:25", "connect [fe80::1%2]:25"},
	} {
		k := newFakeKernel(-1, 0)
		k.bound = netip.MustParseAddrPort(test.bound)
		if _, e := Begin(k, entry(core.Inet, "198.51.100.1:0"), 7); e != 0 || !slices.Contains(k.calls, test.want) {
			t.Errorf("bound to %s: %v, calls %q", test.bound, e, k.calls)
		}
		k = newFakeKernel(-1, 0)
		if _, e := Begin(k, entry(core.Inet, test.bound), sys.None); e != 0 || !slices.Contains(k.calls, test.want) {
			t.Errorf("configured %s: %v, calls %q", test.bound, e, k.calls)
		}
	}
}

func TestDatagramServicesCannotBeWoken(t *testing.T) {
	k := newFakeKernel(-1, 0)
	a, e := Begin(k, entry(core.UnixDatagram, "private/x"), 7)
	if e != core.EOPNOTSUPP || a.State != Failed || len(k.calls) != 0 {
		t.Errorf("state %d, %v, calls %q", a.State, e, k.calls)
	}
}

func TestUnsafeFIFOIsNotWritten(t *testing.T) {
	for name, spoil := range map[string]func(*fakeKernel){
		"a regular file":  func(k *fakeKernel) { k.file.Type = sys.RegularFile },
		"a hard link":     func(k *fakeKernel) { k.file.Links = 2 },
		"another by then": func(k *fakeKernel) { k.renamed = true },
	} {
		k := newFakeKernel(-1, 0)
		spoil(k)
		a, e := run(k, core.FIFO)
		if e != core.EPERM || a.State != Failed || len(k.open) != 0 || k.uid != 0 {
			t.Errorf("%s: state %d, %v, open %v, identity %d", name, a.State, e, k.open, k.uid)
		}
		if slices.Contains(k.calls, "write [87]") {
			t.Errorf("%s: written all the same", name)
		}
	}
}
