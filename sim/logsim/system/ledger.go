package system

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/logs"
)

// Ledger is the account of all lines: what was said, and what became of it. Its laws:
//
//   - lost: each line reaches a target, or is counted by a line that says how many were
//     lost; lines are lost only beyond a mebibyte that waits.
//   - twice: no target gets a line twice, nor two targets the same one, but where the
//     disk did not answer or the daemon gave a target up.
//   - order: a target gets lines in the order in which they were said, and what others
//     sent to the postlog socket in the order in which it took that. Lines that were for a
//     syslog daemon when it was given up keep their own order, each time anew.
//   - form: a line arrives with the time at which it was said, its level and its text.
//   - kept: when all targets work, what waits is delivered while the loop comes round as
//     Flush asks for it.
//   - blocked: no call waits longer than is documented.
//   - descriptors: none is used that is not open, and none is left open.
type Ledger struct {
	// Tag is what stands before "[" in each line.
	Tag string
	// Warnings is how many lines of the log's own may have been said, which nobody counted
	// and which may be among those that it tells of as lost.
	Warnings int
	// PID is the number behind it.
	PID int

	host    *Host
	lines   []said
	last    map[track]int
	givenUp int // how often a syslog daemon was
	waiting int // bytes of lines that no target has
	peak    int // the most of it
	told    int // lines that were said to be lost
	notices []string
	Ending  bool // the end has begun: what was given up may come last

	Queued  []string        // datagrams of others, and of ours, in the postlog socket
	taken   []taken         // of these, by us, and not in the file yet
	passed  []string        // and those that are
	filed   map[string]bool // all lines that a file has
	strange int             // datagrams of others that were taken in
	arrived int             // that reached a reader or a target
	Stalled bool            // a disk kept a job, so that nobody could tell what became of a line
}

// taken is a datagram that we took out of the postlog socket.
type taken struct {
	text string
	late int // as in said
}

// said is one line.
type said struct {
	at      core.Time
	until   core.Time // the end of the call that said it; 0: it goes on
	level   logs.Level
	text    string
	size    int
	reached [lanes]bool
	late    int  // which time a target that it was for was given up; 0: none was
	given   bool // some target has it
}

// track is what keeps its order: the lines that came to a lane in the usual way, those
// that came at the end of the daemon, and those of each target that was given up.
type track struct {
	lane lane
	late int // as in said; or atEnd
}

const atEnd = -1

type lane uint8

// The lanes are the ways on which lines go; each keeps their order.
const (
	laneSyslog lane = iota
	lanePostlog
	laneFile
	laneOther
	lanes
)

var laneNames = [lanes]string{"syslog", "the postlog socket", "the log file", "the other log file"}

// Say returns the text of a line with a number by which it is known again.
func (l *Ledger) Say(level logs.Level, text string) string {
	n := len(l.lines) + 1
	text += " #" + strconv.Itoa(n) + "." // a number that was cut is none
	size := len(stampForm) + 1 + len(l.Tag) + len("[]: ") + len(strconv.Itoa(l.PID)) + len(prefixOf[level]) + len(text)
	l.lines = append(l.lines, said{at: l.host.now, level: level, text: text, size: size})
	l.waiting += size
	l.peak = max(l.peak, l.waiting)
	return text
}

// GiveUp notes that a syslog daemon is given up for another target: what it has not taken
// yet may come there at any time, or come back to it.
func (l *Ledger) GiveUp() {
	l.givenUp++
	for i := range l.lines {
		if s := &l.lines[i]; s.late == 0 && !s.given {
			s.late = l.givenUp
		}
	}
	for i := range l.taken {
		if t := &l.taken[i]; t.late == 0 {
			t.late = l.givenUp
		}
	}
}

// Said ends the call that said the last line.
func (l *Ledger) Said() { l.lines[len(l.lines)-1].until = l.host.now }

// Waiting is how many lines no target has and nobody has counted as lost.
func (l *Ledger) Waiting() int {
	n := -l.told
	for i := range l.lines {
		if !l.lines[i].given {
			n++
		}
	}
	return n + len(l.taken)
}

const stampForm = "Jan _2 15:04:05"

// What the levels look like, by the specification (docs/spec/runtime.md, 14).
var (
	prefixOf = map[logs.Level]string{
		logs.Info: "", logs.Warning: "warning: ", logs.Error: "error: ", logs.Fatal: "fatal: ", logs.Panic: "panic: ",
	}
	severityOf = map[logs.Level]int{logs.Info: 6, logs.Warning: 4, logs.Error: 3, logs.Fatal: 2, logs.Panic: 2}
)

