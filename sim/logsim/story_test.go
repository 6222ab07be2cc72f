package logsim

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/osadapter/journal"
	"github.com/stationmaster/stationmaster/osadapter/logs"
	"github.com/stationmaster/stationmaster/sim/logsim/system"
)

// What went wrong once, as told by the seeds that found it.

var (
	toSyslog = core.LogSettings{Name: "postfix", Facility: system.MailFacility, Hostname: "mx"}
	toFile   = core.LogSettings{Name: "postfix", Facility: system.MailFacility, Hostname: "mx", File: system.LogPath, PostlogPath: system.PostlogPath}
	toOther  = core.LogSettings{Name: "postfix", Facility: system.MailFacility, Hostname: "mx", File: system.OtherLogPath, PostlogPath: system.PostlogPath}
)

// station is a log of which the test tells what it meets.
type station struct {
	*system.Host
	t   *testing.T
	log *logs.Log
}

// opened returns a log with these settings; nobody reads the postlog socket, and none is
// bound: lines go to the file.
func opened(t *testing.T, settings core.LogSettings) *station {
	h := system.NewHost(system.Dice(1))
	h.Disk.MakeDirectory(system.LogDirectory)
	h.Syslog.Bind(false)
	s := &station{Host: h, t: t}
	s.log = logs.New(logs.Origin{Process: "master", PID: 42, Fallback: true, System: h}, func(string) (string, bool) { return "", false })
	if err := s.log.Switch(settings); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *station) say(texts ...string) {
	for _, text := range texts {
		s.log.Log(logs.Info, text)
	}
}

// reload expects the log to take the settings.
func (s *station) reload(settings core.LogSettings) {
	s.t.Helper()
	_ = s.log.Switch(settings)
}

// flushed lets the loop come round until it need not.
func (s *station) flushed() {
	s.t.Helper()
	for n := 0; !s.log.Flush(); n++ {
		if n > 100 {
			s.t.Fatalf("the log asks for another try for ever: %v", s.log.Err())
		}
		s.At(s.Time().Add(retryPause))
	}
}

// has expects the texts of the whole lines in the log file, in order.
func (s *station) has(want ...string) {
	s.t.Helper()
	content, _ := s.Disk.Content(system.LogPath)
	var got []string
	for line := range strings.SplitSeq(string(content), "\n") {
		if head, text, ok := strings.Cut(line, "[42]: "); ok && len(head) == len("Mar  5 13:00:00 mx postfix/master") {
			got = append(got, text)
		}
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		s.t.Errorf("the file has %q, want %q", got, want)
	}
}

func TestReloadWhileTheDiskIsSilentDoublesNoLine(t *testing.T) {
	for name, reloads := range map[string][]core.LogSettings{
		"the same": {toFile}, "away and back": {toSyslog, toFile},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, toFile)
			s.say("before")
			s.Disk.Hang(true)
			s.say("kept")
			if name == "away and back" {
				s.Syslog.Die(false) // else it takes what is kept
			}
			for _, settings := range reloads {
				s.reload(settings)
			}
			s.Disk.Hang(false)
			s.At(s.Time().Add(core.Second))
			s.say("after")
			s.flushed()
			s.has("before", "kept", "after")
		})
	}
}

// The second line's answer is there, and not taken, when a reload looks at the file.
func TestReloadThatIsRefusedDoublesNoLine(t *testing.T) {
	s := opened(t, toFile)
	s.Disk.PutDirectory(system.LogPath)
	s.Disk.PutDirectory(system.OtherLogPath)
	s.say("one", "two")
	s.Disk.Take(system.LogPath)
	s.Disk.Latency = 60 * core.Millisecond
	s.say("three")
	s.At(s.Time().Add(30 * core.Millisecond))
	s.reload(toOther)
	s.Disk.Latency = 0
	s.flushed()
	s.has("one", "two", "three")
}

