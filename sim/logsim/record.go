package logsim

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/journal"
	"github.com/stationmaster/stationmaster/sim/logsim/system"
)

// Where a journal may be, and where it is saved.
const (
	journalDirectory = "/j"
	dataDirectory    = "/data"
	savedPath        = dataDirectory + "/master.journal"
)

var journalPaths = [...]string{"", journalDirectory + "/a", journalDirectory + "/b", "/missing/c"}

// Sizes of the ring in memory and of what may wait for a disk, and how long an end and a
// save may wait for it.
const (
	ringSize     = 8000
	mostWaiting  = 4 << 20
	endPatience  = core.Second
	savePatience = 3 * core.Second
)

// recorder is a machine with one child that is taken and available in turn, its journal,
// and those who trouble its disk. Its laws:
//
//   - whole: what stands in a file of which no warning told is a recording that replays.
//   - gap: it has every step up to the last one that was handed over, and goes on where
//     the one before ended; steps that are missing are told of, with their number.
//   - told: an error is one warning, until a reload tries again.
//   - strangers: what is no recording is left as it is.
//   - saved: what Save leaves is the whole of what it wrote, or the whole of what was there.
//   - kept: what waits for a disk is written when that works, though nothing else happens
//     than that the journal wakes the loop; the end waits for a disk that works.
//   - blocked: only the end and Save wait, and not longer than they are told.
//   - mode, descriptors: files are closed to others and belong to the owner of the mail
//     system, and nothing is left open.
type recorder struct {
	h *system.Host
	d system.Choose
	m *core.Machine
	j *journal.Journal

	now     core.Time
	taken   bool
	path    string         // as last applied
	limit   int64          // the highest since
	clean   bool           // nothing was warned of since
	since   uint64         // the step at which that was
	failed  map[string]int // warnings of failures, by path
	tries   map[string]int // reloads
	behind  uint64         // the step at which the disk was too slow; 0: it is not
	woken   bool
	idle    bool                 // after the last flush nothing waited for the disk
	late    bool                 // a save was, and may still be under way
	strange map[string]string    // what is no recording, by path
	saved   []byte               // what was saved last
	hears   func(warning string) // nil: nobody
	tell    bool
	story   []string
}

// PlayJournal has a journal live through a day that the seed chooses, and returns the
// laws that it broke. With story, what happened comes with them.
func PlayJournal(seed uint64, story bool) (findings, told []string) {
	r := newRecorder(system.Dice(seed), core.New(0, core.MachineOptions{}))
	r.tell = story
	r.h.Guard(r.play)
	return r.h.Findings(), r.story
}

// newRecorder returns the journal of the machine, which is not written yet.
func newRecorder(d system.Choose, m *core.Machine) *recorder {
	r := &recorder{h: system.NewHost(d), d: d, m: m, strange: map[string]string{}, failed: map[string]int{}, tries: map[string]int{}}
	r.h.Disk.MakeDirectory(journalDirectory)
	r.h.Disk.MakeDirectory(dataDirectory)
	r.h.Disk.Journals = true
	r.j = journal.New(m, ringSize, journal.Hooks{
		As: r.h.AsOwner, Warn: r.warned, Carrier: r.h, Wake: func() { r.woken = true },
	})
	return r
}

func (r *recorder) note(format string, args ...any) {
	if r.tell {
		r.story = append(r.story, fmt.Sprintf("%9.3f step %d: ", float64(r.h.Time())/float64(core.Second), r.m.View().Step)+fmt.Sprintf(format, args...))
	}
}

func (r *recorder) chance(percent uint32) bool { return r.d(100) < percent }

func (r *recorder) play() {
	r.prepare()
	for turns := 10 + r.d(40); turns > 0 && len(r.h.Findings()) == 0; turns-- {
		r.turn()
	}
	if len(r.h.Findings()) > 0 {
		return
	}
	if r.chance(50) {
		r.rest()
	}
	r.live(10)
	r.end()
}