// MailFacility is the syslog facility of mail.
const MailFacility = 2

var (
	numbered = regexp.MustCompile(` #(\d+)\.$`)
	lostForm = regexp.MustCompile(`^warning: (\d+) log lines? (?:was|were) lost: .+$`)
	// own are lines that the log and the journal say by themselves.
	own = regexp.MustCompile(`^warning: (?:open logfile|logfile|log socket) '.*; the log stays as it was; |^warning: master_journal_file `)
)

// accepted is a line that a socket took.
func (l *Ledger) accepted(s *Socket, b []byte) {
	text := string(b)
	if s == l.host.Postlog {
		l.Queued = append(l.Queued, text)
		if !l.wasTaken(text) { // else the file did not take it, and somebody reads again
			l.arrive(lanePostlog, text)
		}
		return
	}
	end := strings.IndexByte(text, '>')
	if !strings.HasPrefix(text, "<") || end < 0 {
		l.host.Find("form", "the syslog daemon got %q", text)
		return
	}
	priority, err := strconv.Atoi(text[1:end])
	text = text[end+1:]
	if l.wasTaken(text) { // there is no log file any more
		return
	}
	if i := l.arrive(laneSyslog, text); i >= 0 && (err != nil || priority != MailFacility*8+severityOf[l.lines[i].level]) {
		l.host.Find("form", "priority %d for %q", priority, text)
	}
}

// foreign is a datagram of somebody else that the postlog socket took.
func (l *Ledger) foreign(text string) {
	l.Queued = append(l.Queued, text)
	l.strange++
}

// fromQueue takes the datagram that is first in the postlog socket.
func (l *Ledger) fromQueue(datagram []byte) string {
	text := string(datagram)
	if len(l.Queued) == 0 || l.Queued[0] != text {
		l.host.Find("order", "the postlog socket gave %q out of turn", text)
		return text
	}
	l.Queued = l.Queued[1:]
	return text
}

// collected is a datagram that we took out of the postlog socket.
func (l *Ledger) collected(datagram []byte) {
	text := l.fromQueue(datagram)
	if l.Stalled && l.filed[text] { // a late answer says so
		l.passed = append(l.passed, text)
		return
	}
	l.taken = append(l.taken, taken{text: text})
}

// byReader is one that the reader took.
func (l *Ledger) byReader(datagram []byte) {
	l.fromQueue(datagram)
	l.arrived++
}

// written is what a file got. endless: it is a whole line, but for its end.
func (l *Ledger) written(f *file, b []byte, endless bool) {
	if f.journal {
		return
	}
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			if f.cut = append(f.cut, b...); endless {
				f.whole = true
				l.inFile(f.lane, string(f.cut))
			}
			return
		}
		line := string(append(f.cut, b[:end]...))
		known := f.whole
		f.cut, f.whole, b = nil, false, b[end+1:]
		if !known {
			l.inFile(f.lane, line)
		}
	}
}

func (l *Ledger) inFile(by lane, line string) {
	if l.filed == nil {
		l.filed = map[string]bool{}
	}
	l.filed[line] = true
	// The disk may have kept a line that the socket took meanwhile, and that was taken out
	// of it again: then it is not the next one.
	if at := slices.IndexFunc(l.taken, func(t taken) bool { return t.text == line }); at >= 0 && l.Stalled {
		l.took(at)
		return
	}
	if l.wasTaken(line) {
		return
	}
	if !numbered.MatchString(line) && l.isPart(line) {
		return // it did not fit; the whole line follows
	}
	l.arrive(by, line)
}

// wasTaken reports whether a line is the next of those that we took out of the postlog
// socket, or one before that a disk may have kept.
func (l *Ledger) wasTaken(line string) bool {
	if at := l.nextTaken(func(text string) bool { return text == line }); at >= 0 {
		l.took(at)
		return true
	}
	return l.Stalled && slices.Contains(l.passed, line)
}

// nextTaken returns the place of a line that is meant and is the next one of those that we
// took out of the postlog socket: the first, or the first of those that were kept for a
// target when it was given up; -1: there is none.
func (l *Ledger) nextTaken(meant func(text string) bool) int {
	return slices.IndexFunc(l.taken, func(t taken) bool {
		first := slices.IndexFunc(l.taken, func(o taken) bool { return o.late == t.late })
		return meant(t.text) && l.taken[first] == t
	})
}

// took notes that one of the lines that we took out of the postlog socket is delivered.
func (l *Ledger) took(at int) {
	l.passed = append(l.passed, l.taken[at].text)
	l.taken = slices.Delete(l.taken, at, at+1)
	l.arrived++
}

