//go:build linux

package parity

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A scenario is played against each master; it says what to do, never what is
// right: the other master shows that.
type scenario struct {
	name  string // the behaviour, in words: the name of the subtest
	topic string
	shows []shown       // rows of docs/differences.md that it shows
	needs func() string // returns a reason to skip it here, or ""
	play  func(s *station)
	mode  *mode // nil: as it is
}

func (sc *scenario) fullName() string { return sc.topic + "/" + sc.slug() }

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9.=+-]+`)

func (sc *scenario) slug() string {
	return strings.Trim(notInNames.ReplaceAllString(sc.name, "_"), "_")
}

// topics is filled by the files scenario_TOPIC_test.go.
var topics = map[string][]scenario{}

// topic registers scenarios; call it in a variable declaration.
func topic(name string, lists ...[]scenario) struct{} {
	for _, list := range lists {
		for i := range list {
			list[i].topic = name
		}
		topics[name] = append(topics[name], list...)
	}
	return struct{}{}
}

// allScenarios returns the scenarios by topic, in the order of the files.
func allScenarios() []*scenario {
	names := make([]string, 0, len(topics))
	for name := range topics {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []*scenario
	for _, name := range names {
		for i := range topics[name] {
			all = append(all, &topics[name][i])
		}
	}
	return all
}

func TestScenariosHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, sc := range allScenarios() {
		if seen[sc.fullName()] {
			t.Errorf("two scenarios are called %s", sc.fullName())
		}
		seen[sc.fullName()] = true
	}
}

// TestParity plays every scenario against both masters.
func TestParity(t *testing.T) {
	if !*enabled {
		t.Skip("the parity suite runs with make parity (flag -parity)")
	}
	if reason := unable(); reason != "" {
		t.Skip(reason)
	}
	original := installedOriginal()
	if *record && original == "" {
		t.Fatal("nothing to record: no original is installed")
	}
	theSummary.begin(original)
	for name := range topics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range topics[name] {
				for _, sc := range topics[name][i].inModes() {
					t.Run(sc.slug(), func(t *testing.T) {
						t.Parallel()
						v := sc.try(t, original, ourMaster())
						theSummary.add(v)
						switch v.kind {
						case differs:
							t.Errorf("DIFFERS\n%s", v.text)
						case skipped:
							t.Skip(v.text)
						}
					})
				}
			}
		})
	}
}

func unable() string {
	if os.Getuid() != 0 {
		return "the parity suite needs root: a mail system switches identities"
	}
	if _, _, err := accounts(); err != nil {
		return err.Error()
	}
	s, err := newStation("/bin/true")
	if err != nil {
		return "the parity suite cannot make its mail systems: " + err.Error()
	}
	defer s.close()
	if _, err := s.keeper.start(&launch{Program: "/bin/true", Argv: []string{"true"}, Dir: "/"}); err != nil {
		return "the parity suite needs a mount namespace, to cover /dev: " + err.Error()
	}
	return ""
}

// installedOriginal returns the path of the original; "" if there is none, if ours
// has replaced it, or if originalVariable is "none".
func installedOriginal() string {
	if path := os.Getenv(originalVariable); path == "none" {
		return ""
	}
	if _, err := os.Stat(originalMaster); err != nil {
		return ""
	}
	if _, err := buildinfo.ReadFile(originalMaster); err == nil {
		return "" // a Go program
	}
	return originalMaster
}

// try plays the scenario against ours and against the original, or takes the
// recording of it, and compares.
func (sc *scenario) try(t *testing.T, original, ours string) verdict {
	t.Helper()
	if sc.needs != nil {
		if reason := sc.needs(); reason != "" {
			return verdict{name: sc.fullName(), kind: skipped, text: reason}
		}
	}
	wanted, err := sc.wanted(original)
	if err != nil {
		return verdict{name: sc.fullName(), kind: differs, text: err.Error() + "\n"}
	}
	got, err := play(sc, ours)
	if err != nil {
		return verdict{name: sc.fullName(), kind: differs, text: err.Error() + "\n"}
	}
	if *verbose {
		fmt.Printf("--- %s: the original\n%s\n--- %s: ours\n%s\n", sc.fullName(), wanted, sc.fullName(), got)
	}
	return judge(sc.fullName(), sc.shows, sc.allowed(), wanted, got)
}

// wanted returns the original's observation.
func (sc *scenario) wanted(original string) (observation, error) {
	if original == "" {
		return theRecording.get(sc)
	}
	o, err := play(sc, original)
	if err == nil && *record && sc.mode == nil && o.broken() == "" {
		theRecording.put(sc, o)
	}
	return o, err
}

// summary is the table that is printed at the end.
type summary struct {
	mu       sync.Mutex
	begun    time.Time
	original string
	verdicts []verdict
}

var theSummary summary

func (s *summary) begin(original string) {
	s.begun, s.original = time.Now(), original
}

func (s *summary) add(v verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdicts = append(s.verdicts, v)
}

// print writes the table; it returns false if something differs that should not.
func (s *summary) print(w io.Writer) bool {
	if len(s.verdicts) == 0 {
		return true
	}
	slices.SortFunc(s.verdicts, func(a, b verdict) int { return strings.Compare(a.name, b.name) })
	counts := map[verdictKind]int{}
	for _, v := range s.verdicts {
		counts[v.kind]++
		fmt.Fprintf(w, "%-72s %s\n", v.name, v)
	}
	with := s.original
	if with == "" {
		with = "what was recorded of the original"
	}
	fmt.Fprintf(w, "%d scenarios in %d s against %s: %d same, %d differ as documented, %d DIFFERS, %d skipped\n",
		len(s.verdicts), int(time.Since(s.begun).Seconds()), with, counts[same], counts[documented], counts[differs], counts[skipped])
	return counts[differs] == 0
}
