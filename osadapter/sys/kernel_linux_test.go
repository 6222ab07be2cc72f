package sys

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

const patience = 10 * time.Second

var kernel = Linux{}

// must ends the test on an error of the kernel.
func must(t testing.TB, e core.Errno) {
	t.Helper()
	if e != 0 {
		t.Fatal(e)
	}
}

// flags reports whether a descriptor is non-blocking and whether it is
// close-on-exec.
func flags(t *testing.T, fd FD) (nonblocking, closeOnExec bool) {
	t.Helper()
	status, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil {
		t.Fatal(err)
	}
	return status&unix.O_NONBLOCK != 0, own&unix.FD_CLOEXEC != 0
}

func TestDescriptorsHaveTheModeOfTheContract(t *testing.T) {
	type made struct {
		name        string
		fd          FD
		nonblocking bool
	}
	var all []made
	pair := func(name string, a, b FD, e core.Errno, first, second bool) {
		must(t, e)
		all = append(all, made{name + " 0", a, first}, made{name + " 1", b, second})
	}
	a, b, e := kernel.StatusPair()
	pair("status channel", a, b, e, true, false)
	a, b, e = kernel.FlowPipe()
	pair("flow pipe", a, b, e, true, true)
	a, b, e = kernel.Pipe()
	pair("pipe", a, b, e, false, false)
	a, e = kernel.Socket(FamilyUnix, Stream)
	must(t, e)
	b, e = kernel.Socket(FamilyInet4, Datagram)
	pair("sockets", a, b, e, true, true)
	a, e = kernel.Open(os.DevNull, OpenReadWrite)
	must(t, e)
	b, e = kernel.Open(os.DevNull, OpenWriteOnly)
	pair("files", a, b, e, true, true)
	a, e = kernel.WakerOpen()
	pair("waker", a, a, e, true, true)
	a, e = kernel.PollOpen()
	pair("poll set", a, a, e, false, false)
	for _, m := range all {
		nonblocking, closeOnExec := flags(t, m.fd)
		if nonblocking != m.nonblocking || !closeOnExec {
			t.Errorf("%s: non-blocking %v, close-on-exec %v", m.name, nonblocking, closeOnExec)
		}
	}
	for _, m := range all {
		kernel.Close(m.fd) // some are listed twice
	}
}

func TestReadTellsEndOfFileFromNothingYet(t *testing.T) {
	ours, theirs, e := kernel.StatusPair()
	must(t, e)
	defer kernel.Close(ours)
	var b [12]byte
	if n, e := kernel.Read(ours, b[:]); n != 0 || e != core.EAGAIN {
		t.Errorf("empty: %d, %v", n, e)
	}
	if n, e := kernel.Send(theirs, []byte("report")); n != 6 || e != 0 {
		t.Errorf("send: %d, %v", n, e)
	}
	must(t, kernel.Shutdown(ours))
	if n, e := kernel.Read(ours, b[:]); n != 6 || e != 0 {
		t.Errorf("what was sent before the cut: %d, %v", n, e)
	}
	if n, e := kernel.Read(ours, b[:]); n != 0 || e != 0 {
		t.Errorf("after the cut: %d, %v", n, e)
	}
	if _, e := kernel.Send(theirs, []byte("late")); e != core.EPIPE {
		t.Errorf("send after the cut: %v, want EPIPE and no signal", e)
	}
	must(t, kernel.Close(theirs))
	if e := kernel.Close(theirs); e != core.EBADF {
		t.Errorf("second close: %v", e)
	}
}

