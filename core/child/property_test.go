package child

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// witness looks at the actions alone and judges them by what the master and
// the clients see. It knows nothing of the machine's own state.
type witness struct {
	settings Settings

	lockAsked, lockHeld  bool
	watched, acceptAsked bool
	clients, requests    int // as the events told
	served               int
	unanswered           int
	taken                bool // the last report
	toldGone             bool
	retired              bool
	exited               bool
	lastContact          core.Time // start, or the last moment with a client
}

func (w *witness) concurrent() bool {
	return w.settings.Skeleton == Multi || w.settings.Skeleton == EventDriven
}

// possible lists what an honest adapter may report now. ChannelClosed,
// ConnectionReady and TimerExpired may come at any time.
func (w *witness) possible() []EventKind {
	list := []EventKind{ConnectionReady, ChannelClosed, TimerExpired, TimerExpired}
	if w.watched {
		list = append(list, ConnectionReady, ConnectionReady, ConnectionReady)
	}
	if w.lockAsked {
		list = append(list, LockGranted, LockGranted, LockGranted, LockFailed)
	}
	if w.acceptAsked {
		list = append(list, Accepted, Accepted, Accepted, AcceptMissed)
	}
	if w.unanswered > 0 {
		list = append(list, Reported, Reported, Reported, Reported, ReportFailed)
	}
	if w.clients > 0 && (!w.concurrent() || w.requests < w.clients) {
		list = append(list, Served)
	}
	if w.concurrent() && w.requests > 0 {
		list = append(list, RequestEnded, RequestEnded)
	}
	if w.settings.Skeleton == Multi && w.requests < w.clients {
		list = append(list, RequestBegan, RequestBegan)
	}
	return list
}

// hear notes an event before the machine gets it.
func (w *witness) hear(now core.Time, k EventKind) {
	if w.clients > 0 {
		w.lastContact = now
	}
	switch k {
	case LockGranted:
		w.lockAsked, w.lockHeld = false, true
	case ConnectionReady:
		w.watched = false
	case Accepted:
		w.acceptAsked = false
		w.clients++
		w.lastContact = now
		if w.settings.Skeleton != Multi {
			w.requests++
		}
	case AcceptMissed:
		w.acceptAsked = false
	case RequestBegan:
		w.requests++
	case RequestEnded:
		w.requests--
	case Served:
		w.clients--
		w.served++
		if !w.concurrent() {
			w.requests--
		}
	case Reported:
		w.unanswered--
	case ReportFailed:
		w.unanswered--
		w.toldGone = true
	case ChannelClosed:
		w.toldGone = true
	case TimerExpired:
		w.retired = w.retired || w.settings.RetireAfter > 0 && now >= core.Time(w.settings.RetireAfter)
	}
}

// full reports whether a server of many clients has as many as it may have.
func (w *witness) full() bool {
	n := int(w.settings.MaxClients)
	return w.concurrent() && n > 0 && w.clients >= n
}

// judge looks at the whole after a step: what the master believes is so.
func (w *witness) judge(failf func(string, ...any)) {
	switch {
	case w.exited || w.toldGone:
	case w.full() && !w.taken:
		failf("full with %d clients, and the master believes it available", w.clients)
	case !w.full() && w.requests == 0 && w.taken && !w.retired:
		failf("room for a client, and the master believes it taken")
	}
}

// see judges one action. failf reports a broken rule.
func (w *witness) see(now core.Time, a Action, failf func(string, ...any)) {
	if w.exited {
		failf("%v after exit", a)
	}
	switch a.Kind {
	case Lock:
		if w.lockAsked || w.lockHeld || !w.settings.AcceptLock || w.concurrent() {
			failf("lock asked for wrongly")
		}
		w.lockAsked = true
	case Unlock:
		if !w.lockHeld {
			failf("unlock without lock")
		}
		w.lockHeld = false
	case Watch:
		w.seeWaiting(failf)
		w.watched = true
	case Accept:
		if !w.concurrent() && w.clients > 0 {
			failf("accept with a client")
		}
		if w.acceptAsked {
			failf("two accepts at once")
		}
		w.acceptAsked = true
	case Report:
		w.seeReport(a.Status, failf)
	case Serve:
		if w.lockHeld {
			failf("serves with the lock held")
		}
		if !w.concurrent() && w.clients != 1 {
			failf("serves %d clients at once", w.clients)
		}
		if w.settings.Skeleton != Multi && !w.taken && !w.toldGone {
			failf("serves and the master believes it idle")
		}
	case Exit:
		w.seeExit(now, a, failf)
	default:
		failf("unknown action %v", a)
	}
}

