package timeline

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// phase is what a bar shows of a child.
type phase string

const (
	phaseStarting phase = "starting"
	phaseIdle     phase = "idle"
	phaseBusy     phase = "busy"
	phaseRetired  phase = "retired"
	phaseDying    phase = "dying"
)

// span is a stretch of the picture with one look.
type span struct {
	from, to float64
	look     string
	title    string
}

// bar is one child.
type bar struct {
	generation core.Generation
	pid        core.PID
	row        int
	from, to   float64
	open       bool
	spans      []span
	end        string // how it ended; empty: it lives
	bad        bool
	dying      bool
}

// mark is something at one instant of a lane; with bar it lies between the
// listeners and a child.
type mark struct {
	x     float64
	look  string
	bar   *bar
	title string
}

// lane is one service.
type lane struct {
	id        core.ServiceID
	name      string
	kind      core.ServiceType
	about     string
	states    []span
	throttles []span
	bars      []*bar
	marks     []mark
	rows      int
	throttled bool
	there     bool
}

// line stands across all lanes.
type line struct {
	x     float64
	look  string
	title string
}

// tick is a label of the time axis.
type tick struct {
	x    float64
	text string
}

// picture is everything with its place from left to right.
type picture struct {
	lanes []*lane
	lines []line
	ticks []tick
	width float64
	now   float64 // where the record under way stands
	drawn bool    // and whether it is drawn at all

	epoch core.Epoch
}

func (p *picture) lane(id core.ServiceID) *lane {
	for _, l := range p.lanes {
		if l.id == id {
			return l
		}
	}
	return nil
}

// bar finds a child that lives.
func (p *picture) bar(g core.Generation) (*lane, *bar) {
	for _, l := range p.lanes {
		for i := len(l.bars) - 1; i >= 0; i-- {
			if l.bars[i].generation == g && l.bars[i].open {
				return l, l.bars[i]
			}
		}
	}
	return nil, nil
}

// extend makes the last span of a list end here, or begins another when the
// look changes.
func (p *picture) extend(list []span, look, title string) []span {
	if n := len(list); n > 0 {
		list[n-1].to = p.now
		if list[n-1].look == look && list[n-1].title == title {
			return list
		}
		if list[n-1].from == list[n-1].to {
			list = list[:n-1]
		}
	}
	return append(list, span{from: p.now, to: p.now, look: look, title: title})
}

// look takes in how everything stands now.
func (p *picture) look(v *core.View) {
	for _, l := range p.lanes {
		l.there = false
	}
	for i := range v.Services {
		s := &v.Services[i]
		l := p.lane(s.ID)
		if l == nil {
			l = p.laneFor(s)
		}
		l.there = true
		l.about = fmt.Sprintf("%v, limit %s", s.Type, limitWord(s.Limit))
		l.states = p.extend(l.states, s.State.String(), fmt.Sprintf("%s: %v, %d of %s children, %d idle, %d retired",
			s.Canonical, s.State, s.Total, limitWord(s.Limit), s.Idle, s.Retired))
		p.throttle(l, s.Throttled)
		p.children(l, s.Children)
	}
	for _, l := range p.lanes {
		if !l.there {
			l.states = p.extend(l.states, "gone", l.name+": gone")
			p.throttle(l, false)
			p.children(l, nil)
		}
	}
	if v.Epoch != p.epoch {
		p.epoch = v.Epoch
		p.across("commit", fmt.Sprintf("configuration %d is in force", v.Epoch))
	}
}

// laneFor returns the lane for a new service: that of one of the same name and type that
// is gone, or a new lane.
func (p *picture) laneFor(s *core.ServiceView) *lane {
	for _, l := range p.lanes {
		if l.name == s.Canonical && l.kind == s.Type && l.gone() {
			l.id = s.ID
			return l
		}
	}
	l := &lane{id: s.ID, name: s.Canonical, kind: s.Type}
	p.lanes = append(p.lanes, l)
	return l
}

func (l *lane) gone() bool { return len(l.states) > 0 && l.states[len(l.states)-1].look == "gone" }

func limitWord(limit int32) string {
	if limit == 0 {
		return "∞"
	}
	return fmt.Sprint(limit)
}

func (p *picture) throttle(l *lane, on bool) {
	if n := len(l.throttles); l.throttled && n > 0 {
		l.throttles[n-1].to = p.now
	}
	if on && !l.throttled {
		l.throttles = append(l.throttles, span{from: p.now, to: p.now, look: "throttle", title: l.name + ": throttled"})
	}
	l.throttled = on
}

