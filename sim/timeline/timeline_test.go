package timeline

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

const second = core.Second

func entries(list ...core.ServiceConfig) *core.Config { return &core.Config{Services: list} }

func entry(name string, limit int32) core.ServiceConfig {
	return core.ServiceConfig{
		Name: name, Canonical: "private/" + name, Type: core.Unix, LocalOnly: true, ProcessLimit: limit,
		Endpoints: []core.Endpoint{{Path: "private/" + name}}, Command: name, Path: "/d/" + name, ThrottleDelay: 60 * second,
	}
}

func report(g core.Generation, pid core.PID, s wire.Status) core.Event {
	var b [wire.StatusSize]byte
	wire.Message{PID: int32(pid), Generation: uint32(g), Status: s}.Append(b[:0])
	return core.StatusReceivedEvent(g, b, wire.StatusSize)
}

// tale is one machine with events at given seconds; it has a start, a session,
// a reload that removes one service, a crash, and the throttle that follows.
type tale struct {
	records []witness.Record
	writer  *trace.Writer
	machine *core.Machine
	step    uint64
}

func tell() *tale {
	t := &tale{writer: trace.NewWriter(), machine: core.New(0, core.MachineOptions{})}
	t.writer.Fresh(0, core.MachineOptions{})
	t.add(1, core.ConfigLoadedEvent(0, entries(entry("alpha", 2), entry("bravo<b>", 1))))
	t.add(1, core.ListenerOpenedEvent(1, 0))
	t.add(1, core.ListenerOpenedEvent(2, 0))
	t.add(2, core.ListenerReadyEvent(1))
	t.add(2, core.ChildStartedEvent(1, 1, 101))
	t.note(2, witness.Record{Happened: witness.ClientAccepted, Service: 1, Generation: 1, Client: 1})
	t.add(3, report(1, 101, wire.Taken))
	t.add(3, core.ListenerReadyEvent(1))
	t.add(3, core.ChildStartedEvent(1, 2, 102))
	t.add(4, report(1, 101, wire.Available))
	t.add(5, core.SignalReceivedEvent(core.SIGHUP))
	t.add(6, core.ConfigLoadedEvent(1, entries(entry("alpha", 2))))
	t.add(7, core.ChildExitedEvent(1, 101, 0))
	t.add(8, core.ChildExitedEvent(2, 102, core.KilledBy(core.SIGSEGV)))
	return t
}

func (t *tale) add(at int64, ev core.Event) {
	now := core.Time(at * int64(second))
	t.step++
	t.records = append(t.records, witness.Record{Kind: witness.RecordEvent, Step: t.step, Now: now, Event: ev})
	t.writer.Event(now, &ev)
	actions := t.machine.Step(now, ev)
	for _, a := range actions {
		t.records = append(t.records, witness.Record{Kind: witness.RecordAction, Step: t.step, Now: now, Action: a})
	}
	t.writer.Actions(actions)
}

func (t *tale) note(at int64, r witness.Record) {
	r.Kind, r.Step, r.Now = witness.RecordWorld, t.step, core.Time(at*int64(second))
	t.records = append(t.records, r)
}

