package kernel

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// ordinary is the world in which the day is played.
func ordinary() *World { return newTestWorld(nil) }

// faults are all those that the day has room for: each occurrence of each
// call with each of its errors.
func faults(world func() *World) []Fault {
	w := world()
	play(w)
	judge(w)
	var all []Fault
	for c := range numCalls {
		for n := range w.kernel.calls[c] {
			for _, e := range Errnos[c] {
				all = append(all, Fault{Call: c, N: n, Errno: e})
			}
		}
	}
	return all
}

// TestEveryFaultIsSurvived plays the day once for each fault. With it the
// daemon either serves everybody again as soon as the fault is gone and the
// throttle time is over, or it has ended with a fatal line, or it never began.
func TestEveryFaultIsSurvived(t *testing.T) {
	tryAll(t, ordinary, faults(ordinary), 29, judge)
}

// TestLastingFaultsAreSurvived lets a call fail until the end of the day, from
// any occurrence on. When it works again, a reload mends what is left. Calls
// that are insisted on, because nothing but trying again can help, must work
// in the end; they are left out. So is a descriptor that is ready for ever and
// yet not ready.
func TestLastingFaultsAreSurvived(t *testing.T) {
	var lasting []Fault
	for _, f := range faults(ordinary) {
		insisted := f.Call == callPollModify || f.Call == callPollRemove || f.Call == callWait || f.Call == callWaitFor || f.Call == callWakerDrain
		liar := (f.Call == callRead || f.Call == callSend) && (f.Errno == core.EAGAIN || f.Errno == core.ENOTCONN)
		if f.Errno == Errnos[f.Call][f.N%len(Errnos[f.Call])] && !insisted && !liar {
			f.Lasting = true
			lasting = append(lasting, f)
		}
	}
	tryAll(t, ordinary, lasting, 11, func(w *World) {
		w.Mend()
		if !w.ended() {
			w.Reload(w.current)
			w.Run(core.Second)
			w.Serves(throttleDelay + 30*core.Second)
		}
		w.Stop()
	})
}

// tryAll plays the day with each fault alone, or with -short every shortly'th,
// and judges how it ends.
func tryAll(t *testing.T, world func() *World, all []Fault, shortly int, judge func(*World)) {
	step := 1
	if testing.Short() {
		step = shortly
	}
	shards := runtime.GOMAXPROCS(0)
	var tried, ended atomic.Int64
	t.Run("days", func(t *testing.T) {
		for shard := range shards {
			t.Run(fmt.Sprintf("%dof%d", shard+1, shards), func(t *testing.T) {
				t.Parallel()
				for n := shard * step; n < len(all) && !t.Failed(); n += shards * step {
					w := world()
					w.Lazy = true
					w.kernel.Inject(all[n])
					play(w)
					end := w.ended()
					judge(w)
					tried.Add(1)
					if end {
						ended.Add(1)
						endsClearly(t, w)
					}
					report(t, w)
					if t.Failed() {
						t.Logf("with %s number %d: %s, lasting: %v", all[n].Call, all[n].N, all[n].Errno, all[n].Lasting)
					}
				}
			})
		}
	})
	t.Logf("%d faults of %d tried, with %d of them the daemon ended", tried.Load(), len(all), ended.Load())
}

// endsClearly: the last word of a daemon that could not go on is a fatal line,
// or an error of NewDriver or a panic that the program makes one.
func endsClearly(t *testing.T, w *World) {
	t.Helper()
	if w.Failed() != nil {
		return
	}
	fatal := slices.ContainsFunc(w.Log(), func(l Line) bool { return l.Level == core.LevelFatal }) || w.kernel.hits[callResume] > 0
	if !w.Ending().Fatal || w.Ending().Code == 0 || !fatal {
		t.Errorf("the daemon ended without a fatal line: %+v", *w.Ending())
	}
}

func logText(w *World) string {
	var b strings.Builder
	for _, l := range w.Log() {
		b.WriteString(l.Text + "\n")
	}
	return b.String()
}
