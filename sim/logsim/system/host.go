// Package system is the system around a log and a journal, in virtual time: a syslog
// daemon that stops, dies and comes back, the postlog socket and its reader, a disk that is
// full, slow or does not answer; and a ledger of what the daemon was told to log and of
// what arrived where.
package system

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/disk"
	"github.com/stationmaster/stationmaster/osadapter/logs"
)

// epoch is the wall clock's time at the virtual time 0.
var epoch = time.Date(2026, 3, 5, 13, 0, 0, 0, time.UTC)

// Host is the system. It belongs to one goroutine, as everything here does.
type Host struct {
	Disk   Disk
	Ledger Ledger
	// Syslog is the daemon at /dev/log, Postlog the socket of the master.
	Syslog, Postlog *Socket
	// Slept is told how far the time went on in a call that waits. Nil: nobody minds.
	Slept func(now core.Time)
	// Crowded makes so many of 1000 calls that need a descriptor fail.
	Crowded uint32

	choose   Choose
	now      core.Time
	due      []due
	sequence uint64
	table    map[int]*descriptor
	next     int // number of the next descriptor
	waited   core.Duration
	waits    int
	Patience core.Duration // the part of it that was not for a disk
	owner    bool          // what is called now has the identity of the owner of the mail system
	findings []string
}

// due is something that happens by itself.
type due struct {
	when     core.Time
	sequence uint64
	act      func()
}

// descriptor is one of the daemon's.
type descriptor struct {
	socket     *Socket
	connection *connection // of a stream
	file       *file
	reads      bool // it is the end of the postlog socket that is read
}

// firstDescriptor is above the standard ones, and far from those of a simulated kernel.
const firstDescriptor = 1000

// NewHost returns a system on which all is well, without a syslog daemon.
func NewHost(choose Choose) *Host {
	h := &Host{choose: choose, table: map[int]*descriptor{}, next: firstDescriptor}
	h.Syslog = newSocket(h, "/dev/log")
	h.Postlog = newSocket(h, "/q/public/postlog")
	h.Disk.init(h)
	h.Ledger.host = h
	return h
}

var _ logs.System = (*Host)(nil)

// Find notes that a law is broken.
func (h *Host) Find(law, format string, args ...any) {
	const most = 20
	if len(h.findings) < most {
		h.findings = append(h.findings, law+": "+Shortened(fmt.Sprintf(format, args...)))
	}
}

// Findings are the laws that were broken, each with its name first.
func (h *Host) Findings() []string { return h.findings }

// after has something happen by itself.
func (h *Host) after(d core.Duration, act func()) {
	h.sequence++
	e := due{h.now.Add(d), h.sequence, act}
	at, _ := slices.BinarySearchFunc(h.due, e, func(a, b due) int {
		switch {
		case a.when != b.when:
			return int(min(max(a.when-b.when, -1), 1))
		case a.sequence < b.sequence:
			return -1
		}
		return 1
	})
	h.due = slices.Insert(h.due, at, e)
}

// Next is when something happens by itself.
func (h *Host) Next() (when core.Time, ok bool) {
	if len(h.due) == 0 {
		return 0, false
	}
	return h.due[0].when, true
}

// BusyAfter reports whether something is still to happen by itself after that span.
func (h *Host) BusyAfter(span core.Duration) bool {
	return len(h.due) > 0 && h.due[len(h.due)-1].when > h.now.Add(span)
}

// At lets the time go on, and all happen that is due until then.
func (h *Host) At(now core.Time) {
	for len(h.due) > 0 && h.due[0].when <= now {
		e := h.due[0]
		h.due = slices.Delete(h.due, 0, 1)
		h.now = max(h.now, e.when)
		e.act()
	}
	h.now = max(h.now, now)
}

// Time is the virtual time.
func (h *Host) Time() core.Time { return h.now }

// Waited is how long the daemon has waited in calls, since ever.
func (h *Host) Waited() core.Duration { return h.waited }

// mostWaits bounds the waits of a daemon in one day: more are a loop without an end.
const mostWaits = 1 << 17

var errForever = errors.New("the daemon waits for ever")

// Guard plays, and finds fault with a daemon that waits for ever.
func (h *Host) Guard(play func()) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case errForever:
			h.Find("blocked", "%v", errForever)
		default:
			panic(r)
		}
	}()
	play()
}

// wait lets the time go on until that is enough, at most for limit.
func (h *Host) wait(limit time.Duration, enough func() bool) {
	if h.waits++; h.waits > mostWaits {
		panic(errForever)
	}
	began := h.now
	end := h.now.Add(core.Duration(max(limit, 0)))
	for !enough() {
		when, ok := h.Next()
		if !ok || when > end {
			h.At(end)
			break
		}
		h.At(when)
	}
	h.waited += h.now.Sub(began)
	if h.Slept != nil && h.now != began {
		h.Slept(h.now)
	}
}

// Within makes a call, and finds fault with one that waits longer than limit.
func (h *Host) Within(limit core.Duration, what string, call func()) {
	before := h.Waited()
	call()
	if waited := h.Waited() - before; waited > limit {
		h.Find("blocked", "%s waited for %d ms, %d are documented", what, waited/core.Millisecond, limit/core.Millisecond)
	}
}

