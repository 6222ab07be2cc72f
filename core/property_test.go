package core

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core/wire"
)

// keeper draws events that an adapter could deliver: hostile in all that comes
// from outside, true in its own duty to answer each question once.
type keeper struct {
	m       *Machine
	now     Time
	asked   []Action
	pids    map[Generation]PID // of living children
	living  []Generation
	lastPID PID
	request Request
	sent    []Request
	last    ServiceID
}

func (k *keeper) observe(actions []Action) {
	for _, a := range actions {
		switch a.Kind {
		case OpenListener, StartChild:
			k.asked = append(k.asked, a)
			k.last = max(k.last, a.Service)
		case LoadConfig:
			k.request = a.Request
		case WakeService:
			k.sent = append(k.sent, a.Request)
		}
	}
}

func drawConfig(t *rapid.T) *Config {
	c := conf()
	for i := range rapid.IntRange(0, 4).Draw(t, "services") {
		limit := int32(rapid.IntRange(0, 3).Draw(t, "limit"))
		s := unix(fmt.Sprintf("s%d", rapid.IntRange(0, 3).Draw(t, "name")), limit)
		switch rapid.IntRange(0, 4).Draw(t, "type") {
		case 1:
			s = inet(uint16(25+i), limit)
		case 2:
			s.Type = Pass
			s.LocalOnly = false
		case 3:
			s.Type = FIFO
		case 4:
			s.Type = UnixDatagram
		}
		s.WakeupInterval = Duration(rapid.IntRange(0, 2).Draw(t, "wakeup")) * 50 * Second
		s.WakeupIfUsed = rapid.Bool().Draw(t, "ifUsed")
		c.Services = append(c.Services, s)
	}
	c.ReloadClearsThrottle = rapid.Bool().Draw(t, "clears")
	return c
}

func (k *keeper) draw(t *rapid.T) Event {
	g := Generation(rapid.IntRange(0, int(k.m.lastGeneration)+1).Draw(t, "generation"))
	switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case k.request != 0 && kind == 0:
		r := k.request
		k.request = 0
		if rapid.Bool().Draw(t, "good") {
			return ConfigLoadedEvent(r, drawConfig(t))
		}
		return ConfigRejectedEvent(r, &Config{})
	case len(k.asked) > 0 && kind <= 2:
		i := rapid.IntRange(0, len(k.asked)-1).Draw(t, "which")
		a := k.asked[i]
		k.asked = append(k.asked[:i], k.asked[i+1:]...)
		return k.answer(t, a)
	case kind == 3:
		return SignalReceivedEvent(SIGHUP)
	case kind == 4:
		return ListenerReadyEvent(ServiceID(rapid.IntRange(0, int(k.last)+1).Draw(t, "service")))
	case kind == 5 && len(k.living) > 0:
		i := rapid.IntRange(0, len(k.living)-1).Draw(t, "who")
		g = k.living[i]
		k.living = append(k.living[:i], k.living[i+1:]...)
		pid := k.pids[g]
		delete(k.pids, g)
		return ChildExitedEvent(g, pid, ExitStatus(rapid.SampledFrom([]int{0, 1, 256 + 9, 256 + 15}).Draw(t, "status")))
	case kind == 6:
		return k.status(t, g)
	case kind == 7 && len(k.sent) > 0:
		r := rapid.SampledFrom(k.sent).Draw(t, "request")
		return rapid.SampledFrom([]Event{WakeupSentEvent(r), WakeupFailedEvent(r, ECONNREFUSED), WakeupClosedEvent(r)}).Draw(t, "wakeup")
	case kind == 8:
		return rapid.SampledFrom([]Event{ChildChannelClosedEvent(g), ChildExitedEvent(0, 5, ExitedWith(1)), ChildStoppedEvent(g, 5, 19)}).Draw(t, "odd")
	}
	k.now = k.now.Add(Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * Second)
	return TimerExpiredEvent()
}

func (k *keeper) answer(t *rapid.T, a Action) Event {
	fails := rapid.IntRange(0, 3).Draw(t, "fails") == 3
	switch {
	case a.Kind == OpenListener && fails:
		return ListenerFailedEvent(a.Service, a.Listener, StepBind, EADDRINUSE)
	case a.Kind == OpenListener:
		return ListenerOpenedEvent(a.Service, a.Listener)
	case fails:
		return ChildStartFailedEvent(a.Service, a.Generation, StartFork, EAGAIN)
	}
	k.lastPID++
	k.pids[a.Generation] = k.lastPID
	k.living = append(k.living, a.Generation)
	return ChildStartedEvent(a.Service, a.Generation, k.lastPID)
}