func page1(t *testing.T, s *Story) string {
	t.Helper()
	var out bytes.Buffer
	if err := s.WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPageShowsLanesBarsAndWhatPassesBetween(t *testing.T) {
	html := page1(t, OfTrace("a tale", core.MachineOptions{}, tell().records))
	for _, want := range []struct {
		what, pattern string
		count         int
	}{
		{"lanes", `class="lane" data-service=`, 2},
		{"throttle", `class="hatch"><title>`, 1},
		{"hangup", `class="across hangup"><title>`, 1},
		{"configurations in force", `class="across commit"><title>`, 2},
		{"accept", `class="arrow m-accept"><title>`, 1},
		{"taken", `class="arrow m-taken"><title>`, 1},
		{"available", `class="arrow m-available"><title>`, 1},
		{"starts", `class="arrow m-start"><title>`, 2},
		{"cuts", `class="arrow m-cut"><title>`, 2},
		{"reaped", `class="arrow m-exit"><title>`, 2},
		{"good ends", `class="end"><title>`, 1},
		{"bad ends", `class="end bad"><title>`, 1},
		{"nothing broke", `class="broken"><title>`, 0},
	} {
		if got := len(regexp.MustCompile(want.pattern).FindAllString(html, -1)); got != want.count {
			t.Errorf("%s: %d, want %d", want.what, got, want.count)
		}
	}
	for _, look := range []string{"strip s-idle", "strip s-starting", "strip s-serving", "strip s-throttled", "bar b-starting", "bar b-idle", "bar b-busy", "bar b-retired"} {
		if !strings.Contains(html, `class="`+look+`"><title>`) {
			t.Errorf("nothing is drawn as %q", look)
		}
	}
	if strings.Contains(html, "bravo<b>") || !strings.Contains(html, "bravo&lt;b&gt;") {
		t.Error("a name is not escaped")
	}
	if strings.Contains(html, "<script") || strings.Contains(html, "http://") || strings.Contains(html, "https://") {
		t.Error("the page needs something else")
	}
}

// The drawing is read as XML would be: what is not closed shows here.
func TestDrawingIsWellFormed(t *testing.T) {
	html := page1(t, OfTrace("a tale", core.MachineOptions{}, tell().records))
	d := xml.NewDecoder(strings.NewReader(html[strings.Index(html, "<body>"):strings.Index(html, "</html>")]))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestJournalIsDrawnAsTheRunThatItRecords(t *testing.T) {
	tale := tell()
	s, err := OfRecording("a tale", tale.writer.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	fromJournal := page1(t, s)
	without := tale.records[:0:0]
	for _, r := range tale.records {
		if r.Kind != witness.RecordWorld {
			without = append(without, r)
		}
	}
	// The machine of a trace is made when its first step comes.
	if want := page1(t, OfTrace("a tale", core.MachineOptions{}, without)); fromJournal != want {
		t.Errorf("the journal gives another page, of %d bytes instead of %d", len(fromJournal), len(want))
	}
}

func TestJournalOfAMachineAtWorkBeginsWithItsChildren(t *testing.T) {
	tale := tell()
	m := core.New(0, core.MachineOptions{})
	w := trace.NewWriter()
	for i := range tale.records {
		if r := &tale.records[i]; r.Kind == witness.RecordEvent && r.Step <= 8 {
			m.Step(r.Now, r.Event)
		}
	}
	w.Snapshot(m)
	ev := report(1, 101, wire.Available)
	w.Event(core.Time(9*second), &ev)
	w.Actions(m.Step(core.Time(9*second), ev))
	s, err := OfRecording("later", w.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if s.Broken() {
		t.Fatalf("broken: %s", s.broken.text)
	}
	html := page1(t, s)
	if strings.Count(html, `class="lane"`) != 1 || !strings.Contains(html, "generation 1, pid 101: busy") {
		t.Error("what was there at the beginning is not drawn")
	}
	if !strings.Contains(html, `<summary>1 service in which nothing happens</summary><ul><li>2 private/bravo&lt;b&gt;: unix, limit 1, idle</li></ul>`) {
		t.Error("the service in which nothing happens is not folded")
	}
	var out bytes.Buffer
	if err := s.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.HasPrefix(text, "1 service in which nothing happens: 2 private/bravo<b>\n") || strings.Count(text, "bravo") != 1 {
		t.Errorf("the text:\n%s", text)
	}
}

// A journal that knows the wall clock is drawn with its times, also after it was set.
func TestJournalShowsTheWallClock(t *testing.T) {
	const wall = 1_796_071_491_123_456_789 // 2026-11-30, 20:44:51 UTC
	m := core.New(0, core.MachineOptions{})
	w := trace.NewWriter()
	w.Fresh(0, core.MachineOptions{})
	for i, ev := range []core.Event{
		core.ConfigLoadedEvent(0, entries(entry("alpha", 2))), core.ListenerOpenedEvent(1, 0), core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 1, 101),
	} {
		now := core.Time(100 + i)
		switch i {
		case 0:
			w.Wall(wall - 100)
		case 2:
			w.Wall(wall - 102 + int64(3600*second))
		}
		w.Event(now, &ev)
		w.Actions(m.Step(now, ev))
	}
	s, err := OfRecording("a tale", w.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	html, text := page1(t, s), out.String()
	for _, want := range []string{"begins on 2026-11-30 20:44:51 UTC", "20:44:51.123", "UTC"} {
		if !strings.Contains(html, want) || !strings.Contains(text, want) {
			t.Errorf("page or text lack %q:\n%s", want, text)
		}
	}
	if !strings.Contains(text, "21:44:51.123") || strings.Contains(text, "seconds") {
		t.Errorf("the clock was set, and the text says:\n%s", text)
	}
}

func TestBrokenInvariantIsARedLineWithBothStates(t *testing.T) {
	tale := tell()
	tale.records = append(tale.records, witness.Record{Kind: witness.RecordBroken, Step: tale.step, Now: core.Time(8 * second), Text: "S3 broken at step 13: watched"})
	s := OfTrace("a tale", core.MachineOptions{}, tale.records)
	html := page1(t, s)
	for _, want := range []string{`class="broken"><title>S3 broken`, "the machine says", "events and actions say", `class="beside"`} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	var out bytes.Buffer
	if err := s.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "BROKEN: S3 broken at step 13: watched\nthe machine says:") {
		t.Errorf("the text lacks the breach:\n%s", out.String())
	}
}

func TestDifferenceOfAJournalShowsBothSides(t *testing.T) {
	tale := tell()
	ev := core.SignalReceivedEvent(core.SIGTERM)
	tale.writer.Event(core.Time(9*second), &ev)
	tale.writer.Actions([]core.Action{{Kind: core.Announce}})
	s, err := OfRecording("a tale", tale.writer.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	html := page1(t, s)
	if !s.Broken() || !strings.Contains(html, "<h2>recorded</h2><ul><li>announce</li>") || !strings.Contains(html, "<h2>this machine</h2><ul><li>signal-group") {
		t.Error("the sides are not shown")
	}
}

func TestAssertionKeepsTheLastView(t *testing.T) {
	tale := tell()
	ev := core.ListenerOpenedEvent(77, 0) // nobody asked for it
	tale.records = append(tale.records,
		witness.Record{Kind: witness.RecordEvent, Step: tale.step + 1, Now: core.Time(9 * second), Event: ev},
		witness.Record{Kind: witness.RecordBroken, Step: tale.step + 1, Now: core.Time(9 * second), Text: "assert broken"})
	if html := page1(t, OfTrace("a tale", core.MachineOptions{}, tale.records)); !strings.Contains(html, "the machine said before it broke") {
		t.Error("the page does not say that the machine broke")
	}
}

func TestTextHasAColumnForEachService(t *testing.T) {
	var out bytes.Buffer
	if err := OfTrace("a tale", core.MachineOptions{}, tell().records).WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 private/alpha", "2 private/bravo<b>", "serving 1/2 i1 b0 r0", "throttled 0/2", "client is accepted"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, out.String())
		}
	}
}

func TestChoosingStepsLeavesTheOthersOut(t *testing.T) {
	for _, tc := range []struct {
		from uint64
		n    int
		want string
	}{
		{0, 600, "steps 1 to 13 of 13"},
		{0, 3, "steps 11 to 13 of 13"},
		{4, 2, "steps 4 to 5 of 13"},
		{99, 2, "steps 99 to 13 of 13"},
	} {
		t.Run(fmt.Sprint(tc.from, tc.n), func(t *testing.T) {
			s := OfTrace("a tale", core.MachineOptions{}, tell().records)
			s.Choose(tc.from, tc.n)
			if html := page1(t, s); !strings.Contains(html, tc.want) {
				t.Errorf("the page does not say %q", tc.want)
			}
		})
	}
}

// Labels may not run into what stands behind them, however long the numbers of
// a real system are.
func TestLabelsFitTheirBars(t *testing.T) {
	for _, pid := range []core.PID{7, 4194304} {
		for width := 1.0; width < 120; width++ {
			var d drawnLane
			d.bar(&bar{generation: 123, pid: pid, to: width, open: true}, 0)
			if room := 3 + 5*float64(len(fmt.Sprint(123, pid))); len(d.Texts) > 0 && room > width {
				t.Errorf("pid %d: a label of about %.0f pixels in a bar of %.0f", pid, room, width)
			}
			if width > 100 && len(d.Texts) == 0 {
				t.Errorf("pid %d: no label in a bar of %.0f pixels", pid, width)
			}
		}
	}
}

// Of twenty services and more, names, times and what the operator did stay in
// sight while the lanes scroll.
func TestManyServicesKeepTheirNamesAndTimesInSight(t *testing.T) {
	var list []core.ServiceConfig
	for i := range 24 {
		list = append(list, entry(fmt.Sprintf("service%02d", i), 1))
	}
	m := core.New(0, core.MachineOptions{})
	s := &tale{writer: trace.NewWriter(), machine: m}
	s.writer.Fresh(0, core.MachineOptions{})
	s.add(1, core.ConfigLoadedEvent(0, entries(list...)))
	for i := range list {
		s.add(1, core.ListenerOpenedEvent(core.ServiceID(i+1), 0))
	}
	s.add(2, core.SignalReceivedEvent(core.SIGHUP))
	html := page1(t, OfTrace("many", core.MachineOptions{}, s.records))
	if got := strings.Count(html, `class="lane"`); got != len(list) {
		t.Errorf("%d lanes, want %d", got, len(list))
	}
	for _, e := range list {
		if strings.Count(html, `class="name">`+e.Canonical+`<`) != 1 {
			t.Errorf("%s has no name beside its lane", e.Canonical)
		}
	}
	for _, want := range []string{
		".corner,.axis,.names{position:sticky", "overflow:auto;max-height:", `<svg class="axis"`, `class="across act hangup"><title>`,
		`class="tick">seconds</text>`, "prefers-color-scheme:dark", "hangup: reload is asked for",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestEmptyStoriesAreNoTrouble(t *testing.T) {
	if html := page1(t, OfTrace("nothing", core.MachineOptions{}, nil)); !strings.Contains(html, "nothing happened") {
		t.Error("an empty run does not say so")
	}
	if _, err := OfRecording("nothing", []byte(trace.Mark)); err == nil {
		t.Error("an empty journal is drawn")
	}
	if _, err := OfRecording("nothing", []byte("no journal")); !errors.Is(err, trace.ErrNoRecording) {
		t.Errorf("got %v", err)
	}
}

func TestAnyRunOfTheWorldCanBeDrawn(t *testing.T) {
	w := sim.NewWorld()
	for seed := uint64(1); seed <= 40; seed++ {
		var kept witness.Trace
		w.Keep(&kept)
		var o core.MachineOptions
		w.NewObserver = func(of core.MachineOptions) sim.Observer {
			o = of
			return nil
		}
		w.Run(seed, options.Draw(seed))
		s := OfTrace(fmt.Sprint("seed ", seed), o, kept.Records)
		g, err := s.begin()
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.records {
			g.play(&s.records[i])
		}
		if g.panic != "" {
			t.Errorf("seed %d: the machine that is drawn broke: %s", seed, g.panic)
		}
		for i := range g.view.Services {
			v := &g.view.Services[i]
			want := fmt.Sprintf("total %d, starting %d, idle %d, busy %d, retired %d, limit %d, %s", v.Total, v.Starting, v.Idle, v.Busy, v.Retired, v.Limit, watchedWord(v.Watching))
			if got := g.account.line(v.ID, v.Limit); got != want {
				t.Errorf("seed %d, service %d: events and actions say %s, the machine %s", seed, v.ID, got, want)
			}
		}
		page1(t, s)
	}
}
