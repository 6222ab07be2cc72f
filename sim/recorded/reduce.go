package recorded

import (
	"errors"
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
)

// Reduced is a recording with as few steps as still show what was wrong.
type Reduced struct {
	Recording []byte
	What      string // what is wrong, in a line
	Before    int    // steps that there were
	Steps     int    // and are left
	Runs      int    // that it took
}

// ErrSame says that nothing is wrong with a recording.
var ErrSame = errors.New("the replay gives the same actions in every step; there is nothing to reduce")

// Reduce deletes the events that what is wrong with a recording does not need.
// A recording whose last step breaks the machine is told anew by this machine:
// what is left breaks it in the same way. One in which a step differs keeps what
// was recorded: all steps before the last give the same, and the last differs
// in the same way. At most limit replays are tried; progress, if not nil, is told
// after each that helped.
func Reduce(recording []byte, limit int, progress func(runs, steps int)) (Reduced, error) {
	t, err := read(recording)
	if err != nil {
		return Reduced{}, err
	}
	r := shrinker{tale: t, left: limit, progress: progress}
	n, err := r.find()
	if err != nil {
		return Reduced{}, err
	}
	kept := r.beginning(t.steps[:n])
	for size := len(kept) / 2; size >= 1; size /= 2 {
		kept = r.without(kept, size)
	}
	kept = r.without(kept, 1)
	out, err := r.write(kept)
	return Reduced{Recording: out, What: r.what, Before: n, Steps: len(kept), Runs: limit - r.left}, err
}

// shrinker deletes steps.
type shrinker struct {
	tale     *tale
	left     int
	progress func(runs, steps int)
	limit    int

	breaks string // what the machine breaks; empty: it differs
	ours   string // with a difference: what this machine does in the last step, without numbers
	what   string
}

// find looks for the step at which it goes wrong. It returns how many steps there
// are with it.
func (r *shrinker) find() (n int, err error) {
	r.limit = r.left
	m, err := r.tale.machine()
	if err != nil {
		return 0, err
	}
	for i := range r.tale.steps {
		s := &r.tale.steps[i]
		actions, broken := trace.Step(m, s.now, s.event)
		recorded := words(s.actions)
		switch {
		case broken != nil:
			r.breaks = cause(broken)
			r.what = fmt.Sprintf("%s at %s", r.breaks, s.event.AppendText(nil))
			return i + 1, nil
		case s.open || words(actions) != recorded:
			r.ours = outline(actions)
			r.what = fmt.Sprintf("other actions at %s", s.event.AppendText(nil))
			return i + 1, nil
		}
	}
	return 0, ErrSame
}

// outline returns the kinds of the actions and their services: numbers of
// generations and requests are others when there were fewer before.
func outline(actions []core.Action) string {
	var b []byte
	for i := range actions {
		b = fmt.Appendf(b, "%v %d\n", actions[i].Kind, actions[i].Service)
	}
	return string(b)
}

// cause is what broke, without the number of the step.
func cause(err error) string {
	broken := core.BrokenInvariant{}
	if errors.As(err, &broken) {
		return broken.What
	}
	return err.Error()
}

// beginning keeps as few of the first steps as will do, and the last one.
func (r *shrinker) beginning(kept []step) []step {
	last := len(kept) - 1
	for n := 1; n < last && r.left > 0; n += max(1, n/4) {
		fewer := append(append(make([]step, 0, n+1), kept[:n]...), kept[last])
		if r.shows(fewer) {
			return fewer
		}
	}
	return kept
}

// without deletes runs of size steps, but never the last one.
func (r *shrinker) without(kept []step, size int) []step {
	for at := 0; at+size < len(kept) && r.left > 0; {
		fewer := append(append(make([]step, 0, len(kept)), kept[:at]...), kept[at+size:]...)
		if !r.shows(fewer) {
			at += size
			continue
		}
		kept = fewer
		if r.progress != nil {
			r.progress(r.limit-r.left, len(kept))
		}
	}
	return kept
}

// shows reports whether the steps go wrong in the same way, and only at the last.
func (r *shrinker) shows(steps []step) bool {
	r.left--
	m, err := r.tale.machine()
	if err != nil {
		return false
	}
	last := len(steps) - 1
	for i := range steps {
		actions, broken := trace.Step(m, steps[i].now, steps[i].event)
		switch {
		case i < last && (broken != nil || r.breaks == "" && words(actions) != words(steps[i].actions)):
			return false
		case i < last:
		case r.breaks != "":
			return broken != nil && cause(broken) == r.breaks
		default:
			return broken == nil && outline(actions) == r.ours && (steps[i].open || words(actions) != words(steps[i].actions))
		}
	}
	return false
}

// write returns the steps as a recording: with the actions of this machine if the
// last one breaks it, else with those that were recorded.
func (r *shrinker) write(steps []step) ([]byte, error) {
	m, err := r.tale.machine()
	if err != nil {
		return nil, err
	}
	w := r.tale.writer(m)
	if r.breaks == "" {
		w = r.tale.writer(r.tale.first)
	}
	for i := range steps {
		s := &steps[i]
		w.Event(s.now, &s.event)
		actions, broken := trace.Step(m, s.now, s.event)
		switch {
		case broken != nil || s.open:
			return w.Bytes(), nil // the last one
		case r.breaks == "":
			actions = s.actions
		}
		w.Actions(actions)
	}
	return w.Bytes(), nil
}
