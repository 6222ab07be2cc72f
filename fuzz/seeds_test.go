package fuzz

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/stress"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// recording is what happened to a machine, wherever it is known from.
type recording struct {
	name    string
	options core.MachineOptions
	began   core.Time
	events  []happened
}

// TestSeedsComeFromRecordings writes the seeds of the targets about events and
// about pairs of configurations, with -update: from the stories of core, the
// tapes of sim, drawn worlds, and the journal of a daemon. Without, it holds
// that each of them can be told as choices: the seeds that are there are run by
// their targets.
func TestSeedsComeFromRecordings(t *testing.T) {
	all := slices.Concat(stories(t), tapes(t), worlds(t), journals(t))
	if len(all) < 20 {
		t.Fatalf("%d recordings", len(all))
	}
	for i := range all {
		r := &all[i]
		for target, proper := range map[string]bool{"FuzzEvents": false, "FuzzEventsWithModel": true} {
			choices, err := encode(r.options, r.began, r.events, byte(len(r.events)/2), proper)
			if err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
			keepSeed(t, target, r.name, choices)
		}
		pairsOf(t, r)
	}
	stockPairs(t)
	talks(t)
	crafted(t)
}

// keepSeed writes a seed of a target, with -update.
func keepSeed(t *testing.T, target, name string, args ...[]byte) {
	t.Helper()
	if !*update {
		return
	}
	dir := filepath.Join("testdata", "fuzz", target)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text := "go test fuzz v1\n"
	for _, arg := range args {
		text += "[]byte(" + strconv.Quote(string(arg)) + ")\n"
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pairsOf makes pairs of the configurations that follow each other.
func pairsOf(t *testing.T, r *recording) {
	w := &scribe{}
	var before []byte
	n := 0
	for i := range r.events {
		ev := &r.events[i].ev
		if ev.Kind != core.ConfigLoaded {
			continue
		}
		w.out = nil
		if err := w.config(ev.Config); err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		if before != nil && n < 2 && string(before) != string(w.out) {
			keepSeed(t, "FuzzReloadPlan", fmt.Sprint(r.name, "-", n), before, w.out, pairLife)
			n++
		}
		before = w.out
	}
}

// pairLife brings clients to the first services, and lets servers report.
var pairLife = []byte{6, 0, 1, 0x80, 0, 0x81, 2, 4, 0xa1, 0, 0xe0, 1, 1, 5, 0, 0x80, 1, 0x81, 0xc7}

// talks are children that report the truth, and each way of not doing so.
func talks(t *testing.T) {
	scenes := map[string][]byte{
		"idle":       {0, 3, 0, 1, 2, 0},
		"high":       {1, 5, 0, 2, 2, 0, 1, 2, 0, 1},
		"reloaded":   {0, 3, 0, 1, 2, 2, 1, 1},
		"removed":    {0, 3, 0, 1, 2, 2, 2, 1, 1},
		"all-gone":   {0, 2, 1, 2, 0, 2, 0, 0},
		"many-of-it": {0, 7, 0, 0, 0, 0, 0, 0, 0, 0},
	}
	const taken, available = 0, 1
	say := func(who, pid, generation, status byte) []byte { return []byte{who, 0xf0, pid, generation, status} }
	whole := slices.Concat(say(0, 0, 0, taken), say(0, 0, 0, available), say(1, 1, 1, taken), say(0, 0, 0, taken), say(2, 2, 2, available))
	var cuts []byte // of messages that would be believed if they were whole, or filled up with zeros
	for who := range byte(6) {
		cuts = slices.Concat(cuts, []byte{who, 0xf2, who, who, taken, 4, who, 0xf2, who, who, taken, 10, who, 0xf2, who, who, available, 8})
	}
	for name, scene := range scenes {
		for what, talk := range map[string][]byte{
			"truth":   whole,
			"gossip":  slices.Concat(say(0, 1, 1, taken), say(1, 0, 0, available), say(2, 2, 1, taken), say(0, 1, 0, taken), whole),
			"unknown": slices.Concat(say(0, 0, 0, 2), say(0, 0, 0, 0xff), whole),
			"stale":   slices.Concat([]byte{0, 0xf1, 0, 0, taken, 1, 1, 0xf1, 1, 1, taken, 0xff}, whole),
			"cut":     slices.Concat(cuts, []byte{0, 6, 1, 2, 3, 4, 5, 6, 7}, whole),
			"noise":   slices.Repeat([]byte{0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 20),
		} {
			keepSeed(t, "FuzzStatus", name+"-"+what, scene, talk)
		}
	}
}

// stockPairs are the entries of a Debian system, and what people make of them.
func stockPairs(t *testing.T) {
	first := stockConfig(t, stockMaster)
	for name, change := range map[string][2]string{
		"stock-one-less":      {"pickup    unix  n       -       y       60      1       pickup\n", ""},
		"stock-other-type":    {"oldqueue  fifo  n", "oldqueue  unix  n"},
		"stock-other-command": {"unix  n       -       n       300     1       qmgr", "unix  n       -       n       300     1       oqmgr"},
		"stock-no-chroot":     {"smtp      unix  -       -       y", "smtp      unix  -       -       n"},
		"stock-other-privacy": {"qmgr      unix  n", "qmgr      unix  y"},
		"stock-other-port":    {"submission inet", "submissions inet"},
		"stock-limit":         {"cleanup   unix  n       -       y       -       0", "cleanup   unix  n       -       y       -       3"},
		"stock-wakeup":        {"1000?", "1000"},
	} {
		if !strings.Contains(stockMaster, change[0]) {
			t.Fatalf("%s: no %q", name, change[0])
		}
		second := stockConfig(t, strings.Replace(stockMaster, change[0], change[1], 1))
		var w scribe
		if err := w.config(first); err != nil {
			t.Fatal(err)
		}
		a := w.out
		w.out = nil
		if err := w.config(second); err != nil {
			t.Fatal(err)
		}
		keepSeed(t, "FuzzReloadPlan", name, a, w.out, pairLife)
	}
}

func stockConfig(t *testing.T, master string) *core.Config {
	l := load(t, []byte(stockMain), []byte(strings.Replace(master, "submissions inet", "465 inet", 1)), 0, nil)
	if !l.result.OK {
		t.Fatalf("%+v", l.result.Config.Diagnostics)
	}
	return l.result.Config
}

// tapes are the runs of the simulator that once found something.
func tapes(t *testing.T) (all []recording) {
	for _, file := range glob(t, "../sim/testdata/*"+stress.Ending) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := stress.ParseScenario(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		w := sim.NewWorld()
		all = append(all, simulated(w, "tape-"+baseName(file), &s.Options, func() sim.Result { return w.Replay(s.Tape, s.Options) }))
	}
	return all
}

// worlds are some runs of the simulator from seeds.
func worlds(*testing.T) (all []recording) {
	for seed := uint64(1); seed <= 24; seed++ {
		o, w := options.Draw(seed), sim.NewWorld() // a world takes its configurations back for the next run
		all = append(all, simulated(w, fmt.Sprint("world-", seed), &o, func() sim.Result { return w.Run(seed, o) }))
	}
	return all
}

// simulated plays a run and keeps the beginning of what happened to the machine.
func simulated(w *sim.World, name string, o *options.Options, play func() sim.Result) recording {
	var records witness.Trace
	w.Keep(&records)
	play()
	w.Keep(nil)
	r := recording{name: name, options: machineOptions(o), began: witness.StartOfTime}
	for i := range records.Records {
		if x := &records.Records[i]; x.Kind == witness.RecordEvent && len(r.events) < maxEvents {
			r.events = append(r.events, happened{x.Now, x.Event})
		}
	}
	return r
}

// machineOptions are those of the machine in a simulated world.
func machineOptions(o *options.Options) (options core.MachineOptions) {
	w := sim.NewWorld()
	w.NewObserver = func(o core.MachineOptions) sim.Observer {
		options = o
		return nobody{}
	}
	w.Replay(nil, *o)
	return options
}

type nobody struct{}

func (nobody) Observe(core.Time, core.Event, []core.Action, *core.Machine) error { return nil }

// journals are what real daemons recorded.
func journals(t *testing.T) (all []recording) {
	for _, file := range glob(t, "testdata/*.journal") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := recording{name: "journal-" + baseName(file)}
		var did []string
		reader, err := trace.NewReader(b)
		for err == nil {
			var x trace.Record
			if x, err = reader.Next(); err == nil && x.Machine == nil {
				r.events = append(r.events, happened{x.Time, x.Event})
				did = append(did, string(texts(x.Actions)))
			} else if err == nil && len(r.events) == 0 {
				r.began = x.Time
			}
		}
		if err != io.EOF || !r.find(did) {
			t.Fatalf("%s: %v, or no command line gives this", file, err)
		}
		all = append(all, r)
	}
	return all
}

// find finds the options with which a machine does what was recorded.
func (r *recording) find(did []string) bool {
	for bits := range 8 {
		r.options = core.MachineOptions{InitMode: bits&1 != 0, GroupLeader: bits&2 != 0, Verbose: bits&4 != 0}
		m := core.New(r.began, r.options)
		same := 0
		for i := range r.events {
			if string(texts(m.Step(r.events[i].now, r.events[i].ev))) != did[i] {
				break
			}
			same++
		}
		if same == len(r.events) {
			return true
		}
	}
	return false
}

// stories are the golden traces of core.
func stories(t *testing.T) (all []recording) {
	for _, file := range glob(t, "../core/testdata/*.trace") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		h := newHonest(t, core.MachineOptions{GroupLeader: true})
		h.keep, h.refused, h.failing = true, map[string]core.Errno{}, map[string]startFailure{}
		next := &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix"}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) == 0 || words[0] == "#" || strings.HasPrefix(line, "  ") {
				continue
			}
			if words[0] == "options" {
				h.begin(words[1:])
				continue
			}
			if words[0] == "service" {
				next.Services = append(next.Services, storyService(t, words[1:]))
				continue
			}
			if words[0] == "start" || words[0] == "hangup" {
				h.next, next = next, &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix"}
			}
			h.tell(words)
		}
		all = append(all, recording{name: "story-" + baseName(file), options: h.m.Options(), events: h.past})
	}
	return all
}