func TestFilesAreToldApart(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	must(t, kernel.Mkfifo(in("fifo"), 0o640))
	must(t, kernel.Chmod(in("fifo"), 0o622))
	if err := os.WriteFile(in("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(in("file"), in("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", in("symlink")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]FileStatus{
		"fifo":    {Type: NamedPipe, Mode: 0o622, Links: 1},
		"file":    {Type: RegularFile, Mode: 0o600, Links: 2},
		"symlink": {Type: SymbolicLink, Mode: 0o777, Links: 1},
	} {
		got, e := kernel.Lstat(in(name))
		must(t, e)
		if got.Type != want.Type || got.Mode != want.Mode || got.Links != want.Links || got.UID != uint32(os.Getuid()) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if s, e := kernel.Lstat(dir); e != 0 || s.Type != Directory {
		t.Errorf("directory: %+v, %v", s, e)
	}
	file, e1 := kernel.Lstat(in("file"))
	link, e2 := kernel.Lstat(in("link"))
	if e1 != 0 || e2 != 0 || file.ID != link.ID || file.ID == (FileID{}) {
		t.Errorf("two names of one file: %+v %+v", file, link)
	}
	for name, want := range map[string]core.Errno{"symlink": core.ELOOP, "none": core.ENOENT, "fifo": ENXIO} {
		if fd, e := kernel.Open(in(name), OpenWriteOnly); e != want || fd != None {
			t.Errorf("open %s: %d, %v, want %v", name, fd, e, want)
		}
	}
	if e := kernel.Unlink(dir); e != core.EISDIR {
		t.Errorf("unlink a directory: %v", e)
	}
	must(t, kernel.Rename(in("fifo"), in("file")))
	if s, e := kernel.Lstat(in("file")); e != 0 || s.Type != NamedPipe {
		t.Errorf("after the rename: %+v, %v", s, e)
	}
}

func TestAddresses(t *testing.T) {
	fd, e := kernel.Socket(FamilyInet6, Datagram)
	must(t, e)
	defer kernel.Close(fd)
	for _, test := range []struct {
		endpoint core.Endpoint
		want     string
		errno    core.Errno
	}{
		{core.Endpoint{Path: "public/x"}, "&{public/x", 0},
		{core.Endpoint{Path: "@x"}, "&{./@x", 0}, // not the abstract name
		{core.Endpoint{Path: "a\x00b"}, "", core.EINVAL},
		{core.Endpoint{Path: strings.Repeat("x", SocketPathLimit)}, "&{xxx", 0},
		{core.Endpoint{Path: strings.Repeat("x", SocketPathLimit+1)}, "", core.ENAMETOOLONG},
		{core.Endpoint{}, "", core.EINVAL},
		{core.Endpoint{Address: netip.MustParseAddrPort("127.0.0.1:25")}, "&{25 [127 0 0 1]", 0},
		{core.Endpoint{Address: netip.MustParseAddrPort("[fe80::1%7]:25")}, "&{25 7 [254 128", 0},
		{core.Endpoint{Address: netip.MustParseAddrPort("[fe80::1%lo]:25")}, "&{25 1 [254 128", 0},
		{core.Endpoint{Address: netip.MustParseAddrPort("[fe80::1%nosuch0]:25")}, "", ENODEV},
	} {
		got, e := socketAddress(fd, test.endpoint)
		if e != test.errno || e == 0 && !strings.HasPrefix(fmt.Sprint(got), test.want) {
			t.Errorf("%v: %v, %v", test.endpoint, got, e)
		}
	}
}

func TestPollReportsKeysAndHangups(t *testing.T) {
	set, e := kernel.PollOpen()
	must(t, e)
	defer kernel.Close(set)
	ours, theirs, e := kernel.StatusPair()
	must(t, e)
	defer kernel.Close(ours)
	const key, other = 0xfedcba9876543210, 1
	var events [8]PollEvent
	expect := func(when string, want ...PollEvent) {
		t.Helper()
		n, e := kernel.PollWait(set, events[:], 0)
		if e != 0 || fmt.Sprint(events[:n]) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, %v; want %+v", when, events[:n], e, want)
		}
	}
	must(t, kernel.PollAdd(set, ours, key, true, false))
	expect("nothing there")
	must(t, kernel.PollModify(set, ours, key, true, true))
	expect("writable", PollEvent{Key: key, Write: true})
	must(t, kernel.PollModify(set, ours, other, true, false))
	if _, e := kernel.Send(theirs, []byte("x")); e != 0 {
		t.Fatal(e)
	}
	expect("readable", PollEvent{Key: other, Read: true})
	must(t, kernel.PollModify(set, ours, other, false, false))
	expect("no interest")
	must(t, kernel.Close(theirs))
	expect("hangup without interest", PollEvent{Key: other, Hangup: true})
	must(t, kernel.PollRemove(set, ours))
	expect("removed")
	if e := kernel.PollRemove(set, ours); e != core.ENOENT {
		t.Errorf("removed twice: %v", e)
	}
	if n, e := kernel.PollWait(set, events[:], core.Microsecond); n != 0 || e != 0 {
		t.Errorf("after the time: %d, %v", n, e)
	}
}

func TestPollTimeoutIsRoundedUp(t *testing.T) {
	for d, want := range map[core.Duration]int{
		-1: -1, -core.Second: -1, 0: 0, 1: 1, core.Millisecond: 1, core.Millisecond + 1: 2,
		1 << 62: 1<<31 - 1,
	} {
		if got := milliseconds(d); got != want {
			t.Errorf("%d ns: %d ms, want %d", d, got, want)
		}
	}
}

func TestWakerEndsAPollFromAnotherGoroutine(t *testing.T) {
	set, e := kernel.PollOpen()
	must(t, e)
	defer kernel.Close(set)
	waker, e := kernel.WakerOpen()
	must(t, e)
	defer kernel.Close(waker)
	must(t, kernel.PollAdd(set, waker, 1, true, false))
	must(t, kernel.WakerDrain(waker)) // nothing to drain is no error
	go kernel.WakerWake(waker)
	var events [2]PollEvent
	n, e := kernel.PollWait(set, events[:], core.Duration(patience))
	if e != 0 || n != 1 || !events[0].Read {
		t.Errorf("%d events, %v", n, e)
	}
	for range 1000 { // more than is ever read
		must(t, kernel.WakerWake(waker))
	}
	must(t, kernel.WakerDrain(waker))
	if n, e := kernel.PollWait(set, events[:], 0); n != 0 || e != 0 {
		t.Errorf("after the drain: %d events, %v", n, e)
	}
}

// Waiting and waking must not allocate.
func TestPollingAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("needs a build without the race detector, which allocates itself")
	}
	set, e := kernel.PollOpen()
	must(t, e)
	defer kernel.Close(set)
	waker, e := kernel.WakerOpen()
	must(t, e)
	defer kernel.Close(waker)
	must(t, kernel.PollAdd(set, waker, 1, true, false))
	var events [8]PollEvent
	if n := testing.AllocsPerRun(100, func() {
		kernel.PollWait(set, events[:], 0)
		kernel.PollWait(set, events[:], core.Microsecond)
		kernel.WakerDrain(waker)
		kernel.Wait()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The identity changes for this thread only, and is restored.
func TestIdentityIsThatOfOneThread(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: the thread takes another identity")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	const uid, gid = 65533, 65532
	_, e := kernel.Assume(uid, gid)
	must(t, e)
	checkIdentity(t, "assumed", "0 65533 0 65533", "0 65532 0 65532", "65532")
	other := make(chan [2]int)
	go func() { other <- [2]int{unix.Geteuid(), unix.Getegid()} }() // this thread is not free for it
	if got := <-other; got != [2]int{0, 0} {
		t.Errorf("another thread has identity %v", got)
	}
	if _, e := kernel.Open("/etc/shadow", OpenWriteOnly); e != core.EACCES {
		t.Errorf("root's rights are not gone: %v", e)
	}
	must(t, kernel.Resume())
	checkIdentity(t, "resumed", "0 0 0 0", "0 0 0 0", "0")
}

func checkIdentity(t *testing.T, when string, uid, gid, groups string) {
	t.Helper()
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Uid": uid, "Gid": gid, "Groups": groups} {
		_, after, _ := strings.Cut(string(status), "\n"+name+":")
		line, _, _ := strings.Cut(after, "\n")
		if got := strings.Join(strings.Fields(line), " "); got != want {
			t.Errorf("%s: %s is %q, want %q", when, name, got, want)
		}
	}
}

func BenchmarkStatusPair(b *testing.B) {
	for b.Loop() {
		ours, theirs, e := kernel.StatusPair()
		must(b, e)
		kernel.Close(ours)
		kernel.Close(theirs)
	}
}

func BenchmarkAssumeAndResume(b *testing.B) {
	if os.Getuid() != 0 {
		b.Skip("needs root: the thread takes another identity")
	}
	runtime.LockOSThread()
	for b.Loop() {
		_, e := kernel.Assume(65533, 65532)
		must(b, e)
		must(b, kernel.Resume())
	}
}
