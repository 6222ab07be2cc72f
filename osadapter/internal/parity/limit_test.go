//go:build linux

package parity

import "time"

// patience is how long a condition may take on a busy machine. Only a scenario that
// fails waits that long.
const patience = 60 * time.Second

// limit is a deadline.
type limit struct{ at time.Time }

func newLimit(d time.Duration) limit { return limit{time.Now().Add(d)} }

// wait waits for the channel; it returns false if the limit came first.
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

// poll checks a condition repeatedly, if no event announces it.
func (l limit) poll(holds func() bool) bool {
	for !holds() {
		if time.Now().After(l.at) {
			return holds()
		}
		time.Sleep(3 * time.Millisecond)
	}
	return true
}
