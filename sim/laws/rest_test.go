package laws

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// The bounds of the second phase can be broken, each by its name.
func TestBoundsOfTheSecondPhaseCanBeBroken(t *testing.T) {
	var w *town
	for seed := uint64(1); ; seed++ {
		if w = found(seed, ""); w.live(400) == nil && !w.over && len(w.book.Removed()) > 0 && len(w.book.Active()) > 0 && w.book.Active()[0].WakeAt == 0 {
			break
		}
	}
	b, active, removed := w.book, w.book.Active()[0], w.book.Removed()[0]
	lives := []Process{{Service: active.ID, Generation: 1}}
	visited := []Process{{Service: active.ID, Generation: 1, BusyUntil: w.now}}
	other := []Process{{Service: active.ID + 1, Generation: 1, BusyUntil: w.now}}
	woken := *active
	woken.WakeAt = w.now - 1
	resting := *active
	resting.Throttled, resting.Release = true, w.now-1
	starved := *active
	starved.Starved = true
	with := func(s *Service) *Book {
		c := *b
		c.InForce = []*Service{s}
		return &c
	}
	for _, c := range []struct {
		law string
		b   *Breach
	}{
		{"L1", with(active).StillWaits(&Service{ID: active.ID, Entry: active.Entry, Life: Active})},
		{"L2", with(active).StillWaits(&resting)},
		{"L3", with(active).RemovedLive(removed.Until)},
		{"L4", with(active).OldLive(2, lives)},
		{"L5", with(active).Outlived(lives)},
		{"L7", with(active).Silence(w.now, 1, lives)},
		{"L6", with(&woken).Silence(w.now, 1, nil)},
		{"L2", with(&resting).Silence(w.now, 1, nil)},
		{"L1", with(&starved).Silence(w.now, 1, nil)},
		{"L1", with(&starved).Silence(w.now, 1, other)},
		{"L8", with(active).Reloaded(false, 2)},
		{"L8", with(active).Reloaded(true, 4)},
		{"L8", with(active).EndlessReload()},
	} {
		if c.b == nil || c.b.Law != c.law {
			t.Errorf("want %s, found %v", c.law, c.b)
		}
	}
	for _, held := range []*Breach{
		with(active).RemovedLive(0), with(active).OldLive(1, lives), with(active).OldLive(2, []Process{{Service: active.ID, Generation: 1, Blocked: true}}),
		with(active).Silence(w.now, 1, visited), with(&starved).Silence(w.now, 1, visited), with(active).Outlived(nil), with(active).Reloaded(true, 3),
	} {
		if held != nil {
			t.Errorf("what is within its bound is named: %v", held)
		}
	}
}

// The patience of a client grows with what stands before it.
func TestPatienceCountsWhatComesBefore(t *testing.T) {
	e := &core.ServiceConfig{Name: "a", ProcessLimit: 1}
	b := &Book{Account: account.Account{Now: 1000}}
	pace := Pace{Start: 1, Serve: 10, Idle: 100}
	s := &Service{ID: 1, Entry: e, Life: Active}
	if got := b.Patience(s, pace, nil, 0); got != 1+4*10 {
		t.Errorf("nobody before it: %d", got)
	}
	if got := b.Patience(s, pace, nil, 3); got != 1+7*10 {
		t.Errorf("three before it: %d", got)
	}
	if got := b.Patience(s, pace, []Process{{Service: 1, BusyUntil: 1500}, {Service: 2, BusyUntil: 9000}}, 0); got != 1+500+4*10 {
		t.Errorf("a busy server: %d", got)
	}
	s.Throttled, s.Release = true, 1700
	if got := b.Patience(s, pace, nil, 0); got != 1+700+4*10 {
		t.Errorf("a throttle: %d", got)
	}
}