// isPart reports whether a line without an end is the beginning of one of ours, or of
// one that we took out of the postlog socket.
func (l *Ledger) isPart(line string) bool {
	if l.nextTaken(func(text string) bool { return strings.HasPrefix(text, line) }) >= 0 {
		return true
	}
	if len(line) < len(stampForm) {
		return true // nobody can tell
	}
	_, text, whole := strings.Cut(line, "]: ")
	return !whole || !lostForm.MatchString(text) && !own.MatchString(text)
}

// arrive notes that a lane has taken a line. It returns the line's index, -1 for one
// that has no number.
func (l *Ledger) arrive(by lane, line string) int {
	head, text, ok := strings.Cut(line, "]: ")
	number := numbered.FindStringSubmatch(text)
	if !ok || number == nil {
		l.unnumbered(by, line, text)
		return -1
	}
	n, _ := strconv.Atoi(number[1])
	i := n - 1
	if i < 0 || i >= len(l.lines) {
		l.host.Find("form", "%s has %q, which nobody said", laneNames[by], line)
		return -1
	}
	s := &l.lines[i]
	want := " " + l.Tag + "[" + strconv.Itoa(l.PID)
	if by != laneSyslog {
		want = " mx" + want
	}
	stamp := head[:min(len(head), len(stampForm))]
	if !l.inTime(s, stamp) || head[len(stamp):] != want || text != prefixOf[s.level]+s.text {
		l.host.Find("form", "%s has %q, want %q of %s", laneNames[by], line, want+"]: "+prefixOf[s.level]+s.text, StampOf(s.at))
	}
	on := track{by, s.late}
	if l.Ending && s.late == 0 {
		on.late = atEnd
	}
	switch {
	case s.reached[by]:
		l.host.Find("twice", "%s has line %d twice", laneNames[by], n)
	case s.given && !l.Stalled:
		l.host.Find("twice", "%s has line %d, which is elsewhere already", laneNames[by], n)
	case i < l.last[on]:
		l.host.Find("order", "%s has line %d after line %d", laneNames[by], n, l.last[on]+1)
	}
	s.reached[by] = true
	if l.last == nil {
		l.last = map[track]int{}
	}
	l.last[on] = i
	if !s.given {
		s.given = true
		l.waiting -= s.size
	}
	return i
}

// inTime reports whether the line was said at the time that it shows.
func (l *Ledger) inTime(s *said, stamp string) bool {
	until := s.until
	if until == 0 {
		until = l.host.now
	}
	for at := s.at; at < until; at = at.Add(core.Second) {
		if stamp == StampOf(at) {
			return true
		}
	}
	return stamp == StampOf(until)
}

// unnumbered is a line that the daemon said by itself.
func (l *Ledger) unnumbered(by lane, line, text string) {
	lost := lostForm.FindStringSubmatch(text)
	switch {
	case lost != nil:
		n, _ := strconv.Atoi(lost[1])
		if known := fmt.Sprintf("%d %s", by, line); slices.Contains(l.notices, line) && !slices.Contains(l.notices, known) {
			l.notices = append(l.notices, known) // another target has it too
			return
		}
		l.notices = append(l.notices, line, fmt.Sprintf("%d %s", by, line))
		l.told += n
	case !own.MatchString(text):
		l.host.Find("form", "%s has %q, which nobody said", laneNames[by], line)
	}
}

// maxWaiting is how much waits at most, and how much more may wait because of what the
// ledger cannot see: lines of the log's own.
const (
	maxWaiting = 1 << 20
	unseen     = 1 << 13
)

// Settled judges when all that could be delivered is: each line is somewhere, or counted.
func (l *Ledger) Settled() {
	missing := 0
	first := ""
	for i := range l.lines {
		if s := &l.lines[i]; !s.given {
			if missing++; first == "" {
				first = s.text
			}
		}
	}
	switch {
	case missing > l.told:
		l.host.Find("lost", "%d lines are missing, the first is %q; the log tells of %d", missing, first, l.told)
	case missing+l.Warnings < l.told && !l.Stalled:
		l.host.Find("lost", "the log tells of %d lost lines, and %d are missing", l.told, missing)
	case l.told > 0 && l.peak < maxWaiting-unseen:
		l.host.Find("lost", "%d lines were lost though no more than %d bytes waited", l.told, l.peak)
	}
	if len(l.taken) > 0 {
		l.host.Find("lost", "%d lines were taken out of the postlog socket and are nowhere, the first is %q", len(l.taken), l.taken[0].text)
	}
}

// StampOf returns the time as lines begin with it.
func StampOf(at core.Time) string { return epoch.Add(time.Duration(at)).Format(stampForm) }
