package judge

import "github.com/stationmaster/stationmaster/core"

// Mix folds one word into the hash.
func Mix(h, v uint64) uint64 {
	h = (h ^ v) * 0x9fb21c651e98df25
	return h ^ h>>32
}

// HashEvent folds an event and its time into the hash of the run.
func (w *World) HashEvent(ev *core.Event) {
	w.Hash = ev.Hash(Mix(w.Hash, uint64(w.Now)))
}

// HashActions folds the actions of one step into the hash of the run.
func (w *World) HashActions(actions []core.Action) {
	h := Mix(w.Hash, uint64(len(actions)))
	for i := range actions {
		h = actions[i].Hash(h)
	}
	w.Hash = h
}

// sameActions compares two lists; settings and configurations by what they
// say, for a restored machine has copies of its own.
func sameActions(x, y []core.Action) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		a, b := x[i], y[i]
		if (a.Entry == nil) != (b.Entry == nil) || (a.Config == nil) != (b.Config == nil) {
			return false
		}
		if a.Entry != nil && (a.Entry.Line != b.Entry.Line || a.Entry.Canonical != b.Entry.Canonical || a.Entry.Type != b.Entry.Type || a.Entry.ProcessLimit != b.Entry.ProcessLimit) {
			return false
		}
		if a.Config != nil && len(a.Config.Services) != len(b.Config.Services) {
			return false
		}
		a.Entry, a.Config, b.Entry, b.Config = nil, nil, nil, nil
		if a != b {
			return false
		}
	}
	return true
}

// CompareTwin feeds the second machine the same event; its actions must be the
// same.
func (w *World) CompareTwin(ev *core.Event, actions []core.Action) {
	other := w.Twin.Step(w.Now, *ev)
	if !sameActions(actions, other) {
		w.Fail("S12", "two machines differ: %d actions and %d", len(actions), len(other))
		return
	}
	when, ok := w.Daemon.Machine.Deadline()
	otherWhen, otherOK := w.Twin.Deadline()
	if when != otherWhen || ok != otherOK {
		w.Fail("S12", "two machines differ in their deadline: %d and %d", when, otherWhen)
	}
}

// MakeTwin restores a second machine from a snapshot of the first.
func (w *World) MakeTwin() {
	if w.Daemon.Driver.Ending() != nil {
		return
	}
	snapshot := w.Daemon.Machine.Snapshot()
	twin, err := core.Restore(snapshot)
	if err != nil {
		w.Fail("S12", "%v", err)
		return
	}
	if again := twin.Snapshot(); string(again) != string(snapshot) {
		w.Fail("S12", "a restored machine gives another snapshot")
	}
	w.Twin = twin
}
