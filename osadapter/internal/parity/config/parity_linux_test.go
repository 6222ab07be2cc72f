package config_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	configurations = flag.Int("configurations", 150, "how many generated configurations are compared")
	firstSeed      = flag.Uint64("from", 1, "seed of the first generated configuration")
	vectorStep     = flag.Int("step", 10, "compare every n-th vector")
	oneVector      = flag.String("vector", "", "compare this vector alone")
	lanes          = flag.Int("lanes", 8, "how many comparisons run at a time")
	most           = flag.Int("most", 3, "how many differences are reported in full")
)

// subject is one configuration to compare, with its description in a report.
type subject struct {
	pair
	name   string
	repeat string // the arguments of go test that compare only it
}

func TestVectorsMeanWhatTheyMeanToPostfix(t *testing.T) {
	list := vectors(t)
	var chosen []subject
	step := *vectorStep
	if testing.Short() {
		step *= 3
	}
	for i := 0; i < len(list); i += step {
		chosen = append(chosen, list[i])
	}
	if *oneVector != "" {
		chosen = slices.DeleteFunc(list, func(s subject) bool { return s.name != *oneVector })
	}
	compareAll(t, chosen, nil)
}

func TestGeneratedConfigurationsMeanWhatTheyMeanToPostfix(t *testing.T) {
	count := *configurations
	if testing.Short() {
		count = min(count, 30)
	}
	var list []subject
	for i := range count {
		seed := *firstSeed + uint64(i)
		g := generate(seed)
		s := subject{name: g.name(), repeat: fmt.Sprintf("-run %s -from %d -configurations 1", t.Name(), seed)}
		s.Main, s.Master = []byte(placeholders.Replace(g.main)), []byte(placeholders.Replace(g.master))
		s.Flags, s.Names, s.Status = []string{"-d"}, g.names, i%50 == 0
		s.Random, s.More = seed, 15
		slices.Sort(s.Names)
		s.Names = slices.Compact(s.Names)
		list = append(list, s)
	}
	var accepted, refused atomic.Int64
	compareAll(t, list, func(_ *subject, a *answer) {
		if a.Original.Outcome == "started" {
			accepted.Add(1)
		} else {
			refused.Add(1)
		}
	})
	yes, no := accepted.Load(), refused.Load()
	t.Logf("Postfix accepts %d of the generated configurations and refuses %d", yes, no)
	if total := yes + no; total >= 100 && (yes*4 < total || no*4 < total) {
		t.Errorf("one side has less than a quarter: the generator must change")
	}
}

// compareAll compares all subjects, several at a time.
func compareAll(t *testing.T, list []subject, seen func(*subject, *answer)) {
	program := buildOurs(t)
	var (
		next, differing atomic.Int64
		mutex           sync.Mutex
		group           sync.WaitGroup
		start           = time.Now()
		used            = make(map[rule]int)
	)
	for range min(*lanes, len(list)) {
		l := startLane(t, program)
		group.Add(1)
		go func() {
			defer group.Done()
			rules := make(map[rule]int)
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				s := &list[i]
				a, err := l.ask(&s.pair)
				if err != nil {
					t.Errorf("%s: %v", s.name, err)
					return
				}
				if seen != nil {
					seen(s, a)
				}
				if d := compare(a, rules); len(d) > 0 {
					report(t, l, s, d, differing.Add(1))
				}
			}
			mutex.Lock()
			defer mutex.Unlock()
			for r, n := range rules {
				used[r] += n
			}
		}()
	}
	group.Wait()
	took := time.Since(start)
	t.Logf("%d configurations compared in %.1f s (%.1f a second), %d differ", len(list), took.Seconds(), float64(len(list))/took.Seconds(), differing.Load())
	for _, r := range slices.Sorted(maps.Keys(used)) {
		t.Logf("meant differences: %d times %s", used[r], r)
	}
}

// report reports one subject that differs; the first few are reduced and shown in
// full.
func report(t *testing.T, l *lane, s *subject, differences []string, nth int64) {
	if nth > int64(*most) {
		t.Errorf("%s differs, too:\n%s\n-- to repeat: go test -count=1 ./osadapter/internal/parity/config %s", s.name, strings.Join(differences, "\n"), s.repeat)
		return
	}
	small, left := reduce(l, s.pair, differences)
	text := fmt.Sprintf("%s differs:\n%s\n-- cut down to main.cf:\n%s\n-- master.cf:\n%s\n-- where they differ so:\n%s\n-- to repeat: go test -count=1 ./osadapter/internal/parity/config %s",
		s.name, strings.Join(differences, "\n"), shown(small.Main), shown(small.Master), strings.Join(left, "\n"), s.repeat)
	t.Error(text)
	keep(t, s.name, text)
}

// shown makes a text readable: its lines, with unprintable bytes escaped.
func shown(text []byte) string {
	lines := strings.SplitAfter(string(text), "\n")
	for i, line := range lines {
		if q := fmt.Sprintf("%q", line); line != "" && q != `"`+strings.TrimSuffix(line, "\n")+`\n"` {
			lines[i] = q + "\n"
		}
	}
	return strings.Join(lines, "")
}

// buildOurs builds our master and checks that the test can run at all.
func buildOurs(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	for _, path := range []string{originalPath, postconfPath} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("needs Postfix: %v", err)
		}
	}
	for path := range tables {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("needs a table to stand in for: %v", err)
		}
	}
	program := filepath.Join(t.TempDir(), "master")
	build := exec.Command("go", "build", "-o", program, "../../../../cmd/master")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building master: %v\n%s", err, out)
	}
	return program
}

// vector is what both kinds of vectors have in common.
type vector struct {
	ID, Name string
	Main     string `json:"main_cf"`
	Master   string `json:"master_cf"`
	Flags    []string
	Params   []string
}

// vectors reads the vectors of core/config as subjects.
func vectors(t *testing.T) (list []subject) {
	t.Helper()
	for _, file := range []string{"master_cf.json", "main_cf.json"} {
		text, err := os.ReadFile(filepath.Join("../../../../core/config/testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		var vectors []vector
		if err := json.Unmarshal(text, &vectors); err != nil {
			t.Fatal(err)
		}
		for _, v := range vectors {
			s := subject{name: v.ID}
			s.repeat = "-run " + t.Name() + " -vector " + s.name
			s.Main, s.Master = fromLatin1(v.Main), fromLatin1(v.Master)
			s.Names = append(slices.Clone(v.Params), "myhostname", "mynetworks")
			if s.Flags = v.Flags; !slices.Contains(s.Flags, "-d") {
				s.Flags = append(slices.Clone(v.Flags), "-d")
			}
			s.Random, s.More = uint64(len(list)), 15
			list = append(list, s)
		}
	}
	return list
}

// fromLatin1 converts a text of the vectors to the bytes that it stands for.
func fromLatin1(text string) (b []byte) {
	for _, r := range text {
		b = append(b, byte(r))
	}
	return []byte(placeholders.Replace(string(b)))
}
