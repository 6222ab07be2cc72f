package mutants

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The tape of each real bug fails on the program with the bug, which has its name in the
// bank, and only on that.
func TestStoriesFailOnTheirUnmendedPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program for each story")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	bank, err := Bank(root)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*Mutant{"": {Name: "(nothing is wrong)"}}
	for i := range bank {
		byName[bank[i].Name] = &bank[i]
	}
	tapes, err := filepath.Glob(filepath.Join(root, "sim", "testdata", "*.tape"))
	if err != nil || len(tapes) == 0 {
		t.Fatalf("%d tapes: %v", len(tapes), err)
	}
	program := filepath.Join(t.TempDir(), "mastersim")
	plays := func(m *Mutant, tape string) (said string, broke bool) {
		t.Helper()
		if err := Build(context.Background(), root, m, program); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, "run", "-model", tape).CombinedOutput()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out), err != nil
	}
	for _, tape := range tapes {
		name := strings.TrimSuffix(filepath.Base(tape), ".tape")
		m := byName[name]
		if m == nil {
			t.Errorf("%s: the bank has no program of this name", name)
			continue
		}
		if said, broke := plays(m, tape); !broke {
			t.Errorf("%s breaks nothing on the unmended program:\n%.300s", name, said)
		}
	}
	for _, tape := range tapes {
		if said, broke := plays(byName[""], tape); broke {
			t.Errorf("%s breaks on a right program: %s", filepath.Base(tape), said)
		}
	}
}
