package laws

import (
	"github.com/stationmaster/stationmaster/core"
)

// Adopt begins the account of a machine in the middle of its life. What no view shows is
// unknown to it, and laws that depend on that are not asked: lines of the log, wakeups
// under way, what a reload under way has opened. The view before a step was held
// against the account of the step before: so what holds of each step holds of all.
func (b *Book) Adopt(x *Situation) {
	b.open()
	b.Account.Adopt(x)
}

// After judges one step of a machine that was taken over, by the view of what came of it:
// that is asked first, because its message says best what went wrong.
func (b *Book) After(now core.Time, ev *core.Event, actions []core.Action, m Machine, after *core.View) *Breach {
	b.event = *ev
	if b.judge(now, &b.event, actions); b.breach == nil && !b.Exited && b.Running && !b.Due.Adrift {
		b.shown(after)
	}
	b.settle(&b.event, m)
	return b.breach
}