// prepare starts the child.
func (r *recorder) prepare() {
	service := core.ServiceConfig{
		Name: "a", Canonical: "private/a", Type: core.Unix, Line: 1, LocalOnly: true,
		Endpoints: []core.Endpoint{{Path: "private/a"}}, Command: "a", Path: "/d/a", ThrottleDelay: core.Second,
	}
	for _, ev := range []core.Event{
		core.ConfigLoadedEvent(0, &core.Config{Services: []core.ServiceConfig{service}}),
		core.ListenerOpenedEvent(1, 0), core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 1, 7),
	} {
		r.step(ev)
	}
}

func (r *recorder) step(ev core.Event) {
	r.now += 1000
	wall := 1_800_000_000_000_000_000 + int64(r.now)
	r.j.Event(r.now, wall, &ev)
	r.j.Actions(r.m.Step(r.now, ev))
}

// live goes so many steps, as the loop does under load.
func (r *recorder) live(n int) {
	for range n {
		r.taken = !r.taken
		status := wire.Available
		if r.taken {
			status = wire.Taken
		}
		var b [wire.StatusSize]byte
		wire.Message{PID: 7, Generation: 1, Status: status}.Append(b[:0])
		r.step(core.StatusReceivedEvent(1, b, len(b)))
	}
}

var (
	gaveUpForm = regexp.MustCompile(`^master_journal_file (\S+): the disk does not take what is written, and (\d+) bytes wait; `)
	backForm   = regexp.MustCompile(`^master_journal_file (\S+): the disk did not take (\d+) steps in time; recording goes on`)
	failedForm = regexp.MustCompile(`^master_journal_file (\S+): .*; no steps are written there until the next reload$`)
	endForm    = regexp.MustCompile(`^master_journal_file (\S+): the disk did not take the last (\d+) bytes in time$`)
)

// warned hears a warning of the journal.
func (r *recorder) warned(text string) {
	r.note("warning: %s", text)
	if r.hears != nil {
		r.hears(text)
	}
	r.clean = false
	step := r.m.View().Step
	if m := gaveUpForm.FindStringSubmatch(text); m != nil {
		r.behind = step
		if len(r.h.Disk.Under) == 0 {
			r.h.Find("told", "the disk works, and the journal gives its file up")
		}
		if n, _ := strconv.Atoi(m[2]); n > mostWaiting || n < mostWaiting/2 {
			r.h.Find("told", "%d bytes wait", n)
		}
		return
	}
	if m := backForm.FindStringSubmatch(text); m != nil {
		n, _ := strconv.ParseUint(m[2], 10, 64)
		if missing := step - r.behind; r.behind == 0 || n != missing && n != missing+1 {
			r.h.Find("told", "%d steps are told of, %d are missing", n, missing)
		}
		r.behind = 0
		return
	}
	if m := failedForm.FindStringSubmatch(text); m != nil {
		if r.failed[m[1]]++; r.failed[m[1]] > r.tries[m[1]] {
			r.h.Find("told", "%d warnings after %d reloads: %s", r.failed[m[1]], r.tries[m[1]], text)
		}
		return
	}
	if endForm.MatchString(text) {
		return
	}
	r.h.Find("told", "nobody expects %q", text)
}

// turn is a piece of the day.
func (r *recorder) turn() {
	switch r.d(11) {
	case 0, 1, 2:
		r.h.Within(0, "a step", func() { r.live(int(r.d(200))) })
	case 3:
		r.apply(journalPaths[r.d(uint32(len(journalPaths)))], [...]int64{1, 20000, 64 << 20}[r.d(3)])
	case 4, 5:
		r.trouble()
	case 6, 7:
		r.relief()
	case 8:
		if !r.late { // there is one end
			r.save()
		}
	case 9:
		r.stranger()
	case 10:
		if r.chance(2) || r.h.Disk.Hangs() && r.chance(20) {
			r.note("a burst")
			r.h.Within(0, "a step", func() { // more than may wait
				for range 250 {
					r.live(1000)
					r.j.Flush()
				}
			})
		} else {
			r.live(5000)
		}
	}
	r.flush()
	r.pass([...]core.Duration{0, core.Millisecond, 20 * core.Millisecond, core.Second}[r.d(4)])
	r.audit()
}

func (r *recorder) flush() {
	r.h.Within(0, "a flush", r.j.Flush)
	r.idle = len(r.h.Disk.Under) == 0
}

