//go:build linux

package parity

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A recording holds what the original showed, for machines without it: a file for
// each topic, with a section for each scenario. What every child is given is
// written once, in usualFile; sections contain only the deviations.
type recording struct {
	mu     sync.Mutex
	dir    string
	usual  []string                          // of a child, without its label
	topics map[string]map[string]observation // topic, slug
}

const (
	recordingDir  = "testdata/original"
	usualFile     = "usual.txt"
	usualScenario = "boot/a_service_of_each_type_is_opened_and_one_is_used"
	sectionMark   = "=== "
	missingMark   = "not: " // a usual line that a child lacks
)

var theRecording = recording{dir: recordingDir}

// load reads the files; the caller holds the lock.
func (r *recording) load() {
	if r.topics != nil {
		return
	}
	r.topics = map[string]map[string]observation{}
	text, err := os.ReadFile(filepath.Join(r.dir, usualFile))
	if err == nil {
		r.usual = textLines(string(text))
	}
	paths, _ := filepath.Glob(filepath.Join(r.dir, "*.txt"))
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		text, err := os.ReadFile(path)
		if err != nil || filepath.Base(path) == usualFile {
			continue
		}
		sections := map[string]observation{}
		for _, section := range strings.Split("\n"+string(text), "\n"+sectionMark)[1:] {
			slug, body, _ := strings.Cut(section, "\n")
			sections[slug] = decode(textLines(body), r.usual)
		}
		r.topics[name] = sections
	}
}

// get returns the recording of a scenario.
func (r *recording) get(sc *scenario) (observation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.load()
	o, ok := r.topics[sc.topic][sc.slug()]
	if !ok {
		return nil, fmt.Errorf("no original is installed, and nothing of it was recorded for this scenario")
	}
	return o, nil
}

// put stores what the original has shown; save writes it.
func (r *recording) put(sc *scenario, o observation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.load()
	if r.topics[sc.topic] == nil {
		r.topics[sc.topic] = map[string]observation{}
	}
	r.topics[sc.topic][sc.slug()] = o
}

// save writes the files, without the sections of scenarios that no longer exist.
func (r *recording) save() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.load()
	topic, slug, _ := strings.Cut(usualScenario, "/")
	if o := r.topics[topic][slug]; o != nil {
		r.usual = r.usual[:0]
		for _, line := range o {
			if text, ok := strings.CutPrefix(line, "child 1."); ok {
				r.usual = append(r.usual, text)
			}
		}
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir, usualFile), []byte(strings.Join(r.usual, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	files := map[string]*strings.Builder{}
	for _, sc := range allScenarios() {
		o, ok := r.topics[sc.topic][sc.slug()]
		if !ok {
			continue
		}
		if files[sc.topic] == nil {
			files[sc.topic] = &strings.Builder{}
		}
		fmt.Fprintf(files[sc.topic], "%s%s\n", sectionMark, sc.slug())
		for _, line := range encode(o, r.usual) {
			fmt.Fprintln(files[sc.topic], line)
		}
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name+".txt"), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// labelOf splits a line of a child: "child 1." and the rest; ok is false for other
// lines.
func labelOf(line string) (label, rest string, ok bool) {
	if !strings.HasPrefix(line, "child ") {
		return "", line, false
	}
	number, rest, ok := strings.Cut(line[len("child "):], ".")
	if !ok || strings.Trim(number, "0123456789") != "" {
		return "", line, false
	}
	return "child " + number + ".", rest, true
}

// encode omits usual lines, and marks usual lines that are missing.
func encode(o observation, usual []string) []string {
	var lines []string
	for i := 0; i < len(o); {
		label, _, ok := labelOf(o[i])
		if !ok {
			lines = append(lines, o[i])
			i++
			continue
		}
		// Children of two masters may have one label; the lines of each are sorted.
		var has []string
		for first := i; i < len(o) && strings.HasPrefix(o[i], label) && (i == first || o[i] >= o[i-1]); i++ {
			has = append(has, strings.TrimPrefix(o[i], label))
		}
		lines = append(lines, label)
		for _, text := range usual {
			if !slices.Contains(has, text) {
				lines = append(lines, label+missingMark+text)
			}
		}
		for _, text := range has {
			if !slices.Contains(usual, text) {
				lines = append(lines, label+text)
			}
		}
	}
	return lines
}

// decode is the inverse of encode.
func decode(lines, usual []string) observation {
	var o observation
	for i := 0; i < len(lines); {
		label, _, ok := labelOf(lines[i])
		if !ok {
			o = append(o, lines[i])
			i++
			continue
		}
		has := slices.Clone(usual)
		for i++; i < len(lines) && strings.HasPrefix(lines[i], label) && lines[i] != label; i++ {
			text := strings.TrimPrefix(lines[i], label)
			if missing, ok := strings.CutPrefix(text, missingMark); ok {
				has = slices.DeleteFunc(has, func(s string) bool { return s == missing })
				continue
			}
			has = append(has, text)
		}
		for j := range has {
			has[j] = label + has[j]
		}
		o = append(o, sorted(has)...)
	}
	return o
}

func TestRecordingsComeBackAsTheyWere(t *testing.T) {
	usual := []string{"argv: actor", "env A=1", "fd 0: null"}
	for _, o := range []observation{
		{"end: start 1: exit status 0", "log: x"},
		{"child 1.argv: actor", "child 1.env A=1", "child 1.fd 0: null", "end: x"},
		{"child 1.argv: actor|-l", "child 1.fd 0: null", "child 1.fd 1: null", "child 12.argv: actor", "child 12.env A=1", "child 12.fd 0: null"},
		{"child 1.argv: a", "child 1.argv: a", "child 1.env B=2", "process: child 1 ends", "child 1 says: x"},
		{"child 1.argv: actor", "child 1.fd 0: null", "child 1.argv: actor|-l", "child 1.env A=1", "child 1.fd 0: null"},
	} {
		lines := encode(o, usual)
		if got := decode(lines, usual); !slices.Equal(got, o) {
			t.Errorf("%q became %q and then %q", o, lines, got)
		}
	}
}
