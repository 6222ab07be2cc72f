package boot

import (
	"runtime"
	"sync"
)

// ReserveThreads makes the runtime have n threads that wait for work. Without
// them it would start one when it needs it, and die if the process table is
// full just then; the master is to go on, and to throttle what it cannot start.
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
