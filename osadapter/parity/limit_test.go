//go:build linux

package parity

import "time"

// patience is how long a condition may take on a machine that is busy. Only a
// scenario that fails waits for so long.
const patience = 60 * time.Second

// limit is the end of somebody's patience.
type limit struct{ at time.Time }

func newLimit(d time.Duration) limit { return limit{time.Now().Add(d)} }

// wait waits for the channel; false: the limit came first.
func (l limit) wait(c <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(l.at))
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// poll asks again and again, for what nobody tells us.
func (l limit) poll(holds func() bool) bool {
	for !holds() {
		if time.Now().After(l.at) {
			return holds()
		}
		time.Sleep(3 * time.Millisecond)
	}
	return true
}