// begin makes a machine anew, with the options of a story.
func (h *honest) begin(words []string) {
	o := core.MachineOptions{GroupLeader: true, Strict: true}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(strings.TrimSuffix(value, "s"))
		switch {
		case word == "init":
			o.InitMode = true
		case key == "exit-after" && err == nil:
			o.ExitSet, o.ExitAfter = true, core.Duration(n)*core.Second
		case key == "descriptors" && err == nil:
			o.Descriptors = uint32(n)
		default:
			h.t.Fatalf("%q: no such option", word)
		}
	}
	h.m = core.New(0, o)
}

// tell plays one line of a story; see core/trace_test.go.
func (h *honest) tell(words []string) {
	number := func(i int) int {
		_, digits, found := strings.Cut(words[i], "=")
		if !found {
			digits = strings.TrimSuffix(words[i], "s")
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			h.t.Fatalf("%q: %v", words, err)
		}
		return n
	}
	switch words[0] {
	case "start":
		if len(words) > 1 {
			h.step(core.ConfigRejectedEvent(0, refusal))
			return
		}
		h.step(core.ConfigLoadedEvent(0, h.next))
	case "hangup":
		if len(words) > 1 {
			h.next = nil
		}
		h.step(core.SignalReceivedEvent(core.SIGHUP))
	case "ready":
		h.step(core.ListenerReadyEvent(core.ServiceID(number(1))))
	case "taken", "available":
		k := h.kid(&core.Action{Generation: core.Generation(number(1))})
		h.step(statusEvent(k.generation, wire.Message{
			PID: int32(k.pid), Generation: uint32(k.generation), Status: map[string]wire.Status{"taken": wire.Taken, "available": wire.Available}[words[0]],
		}))
	case "exit":
		status := core.ExitedWith(uint8(number(2)))
		if strings.HasPrefix(words[2], "signal") {
			status = core.KilledBy(core.Signal(number(2)))
		}
		k := *h.kid(&core.Action{Generation: core.Generation(number(1))})
		h.children = slices.DeleteFunc(h.children, func(other kid) bool { return other == k })
		h.step(core.ChildExitedEvent(k.generation, k.pid, status))
	case "report":
		h.step(statusEvent(core.Generation(number(1)), wire.Message{PID: int32(number(2)), Generation: uint32(number(3)), Status: wire.Status(number(4))}))
	case "partial":
		h.step(core.StatusReceivedEvent(core.Generation(number(1)), [wire.StatusSize]byte{}, number(2)))
	case "close":
		h.step(core.ChildChannelClosedEvent(core.Generation(number(1))))
	case "stop":
		k := h.kid(&core.Action{Generation: core.Generation(number(1))})
		h.step(core.ChildStoppedEvent(k.generation, k.pid, core.Signal(number(2))))
	case "stranger":
		h.step(core.ChildExitedEvent(0, core.PID(number(1)), core.KilledBy(core.Signal(number(2)))))
	case "hold":
		h.late = true
	case "release":
		h.answerAll()
	case "mend":
		delete(h.failing, words[1])
		delete(h.refused, words[1])
	case "state": // only looks
	case "sent", "closed", "failed": // answered at once here
	case "fail":
		h.failing[words[1]] = startFailure{map[string]core.StartStep{"fork": core.StartFork, "exec": core.StartExec}[words[2]], core.Errno(number(3))}
	case "refuse":
		h.refused[words[1]] = core.Errno(number(2))
	case "wait":
		h.wait(core.Duration(number(1)) * core.Second)
	case "signal":
		h.step(core.SignalReceivedEvent(core.Signal(number(1))))
	default:
		h.t.Fatalf("unknown line: %q", words)
	}
}

