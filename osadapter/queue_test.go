package osadapter

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// What one child made us queue at its end is not kept for good.
func TestLongQueueIsGivenBack(t *testing.T) {
	x := &Exec{}
	for _, n := range []int{keptLength / 2, 50 * keptLength} {
		for range n {
			x.answer(core.TimerExpiredEvent())
		}
		for range n {
			if _, ok := x.next(); !ok {
				t.Fatal("an event is lost")
			}
		}
		if _, ok := x.next(); ok || cap(x.queue) > keptLength {
			t.Errorf("after %d events: room for %d is kept", n, cap(x.queue))
		}
	}
	if cap(x.queue) != 0 {
		t.Errorf("room for %d is kept", cap(x.queue))
	}
}
