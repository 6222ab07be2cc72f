package agenda

import (
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
)

func TestSchedulesKeepTimeAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whens := rapid.SliceOf(rapid.Int64Range(0, 5)).Draw(t, "whens")
		var s Agenda
		for i, when := range whens {
			s.Push(Due{When: core.Time(when), Ref: int32(i)})
		}
		out := map[int]bool{}
		for range rapid.IntRange(0, len(whens)/2).Draw(t, "removed") {
			at := rapid.IntRange(0, len(s.Heap)-1).Draw(t, "at")
			out[int(s.Heap[at].Ref)] = true
			s.Remove(at)
		}
		var order []int
		for i := range whens {
			if !out[i] {
				order = append(order, i)
			}
		}
		sort.SliceStable(order, func(a, b int) bool { return whens[order[a]] < whens[order[b]] })
		for _, want := range order {
			if d := s.Pop(); int(d.Ref) != want {
				t.Fatalf("%d came, want %d", d.Ref, want)
			}
		}
	})
}
