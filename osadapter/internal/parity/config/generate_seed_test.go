package config_test

import (
	"slices"
	"testing"
)

func TestSameSeedGivesSameTexts(t *testing.T) {
	main, master := make(map[string]bool), make(map[string]bool)
	const seeds = 200
	for seed := range uint64(seeds) {
		a, b := generate(seed), generate(seed)
		if a.main != b.main || a.master != b.master || !slices.Equal(a.names, b.names) {
			t.Fatalf("%s gives two texts", a.name())
		}
		main[a.main], master[a.master] = true, true
	}
	if len(main) < seeds*9/10 || len(master) < seeds*3/4 {
		t.Errorf("%d seeds give only %d main.cf and %d master.cf", seeds, len(main), len(master))
	}
}
