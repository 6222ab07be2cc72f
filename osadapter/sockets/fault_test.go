package sockets

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

var mailOwner = core.Account{Name: "mail", UID: 25, GID: 26}

func pathRequest(t core.ServiceType, aside bool) Request {
	return Request{
		Type: t, Endpoint: core.Endpoint{Path: "private/x"}, Backlog: 100,
		Owner: mailOwner, SwitchIdentity: true, SetAside: aside,
	}
}

func inetRequest(address string) Request {
	return Request{
		Type: core.Inet, Endpoint: core.Endpoint{Address: netip.MustParseAddrPort(address)},
		Backlog: 100, WindowSize: 4096, Owner: mailOwner, SwitchIdentity: true,
	}
}

// everyRequest returns one request of each shape.
func everyRequest() map[string]Request {
	m := map[string]Request{"inet4": inetRequest("192.0.2.1:25"), "inet6": inetRequest("[2001:db8::1]:25")}
	for _, t := range []core.ServiceType{core.Unix, core.UnixDatagram, core.FIFO, core.Pass} {
		m[t.String()] = pathRequest(t, false)
		m[t.String()+" aside"] = pathRequest(t, true)
	}
	return m
}

// The order is part of the contract: another order would be visible to a client
// that connects in between, or would listen as root.
func TestOpenKeepsTheOrderOfSteps(t *testing.T) {
	const assume, resume = "assume 25", "resume"
	lines := map[string][]string{
		"inet4": {
			"socket 2 1", "option 2 1", "option 3 1", "bind 192.0.2.1:25", "option 4 4096",
			"option 5 4096", "listen 100 as 0",
		},
		"inet6": {
			"socket 3 1", "option 1 1", "option 2 1", "option 3 1", "bind [2001:db8::1]:25",
			"option 4 4096", "option 5 4096", "listen 100 as 0",
		},
		"unix": {
			assume, "socket 1 1", "unlink private/x", "bind private/x", "lstat private/x",
			"chmod private/x 438", "listen 100 as 25", resume,
		},
		"unix-dgram": {
			assume, "socket 1 2", "unlink private/x", "bind private/x", "lstat private/x",
			"chmod private/x 438", resume,
		},
		"fifo": {
			assume, "unlink private/x", "mkfifo private/x 402", "open private/x", "fstat",
			"fchmod 402", "read", resume,
		},
		"unix aside": {
			assume, "socket 1 1", "lstat private/x", "rename private/x private/x aside", "bind private/x", "lstat private/x",
			"chmod private/x 438", "listen 100 as 25", resume,
		},
	}
	lines["pass"], lines["pass aside"] = lines["unix"], lines["unix aside"]
	for name, want := range lines {
		t.Run(name, func(t *testing.T) {
			k := newFakeKernel(-1, 0)
			k.put("private/x", sys.SocketFile)
			if _, step, e := NewPaths(k).Open(everyRequest()[name]); e != 0 {
				t.Fatalf("step %d: %v", step, e)
			}
			if !slices.Equal(k.calls, want) {
				t.Errorf("calls\n%s\nwant\n%s", strings.Join(k.calls, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// stepOf maps a call to the step that reports its failure; a call that is missing
// here does not fail the opening.
var stepOf = map[string]core.ListenStep{
	"assume": core.StepUser, "socket": core.StepSocket, "option": core.StepOption,
	"unlink": core.StepRemove, "rename": core.StepAside, "bind": core.StepBind, "chmod": core.StepMode,
	"listen": core.StepListen, "mkfifo": core.StepCreate, "open": core.StepOpen, "fstat": core.StepStat,
	"fchmod": core.StepMode,
}

// Every call of every kind of opening fails once. Then what was opened is closed,
// what was created is removed, what was set aside is back, and we are root.
// neighboursRequest returns requests of which the second and third, and the last
// two, can share an identity.
func neighboursRequest() []Request {
	other := pathRequest(core.Unix, false)
	other.Owner.UID++
	return []Request{
		inetRequest("192.0.2.1:25"), pathRequest(core.Unix, false), pathRequest(core.FIFO, false),
		inetRequest("192.0.2.2:25"), other, other,
	}
}

func TestNeighboursOfOneOwnerShareTheIdentity(t *testing.T) {
	k := newFakeKernel(-1, 0)
	requests := neighboursRequest()
	opened := make([]Opened, len(requests))
	NewPaths(k).OpenAll(requests, opened, nil)
	var switches []string
	for _, c := range k.calls {
		switch name, _, _ := strings.Cut(c, " "); name {
		case "assume", "resume":
			switches = append(switches, c)
		case "socket", "mkfifo":
			switches = append(switches, name)
		}
	}
	want := []string{
		"socket", "assume 25", "socket", "mkfifo", "resume", "socket", "assume 26", "socket", "socket", "resume",
	}
	if !slices.Equal(switches, want) {
		t.Errorf("got  %q\nwant %q", switches, want)
	}
	for i, o := range opened {
		if o.Errno != 0 || o.Listener.FD == sys.None || o.Listener.Endpoint != requests[i].Endpoint {
			t.Errorf("request %d: %+v", i, o)
		}
	}
}

func TestIdentityThatIsRefusedFailsAllThatNeedIt(t *testing.T) {
	k := newFakeKernel(0, core.EPERM)
	requests := neighboursRequest()[1:]
	opened := make([]Opened, len(requests))
	NewPaths(k).OpenAll(requests, opened, nil)
	for i, o := range opened {
		step, e := core.StepNone, core.Errno(0)
		if i < 2 {
			step, e = core.StepUser, core.EPERM
		}
		if o.Step != step || o.Errno != e || (o.Listener.FD == sys.None) != (e != 0) {
			t.Errorf("request %d: %+v, want step %v, %v", i, o, step, e)
		}
	}
}

func TestOneOfManyThatFailsLeavesTheOthers(t *testing.T) {
	requests := []Request{pathRequest(core.Unix, false), pathRequest(core.UnixDatagram, false), pathRequest(core.FIFO, false)}
	whole := newFakeKernel(-1, 0)
	NewPaths(whole).OpenAll(requests, make([]Opened, len(requests)), nil)
	for at, call := range whole.calls {
		k := newFakeKernel(at, core.EIO)
		opened := make([]Opened, len(requests))
		if call == "assume 25" || call == "resume" || strings.HasPrefix(call, "read") {
			continue // these fail every time, are retried, or do not matter
		}
		NewPaths(k).OpenAll(requests, opened, nil)
		failed := 0
		for _, o := range opened {
			if o.Errno != 0 {
				failed++
			}
		}
		if failed != 1 || len(k.open) != len(requests)-1 {
			t.Errorf("call %d, %s: %d failed, %d descriptors are open", at, call, failed, len(k.open))
		}
	}
}

func TestOpenThatFailsLeavesNothing(t *testing.T) {
	for name, request := range everyRequest() {
		for _, occupied := range []bool{false, true} {
			for n := 0; ; n++ {
				k := newFakeKernel(n, core.EACCES)
				var old sys.FileID
				if occupied {
					old = k.put("private/x", sys.SocketFile)
				}
				l, step, e := NewPaths(k).Open(request)
				if n >= len(k.calls) {
					break // there was no call of that number
				}
				where := fmt.Sprintf("%s, occupied %v, call %d %q fails", name, occupied, n, k.calls[n])
				checkFailedOpen(t, where, k, request, l, step, e)
				if occupied && e != 0 && request.SetAside && k.files["private/x"].ID != old {
					t.Errorf("%s: what was set aside is not back: %v", where, k.names())
				}
			}
		}
	}
}

func checkFailedOpen(t *testing.T, where string, k *fakeKernel, r Request, l Listener, step core.ListenStep, e core.Errno) {
	t.Helper()
	call, _, _ := strings.Cut(k.calls[k.failAt], " ")
	if k.uid != 0 {
		t.Errorf("%s: identity is %d", where, k.uid)
	}
	if call == "read" || call == "resume" {
		if e != 0 { // an empty FIFO, or a resume that succeeds the second time
			t.Errorf("%s: failed with %v", where, e)
		}
		return
	}
	want := stepOf[call]
	if call == "lstat" { // before the bind it looks at what occupies the path
		want = core.StepAside
		if slices.ContainsFunc(k.calls[:k.failAt], func(c string) bool { return strings.HasPrefix(c, "bind") }) {
			want = core.StepStat
		}
	}
	if e != core.EACCES || step != want {
		t.Errorf("%s: step %d with %v, want step %d with EACCES", where, step, e, want)
	}
	if l.FD != sys.None || len(k.open) != 0 {
		t.Errorf("%s: left open: %v", where, k.open)
	}
	for path, status := range k.files {
		if status.UID == r.Owner.UID {
			t.Errorf("%s: left behind: %s", where, path)
		}
	}
}

// A second failure, while the first is undone, must leak neither a descriptor nor
// the identity.
func TestOpenUndoesOnWhenUndoingFails(t *testing.T) {
	for name, request := range everyRequest() {
		for n := 0; ; n++ {
			k := newFakeKernel(n, core.EIO)
			k.alsoFail = "unlink rename lstat close shutdown"
			k.put("private/x", sys.SocketFile)
			_, _, e := NewPaths(k).Open(request)
			if n >= len(k.calls) {
				break
			}
			if k.uid != 0 || e != 0 && len(k.open) != 0 {
				t.Errorf("%s, call %d %q fails: identity %d, open %v", name, n, k.calls[n], k.uid, k.open)
			}
		}
	}
}

func TestOpenTellsWhatIsInTheWay(t *testing.T) {
	long := strings.Repeat("x", sys.SocketPathLimit+1)
	for name, test := range map[string]struct {
		kind  core.ServiceType
		path  string
		there sys.FileType
		aside bool
		step  core.ListenStep
		errno core.Errno
	}{
		"a directory":                    {core.Unix, "d", sys.Directory, false, core.StepRemove, core.EISDIR},
		"a directory at reload":          {core.Pass, "d", sys.Directory, true, core.StepRemove, core.EISDIR},
		"a directory for a FIFO":         {core.FIFO, "d", sys.Directory, false, core.StepRemove, core.EISDIR},
		"a name that is too long":        {core.Unix, long, 0, false, core.StepName, core.ENAMETOOLONG},
		"a datagram name too long":       {core.UnixDatagram, long, 0, false, core.StepName, core.ENAMETOOLONG},
		"the longest name":               {core.Unix, long[1:], 0, false, core.StepNone, 0},
		"a FIFO has no limit of its own": {core.FIFO, long, 0, false, core.StepNone, 0},
	} {
		t.Run(name, func(t *testing.T) {
			k := newFakeKernel(-1, 0)
			if test.there != 0 {
				k.put(test.path, test.there)
			}
			r := pathRequest(test.kind, test.aside)
			r.Endpoint.Path = test.path
			before := k.names()
			_, step, e := NewPaths(k).Open(r)
			if step != test.step || e != test.errno {
				t.Errorf("step %d with %v, want step %d with %v", step, e, test.step, test.errno)
			}
			if e != 0 && (!slices.Equal(k.names(), before) || len(k.open) != 0) {
				t.Errorf("left: %v %v", k.names(), k.open)
			}
		})
	}
}

func TestOpenRefusesWhatIsNoFIFO(t *testing.T) {
	k := &swappingKernel{newFakeKernel(-1, 0)}
	_, step, e := NewPaths(k).Open(pathRequest(core.FIFO, false))
	if step != core.StepNotFIFO || e == 0 {
		t.Errorf("step %d with %v", step, e)
	}
	if len(k.open) != 0 || k.uid != 0 {
		t.Errorf("left: %v, identity %d", k.open, k.uid)
	}
}

// swappingKernel replaces a FIFO by a file between mkfifo and open.
type swappingKernel struct{ *fakeKernel }

func (k *swappingKernel) Open(path string, mode sys.OpenMode) (sys.FD, core.Errno) {
	k.put(path, sys.RegularFile)
	return k.fakeKernel.Open(path, mode)
}

// closing holds each way in which a listener ends.
var closing = map[string]struct {
	end     func(*Paths, *Listener) core.Errno
	aside   bool
	insists bool // retries failed calls, except for close
}{
	"remove":        {(*Paths).Remove, false, false},
	"abandon":       {(*Paths).Abandon, false, true},
	"abandon aside": {(*Paths).Abandon, true, true},
}

// Whatever fails while a listener ends, it is closed and we are root; a single
// failure does not prevent Abandon from restoring the path.
func TestEndsCloseTheDescriptorWhateverFails(t *testing.T) {
	for name, c := range closing {
		for _, kind := range []core.ServiceType{core.Inet, core.Unix, core.UnixDatagram, core.FIFO, core.Pass} {
			for n := 0; ; n++ {
				k := newFakeKernel(-1, core.EIO)
				before := k.put("private/x", sys.SocketFile)
				r := pathRequest(kind, c.aside)
				if kind == core.Inet {
					r = inetRequest("192.0.2.1:25")
				}
				p := NewPaths(k)
				l, _, e := p.Open(r)
				if e != 0 {
					t.Fatal(e)
				}
				k.failAt = len(k.calls) + n
				e = c.end(p, &l)
				if k.failAt >= len(k.calls) {
					break
				}
				call := k.calls[k.failAt]
				if len(k.open) != 0 || k.uid != 0 || l.FD != sys.None {
					t.Errorf("%s %s, %q fails: open %v, identity %d", name, kind, call, k.open, k.uid)
				}
				want := core.EIO
				if c.insists && !strings.HasPrefix(call, "close") || call == "resume" {
					want = 0
				}
				if e != want {
					t.Errorf("%s %s, %q fails: answer %v, want %v", name, kind, call, e, want)
				}
				if there := k.files["private/x"].ID; c.aside && kind != core.Inet && (there != before || len(k.files) != 1) {
					t.Errorf("%s %s, %q fails: the path was not given back: %v", name, kind, call, k.names())
				}
			}
		}
	}
}

// A file that could not be put back is remembered and can be put back later.
func TestPutBackComesLate(t *testing.T) {
	k := newFakeKernel(-1, core.EIO)
	before := k.put("private/x", sys.SocketFile)
	p := NewPaths(k)
	l, _, e := p.Open(pathRequest(core.Unix, true))
	if e != 0 {
		t.Fatal(e)
	}
	k.failAt, k.alsoFail = len(k.calls), "rename"
	if e := p.Abandon(&l); e == 0 || !p.RetriesPending() {
		t.Fatalf("answer %v, owed %q", e, p.Displaced())
	}
	if e := p.PutBack("private/x"); e == 0 || !slices.Equal(p.Displaced(), []string{"private/x"}) {
		t.Fatalf("answer %v, owed %q", e, p.Displaced())
	}
	k.failAt, k.alsoFail = -1, ""
	if e := p.PutBack("private/x"); e != 0 || p.RetriesPending() || k.files["private/x"].ID != before || len(k.files) != 1 {
		t.Errorf("answer %v, owed %q, files %v", e, p.Displaced(), k.names())
	}
}

func TestRemoveLeavesTheFileOfAnother(t *testing.T) {
	k := newFakeKernel(-1, 0)
	p := NewPaths(k)
	l, _, e := p.Open(pathRequest(core.Unix, false))
	if e != 0 {
		t.Fatal(e)
	}
	other := k.put("private/x", sys.SocketFile)
	if e := p.Remove(&l); e != 0 {
		t.Error(e)
	}
	if k.files["private/x"].ID != other {
		t.Error("removed the file of another")
	}
}

// A file set aside that Paths does not know was left by a master that died during a
// reload.
func TestSetAsideReplacesWhatADeadMasterLeft(t *testing.T) {
	k := newFakeKernel(-1, 0)
	before := k.put("private/x", sys.SocketFile)
	k.put("private/x aside", sys.SocketFile)
	p := NewPaths(k)
	l, _, e := p.Open(pathRequest(core.Unix, true))
	if e != 0 || k.files["private/x aside"].ID != before {
		t.Fatalf("%v, files %v", e, k.files)
	}
	if e := p.Abandon(&l); e != 0 || k.files["private/x"].ID != before || len(k.files) != 1 {
		t.Errorf("%v, files %v", e, k.files)
	}
}

func TestIdentityThatDoesNotComeBackPanics(t *testing.T) {
	k := newFakeKernel(0, core.EPERM)
	k.alsoFail = "resume"
	defer func() {
		if recover() == nil {
			t.Error("went on as somebody else")
		}
	}()
	NewPaths(k).Open(pathRequest(core.Unix, false))
}
