//go:build linux

package parity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/sim/mutants"
)

// The bank of planted differences: files in the format of sim/mutants, whose finder
// is a regular expression over the names of scenarios (topic/scenario) that could
// see it.
const (
	bankDir     = "testdata/mutants"
	moduleRoot  = "../../.."
	bankMinimum = 25
)

func readBank() ([]mutants.Mutant, error) {
	paths, err := filepath.Glob(filepath.Join(bankDir, "*.txt"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var bank []mutants.Mutant
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		m, err := mutants.Parse(strings.TrimSuffix(filepath.Base(path), ".txt"), string(text))
		if err != nil {
			return nil, err
		}
		bank = append(bank, m)
	}
	return bank, nil
}

// source returns the absolute path of the file that a mutant changes, and the
// changed text.
func source(m *mutants.Mutant) (path, text string, err error) {
	if path, err = filepath.Abs(filepath.Join(moduleRoot, filepath.FromSlash(m.File))); err != nil {
		return "", "", err
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	text, err = m.Apply(string(before))
	return path, text, err
}

// finders returns the scenarios that could see a mutant.
func finders(m *mutants.Mutant) ([]*scenario, error) {
	re, err := regexp.Compile("^(?:" + m.Finder + ")$")
	if err != nil {
		return nil, err
	}
	var found []*scenario
	for _, plain := range allScenarios() {
		for _, sc := range plain.inModes() {
			if re.MatchString(sc.fullName()) {
				found = append(found, sc)
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no scenario is called %q", m.Finder)
	}
	return found, nil
}

// Every planted difference still fits the source, and some scenario could see it.
func TestPlantedDifferencesFit(t *testing.T) {
	bank, err := readBank()
	if err != nil {
		t.Fatal(err)
	}
	if len(bank) < bankMinimum {
		t.Errorf("the bank holds %d planted differences, want at least %d", len(bank), bankMinimum)
	}
	for i := range bank {
		if _, _, err := source(&bank[i]); err != nil {
			t.Error(err)
		}
		if _, err := finders(&bank[i]); err != nil {
			t.Errorf("mutant %s: %v", bank[i].Name, err)
		}
	}
}

// TestSelftest plants each difference in our master and checks that it is reported.
func TestSelftest(t *testing.T) {
	if !*selftest {
		t.Skip("the planted differences are tried by make parity-selftest (flag -selftest)")
	}
	if reason := unable(); reason != "" {
		t.Skip(reason)
	}
	bank, err := readBank()
	if err != nil {
		t.Fatal(err)
	}
	original := installedOriginal()
	for i := range bank {
		m := &bank[i]
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			binary, err := plant(m)
			if err != nil {
				t.Fatal(err)
			}
			reportedBy(t, m, original, binary)
		})
	}
}

// reportedBy plays the scenarios that could see the mutant until one does.
func reportedBy(t *testing.T, m *mutants.Mutant, original, binary string) {
	t.Helper()
	list, err := finders(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range list {
		if v := sc.try(t, original, binary); v.kind == differs {
			fmt.Printf("%-40s DIFFERS in %s\n", m.Name, sc.fullName())
			if *verbose {
				fmt.Println(v.text)
			}
			return
		}
	}
	t.Errorf("nothing reports it: %s", m.What)
}

// plant builds our master with the difference.
func plant(m *mutants.Mutant) (string, error) {
	path, text, err := source(m)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(binaries, m.Name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	changed, list := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
		return "", err
	}
	table, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(list, table, 0o600); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "master")
	build := exec.Command("go", "build", "-overlay", list, "-o", binary, "./cmd/master")
	build.Dir = moduleRoot
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mutant %s does not build: %w\n%s", m.Name, err, bytes.TrimSpace(said))
	}
	return binary, nil
}
