package logsim

import (
	"flag"
	"strings"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "play this seed alone, and tell what happens")

func TestJournalKeepsItsLaws(t *testing.T) {
	play(t, PlayJournal, 1500)
}

// play plays seeds until one breaks a law.
func play(t *testing.T, play func(seed uint64, story bool) (findings, told []string), seeds uint64) {
	t.Parallel()
	if *seedFlag != 0 {
		findings, story := play(*seedFlag, true)
		t.Log(strings.Join(story, "\n"))
		if len(findings) > 0 {
			t.Fatal(strings.Join(findings, "\n"))
		}
		return
	}
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
