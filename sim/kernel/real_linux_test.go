package kernel

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// nobody lives in the kernel but who asks it.
type nobody struct{}

func (nobody) Between(fault.Call)                  {}
func (nobody) Start(string) (core.Errno, bool)     { return 0, false }
func (nobody) Started(*Process)                    {}
func (nobody) Ended()                              {}
func (nobody) Reported(*Process, sys.Reaped, bool) {}
func (nobody) Heard(core.Generation, []byte)       {}
func (nobody) GroupSignaled(core.Signal)           {}
func (nobody) Reaped(*Process)                     {}
func (nobody) Signaled(*Process, core.Signal)      {}
func (nobody) Readable(uint64)                     {}
func (nobody) ClientChanged(int32)                 {}
func (nobody) DaemonReady()                        {}

// calls is what both kernels answer to. A descriptor of the test is its place
// in fds, so that the answers do not depend on the numbers.
type calls interface {
	Socket(sys.Family, sys.SocketKind) (sys.FD, core.Errno)
	SetOption(sys.FD, sys.Option, int) core.Errno
	Bind(sys.FD, core.Endpoint) core.Errno
	Listen(sys.FD, int) core.Errno
	Shutdown(sys.FD) core.Errno
	Close(sys.FD) core.Errno
	Read(sys.FD, []byte) (int, core.Errno)
	Write(sys.FD, []byte) (int, core.Errno)
	Open(string, sys.OpenMode) (sys.FD, core.Errno)
	Mkfifo(string, uint32) core.Errno
	Chmod(string, uint32) core.Errno
	Lstat(string) (sys.FileStatus, core.Errno)
	Unlink(string) core.Errno
	Rename(string, string) core.Errno
	StatusPair() (sys.FD, sys.FD, core.Errno)
	Connect(sys.FD, core.Endpoint) core.Errno
	SocketError(sys.FD) core.Errno
	Send(sys.FD, []byte) (int, core.Errno)
	SendDescriptor(sys.FD, byte, sys.FD) core.Errno
	Pipe() (sys.FD, sys.FD, core.Errno)
	PollOpen() (sys.FD, core.Errno)
	PollAdd(set, fd sys.FD, key uint64, read, write bool) core.Errno
	PollModify(set, fd sys.FD, key uint64, read, write bool) core.Errno
	PollRemove(set, fd sys.FD) core.Errno
}

// inquiry asks one kernel and writes the answers down.
type inquiry struct {
	calls
	wait    func(set sys.FD, buffer []sys.PollEvent) int
	port    uint16
	answers []string
	open    []sys.FD
}

func (q *inquiry) note(what string, args ...any) {
	q.answers = append(q.answers, what+" "+fmt.Sprint(args...))
}

func (q *inquiry) fd(what string, fd sys.FD, e core.Errno) sys.FD {
	q.note(what, e)
	if e == 0 {
		q.open = append(q.open, fd)
	}
	return fd
}

func (q *inquiry) socket(f sys.Family, kind sys.SocketKind) sys.FD {
	fd, e := q.Socket(f, kind)
	return q.fd("socket", fd, e)
}

func (q *inquiry) pair() (sys.FD, sys.FD) {
	a, b, e := q.StatusPair()
	q.fd("pair", a, e)
	return a, q.fd("pair", b, e)
}

func (q *inquiry) end(fd sys.FD) {
	q.note("close", q.Close(fd))
	q.open = slices.DeleteFunc(q.open, func(o sys.FD) bool { return o == fd })
}

func (q *inquiry) read(what string, fd sys.FD) {
	var b [64]byte
	n, e := q.Read(fd, b[:])
	q.note("read "+what, n, " ", e)
}

func (q *inquiry) send(what string, fd sys.FD) {
	n, e := q.Send(fd, []byte("x"))
	q.note("send "+what, n, " ", e)
}

// poll notes what is ready, in the order of the keys.
func (q *inquiry) poll(what string, set sys.FD) {
	var b [8]sys.PollEvent
	ready := b[:q.wait(set, b[:])]
	slices.SortFunc(ready, func(a, b sys.PollEvent) int { return int(a.Key) - int(b.Key) })
	q.note("poll "+what, ready)
}

func (q *inquiry) lstat(p string) {
	s, e := q.Lstat(p)
	q.note("lstat "+p, e, s.Type, s.Mode, s.Links)
}

