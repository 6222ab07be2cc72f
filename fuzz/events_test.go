// Package fuzz feeds hostile bytes to the code that decides: the texts of main.cf
// and master.cf, pairs of configurations, sequences of events, and the bytes that
// children write to their status channels. Each target checks more than that
// nothing crashes. The decoders of single formats have targets in their own
// packages. The ordinary tests run the seeds of all targets; make fuzz continues
// from there.
package fuzz

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/model"
)

// The bits of the first byte of a sequence of events.
const (
	beginInit      = 1 << iota // -i
	beginLeader                // of a process group
	beginVerbose               // -v
	beginExit                  // -e; its span follows
	beginTold                  // every event and action is also formatted as text
	beginCanonical             // the last state is written in canonical form
	beginHigh                  // the generations soon need more than 32 bits
	beginLate                  // another origin of time, which follows
)

const (
	maxEvents      = 200
	maxEventsModel = 100
	sweepEvery     = 64 // steps, and at the end: the whole machine is checked by the law book
)

// The second byte says at which event the twin begins. From fewDescriptors on there
// is none, and the byte says how many descriptors there are instead.
const fewDescriptors = 240

var origins = [4]core.Time{-1e18, math.MinInt64, endOfTime - core.Time(2000*core.Second), endOfTime}

// play is one machine under a sequence of events and, from some step on, its twin,
// which was restored from a snapshot. It is reused for many sequences.
type play struct {
	station
	laws    laws.Book
	twin    *core.Machine
	model   *model.Model
	refs    core.References
	head    byte
	at      int // the step after which the snapshot is taken
	bytes   []byte
	other   []byte
	entries [][2]*core.ServiceConfig // that are equal in machine and twin
	story   *bytes.Buffer            // nil: not wanted
}

// run plays the bytes. The error names what does not hold.
func (p *play) run(choices []byte, steps int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	if err := p.start(choices); err != nil {
		return err
	}
	for i := range steps {
		if err := p.step(); err != nil {
			return err
		}
		if i == p.at {
			if err := p.divide(); err != nil {
				return err
			}
		}
		if len(p.b) == 0 {
			break
		}
	}
	if err := p.sweep(); err != nil {
		return err
	}
	if err := p.united(); err != nil {
		return err
	}
	return p.canonical()
}

// start makes the machine that the first bytes ask for.
func (p *play) start(choices []byte) error {
	p.reader = reader{choices}
	p.head = p.byte()
	p.at = int(p.byte())
	o := core.MachineOptions{
		InitMode: p.head&beginInit != 0, GroupLeader: p.head&beginLeader != 0, Verbose: p.head&beginVerbose != 0,
		ExitSet: p.head&beginExit != 0, Strict: true,
	}
	if p.at >= fewDescriptors {
		o.Descriptors = uint32(p.at - fewDescriptors + 1)
	}
	if o.ExitSet {
		o.ExitAfter = core.Duration(p.uvarint() &^ (1 << 63))
	}
	now := core.Time(0)
	if p.head&beginLate != 0 {
		now = origins[p.below(len(origins))]
	}
	m := core.New(now, o)
	p.began, p.base = now, 0
	if p.head&beginHigh != 0 && p.model == nil {
		p.base = 1<<32 - 4
		k := core.NewCanon()
		var err error
		if m, err = k.Restore(k.Append(nil, m), core.RestoreBase{Now: now, Generation: p.base}); err != nil {
			return fmt.Errorf("restore an unborn machine: %w", err)
		}
	}
	p.begin(m, now)
	p.twin, p.entries = nil, p.entries[:0]
	if p.model != nil {
		p.model.Reset(now, model.FlagsOf(o))
	}
	p.laws.MadeUp = true // pids are drawn, also ones in use
	p.laws.Reset(now, o)
	p.laws.Numbered(p.base)
	return nil
}

// sweep checks the whole machine by the law book.
func (p *play) sweep() error {
	if b := p.laws.Sweep(p.m); b != nil {
		return b
	}
	return nil
}

// step lets one thing happen and checks what the machine does.
func (p *play) step() error {
	ev := p.event()
	if p.story != nil {
		fmt.Fprintf(p.story, "%d %s\n", p.now, ev.AppendText(nil))
	}
	actions := p.m.Step(p.now, ev)
	if p.story != nil {
		fmt.Fprintf(p.story, "%s", texts(actions))
	}
	if b := p.laws.Step(p.now, &ev, actions, p.m); b != nil {
		return b
	}
	if err := p.m.Check(); err != nil {
		return err
	}
	if p.observe(actions); p.steps%sweepEvery == 0 {
		if err := p.sweep(); err != nil {
			return err
		}
	}
	if p.twin != nil {
		if err := p.compare(&ev, actions); err != nil {
			return err
		}
	}
	if p.head&beginTold != 0 {
		p.bytes = ev.AppendText(p.bytes[:0])
		for i := range actions {
			p.bytes = actions[i].AppendText(p.bytes)
		}
	}
	if p.model != nil {
		return p.judge(&ev, actions)
	}
	return nil
}

func texts(actions []core.Action) (text []byte) {
	for i := range actions {
		text = append(actions[i].AppendText(append(text, "    "...)), '\n')
	}
	return text
}

// judge checks the step by the reference model.
func (p *play) judge(ev *core.Event, actions []core.Action) error {
	if err := p.model.Observe(p.now, *ev, actions); err != nil {
		return err
	}
	if p.ended {
		return nil
	}
	return p.model.Compare(p.m)
}

