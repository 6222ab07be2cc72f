package sim

import (
	"syscall"
	"testing"

	"github.com/stationmaster/stationmaster/sim/options"
)

// worked gives the seconds that this process has worked: what a core gives it
// on a quiet machine, and the same on a busy one.
func worked() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// perCore reports how many there were for each second of work on one core.
func perCore(b *testing.B, began, n float64, unit string) {
	b.ReportMetric(n/max(worked()-began, 1e-9), unit)
}

// BenchmarkSteps is one long run of five services, faults in, all laws and the sweeps
// on. Wanted: 300,000 steps of the machine a second; in the steady state none allocates.
func BenchmarkSteps(b *testing.B) {
	w := NewWorld()
	w.Choose.Seed(1, false)
	w.begin(busy())
	for range 100000 {
		w.Step()
	}
	steps, before, began := 0, w.StepsOfMachine, worked()
	b.ReportAllocs()
	for b.Loop() {
		steps++
		if !w.Step() {
			b.Fatal(w.Failure)
		}
	}
	perCore(b, began, float64(steps), "steps/s")
	perCore(b, began, float64(w.StepsOfMachine-before), "machine-steps/s")
}

// BenchmarkTime is the same with a client a second for five services: how many
// seconds of theirs pass in one of ours. Wanted: 100,000.
func BenchmarkTime(b *testing.B) {
	w := NewWorld()
	o := busy()
	o.ArrivalMS = 1000
	w.Choose.Seed(1, false)
	w.begin(o)
	start, began := w.Now, worked()
	for b.Loop() {
		if !w.Step() {
			b.Fatal(w.Failure)
		}
	}
	perCore(b, began, float64(w.Now-start)/1e9, "simulated-s/s")
}

// BenchmarkSeedsOf500Steps plays seeds under their drawn options, of 500 steps
// each. Wanted: 30,000 a minute.
func BenchmarkSeedsOf500Steps(b *testing.B) {
	benchmarkSeeds(b, func(o *options.Options) { o.Steps, o.Calm = 500, 0 })
}

// BenchmarkSeeds is what stress does: as many steps as were drawn, and the
// second phase.
func BenchmarkSeeds(b *testing.B) { benchmarkSeeds(b, func(*options.Options) {}) }

func benchmarkSeeds(b *testing.B, change func(*options.Options)) {
	w := NewWorld()
	steps, seed, began := uint64(0), uint64(0), worked()
	b.ReportAllocs()
	for b.Loop() {
		seed++
		o := options.Draw(seed)
		change(&o)
		r := w.Run(seed, o)
		if r.Failure != nil {
			b.Fatalf("seed %d: %v", seed, r.Failure)
		}
		steps += r.Steps
	}
	perCore(b, began, float64(steps), "steps/s")
	perCore(b, began, float64(seed)*60, "seeds/min")
}

// busy is a lively world without reloads that never ends.
func busy() options.Options {
	o := options.Usual()
	o.Steps, o.Calm = 1<<30, 0
	o.ArrivalMS, o.ServiceMS, o.DieEarly, o.DieBusy, o.ForkFail, o.StatusSplit = 20, 100, 10, 10, 10, 10
	return o
}
