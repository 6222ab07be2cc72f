package core

import (
	"math"
	"testing"
)

func TestTimesEndWhereTheirScaleEnds(t *testing.T) {
	const first, last = Time(math.MinInt64), Time(math.MaxInt64)
	for _, x := range []struct {
		t    Time
		d    Duration
		want Time
	}{
		{5, 3, 8},
		{5, -8, -3},
		{last, 0, last},
		{last - 1, 1, last},
		{last - 1, 2, last},
		{last, math.MaxInt64, last},
		{first, 1, first + 1},
		{first, -1, first},
		{first, math.MinInt64, first},
		{first, math.MaxInt64, -1},
		{0, math.MinInt64, first},
	} {
		if got := x.t.Add(x.d); got != x.want {
			t.Errorf("%d + %d: got %d, want %d", x.t, x.d, got, x.want)
		}
	}
	for _, x := range []struct {
		t, u Time
		want Duration
	}{
		{8, 5, 3},
		{5, 8, -3},
		{last, 0, math.MaxInt64},
		{last, -1, math.MaxInt64},
		{last, first, math.MaxInt64},
		{0, first, math.MaxInt64},
		{-1, first, math.MaxInt64},
		{-2, first, math.MaxInt64 - 1},
		{first, 1, math.MinInt64},
		{first, 0, math.MinInt64},
		{first, last, math.MinInt64},
	} {
		if got := x.t.Sub(x.u); got != x.want {
			t.Errorf("%d - %d: got %d, want %d", x.t, x.u, got, x.want)
		}
	}
}

// A throttle that ends after all time is not over at the next step, and no
// deadline lies in the past.
func TestDeadlineAfterAllTimeDoesNotComeAtOnce(t *testing.T) {
	r := started(t, waking(unix("a", 1), 60*Second, false))
	r.now = math.MaxInt64 - Time(30*Second)
	r.step(TimerExpiredEvent())
	r.step(ListenerReadyEvent(1))
	r.die(1, ExitedWith(1))
	for range 3 {
		r.now++
		r.step(TimerExpiredEvent())
		r.state("a", StateThrottled)
		if when, ok := r.m.Deadline(); ok && when <= r.now {
			t.Fatalf("at %d the next deadline is %d", r.now, when)
		}
	}
}

func TestDelaysThatNoConfigurationCanSayAreRefused(t *testing.T) {
	for _, x := range []struct {
		wakeup, throttle Duration
		want             bool
	}{
		{0, Second, true}, {longestDelay, longestDelay, true}, {longestDelay + 1, Second, false}, {0, longestDelay + 1, false},
	} {
		s := with(unix("a", 1), func(s *ServiceConfig) { s.WakeupInterval, s.ThrottleDelay = x.wakeup, x.throttle })
		if got := ConfigFault(conf(s)) == ""; got != x.want {
			t.Errorf("wakeup %d, throttle %d: accepted %v", x.wakeup, x.throttle, got)
		}
	}
}
