package journal

import (
	"fmt"
	"testing"

	"github.com/stationmaster/stationmaster/osadapter/disk"
)

// BenchmarkRecordBeside is what a step costs when the file is written beside the loop.
func BenchmarkRecordBeside(b *testing.B) {
	for _, turns := range []int{1, 100} {
		b.Run(fmt.Sprintf("steps=%d", turns), func(b *testing.B) {
			s := newScene(b, Size)
			s.j.hooks.Carrier = &disk.Beside{}
			s.j.Apply(s.path("j"), large)
			b.ReportAllocs()
			for b.Loop() {
				s.live(turns)
				s.j.Flush()
			}
			s.j.Finish(patience)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*turns), "ns/step")
		})
	}
}