// pass lets the time go on; the loop comes round when the journal wakes it.
func (r *recorder) pass(d core.Duration) {
	end := r.h.Time().Add(d)
	for {
		if r.woken {
			r.woken = false
			r.flush()
			continue
		}
		when, ok := r.h.Next()
		if !ok || when > end {
			break
		}
		r.h.At(when)
	}
	r.h.At(end)
}

// apply is an accepted reload.
func (r *recorder) apply(path string, limit int64) {
	r.note("a reload: %q, %d", path, limit)
	before, clean := r.path, r.clean
	if before != path {
		r.limit = 0
	}
	r.path, r.limit = path, max(limit, r.limit)
	r.tries[path]++
	if before != path || !r.clean {
		r.clean, r.since = true, r.m.View().Step
	}
	file := r.h.Disk.Files[path]
	r.h.Within(0, "a reload", func() { r.j.Apply(path, limit) })
	if path == before && clean && r.clean && r.idle && len(r.h.Disk.Under) == 0 && file != nil && r.h.Disk.Files[path] != file {
		r.h.Find("whole", "a reload without a change begins %s anew", path)
	}
}

// trouble is something that goes wrong with the disk.
func (r *recorder) trouble() {
	disk := &r.h.Disk
	switch r.d(6) {
	case 0:
		disk.Free = [...]int{0, 1, 100, 10000}[r.d(4)]
		r.note("the disk has room for %d bytes", disk.Free)
	case 1, 2:
		disk.Early = r.chance(50)
		disk.Hang(true)
		r.note("the disk does not answer")
	case 3:
		disk.Latency = [...]core.Duration{core.Millisecond, 50 * core.Millisecond, 2 * core.Second}[r.d(3)]
		r.note("the disk takes %d ms", disk.Latency/core.Millisecond)
	case 4:
		disk.Sick = r.d(300)
		r.note("calls on the disk fail")
	case 5:
		disk.LoseDirectory(journalDirectory)
		r.note("the directory is gone")
	}
}

// relief ends some trouble.
func (r *recorder) relief() {
	disk := &r.h.Disk
	switch r.d(4) {
	case 0:
		disk.Free = -1
	case 1:
		disk.Hang(false)
		disk.Latency = 0
	case 2:
		disk.Sick = 0
	case 3:
		disk.MakeDirectory(journalDirectory)
	}
	r.note("some trouble ends")
}

// stranger leaves what is no recording where one is to be, or an earlier recording.
func (r *recorder) stranger() {
	path := journalPaths[1+r.d(2)] + [...]string{"", ".1"}[r.d(2)]
	if path == r.path || path == r.path+".1" {
		return
	}
	if r.chance(50) {
		r.h.Disk.Put(path, trace.Mark+"of an earlier process")
		delete(r.strange, path)
		return
	}
	r.strange[path] = "mail of somebody"
	r.h.Disk.Put(path, r.strange[path])
	r.note("a stranger's %s", path)
}

// save is what an end over a bug does.
func (r *recorder) save() {
	var err error
	var path string
	before := r.h.Waited()
	r.h.Within(savePatience, "a save", func() { path, err = r.j.Save(dataDirectory, time.Duration(savePatience)) })
	if err != nil {
		r.late = r.h.Waited() != before
		r.note("not saved: %v", err)
		return
	}
	content, ok := r.h.Disk.Content(path)
	last, err := span(content)
	if !ok || err != nil || last.last != r.m.View().Step {
		r.h.Find("saved", "%s has steps to %d of %d: %v", path, last.last, r.m.View().Step, err)
	}
	r.saved = content
}

// audit looks at all files.
func (r *recorder) audit() {
	for path, text := range r.strange {
		if content, ok := r.h.Disk.Content(path); !ok || string(content) != text {
			r.h.Find("strangers", "%s was changed: %t %q", path, ok, system.Shortened(string(content[:min(len(content), 100)])))
		}
	}
	if content, ok := r.h.Disk.Content(savedPath); ok {
		if _, err := span(content); err != nil {
			r.h.Find("saved", "%s is not whole: %v", savedPath, err)
		}
	}
	for _, name := range r.h.Disk.Names() {
		if mode := r.h.Disk.Mode(name); mode != 0o600 {
			r.h.Find("mode", "%s has mode %o", name, mode)
		}
		if !r.h.Disk.Files[name].Owned {
			r.h.Find("mode", "%s belongs to root", name)
		}
	}
	if r.path == "" || !r.clean || len(r.h.Disk.Under) > 0 || r.strange[r.path] != "" {
		return
	}
	r.file()
}