func (k *keeper) status(t *rapid.T, g Generation) Event {
	if rapid.IntRange(0, 3).Draw(t, "noise") > 0 {
		return report(g, k.pids[g], uint32(g), wire.Status(rapid.IntRange(0, 1).Draw(t, "status")))
	}
	var b [wire.StatusSize]byte
	copy(b[:], rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "bytes"))
	return StatusReceivedEvent(g, b, rapid.IntRange(1, 12).Draw(t, "n"))
}

func texts(actions []Action) []byte {
	var b []byte
	for i := range actions {
		b = append(actions[i].AppendText(b), '\n')
	}
	return b
}

// Any order of events keeps every invariant; a second machine fed the same
// does the same; and a third, restored from a snapshot after each step, too.
func TestAnyEventsKeepInvariantsAndSnapshotsAreInvisible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := MachineOptions{Strict: true, GroupLeader: rapid.Bool().Draw(t, "leader"), Verbose: true, Descriptors: rapid.SampledFrom([]uint32{0, 0, 3, 6}).Draw(t, "descriptors")}
		k := &keeper{m: New(0, o), pids: map[Generation]PID{}}
		twin, restored := New(0, o), New(0, o)
		first := ConfigLoadedEvent(0, drawConfig(t))
		for step := range 60 {
			ev := first
			if step > 0 {
				ev = k.draw(t)
			}
			actions := k.m.Step(k.now, ev)
			k.observe(actions)
			got := texts(actions)
			if other := texts(twin.Step(k.now, ev)); !bytes.Equal(got, other) {
				t.Fatalf("two machines differ:\n%s\n%s", got, other)
			}
			if other := texts(restored.Step(k.now, ev)); !bytes.Equal(got, other) {
				t.Fatalf("the restored machine differs:\n%s\n%s", got, other)
			}
			if err := k.m.Check(); err != nil {
				t.Fatalf("%v after %s", err, ev.AppendText(nil))
			}
			snapshot := restored.Snapshot()
			again, err := Restore(snapshot)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.Snapshot(), snapshot) {
				t.Fatal("a restored machine gives another snapshot")
			}
			restored = again
		}
	})
}

func TestTruncatedSnapshotsAreRefused(t *testing.T) {
	r := started(t, waking(unix("a", 3), 60*Second, false), inet(25, 2))
	r.step(ListenerReadyEvent(1))
	r.say(1, wire.Taken)
	r.step(SignalReceivedEvent(SIGHUP))
	whole := r.m.Snapshot()
	for n := range whole {
		if _, err := Restore(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes were accepted", n, len(whole))
		}
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x55
		if m, err := Restore(changed); err == nil {
			_ = m.View()
		}
	}
}

func TestTimerHeapOrdersByTimeThenBySetting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h timerHeap
		timers := make([]timer, 12)
		for range rapid.IntRange(0, 60).Draw(t, "changes") {
			x := &timers[rapid.IntRange(0, 11).Draw(t, "which")]
			if rapid.Bool().Draw(t, "cancel") {
				h.cancel(x)
			} else {
				h.arm(x, Time(rapid.IntRange(0, 5).Draw(t, "when")))
			}
		}
		var before *timer
		for {
			x := h.due(1 << 60)
			if x == nil {
				break
			}
			h.cancel(x)
			if before != nil && !h.less(before, x) {
				t.Fatalf("%+v before %+v", before, x)
			}
			before = x
		}
		for i := range timers {
			if timers[i].armed() {
				t.Fatal("a timer was lost")
			}
		}
	})
}

func TestTableFindsWhatAMapFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x table[int]
		model := map[uint64]*int{}
		for range rapid.IntRange(0, 300).Draw(t, "changes") {
			key := rapid.Uint64Range(1, 40).Draw(t, "key")
			if model[key] != nil {
				x.remove(key)
				delete(model, key)
			} else {
				v := new(int)
				x.put(key, v)
				model[key] = v
			}
			for k := uint64(1); k <= 40; k++ {
				if x.get(k) != model[k] {
					t.Fatalf("key %d", k)
				}
			}
		}
		if x.used != len(model) {
			t.Fatalf("got %d, want %d", x.used, len(model))
		}
	})
}
