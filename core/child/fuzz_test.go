package child

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// fuzzSteps bounds the events of one run.
const fuzzSteps = 200

// choices returns one small number a byte; past the end it returns zero.
type choices []byte

func (c *choices) below(n int) int {
	if len(*c) == 0 {
		return 0
	}
	v := int((*c)[0])
	*c = (*c)[1:]
	return v % n
}

func (c *choices) settings() Settings {
	return Settings{
		Skeleton:    Skeleton(1 + c.below(int(numSkeletons)-1)),
		MaxUse:      int32(c.below(5)),
		MaxIdle:     core.Duration(c.below(31)),
		RetireAfter: core.Duration(c.below(2) * c.below(60)),
		MaxClients:  int32(c.below(4)),
		AcceptLock:  c.below(2) == 1,
		EarlyUnlock: c.below(2) == 1,
		Drain:       c.below(2) == 1,
	}
}

// FuzzServer lives the life of a server: bytes choose what kind it is and what
// happens, of all that an honest adapter may tell. The witness, which sees the
// actions alone, finds nothing to complain of; a copy does the same; and the
// machine never waits for nothing.
func FuzzServer(f *testing.F) {
	f.Add([]byte{})
	for skeleton := range byte(numSkeletons - 1) {
		for seed := byte(1); seed < 120; seed += 7 {
			b := []byte{skeleton, seed % 5, seed % 31, seed & 1, seed, seed % 4, seed & 1, seed >> 1 & 1, seed >> 2 & 1}
			x := uint32(seed)*2654435761 + uint32(skeleton)
			for range 120 {
				x = x*1664525 + 1013904223
				b = append(b, byte(x>>24))
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := choices(b)
		w := &witness{settings: c.settings()}
		m := New(0, w.settings)
		var now core.Time
		ev := PlainEvent(Started)
		for range fuzzSteps {
			fuzzStep(t, w, &m, now, ev)
			if w.exited && len(c) == 0 || len(c) == 0 && ev.Kind != Started {
				return
			}
			now += core.Time(c.below(13))
			list := w.possible()
			kind := list[c.below(len(list))]
			if when, ok := m.Deadline(); kind == TimerExpired && ok && when > now && c.below(2) == 1 {
				now = when
			}
			if ev = PlainEvent(kind); kind == LockFailed {
				ev = LockFailedEvent(core.Errno(c.below(200)))
			}
		}
	})
}

// fuzzStep makes one step and judges it.
func fuzzStep(t *testing.T, w *witness, m *Machine, now core.Time, ev Event) {
	t.Helper()
	w.hear(now, ev.Kind)
	twin := *m
	actions := m.Step(now, ev)
	if got, want := actionText(twin.Step(now, ev)), actionText(actions); got != want {
		t.Fatalf("%v: a copy did %q, the machine %q", ev.Kind, got, want)
	}
	if twin != *m {
		t.Fatalf("%v: a copy went another way: %+v, %+v", ev.Kind, twin, *m)
	}
	if len(actions) > maxActions {
		t.Fatalf("%v: %d actions", ev.Kind, len(actions))
	}
	for _, a := range actions {
		w.see(now, a, t.Fatalf)
	}
	w.judge(t.Fatalf)
	if broken, ok := m.Check(); !ok {
		t.Fatalf("%v: broken: %s", ev.Kind, broken)
	}
	if waits := w.watched || w.lockAsked || w.acceptAsked || w.unanswered > 0 || w.clients > 0; !w.exited && !waits {
		t.Fatalf("%v: waits for nothing, phase %v", ev.Kind, m.Phase())
	}
	if (m.Phase() == Exited) != w.exited {
		t.Fatalf("%v: phase %v, exit seen: %v", ev.Kind, m.Phase(), w.exited)
	}
	if m.Clients() != w.clients && !w.exited || m.MasterGone() != w.toldGone && !w.exited {
		t.Fatalf("%v: %d clients, told %d; master gone %v, told %v", ev.Kind, m.Clients(), w.clients, m.MasterGone(), w.toldGone)
	}
}