func TestLineThatLacksItsEndAloneIsWrittenOnce(t *testing.T) {
	s := opened(t, toFile)
	s.Disk.Free = len("Mar  5 13:00:00 mx postfix/master[42]: one")
	s.say("one")
	s.Disk.Free = -1
	s.say("two")
	s.flushed()
	s.has("one", "two")
}

func TestReloadRemembersThatALineHasNoEnd(t *testing.T) {
	s := opened(t, toFile)
	s.Disk.Free = 10
	s.say("cut")
	s.reload(toSyslog)
	s.Disk.Free = -1
	s.reload(toFile)
	s.say("whole")
	s.has("whole")
}

func TestReloadFromAFullDaemonRemembersThatALineHasNoEnd(t *testing.T) {
	s := opened(t, toFile)
	s.Disk.Free = 10
	s.say("cut")
	s.reload(toSyslog)
	s.Syslog.Stop(true)
	for range s.Syslog.Limit + 1 {
		s.say("too much")
	}
	s.Disk.Free = -1
	s.reload(toFile)
	s.say("whole")
	s.has("whole")
}

func TestSlowDiskIsWaitedForOnceInACall(t *testing.T) {
	s := opened(t, toFile)
	s.Disk.PutDirectory(system.LogPath)
	for n := range 20 {
		s.say("line " + strconv.Itoa(n))
	}
	s.Disk.Take(system.LogPath)
	s.Disk.Latency = 30 * core.Millisecond
	s.At(s.Time().Add(retryPause))
	before := s.Waited()
	s.log.Flush()
	if waited := s.Waited() - before; waited > diskPatience {
		t.Errorf("one call waited for %d ms", waited/core.Millisecond)
	}
}

func TestDaemonThatComesLateGetsAllSoon(t *testing.T) {
	s := opened(t, toSyslog)
	s.Syslog.Die(false)
	for n := range 25 {
		s.say("line " + strconv.Itoa(n))
	}
	s.At(s.Time().Add(2 * hope))
	s.Syslog.Bind(false)
	if s.log.Flush() {
		t.Error("no other try is wanted of a daemon that is there and has no room")
	}
}

// recordingAt returns the journal of a new machine that goes to the path, and what it warns of.
func recordingAt(h *system.Host, path string) (j *journal.Journal, warnings *[]string) {
	warnings = new([]string)
	h.Disk.Journals = true
	h.Disk.MakeDirectory(journalDirectory)
	j = journal.New(core.New(0, core.MachineOptions{}), ringSize, journal.Hooks{
		Carrier: h, Warn: func(text string) { *warnings = append(*warnings, text) },
	})
	j.Apply(path, 1<<20)
	return j, warnings
}

func TestFullDiskLeavesNothingInTheJournalsWay(t *testing.T) {
	h := system.NewHost(system.Dice(1))
	path := journalDirectory + "/a"
	h.Disk.Free = 5
	j, warnings := recordingAt(h, path)
	j.Flush()
	if len(*warnings) != 1 {
		t.Fatalf("warnings: %q", *warnings)
	}
	h.Disk.Free = -1
	j.Apply(path, 1<<20)
	j.Flush()
	content, _ := h.Disk.Content(path)
	if _, err := trace.Replay(content); err != nil || len(*warnings) != 1 {
		t.Errorf("%v; warnings: %q", err, *warnings)
	}
}

func TestJournalThatIsSwitchedOffIsWrittenToItsEnd(t *testing.T) {
	h := system.NewHost(system.Dice(1))
	path := journalDirectory + "/a"
	h.Disk.Hang(true)
	j, warnings := recordingAt(h, path)
	j.Apply("", 1<<20)
	h.Disk.Hang(false)
	j.Flush()
	content, _ := h.Disk.Content(path)
	if _, err := trace.Replay(content); err != nil || h.Open() > 0 || len(*warnings) > 0 {
		t.Errorf("%v; %d descriptors are open; warnings: %q", err, h.Open(), *warnings)
	}
}

