package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var (
	spoiledCount = flag.Int("spoiled", 24, "how many spoiled configurations are compared, unless -budget is given")
	budget       = flag.Duration("budget", 0, "compare spoiled configurations for so long")
	findings     = flag.String("findings", "../../../../dist/fuzz-original", "the `directory` for configurations that differ, if any do")
)

// spoiledRound is the number of spoiled configurations that are compared between
// two checks of the clock.
const spoiledRound = 160

// TestSpoiledConfigurationsMeanWhatTheyMeanToPostfix changes the files that Postfix
// installs, the vectors and generated configurations byte by byte. A pair that
// differs is reduced and written to a file with the results of both sides.
func TestSpoiledConfigurationsMeanWhatTheyMeanToPostfix(t *testing.T) {
	from := stock()
	first := len(from)
	for _, v := range vectors(t) {
		from = append(from, material{v.Main, v.Master})
	}
	for seed := range uint64(100) {
		g := generate(seed)
		from = append(from, material{[]byte(g.main), []byte(g.master)})
	}
	count := *spoiledCount
	if testing.Short() {
		count = min(count, 8)
	}
	var accepted, refused atomic.Int64
	begun := time.Now()
	for seed := *firstSeed; ; seed += spoiledRound {
		n := count
		if *budget > 0 {
			n = spoiledRound
		}
		compareAll(t, spoiledSubjects(t, seed, n, from, first), func(_ *subject, a *answer) {
			if a.Original.Outcome == "started" {
				accepted.Add(1)
			} else {
				refused.Add(1)
			}
		})
		if time.Since(begun) >= *budget {
			break
		}
	}
	t.Logf("Postfix accepts %d of the spoiled configurations and refuses %d", accepted.Load(), refused.Load())
}

func spoiledSubjects(t *testing.T, seed uint64, n int, from []material, first int) (list []subject) {
	for end := seed + uint64(n); seed < end; seed++ {
		m := spoiled(seed, from, first)
		s := subject{name: fmt.Sprintf("spoiled-%d", seed), repeat: fmt.Sprintf("-run %s -from %d -spoiled 1", t.Name(), seed)}
		s.Main, s.Master = []byte(placeholders.Replace(string(m.main))), []byte(placeholders.Replace(string(m.master)))
		s.Flags, s.Names, s.Status = []string{"-d"}, []string{"inet_interfaces", "mydomain", "myhostname", "mynetworks"}, seed%50 == 0
		s.Random, s.More = seed, 5
		list = append(list, s)
	}
	return list
}

// keep writes a finding to a file.
func keep(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(*findings, 0o755); err != nil {
		t.Errorf("cannot keep the finding: %v", err)
		return
	}
	path := filepath.Join(*findings, strings.ReplaceAll(name, "/", "-")+".txt")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Errorf("cannot keep the finding: %v", err)
		return
	}
	t.Logf("kept in %s", path)
}
