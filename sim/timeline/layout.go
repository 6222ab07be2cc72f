package timeline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Sizes in pixels.
const (
	usualWidth = 1150 // short stories are stretched to it
	maxStretch = 24
	slot       = 3 // least step to the right
	tickSpace  = 96
	axisHeight = 40 // the times, and below them what the operator does
	actTop     = 20
	actSize    = 18
	laneTop    = 6
	laneGap    = 14
	stripTop   = 4
	stripSize  = 14
	barsTop    = stripTop + stripSize + 14
	rowSize    = 15
	barSize    = 11
	besideSize = 300 // right of the red line
)

// draw takes the story from left to right. The way to the right grows with
// every thing that happens, and with the logarithm of the time between.
func (s *Story) draw() (*picture, *stage, error) {
	g, err := s.begin()
	if err != nil {
		return nil, nil, err
	}
	p := &picture{}
	p.look(&g.view)
	p.lines = nil
	first, before, ticked := true, core.Time(0), -math.MaxFloat64
	for i := range s.records {
		r := &s.records[i]
		p.drawn = s.drawn(r)
		if p.drawn && takesPlace(r) {
			p.now += slot
			if !first {
				p.now += slot * math.Log10(1+float64(r.Now.Sub(before))/float64(100*core.Microsecond))
			}
			first, before = false, r.Now
			if p.now-ticked >= tickSpace/maxStretch {
				ticked = p.now
				p.ticks = append(p.ticks, tick{p.now, s.when(r)})
			}
		}
		if r.Step >= s.from+s.steps {
			break
		}
		p.before(r)
		if g.play(r) {
			p.look(&g.view)
		}
	}
	p.now += slot
	p.drawn = true
	p.look(&g.view)
	p.width = p.now
	p.stretch()
	return p, g, nil
}

// takesPlace reports whether a record moves the picture to the right.
func takesPlace(r *witness.Record) bool {
	switch r.Kind {
	case witness.RecordEvent:
		return true
	case witness.RecordWorld:
		switch r.Happened {
		case witness.ClientCame, witness.ClientRefused, witness.ClientAccepted, witness.ProcessSignaled, witness.ProcessStopped,
			witness.ProcessContinued, witness.ProcessExited, witness.OperatorEdited, witness.TimeLeapt, witness.FaultsEnd:
			return true
		}
	}
	return false
}

// clock returns a time since the beginning.
func clock(d core.Duration) string {
	s := float64(d) / float64(core.Second)
	if s < 1000 {
		return strconv.FormatFloat(s, 'f', 4, 64)
	}
	n := d.Seconds()
	return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
}

// stretch makes a short story as wide as the page, and leaves out labels that
// would touch.
func (p *picture) stretch() {
	factor := min(max(1, usualWidth/max(p.width, 1)), maxStretch)
	for _, l := range p.lanes {
		stretchSpans(l.states, factor)
		stretchSpans(l.throttles, factor)
		for _, b := range l.bars {
			b.from, b.to = b.from*factor, b.to*factor
			stretchSpans(b.spans, factor)
		}
		for i := range l.marks {
			l.marks[i].x *= factor
		}
	}
	for i := range p.lines {
		p.lines[i].x *= factor
	}
	kept := p.ticks[:0]
	last := -math.MaxFloat64
	for _, t := range p.ticks {
		t.x *= factor
		if t.x-last >= tickSpace {
			kept = append(kept, t)
			last = t.x
		}
	}
	p.ticks = kept
	p.width *= factor
}

func stretchSpans(spans []span, factor float64) {
	for i := range spans {
		spans[i].from *= factor
		spans[i].to *= factor
	}
}

// Shapes of the page.
type (
	rect struct{ X, Y, W, H, Class, Title string }
	path struct{ D, Class, Title string }
	text struct{ X, Y, Class, Text string }

	drawnLane struct {
		ID          core.ServiceID
		Name, About string
		Y           string // of its label
		Rects       []rect
		Paths       []path
		Texts       []text
	}

	page struct {
		Title, Subtitle string
		Command         string
		Width, Height   string
		Axis            string // height of it
		Unit            string // of the times
		Lanes           []drawnLane
		Quiet           []string // services that are not drawn
		QuietWords      string
		Lines           []path
		Ticks           []text
		Acts            []path
		Broken          *breachOnPage
		States, Bars    []legend
		Marks, Ways     []legend
		Across          []legend
	}

	breachOnPage struct {
		Text        string
		Line        path
		Left, Right side
	}

	legend struct{ Class, Words string }
)