func TestEndNamesTheJournalThatWasSwitchedOff(t *testing.T) {
	h := system.NewHost(system.Dice(1))
	path := journalDirectory + "/a"
	h.Disk.Hang(true)
	j, warnings := recordingAt(h, path)
	j.Apply("", 1<<20)
	j.Finish(1)
	if len(*warnings) != 1 || !strings.Contains((*warnings)[0], path+": the disk did not take the last ") {
		t.Errorf("warnings: %q", *warnings)
	}
}

// Many files in a row that cannot be made are one warning.
func TestRotationAfterAFailureIsNoSecondWarning(t *testing.T) {
	h := system.NewHost(system.Dice(1))
	h.Disk.Hang(true)
	r := &recorder{h: h, d: system.Dice(1), m: core.New(0, core.MachineOptions{})}
	warnings := 0
	r.j = journal.New(r.m, ringSize, journal.Hooks{Carrier: h, Warn: func(string) { warnings++ }})
	r.prepare()
	r.j.Apply("/missing/j", 1)
	for range 50 { // each segment begins a file
		r.live(1000)
		r.j.Flush()
	}
	h.Disk.Hang(false)
	r.j.Flush()
	if warnings != 1 {
		t.Errorf("%d warnings", warnings)
	}
}

// A file failed, and the one that was to continue it still waits for the disk.
func TestReloadTriesTheJournalAgainThoughOthersWaitBehindIt(t *testing.T) {
	const directory = "/missing"
	h := system.NewHost(system.Dice(1))
	h.Disk.Hang(true)
	r := &recorder{h: h, d: system.Dice(1), m: core.New(0, core.MachineOptions{})}
	warnings := 0
	r.j = journal.New(r.m, ringSize, journal.Hooks{Carrier: h, Warn: func(string) { warnings++ }})
	r.prepare()
	r.j.Apply(directory+"/j", 1)
	for range 3 { // each segment begins a file
		r.live(1000)
		r.j.Flush()
	}
	h.Disk.Latency = core.Millisecond
	h.Disk.Hang(false) // the first file fails, and the second is under way
	r.j.Flush()
	if warnings != 1 {
		t.Fatalf("%d warnings before the reload", warnings)
	}
	h.Disk.MakeDirectory(directory)
	r.j.Apply(directory+"/j", 1<<20)
	for len(h.Disk.Under) > 0 {
		h.At(h.Time().Add(core.Second))
		r.j.Flush()
	}
	content, _ := h.Disk.Content(directory + "/j")
	if last, err := span(content); err != nil || last.last != r.m.View().Step || warnings != 1 {
		t.Errorf("the file has steps to %d of %d: %v; %d warnings", last.last, r.m.View().Step, err, warnings)
	}
}

// A file that takes nothing to the last leaves all that waits for it to syslog.
func TestEndLeavesThePostlogSocketToSyslog(t *testing.T) {
	s := opened(t, toFile)
	s.Postlog.Bind(false)
	s.Postlog.Stop(true)
	s.log.PostlogSocket(s.Postlog.Listener(), false)
	s.Disk.PutDirectory(system.LogPath)
	for n := range s.Postlog.Limit {
		s.Postlog.Foreign("of a server " + strconv.Itoa(n))
	}
	s.say("there is no room for this")
	s.log.Finish()
	if n := len(s.Ledger.Queued); n > 0 {
		t.Errorf("%d lines are left in the postlog socket", n)
	}
}

// A line that is lost for want of room is a line: the daemon is looked for after it.
func TestLineThatIsLostKeepsTheHopeUp(t *testing.T) {
	s := opened(t, toSyslog)
	s.Syslog.Die(false)
	for range 600 {
		s.say(strings.Repeat("x", 1900))
	}
	s.At(s.Time().Add(hope))
	s.say("lost")
	s.At(s.Time().Add(core.Second))
	if s.log.Flush() {
		t.Error("no other try is wanted a second after a line")
	}
}
