package disk

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Beside carries each job out on a goroutine of its own, over the real disk.
type Beside struct{ underWay atomic.Int32 }

// UnderWay is how many jobs have no answer yet.
func (b *Beside) UnderWay() int { return int(b.underWay.Load()) }

// Now returns the system's time.
func (*Beside) Now() time.Time { return time.Now() }

// Begin starts the job's goroutine.
func (b *Beside) Begin(j *Job, room int) bool {
	if b.underWay.Add(1) > int32(room) {
		b.underWay.Add(-1)
		return false
	}
	go b.carry(j)
	return true
}

func (b *Beside) carry(j *Job) {
	began := time.Now()
	if j.thread {
		runtime.LockOSThread()
	}
	panicked := j.Carry(Real{})
	if j.thread && !panicked { // else the thread ends with the goroutine
		runtime.UnlockOSThread()
	}
	b.underWay.Add(-1)
	j.Answer(time.Since(began))
}

// Await waits for the answer.
func (b *Beside) Await(j *Job, limit time.Duration) bool {
	if j.Answered() {
		return true
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-j.done:
		j.seen = true
	case <-late.C:
	}
	return j.seen
}

// After carries act out on a goroutine if the job has no answer yet.
func (b *Beside) After(j *Job, act func(Files)) {
	if j.Answered() {
		act(Real{})
		return
	}
	go func() {
		<-j.done
		act(Real{})
	}()
}

// AtOnce carries each job out before Begin returns, on the real disk and the thread of
// its caller.
type AtOnce struct{}

// Now returns the system's time.
func (AtOnce) Now() time.Time { return time.Now() }

// Begin carries the job out.
func (AtOnce) Begin(j *Job, _ int) bool {
	j.Carry(Real{})
	j.Answer(0)
	return true
}

// Await has nothing to wait for.
func (AtOnce) Await(*Job, time.Duration) bool { return true }

// After carries act out.
func (AtOnce) After(_ *Job, act func(Files)) { act(Real{}) }