// questions are asked of both kernels, each in a directory of its own.
var questions = map[string]func(q *inquiry){
	"files": func(q *inquiry) {
		s := q.socket(sys.FamilyUnix, sys.Stream)
		q.lstat("private/x")
		q.note("bind", q.Bind(s, path("x")))
		q.lstat("private/x")
		q.note("bind again", q.Bind(s, path("y")))
		q.note("bind taken", q.Bind(q.socket(sys.FamilyUnix, sys.Stream), path("x")))
		q.note("bind nowhere", q.Bind(q.socket(sys.FamilyUnix, sys.Stream), core.Endpoint{Path: "nowhere/x"}))
		q.note("chmod", q.Chmod("private/x", 0o666))
		q.note("rename", q.Rename("private/x", "private/y"), q.Rename("private/x", "private/y"))
		q.lstat("private/y")
		q.end(s)
		q.lstat("private/y")
		q.note("unlink", q.Unlink("private/y"), q.Unlink("private/y"), q.Unlink("private") == core.EISDIR)
		q.note("mkfifo", q.Mkfifo("private/f", 0o622), q.Mkfifo("private/f", 0o622))
		q.lstat("private/f")
	},
	"unix listener": func(q *inquiry) {
		l, c, set := q.socket(sys.FamilyUnix, sys.Stream), q.socket(sys.FamilyUnix, sys.Stream), q.set()
		q.note("connect to nothing", q.Connect(c, path("x")))
		q.note("bind", q.Bind(l, path("x")))
		q.note("connect before listen", q.Connect(c, path("x")))
		q.note("listen", q.Listen(l, 1), q.PollAdd(set, l, 1, true, false))
		q.poll("nobody", set)
		q.note("connect", q.Connect(c, path("x")), q.Connect(q.socket(sys.FamilyUnix, sys.Stream), path("x")))
		q.note("connect to a full queue", q.Connect(q.socket(sys.FamilyUnix, sys.Stream), path("x")))
		q.poll("client", set)
		q.send("to a queue", c)
		q.note("ignore", q.PollModify(set, l, 1, false, false))
		q.poll("ignored", set)
		q.note("shutdown", q.Shutdown(l))
		q.poll("shut", set)
		q.note("connect to shut", q.Connect(q.socket(sys.FamilyUnix, sys.Stream), path("x")))
		q.note("remove", q.PollRemove(set, l))
		q.poll("removed", set)
		q.send("queued still", c)
		q.end(l)
		q.note("connect to closed", q.Connect(q.socket(sys.FamilyUnix, sys.Stream), path("x")))
		q.read("reset", c)
		q.read("after reset", c)
	},
	"kinds": func(q *inquiry) {
		d := q.socket(sys.FamilyUnix, sys.Datagram)
		q.note("bind", q.Bind(d, path("d")), q.Listen(d, 1))
		q.note("connect", q.Connect(q.socket(sys.FamilyUnix, sys.Stream), path("d")))
		q.note("shutdown", q.Shutdown(d))
		_, e := q.Open("private/d", sys.OpenReadWrite)
		q.note("open", e)
	},
	"channel": func(q *inquiry) {
		a, b := q.pair()
		set := q.set()
		q.note("add", q.PollAdd(set, a, 1, true, false))
		q.read("empty", a)
		q.poll("empty", set)
		q.send("report", b)
		q.poll("report", set)
		q.note("shutdown", q.Shutdown(a))
		q.send("after the cut", b)
		q.poll("after the cut", set)
		q.read("queued", a)
		q.read("end", a)
		q.end(a)
		q.poll("closed", set)
		q.send("after the close", b)
	},
	"channel whose other end goes": func(q *inquiry) {
		a, b := q.pair()
		set := q.set()
		q.note("add", q.PollAdd(set, a, 1, false, false))
		q.send("report", b)
		q.end(b)
		q.poll("hangup without interest", set)
		q.read("queued", a)
		q.read("end", a)
		q.send("to nobody", a)
	},
	"unread at the close": func(q *inquiry) {
		a, b := q.pair()
		q.send("unread", a)
		q.end(b)
		q.read("reset", a)
		q.read("after reset", a)
	},
	"fifo": func(q *inquiry) {
		q.note("mkfifo", q.Mkfifo("private/f", 0o622))
		_, e := q.Open("private/f", sys.OpenWriteOnly)
		q.note("open without reader", e)
		f, e := q.Open("private/f", sys.OpenReadWrite)
		q.fd("open", f, e)
		w, e := q.Open("private/f", sys.OpenWriteOnly)
		q.fd("open", w, e)
		set := q.set()
		q.note("add", q.PollAdd(set, f, 1, true, false))
		q.poll("empty", set)
		q.read("empty", f)
		n, e := q.Write(w, []byte("W"))
		q.note("write", n, e)
		q.poll("full", set)
		q.read("full", f)
		q.end(w)
		q.read("no other writer", f)
	},
	"pipe passed": func(q *inquiry) {
		a, b := q.pair()
		r, w, e := q.Pipe()
		q.fd("pipe", r, e)
		q.fd("pipe", w, e)
		q.note("pass", q.SendDescriptor(a, 0, r))
		q.end(r)
		n, e := q.Write(w, []byte("W"))
		q.note("write to a reader on the way", n, e)
		q.end(b)
		n, e = q.Write(w, []byte("W"))
		q.note("write to a reader that was lost", n, e)
	},
	"shared member of a set": func(q *inquiry) {
		a, b := q.pair()
		c, d := q.pair()
		set := q.set()
		q.note("add", q.PollAdd(set, b, 1, true, false))
		q.note("share", q.SendDescriptor(c, 0, b)) // held by the channel, as a child would
		q.send("report", a)
		q.end(b)
		q.poll("closed here, held there", set)
		q.end(d)
		q.poll("closed there", set)
	},
	"inet": func(q *inquiry) {
		here := func(port uint16) core.Endpoint {
			return core.Endpoint{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)}
		}
		l, m, c, set := q.socket(sys.FamilyInet4, sys.Stream), q.socket(sys.FamilyInet4, sys.Stream), q.socket(sys.FamilyInet4, sys.Stream), q.set()
		q.note("bind", q.Bind(l, here(q.port)), q.Bind(l, here(q.port)))
		q.note("bind taken", q.Bind(m, here(q.port)))
		q.note("bind of a stranger's", q.Bind(m, core.Endpoint{Address: netip.MustParseAddrPort("192.0.2.1:25")}))
		q.note("shutdown too early", q.Shutdown(m))
		q.note("listen", q.Listen(l, 5), q.PollAdd(set, l, 1, true, false))
		q.note("connect", q.Connect(c, here(q.port)))
		q.poll("client", set)
		q.note("error", q.SocketError(c))
		q.send("queued", c)
		q.note("shutdown", q.Shutdown(l))
		q.note("bind to the shut one's", q.Bind(m, here(q.port)))
		q.note("shutdown again", q.Shutdown(l))
		q.read("reset", c)
		q.read("after reset", c)
		refused := q.socket(sys.FamilyInet4, sys.Stream)
		q.note("connect to shut", q.Connect(refused, here(q.port)), q.PollAdd(set, refused, 2, false, true), q.PollRemove(set, l))
		q.poll("refused", set)
		q.note("error", q.SocketError(refused), q.SocketError(refused))
	},
	"reuseport": func(q *inquiry) {
		here := core.Endpoint{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), q.port)}
		l, m := q.socket(sys.FamilyInet4, sys.Stream), q.socket(sys.FamilyInet4, sys.Stream)
		q.note("options", q.SetOption(l, sys.OptionReusePort, 1), q.SetOption(m, sys.OptionReusePort, 1))
		q.note("bind", q.Bind(l, here), q.Bind(m, here), q.Bind(q.socket(sys.FamilyInet4, sys.Stream), here))
		q.note("listen", q.Listen(l, 5), q.Listen(m, 5))
	},
}