// Now returns the time of the wall clock.
func (h *Host) Now() time.Time { return epoch.Add(time.Duration(h.now)) }

// Zone is always UTC.
func (h *Host) Zone(string, bool) *time.Location { return time.UTC }

// install returns a number for a descriptor. Numbers do not come back, so that the use
// of one that is closed is seen.
func (h *Host) install(d *descriptor) int {
	h.next++
	h.table[h.next] = d
	return h.next
}

// at returns what a descriptor is; nil, and a finding, if it is not open.
func (h *Host) at(call string, fd int) *descriptor {
	d := h.table[fd]
	if d == nil {
		h.Find("descriptors", "%s on descriptor %d, which is not open", call, fd)
	}
	return d
}

// Open is how many descriptors are open.
func (h *Host) Open() int { return len(h.table) }

// crowded reports whether there is no room for one more descriptor now.
func (h *Host) crowded() bool { return h.Crowded > 0 && h.choose(1000) < h.Crowded }

// Close closes a descriptor.
func (h *Host) Close(fd int) {
	if d := h.at("close", fd); d != nil {
		delete(h.table, fd)
		d.close()
	}
}

func (d *descriptor) close() {
	if d.connection != nil {
		d.connection.closed = true
	}
	if d.file != nil {
		d.file.holds--
	}
}

// CopyOfStderr: descriptor 2 is closed.
func (h *Host) CopyOfStderr() int { return -1 }

// AppendOnly changes nothing: there is no standard output.
func (h *Host) AppendOnly(int) {}

// Later has act called after a while.
func (h *Host) Later(d time.Duration, act func()) (cancel func()) {
	canceled := false
	h.after(core.Duration(d), func() {
		if !canceled {
			act()
		}
	})
	return func() { canceled = true }
}

// Connect connects a socket.
func (h *Host) Connect(path string, kind logs.Kind) (int, error) {
	var s *Socket
	switch path {
	case h.Syslog.path:
		s = h.Syslog
	case h.Postlog.path:
		s = h.Postlog
	}
	switch {
	case h.crowded():
		return -1, unix.EMFILE
	case s == nil || !s.there:
		return -1, unix.ENOENT
	case s.stream != (kind == logs.Stream):
		return -1, unix.EPROTOTYPE
	case !s.read:
		return -1, unix.ECONNREFUSED
	}
	c := &connection{life: s.life}
	if s.stream {
		s.connections = append(s.connections, c)
	}
	return h.install(&descriptor{socket: s, connection: c}), nil
}

// Write writes to a socket.
func (h *Host) Write(fd int, b []byte) (int, error) {
	d := h.at("write", fd)
	switch {
	case d == nil:
		return 0, unix.EBADF
	case d.socket == nil:
		h.Find("descriptors", "write on descriptor %d, which is no socket", fd)
		return 0, unix.EINVAL
	}
	return d.socket.write(d.connection, b)
}

// Receive takes a datagram out of the postlog socket.
func (h *Host) Receive(fd int, buffer []byte) (int, error) {
	d := h.at("receive", fd)
	switch {
	case d == nil:
		return 0, unix.EBADF
	case !d.reads:
		return 0, unix.EINVAL
	}
	datagram, ok := d.socket.take()
	if !ok {
		return 0, unix.EAGAIN
	}
	h.Ledger.collected(datagram)
	return copy(buffer, datagram), nil
}

// LocalPath is the postlog socket's, as the master has it.
func (h *Host) LocalPath(fd int) string {
	if d := h.table[fd]; d != nil && d.reads {
		return "public/postlog"
	}
	return ""
}

// Writable reports whether a write would take something.
func (h *Host) Writable(fd int) bool {
	d := h.table[fd]
	return d != nil && d.socket != nil && d.socket.takes(d.connection)
}

// AwaitWritable waits until then.
func (h *Host) AwaitWritable(fd int, limit time.Duration) {
	before := h.waited
	h.wait(limit, func() bool { return fd >= 0 && h.Writable(fd) })
	h.Patience += h.waited - before
}

// AsOwner calls act with the identity of the owner of the mail system.
func (h *Host) AsOwner(act func()) error {
	h.owner = true
	act()
	h.owner = false
	return nil
}

// Begin has a job carried out by the disk.
func (h *Host) Begin(j *disk.Job, room int) bool { return h.Disk.begin(j, room) }

// Await waits for the answer.
func (h *Host) Await(j *disk.Job, limit time.Duration) bool {
	h.wait(limit, j.Answered)
	return j.Answered()
}

// After has act carried out after the answer.
func (h *Host) After(j *disk.Job, act func(disk.Files)) {
	if j.Answered() {
		act(&h.Disk)
		return
	}
	h.Disk.then[j] = append(h.Disk.then[j], act)
}

// filler is what makes lines long.
var filler = regexp.MustCompile(`x{40,}`)

// Shortened returns the text without what makes it long.
func Shortened(text string) string { return filler.ReplaceAllString(text, "xxx…") }

// Where things are.
const (
	QueueDirectory = "/q"
	PostlogPath    = QueueDirectory + "/public/postlog"
	LogDirectory   = "/log"
	LogPath        = LogDirectory + "/mail"
	OtherLogPath   = LogDirectory + "/other"
)