// divide takes a snapshot and restores it into a twin.
func (p *play) divide() (err error) {
	p.bytes = p.m.AppendSnapshot(p.bytes[:0], &p.refs)
	if p.twin, err = core.RestoreReferences(p.bytes, &p.refs); err != nil {
		return err
	}
	return p.united()
}

// united checks that the machine and its twin have the same state.
func (p *play) united() error {
	if p.twin == nil {
		return nil
	}
	p.bytes = p.m.AppendSnapshot(p.bytes[:0], &p.refs)
	p.other = p.twin.AppendSnapshot(p.other[:0], &p.refs)
	if !bytes.Equal(p.bytes, p.other) {
		return errors.New("the twin from the snapshot has another state")
	}
	return p.twin.Check()
}

// compare checks that the twin returns the same actions.
func (p *play) compare(ev *core.Event, actions []core.Action) error {
	others := p.twin.Step(p.now, *ev)
	same := len(others) == len(actions)
	for i := 0; same && i < len(actions); i++ {
		same = p.same(&actions[i], &others[i])
	}
	a, set := p.m.Deadline()
	b, other := p.twin.Deadline()
	if !same || a != b || set != other {
		return fmt.Errorf("%s\ndeadline %d, actions:\n%sof the twin from the snapshot, deadline %d:\n%s",
			ev.AppendText(nil), a, texts(actions), b, texts(others))
	}
	return nil
}

func (p *play) same(a, b *core.Action) bool {
	x := *b
	x.Entry, x.Config = a.Entry, a.Config
	return x == *a && p.sameEntry(a.Entry, b.Entry) && sameConfig(a.Config, b.Config)
}

// sameEntry compares settings, each pair once.
func (p *play) sameEntry(a, b *core.ServiceConfig) bool {
	if a == b {
		return true
	}
	for i := range p.entries {
		if p.entries[i] == [2]*core.ServiceConfig{a, b} {
			return true
		}
	}
	if a == nil || b == nil || !bytes.Equal(encoded(a), encoded(b)) {
		return false
	}
	p.entries = append(p.entries, [2]*core.ServiceConfig{a, b})
	return true
}

func encoded(e *core.ServiceConfig) []byte {
	var refs core.References
	return refs.AppendAction(nil, &core.Action{Kind: core.StartChild, Entry: e})
}

func sameConfig(a, b *core.Config) bool {
	if a == b || a == nil || b == nil {
		return a == b
	}
	var x, y core.References
	return bytes.Equal(x.AppendAction(nil, &core.Action{Kind: core.ApplyConfig, Config: a}), y.AppendAction(nil, &core.Action{Kind: core.ApplyConfig, Config: b}))
}

// canonical writes the state in canonical form and reads it again under other
// numbers: that is the same situation.
func (p *play) canonical() error {
	if p.head&beginCanonical == 0 {
		return nil
	}
	k := core.NewCanon(p.configs.given()...)
	form := k.Append(nil, p.m)
	// Not later than now, and earlier only where the scale has room: near its ends
	// it would cut off what is there, such as a deadline that has not expired.
	at := p.now
	if at > 0 && p.began >= 0 {
		at = at.Add(-core.Second)
	}
	m, err := k.Restore(form, core.RestoreBase{Now: at, Service: 1 << 20, Generation: 1 << 33, PID: 1 << 20, Request: 1 << 33})
	if err != nil {
		return fmt.Errorf("read the canonical form: %w", err)
	}
	if !bytes.Equal(k.Append(nil, m), form) {
		return errors.New("the canonical form of a machine is not that of one made from it")
	}
	if err := m.Check(); err != nil {
		return err
	}
	misread(k, form, p.at)
	return nil
}

// misread reads a canonical form with one bit changed, and one that was cut.
// The result is another situation, an impossible one, or an error.
func misread(k *core.Canon, form []byte, at int) {
	at %= len(form)
	form[at] ^= 1 << (at % 8)
	for _, b := range [][]byte{form, form[:at]} {
		if m, err := k.Restore(b, core.RestoreBase{Now: 1, PID: 1}); err == nil && m.Check() == nil {
			m.View()
		}
	}
}

// told plays the bytes once more and returns them as text.
func (p *play) told(choices []byte, steps int) string {
	p.story = &bytes.Buffer{}
	err := p.run(choices, steps)
	text := fmt.Sprintf("%v\n%s", err, p.story)
	p.story = nil
	return text
}

func newPlay() *play { return &play{} }

func newModelPlay() *play {
	return &play{station: station{proper: true}, model: model.New(0, model.Flags{})}
}

// FuzzEvents plays any sequence of up to 200 events, at any times that do not go
// back, from an adapter that keeps nothing but its contract; see station. After
// each event Machine.Check and every law of the book (package sim/laws) must hold.
// From some step on, a twin that was restored from a snapshot gets the same events:
// its actions and its state must be the same to the end.
func FuzzEvents(f *testing.F) { fuzzEvents(f, newPlay(), maxEvents) }

// FuzzEventsWithModel plays up to 100 events of an adapter that reports nothing
// impossible, and also checks each step by the reference model.
func FuzzEventsWithModel(f *testing.F) { fuzzEvents(f, newModelPlay(), maxEventsModel) }

func fuzzEvents(f *testing.F, p *play, steps int) {
	f.Fuzz(func(t *testing.T, choices []byte) {
		if err := p.run(choices, steps); err != nil {
			t.Fatalf("%v\n%s", err, p.told(choices, steps))
		}
	})
}