func (q *inquiry) set() sys.FD {
	fd, e := q.PollOpen()
	return q.fd("set", fd, e)
}

// freePort asks Linux for a port that nobody uses.
func freePort(t *testing.T) uint16 {
	k := sys.Linux{}
	fd, e := k.Socket(sys.FamilyInet4, sys.Stream)
	if e != 0 {
		t.Fatal(e)
	}
	defer k.Close(fd)
	if e := k.Bind(fd, core.Endpoint{Address: netip.MustParseAddrPort("127.0.0.1:0")}); e != 0 {
		t.Fatal(e)
	}
	a, e := k.LocalAddress(fd)
	if e != 0 {
		t.Fatal(e)
	}
	return a.Port()
}

// TestAnswersAreLinuxs asks this kernel and the real one the same questions.
func TestAnswersAreLinuxs(t *testing.T) {
	for name, ask := range questions {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.Mkdir("private", 0o700); err != nil {
				t.Fatal(err)
			}
			port := freePort(t)
			before := setUmask(umask)
			defer setUmask(before)
			real := &inquiry{calls: sys.Linux{}, port: port, wait: func(set sys.FD, buffer []sys.PollEvent) int {
				n, _ := sys.Linux{}.PollWait(set, buffer, 0)
				return n
			}}
			defer func() {
				for _, fd := range real.open {
					sys.Linux{}.Close(fd)
				}
			}()
			ask(real)
			k := New(nobody{}, new(tape.Chooser))
			k.Choose.Play(nil)
			k.Reset(core.Account{})
			made := &inquiry{calls: k, port: port, wait: k.PollWait}
			ask(made)
			for n := range real.answers {
				if real.answers[n] != made.answers[n] {
					t.Errorf("Linux: %s\nours:  %s", real.answers[n], made.answers[n])
				}
			}
			if b := k.Breaches(); len(b) > 0 {
				t.Errorf("ours complains: %v", b)
			}
		})
	}
}

func setUmask(mask int) (before int) { return unix.Umask(mask) }

func path(name string) core.Endpoint { return core.Endpoint{Path: "private/" + name} }