// wait lets time pass; timers expire meanwhile.
func (h *honest) wait(d core.Duration) {
	end := h.now.Add(d)
	for {
		at, ok := h.m.Deadline()
		if !ok || at > end {
			break
		}
		h.now = max(h.now, at)
		h.step(core.TimerExpiredEvent())
	}
	h.now = end
}

func storyService(t *testing.T, words []string) core.ServiceConfig {
	kind, ok := core.ParseServiceType(words[1])
	if !ok {
		t.Fatalf("%q: no such type", words)
	}
	s := core.ServiceConfig{
		Name: words[0], Canonical: "private/" + words[0], Type: kind, Line: 1, LocalOnly: kind != core.Inet, ProcessLimit: 1,
		Endpoints: []core.Endpoint{{Path: "private/" + words[0]}}, Command: words[0] + "d", Path: "/d/" + words[0] + "d", ThrottleDelay: 60 * core.Second,
	}
	if kind == core.Inet {
		s.Canonical = words[0]
		s.Endpoints = []core.Endpoint{{Address: netip.MustParseAddrPort("0.0.0.0:" + words[0])}}
	}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		s.WakeupIfUsed = s.WakeupIfUsed || strings.HasSuffix(value, "?")
		n, err := strconv.Atoi(strings.TrimRight(value, "s?"))
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		switch key {
		case "limit":
			s.ProcessLimit = int32(n)
		case "wakeup":
			s.WakeupInterval = core.Duration(n) * core.Second
		case "throttle":
			s.ThrottleDelay = core.Duration(n) * core.Second
		}
	}
	return s
}

func glob(t *testing.T, pattern string) []string {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files are %s: %v", len(files), pattern, err)
	}
	return files
}

func baseName(file string) string {
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}
