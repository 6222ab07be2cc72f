package stress

import (
	"slices"
	"testing"
)

func TestChangesLeaveTheCorpusAloneAndStayInBounds(t *testing.T) {
	var c corpus
	c.begin(1)
	long := make([]uint16, maxCells)
	for i := range long {
		long[i] = uint16(i)
	}
	for i, tape := range [][]uint16{{}, {1}, {1, 2, 3, 4, 5, 6, 7, 8}, long} {
		if !c.keep(entry{seed: uint64(i), tape: tape}) {
			t.Fatalf("tape %d was not kept", i)
		}
	}
	if c.keep(entry{tape: make([]uint16, maxCells+1)}) {
		t.Error("a tape beyond the bound was kept")
	}
	differ := 0
	for range 2000 {
		e := c.change()
		if len(e.tape) > maxCells {
			t.Fatalf("a changed tape has %d cells", len(e.tape))
		}
		if !slices.Equal(e.tape, c.entries[e.seed].tape) {
			differ++
		}
	}
	if differ < 1500 {
		t.Errorf("%d of 2000 changed tapes differ from what they come from", differ)
	}
	if !slices.Equal(c.entries[2].tape, []uint16{1, 2, 3, 4, 5, 6, 7, 8}) || c.entries[3].tape[maxCells-1] != maxCells-1 {
		t.Error("the corpus itself was changed")
	}
}

func TestFullCorpusStaysFull(t *testing.T) {
	var c corpus
	c.begin(1)
	for i := range 2 * maxEntries {
		c.keep(entry{seed: uint64(i), tape: []uint16{uint16(i)}})
	}
	newer := 0
	for i := range c.entries {
		if c.entries[i].seed >= maxEntries {
			newer++
		}
	}
	if len(c.entries) != maxEntries || newer == 0 {
		t.Errorf("%d tapes, %d of them newer ones", len(c.entries), newer)
	}
}
