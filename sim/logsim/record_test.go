package logsim

import (
	"strings"
	"testing"
)

func TestJournalKeepsItsLaws(t *testing.T) {
	play(t, PlayJournal, 1500)
}

// play plays seeds until one breaks a law.
func play(t *testing.T, play func(seed uint64, story bool) (findings, told []string), seeds uint64) {
	t.Parallel()
	if testing.Short() {
		seeds /= 8
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		if findings, _ := play(seed, false); len(findings) > 0 {
			_, story := play(seed, true)
			t.Fatalf("seed %d:\n%s\n%s", seed, strings.Join(findings, "\n"), strings.Join(story, "\n"))
		}
	}
}
