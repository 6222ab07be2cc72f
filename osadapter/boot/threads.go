package boot

import (
	"runtime"
	"sync"
)

// ReserveThreads makes the runtime create n threads that wait for work. Without
// them it would create one when it needs it, and crash if the process table is full
// just then; the master must survive that, and throttle what it cannot start.
func ReserveThreads(n int) {
	var there, gone sync.WaitGroup
	release := make(chan struct{})
	for range n {
		there.Add(1)
		gone.Add(1)
		go func() {
			defer gone.Done()
			// A goroutine that is locked to its thread cannot share one.
			runtime.LockOSThread()
			there.Done()
			<-release
			runtime.UnlockOSThread()
		}()
	}
	there.Wait()
	close(release)
	gone.Wait()
}