// children makes the bars agree with the children of a service.
func (p *picture) children(l *lane, children []core.ChildView) {
	for _, b := range l.bars {
		if b.open && !lists(children, b.generation) {
			p.close(b)
		}
	}
	for i := range children {
		c := &children[i]
		_, b := p.bar(c.Generation)
		if b == nil {
			b = &bar{generation: c.Generation, from: p.now, open: true, row: l.freeRow()}
			l.bars = append(l.bars, b)
		}
		b.pid, b.to = c.PID, p.now
		what := phaseBusy
		switch {
		case b.dying:
			what = phaseDying
		case c.Starting:
			what = phaseStarting
		case c.Retired:
			what = phaseRetired
		case c.Idle:
			what = phaseIdle
		}
		b.spans = p.extend(b.spans, string(what), fmt.Sprintf("generation %d, pid %d: %s", b.generation, b.pid, what))
	}
}

func lists(children []core.ChildView, g core.Generation) bool {
	for i := range children {
		if children[i].Generation == g {
			return true
		}
	}
	return false
}

func (p *picture) close(b *bar) {
	b.open, b.to = false, p.now
	if n := len(b.spans); n > 0 {
		b.spans[n-1].to = p.now
	}
}

// freeRow returns the first row in which no child lives.
func (l *lane) freeRow() int {
	for row := 0; ; row++ {
		free := true
		for _, b := range l.bars {
			free = free && (b.row != row || !b.open)
		}
		if free {
			l.rows = max(l.rows, row+1)
			return row
		}
	}
}

func (p *picture) across(look, title string) {
	if p.drawn {
		p.lines = append(p.lines, line{x: p.now, look: look, title: title})
	}
}

func (l *lane) mark(p *picture, look string, b *bar, title string) {
	if l != nil && p.drawn {
		l.marks = append(l.marks, mark{x: p.now, look: look, bar: b, title: title})
	}
}

// before takes in an event or a happening before the machine has seen it.
func (p *picture) before(r *witness.Record) {
	switch r.Kind {
	case witness.RecordEvent:
		p.event(&r.Event)
	case witness.RecordAction:
		p.action(&r.Action)
	case witness.RecordWorld:
		p.world(r)
	}
}

func (p *picture) event(ev *core.Event) {
	l, b := p.bar(ev.Generation)
	text := string(ev.AppendText(nil))
	switch ev.Kind {
	case core.SignalReceived:
		look := "signal"
		if ev.Signal == core.SIGHUP {
			look = "hangup"
		}
		p.across(look, text)
	case core.ConfigRejected:
		p.across("refused", text)
	case core.ListenerFailed:
		p.across("refused", text)
	case core.ListenerReady:
		p.lane(ev.Service).mark(p, "ready", nil, text)
	case core.StatusReceived:
		if b == nil {
			return
		}
		look := "nonsense"
		if s, ok := statusOf(ev, b.pid); ok {
			look = "available"
			if s == wire.Taken {
				look = "taken"
			}
		}
		l.mark(p, look, b, text)
	case core.ChildExited:
		if b != nil {
			b.end, b.bad = ev.Status.String(), !ev.Status.Normal()
			l.mark(p, "exit", b, text)
		}
	case core.ChildStartFailed:
		if b != nil {
			b.end, b.bad = "could not be started", true
			l.mark(p, "exit", b, text)
		}
	}
}

func (p *picture) action(a *core.Action) {
	l, b := p.bar(a.Generation)
	text := string(a.AppendText(nil))
	switch a.Kind {
	case core.StartChild:
		l.mark(p, "start", b, text)
	case core.RetireChild:
		l.mark(p, "cut", b, text)
	case core.SignalChild:
		if b != nil {
			b.dying = true
			l.mark(p, "kill", b, text)
		}
	case core.WakeService:
		p.lane(a.Service).mark(p, "wakeup", nil, text)
	case core.Log:
		if a.Code == core.LogReloadRefused {
			p.across("refused", text)
		}
	case core.Exit:
		p.across("signal", text)
	}
}

// world takes in what the machine does not see.
func (p *picture) world(r *witness.Record) {
	l, b := p.bar(r.Generation)
	text := string(r.AppendText(nil))
	switch r.Happened {
	case witness.ClientCame:
		p.lane(r.Service).mark(p, "client", nil, text)
	case witness.ClientRefused:
		p.lane(r.Service).mark(p, "refusal", nil, text)
	case witness.ClientAccepted:
		if b != nil {
			l.mark(p, "accept", b, text)
		}
	case witness.ProcessSignaled, witness.ProcessStopped, witness.ProcessContinued:
		if b != nil {
			l.mark(p, "outside", b, text)
		}
	case witness.ProcessExited:
		if b != nil {
			b.dying = true
		}
	case witness.OperatorEdited:
		p.across("edit", text)
	case witness.TimeLeapt, witness.FaultsEnd:
		p.across("leap", text)
	}
}
