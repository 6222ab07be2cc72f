package stress

import (
	"context"
	"syscall"
	"testing"

	"github.com/stationmaster/stationmaster/sim/options"
)

// worked returns the CPU seconds of this process: what a core gives it
// on a quiet machine, and the same on a busy one.
func worked() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// BenchmarkStress is mastersim stress -fresh on one core, with all that it lays
// beside its runs by default.
func BenchmarkStress(b *testing.B) {
	steps, seeds, began := uint64(0), uint64(0), worked()
	for b.Loop() {
		sum := Run(context.Background(), Settings{From: 1 + seeds, Seeds: 400, Cores: 1, ModelEvery: 100, JournalEvery: 100}, nil, nil)
		if sum.Findings > 0 {
			b.Fatalf("findings: %v", sum.Broken)
		}
		steps, seeds = steps+sum.Steps, seeds+400
	}
	b.ReportMetric(float64(steps)/max(worked()-began, 1e-9), "steps/s")
}

// BenchmarkModel plays seeds of 500 steps with the reference model beside each
// step of the machine. Wanted: 50,000 steps a second.
func BenchmarkModel(b *testing.B) {
	var player Player
	steps, seed, began := uint64(0), uint64(0), worked()
	for b.Loop() {
		seed++
		o := options.Draw(seed)
		o.Steps, o.Calm = 500, 0
		r := player.Seed(seed, o, Beside{Model: true}, false)
		if r.Failure != nil {
			b.Fatalf("seed %d: %v", seed, r.Failure)
		}
		steps += r.Steps
	}
	b.ReportMetric(float64(steps)/max(worked()-began, 1e-9), "steps/s")
}
