package sim

import "testing"

// BenchmarkSeeds plays whole seeds under their drawn options, both phases; a
// step is one thing that happens.
func BenchmarkSeeds(b *testing.B) {
	w := NewWorld()
	steps, seed := uint64(0), uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		seed++
		r := w.Run(seed, Draw(seed))
		if r.Failure != nil {
			b.Fatalf("seed %d: %v", seed, r.Failure)
		}
		steps += r.Steps
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(float64(seed)*60/b.Elapsed().Seconds(), "seeds/min")
}

// BenchmarkSteps is one long run of five services, faults in, all cheap checks
// and the sweeps on.
func BenchmarkSteps(b *testing.B) {
	w := NewWorld()
	o := busy()
	w.choose.Seed(1, false)
	w.begin(o)
	start := w.now
	b.ReportAllocs()
	for b.Loop() {
		if !w.Step() {
			b.Fatal(w.failure)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(float64(w.now-start)/1e9/b.Elapsed().Seconds(), "simulated-s/s")
}

// busy is a lively world without reloads that never ends.
func busy() Options {
	o := Usual()
	o.Steps, o.Calm = 1<<30, 0
	o.ArrivalMS, o.ServiceMS, o.DieEarly, o.DieBusy, o.ForkFail, o.StatusSplit = 20, 100, 10, 10, 10, 10
	return o
}