func (w *witness) seeWaiting(failf func(string, ...any)) {
	if w.watched {
		failf("watches twice")
	}
	if w.settings.AcceptLock && !w.concurrent() && !w.lockHeld {
		failf("watches without the lock")
	}
	if w.toldGone {
		failf("waits for a client and the master is gone")
	}
	if n := int(w.settings.MaxUse); n > 0 && w.served >= n && w.clients == 0 {
		failf("waits for a client after %d uses", w.served)
	}
	if !w.concurrent() && (w.clients > 0 || w.unanswered > 0) {
		failf("waits for a client while busy")
	}
	if n := int(w.settings.MaxClients); n > 0 && w.concurrent() && w.clients >= n {
		failf("waits for a client above its limit")
	}
}

func (w *witness) seeReport(s wire.Status, failf func(string, ...any)) {
	if w.toldGone {
		failf("reports to nobody")
	}
	if s == wire.Available {
		if !w.taken {
			failf("available without taken before")
		}
		if w.requests > 0 {
			failf("available with a request open")
		}
		if w.full() {
			failf("available with %d clients and no room", w.clients)
		}
		w.unanswered++
	} else if w.taken {
		failf("taken twice")
	}
	w.taken = s == wire.Taken
}

func (w *witness) seeExit(now core.Time, a Action, failf func(string, ...any)) {
	w.exited = true
	dropped := w.clients > 0
	switch a.Reason {
	case ReasonMasterGone:
		if !w.toldGone {
			failf("left a master that is there")
		}
		dropped = dropped && (!w.concurrent() || w.settings.Drain)
	case ReasonUsed:
		if w.settings.MaxUse == 0 || w.served < int(w.settings.MaxUse) {
			failf("left after %d uses", w.served)
		}
	case ReasonIdle:
		if w.settings.MaxIdle == 0 || now.Sub(w.lastContact) < w.settings.MaxIdle {
			failf("left after an idle time of %d", now.Sub(w.lastContact))
		}
	case ReasonRetired:
		if w.settings.RetireAfter == 0 || now < core.Time(w.settings.RetireAfter) {
			failf("retired too early")
		}
	case ReasonLock:
		dropped = false
	default:
		failf("left for reason %v", a.Reason)
	}
	if dropped {
		failf("dropped %d clients, reason %v", w.clients, a.Reason)
	}
	if (a.Code != 0) != (a.Reason == ReasonLock) {
		failf("exit code %d for %v", a.Code, a.Reason)
	}
}

func drawSettings(t *rapid.T) Settings {
	return Settings{
		Skeleton:    Skeleton(rapid.IntRange(1, int(numSkeletons)-1).Draw(t, "skeleton")),
		MaxUse:      rapid.Int32Range(0, 4).Draw(t, "max_use"),
		MaxIdle:     core.Duration(rapid.IntRange(0, 30).Draw(t, "max_idle")),
		RetireAfter: core.Duration(rapid.SampledFrom([]int{0, 0, 0, 50}).Draw(t, "retire")),
		MaxClients:  rapid.Int32Range(0, 3).Draw(t, "max_clients"),
		AcceptLock:  rapid.Bool().Draw(t, "lock"),
		EarlyUnlock: rapid.Bool().Draw(t, "early"),
		Drain:       rapid.Bool().Draw(t, "drain"),
	}
}

// Whatever comes in whatever order, the witness finds nothing to complain of,
// the state stays whole, a copy goes the same way, and the machine never
// stands still: it waits for something, or it is over.
func TestAnyOrderOfEventsKeepsTheContract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &witness{settings: drawSettings(t)}
		m := New(0, w.settings)
		var now core.Time
		step := func(ev Event) {
			w.hear(now, ev.Kind)
			twin := m
			acts := m.Step(now, ev)
			if got, want := actionText(twin.Step(now, ev)), actionText(acts); got != want {
				t.Fatalf("a copy did %q, the machine %q", got, want)
			}
			for _, a := range acts {
				w.see(now, a, t.Fatalf)
			}
			w.judge(t.Fatalf)
			if broken, ok := m.Check(); !ok {
				t.Fatalf("broken: %s", broken)
			}
			waits := w.watched || w.lockAsked || w.acceptAsked || w.unanswered > 0 || w.clients > 0
			if !w.exited && !waits {
				t.Fatalf("waits for nothing, phase %v", m.Phase())
			}
			if (m.Phase() == Exited) != w.exited {
				t.Fatalf("phase %v, exit seen: %v", m.Phase(), w.exited)
			}
		}
		step(PlainEvent(Started))
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			now += core.Time(rapid.IntRange(0, 12).Draw(t, "dt"))
			k := rapid.SampledFrom(w.possible()).Draw(t, "event")
			if k == TimerExpired {
				if when, ok := m.Deadline(); ok && when > now && rapid.Bool().Draw(t, "punctual") {
					now = when
				}
			}
			if k == LockFailed {
				step(LockFailedEvent(core.EIO))
			} else {
				step(PlainEvent(k))
			}
		}
	})
}