// file judges the file that is written: nothing waits for it, and nothing was wrong.
func (r *recorder) file() {
	content, ok := r.h.Disk.Content(r.path)
	if !ok {
		r.h.Find("gap", "there is no %s, and no warning", r.path)
		return
	}
	now, err := span(content)
	if err != nil {
		r.h.Find("whole", "%s: %v", r.path, err)
		return
	}
	if step := r.m.View().Step; now.last != step {
		r.h.Find("gap", "%s ends with step %d of %d", r.path, now.last, step)
	}
	// The newest segment has room whatever the limit is: that of a large machine is long.
	if most := max(r.limit, 4*ringSize); int64(len(content)) > most && now.segments > 1 {
		r.h.Find("size", "%s has %d bytes, at most %d are allowed", r.path, len(content), most)
	}
	if now.first > r.since { // begun anew: the one before has what lies between
		aside, _ := r.h.Disk.Content(r.path + ".1")
		before, err := span(aside)
		if err != nil || before.last < now.first {
			r.h.Find("gap", "%s begins after step %d, %s.1 ends with %d: %v", r.path, now.first, r.path, before.last, err)
		}
	}
}

// rest ends all trouble, and finds fault with what is not written then.
func (r *recorder) rest() {
	r.mend()
	r.pass(10 * core.Second)
	r.apply(journalPaths[1], r.limit)
	r.live(100)
	r.flush()
	r.pass(10 * core.Second)
	r.rested()
}

// mend ends all trouble.
func (r *recorder) mend() {
	disk := &r.h.Disk
	disk.Free, disk.Latency, disk.Sick = -1, 0, 0
	disk.MakeDirectory(journalDirectory)
	for path := range r.strange {
		disk.Take(path)
		delete(r.strange, path)
	}
	r.note("all trouble ends")
	disk.Hang(false)
}

// rested finds fault with what is not written though all is well.
func (r *recorder) rested() {
	if n := len(r.h.Disk.Under); n > 0 {
		r.h.Find("kept", "%d jobs are not done", n)
	}
	if !r.clean {
		r.h.Find("kept", "the journal does not go on though all is well")
	}
	r.audit()
}

// end ends the daemon.
func (r *recorder) end() {
	r.note("the end")
	const soon = core.Millisecond // so that many orders can wait
	works := !r.h.Disk.Hangs() && r.h.Disk.Latency <= soon && len(r.h.Disk.Under) < 2 && !r.h.BusyAfter(soon)
	r.h.Within(endPatience, "the end", func() { r.j.Finish(time.Duration(endPatience)) })
	if works && len(r.h.Disk.Under) > 0 {
		r.h.Find("kept", "the end does not wait for %d jobs of a disk that works", len(r.h.Disk.Under))
	}
	r.audit()
	r.h.Disk.Latency = 0
	r.h.Disk.Hang(false)
	r.pass(10 * core.Second)
	r.j.Apply("", r.limit)
	r.pass(10 * core.Second)
	r.flush()
	r.pass(10 * core.Second)
	r.audit()
	if n := r.h.Open(); n > 0 {
		r.h.Find("descriptors", "%d are open after the end", n)
	}
}

// steps are those of a recording: those after first, up to last.
type steps struct {
	first, last uint64
	segments    int
}

// span replays a recording and returns its steps.
func span(recording []byte) (s steps, err error) {
	if _, err := trace.Replay(recording); err != nil {
		return s, err
	}
	reader, err := trace.NewReader(recording)
	if err != nil {
		return s, err
	}
	begun := false
	for {
		record, err := reader.Next()
		switch {
		case err != nil && strings.Contains(err.Error(), "EOF"):
			return s, nil
		case err != nil:
			return s, err
		case record.Machine == nil:
			s.last++
		case !begun:
			s.first, begun = record.Machine.View().Step, true
			s.last, s.segments = s.first, 1
		case record.Machine.View().Step != s.last:
			return s, errors.New("a segment does not begin where the one before ends")
		default:
			s.segments++
		}
	}
}