func px(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// page lays everything out.
func (s *Story) page() (*page, error) {
	p, g, err := s.draw()
	if err != nil {
		return nil, err
	}
	pg := &page{Title: s.title, Command: s.command, States: stateLegend, Bars: barLegend, Marks: markLegend, Ways: wayLegend, Across: acrossLegend, Axis: px(axisHeight), Unit: s.unit()}
	y := float64(laneTop)
	width := p.width + 2
	if s.broken != nil {
		s.broken.conclude(g)
		width += besideSize
	}
	quiet := s.quiet(p)
	for _, l := range p.lanes {
		if !l.visible() {
			continue
		}
		if quiet[l] {
			pg.Quiet = append(pg.Quiet, fmt.Sprintf("%d %s: %s, %s", l.id, l.name, l.about, l.states[len(l.states)-1].look))
			continue
		}
		d := l.layOut(y)
		if s.broken != nil {
			d.beside(l, g, p.width, y)
		}
		pg.Lanes = append(pg.Lanes, d)
		y += l.height() + laneGap
	}
	for _, t := range p.ticks {
		pg.Ticks = append(pg.Ticks, text{px(t.x), "12", "tick", t.text})
		pg.Lines = append(pg.Lines, path{"M" + px(t.x) + " 0V" + px(y), "grid", ""})
	}
	for _, n := range p.lines {
		pg.Lines = append(pg.Lines, path{"M" + px(n.x) + " 0V" + px(y), "across " + n.look, n.title})
		pg.Acts = append(pg.Acts, path{"M" + px(n.x) + " " + px(actTop) + "v" + px(actSize), "across act " + n.look, n.title})
	}
	if b := s.broken; b != nil {
		pg.Broken = &breachOnPage{Text: b.text, Line: path{"M" + px(p.width) + " 0V" + px(y), "broken", b.text}, Left: b.left, Right: b.right}
	}
	pg.Width, pg.Height = px(width), px(y)
	pg.Subtitle = s.subtitle(len(pg.Lanes) + len(pg.Quiet))
	pg.QuietWords = quietWords(len(pg.Quiet))
	return pg, nil
}

func (s *Story) subtitle(lanes int) string {
	if len(s.records) == 0 {
		return "nothing happened"
	}
	last := s.records[len(s.records)-1]
	to := min(last.Step, s.from+s.steps-1)
	text := fmt.Sprintf("steps %d to %d of %d, %d services, %s seconds from the first step to the last",
		max(1, s.from), to, last.Step, lanes, clock(last.Now.Sub(s.records[0].Now)))
	if begun := s.begun(); begun != "" {
		text += "; the drawing begins on " + begun
	}
	return text
}

// quiet finds the services in which nothing happens, to be folded into one line. Where
// something broke, and where nothing happens in any, all are drawn.
func (s *Story) quiet(p *picture) map[*lane]bool {
	quiet, shown := map[*lane]bool{}, 0
	for _, l := range p.lanes {
		switch {
		case !l.visible():
		case l.quiet():
			quiet[l] = true
		default:
			shown++
		}
	}
	if s.broken != nil || shown == 0 {
		return nil
	}
	return quiet
}

func quietWords(n int) string {
	if n == 1 {
		return "1 service in which nothing happens"
	}
	return fmt.Sprintf("%d services in which nothing happens", n)
}

// quiet reports whether nothing happens in a lane: no child, no client, no wakeup, and
// it stands in one state from its beginning to the end of the drawing.
func (l *lane) quiet() bool {
	spans := 0
	for _, sp := range l.states {
		if sp.to > sp.from {
			spans++
		}
	}
	return spans == 1 && !l.gone() && len(l.marks) == 0 && l.drawnRows() == 0
}

// visible reports whether anything of the lane is drawn.
func (l *lane) visible() bool {
	for _, sp := range l.states {
		if sp.look != "gone" && sp.to > sp.from {
			return true
		}
	}
	return false
}

func (l *lane) height() float64 { return barsTop + float64(max(1, l.drawnRows()))*rowSize }

func (l *lane) drawnRows() int {
	rows := 0
	for _, b := range l.bars {
		if b.to > b.from {
			rows = max(rows, b.row+1)
		}
	}
	return rows
}

// layOut returns the shapes of a lane whose upper edge is at y.
func (l *lane) layOut(y float64) drawnLane {
	d := drawnLane{ID: l.id, Name: l.name, About: l.about, Y: px(y)}
	for _, sp := range l.states {
		if sp.look != "gone" {
			d.rect(sp, y+stripTop, stripSize, "strip s-"+sp.look)
		}
	}
	for _, sp := range l.throttles {
		d.rect(sp, y, l.height(), "hatch")
	}
	for _, b := range l.bars {
		if b.to <= b.from {
			continue
		}
		at := b.y(y)
		for _, sp := range b.spans {
			d.rect(sp, at, barSize, "bar b-"+sp.look)
		}
		d.bar(b, at)
	}
	for i := range l.marks {
		d.mark(&l.marks[i], y)
	}
	return d
}

func (b *bar) y(lane float64) float64 { return lane + barsTop + float64(b.row)*rowSize }

func (d *drawnLane) rect(sp span, y, h float64, class string) {
	if sp.to > sp.from {
		d.Rects = append(d.Rects, rect{px(sp.from), px(y), px(sp.to - sp.from), px(h), class, sp.title})
	}
}

const digitWidth = 5.5 // of a label in a bar

// bar labels a bar that is wide enough for it, and marks its end.
func (d *drawnLane) bar(b *bar, y float64) {
	label := fmt.Sprintf("%d·%d", b.generation, b.pid)
	if b.to-b.from >= 6+digitWidth*float64(utf8.RuneCountInString(label)) {
		d.Texts = append(d.Texts, text{px(b.from + 3), px(y + barSize - 2), "generation", label})
	}
	if b.open {
		return
	}
	class, x, mid := "end", b.to, y+barSize/2
	if b.bad {
		class = "end bad"
	}
	d.Paths = append(d.Paths, path{
		"M" + px(x-3) + " " + px(mid-3) + "L" + px(x+3) + " " + px(mid+3) + "M" + px(x+3) + " " + px(mid-3) + "L" + px(x-3) + " " + px(mid+3),
		class, fmt.Sprintf("generation %d, pid %d: %s", b.generation, b.pid, b.end),
	})
}

// upwards are the marks whose arrow goes from the child to the listeners.
var upwards = map[string]bool{"taken": true, "available": true, "nonsense": true, "exit": true}

// mark draws what happens at the listeners as a small triangle above them, and
// what passes between them and a child as an arrow.
func (d *drawnLane) mark(m *mark, y float64) {
	top := y + stripTop + stripSize
	if m.bar == nil {
		tip := y + stripTop
		d.Paths = append(d.Paths, path{"M" + px(m.x) + " " + px(tip+3) + "l-3 -6h6z", "mark m-" + m.look, m.title})
		return
	}
	from, to, head := top, m.bar.y(y), -4.0
	if upwards[m.look] {
		from, to, head = to, from, 4.0
	}
	d.Paths = append(d.Paths, path{
		"M" + px(m.x) + " " + px(from) + "V" + px(to) + "m-2.5 " + px(head) + "l2.5 " + px(-head) + "l2.5 " + px(head),
		"arrow m-" + m.look, m.title,
	})
}

// beside writes both states of the lane right of the red line.
func (d *drawnLane) beside(l *lane, g *stage, x, y float64) {
	for i := range g.view.Services {
		v := &g.view.Services[i]
		if v.ID != l.id {
			continue
		}
		short := strings.NewReplacer("total ", "", "starting ", "s", "idle ", "i", "busy ", "b", "retired ", "r", "limit ", "of ", ",", "")
		machine := fmt.Sprintf("total %d, starting %d, idle %d, busy %d, retired %d, limit %d, %s", v.Total, v.Starting, v.Idle, v.Busy, v.Retired, v.Limit, watchedWord(v.Watching))
		account := g.account.line(v.ID, v.Limit)
		class := "beside"
		if machine != account {
			class = "beside differs"
		}
		d.Texts = append(d.Texts,
			text{px(x + 8), px(y + 14), class, "machine " + short.Replace(machine)},
			text{px(x + 8), px(y + 28), class, "events  " + short.Replace(account)})
	}
}
