package fuzz

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// busyDays returns sequences of events in which much happens.
func busyDays(n, length int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	days := make([][]byte, n)
	for i := range days {
		day := []byte{beginLeader, byte(rng.IntN(200)), stepLoad, 0, 4}
		for k := range 4 {
			day = append(day, byte(k&1)|choiceReachable*byte(k&1), byte(k), byte(rng.IntN(4)), byte(rng.IntN(16)), byte(k))
		}
		for range 4 {
			day = append(day, stepAnswer, 0)
		}
		for len(day) < length {
			day = append(day, byte(rng.Uint32()))
		}
		days[i] = day
	}
	return days
}

// benchmarkEvents plays on all cores, as the fuzzing engine does.
func benchmarkEvents(b *testing.B, fresh func() *play, steps int) {
	days := busyDays(64, 5*steps)
	b.ReportAllocs()
	var runs, played atomic.Int64
	before := cpuTime(b)
	b.RunParallel(func(pb *testing.PB) {
		p := fresh()
		for i := 0; pb.Next(); i++ {
			if err := p.run(days[i%len(days)], steps); err != nil {
				b.Errorf("%v\n%s", err, p.told(days[i%len(days)], steps))
				return
			}
			runs.Add(1)
			played.Add(int64(p.steps))
		}
	})
	b.ReportMetric(float64(runs.Load())/b.Elapsed().Seconds(), "runs/s")
	b.ReportMetric(float64(runs.Load())/(cpuTime(b)-before).Seconds(), "runs/cpu-s")
	b.ReportMetric(float64(played.Load())/float64(runs.Load()), "steps/run")
}

func BenchmarkEvents(b *testing.B) { benchmarkEvents(b, newPlay, maxEvents) }

func BenchmarkEventsWithModel(b *testing.B) { benchmarkEvents(b, newModelPlay, maxEventsModel) }
