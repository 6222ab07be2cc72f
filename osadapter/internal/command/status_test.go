package command

import (
	"sync"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
)

// A status that was taken just when a pause ended is not looked for again: it can
// be taken only once.
func TestStatusIsTakenOnce(t *testing.T) {
	done := make(chan int)
	go func() {
		most := 0
		for range 1000 {
			lock, looks := &sync.Mutex{}, 0
			r := &Running{lock: lock, ended: make(chan core.ExitStatus, 1)}
			r.look = func() {
				lock.Lock()
				defer lock.Unlock()
				looks++
				r.Reaped(core.ExitedWith(3))
			}
			for range 3 { // a pause that is over at once may win
				if _, ok := r.status(time.Now()); ok {
					break
				}
			}
			most = max(most, looks)
		}
		done <- most
	}()
	select {
	case most := <-done:
		if most != 1 {
			t.Errorf("looked %d times for one status", most)
		}
	case <-time.After(time.Minute):
		t.Fatal("waits for the place of a status that was taken before")
	}
}
