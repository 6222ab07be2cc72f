package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Program is the command that is built with a mutant in it.
const Program = "./cmd/mastersim"

// Hunt says how mutants are hunted.
type Hunt struct {
	Root  string // of the module
	Seeds uint64 // most seeds for each
	Limit time.Duration
	Only  string // the one invariant that may find; empty: all
	Alone *Alone // if not nil: also see what invariants find alone

	Together *Together // a program that holds many of them; nil: each is built alone

	ModelEvery, JournalEvery uint64 // what is laid beside; see stress
}

// Control is the right program, hunted as the mutants are: an instrument that finds
// it would find anything.
func Control() Mutant { return Mutant{Name: "(nothing is wrong)", What: "the right program"} }

// Outcome is what became of one mutant.
type Outcome struct {
	Mutant    Mutant
	Found     bool
	Invariant string
	Text      string
	Seed      uint64 // in which it was found
	Played    uint64 // runs until then, or in all
	Elapsed   time.Duration
	Err       error // it could not be built or played
}

// Build makes the program with the mutant in it.
func Build(ctx context.Context, root string, m *Mutant, out string) error {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return fmt.Errorf("mutant %s: %w", m.Name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	replace := map[string]string{}
	if m.File != "" {
		path, text, err := m.source(root)
		if err != nil {
			return err
		}
		if err := overlay(replace, dir, path, text); err != nil {
			return err
		}
	}
	if said, err := goBuild(ctx, root, dir, replace, out); err != nil {
		return fmt.Errorf("mutant %s does not build: %w\n%s", m.Name, err, bytes.TrimSpace(said))
	}
	return nil
}

// goBuild builds Program with files replaced, and returns what the compiler said. dir is
// for files of its own.
func goBuild(ctx context.Context, root, dir string, replace map[string]string, out string, flags ...string) ([]byte, error) {
	table, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, fmt.Errorf("write overlay: %w", err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, table, 0o600); err != nil {
		return nil, fmt.Errorf("write overlay: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build"}, flags, []string{"-overlay", list, "-o", out, Program})...)
	cmd.Dir = root
	said, err := cmd.CombinedOutput()
	if err != nil {
		return said, fmt.Errorf("go build: %w", err)
	}
	return said, nil
}

func overlay(replace map[string]string, dir, path, text string) error {
	copied := filepath.Join(dir, strconv.Itoa(len(replace))+".go")
	if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write overlay: %w", err)
	}
	replace[path] = copied
	return nil
}

// Run hunts one mutant. ctx ends it early.
func (h *Hunt) Run(ctx context.Context, m Mutant) (o Outcome) {
	o.Mutant = m
	started := time.Now()
	defer func() { o.Elapsed = time.Since(started) }()
	var program string
	if _, ok := h.Together.holds(&m); ok {
		program = h.Together.program
	} else {
		dir, err := os.MkdirTemp("", "hunt")
		if err != nil {
			o.Err = fmt.Errorf("mutant %s: %w", m.Name, err)
			return o
		}
		defer func() { _ = os.RemoveAll(dir) }()
		program = filepath.Join(dir, "mastersim")
		if o.Err = Build(ctx, h.Root, &m, program); o.Err != nil {
			return o
		}
	}
	h.play(ctx, program, h.Only, h.Seeds, &o)
	if h.Alone != nil && o.Err == nil {
		h.alone(ctx, program, &o)
	}
	return o
}

// play lets the program play seeds until it finds something.
func (h *Hunt) play(ctx context.Context, program, only string, seeds uint64, o *Outcome) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if h.Limit > 0 {
		limited, cancel = context.WithTimeout(ctx, h.Limit)
	}
	defer cancel()
	args := []string{
		"stress", "-from", "1", "-seeds", strconv.FormatUint(seeds, 10),
		"-cores", "1", "-fresh", "-first", "-json", "-shard", "0/1", "-only", only,
		"-model-every", strconv.FormatUint(h.ModelEvery, 10), "-journal-every", strconv.FormatUint(h.JournalEvery, 10),
	}
	if o.Mutant.ofTheLog() {
		args = []string{"logs", "-from", "1", "-seeds", strconv.FormatUint(seeds, 10), "-first", "-json"}
	}
	cmd := exec.CommandContext(limited, program, args...)
	cmd.Dir = filepath.Dir(program)
	if number, ok := h.Together.holds(&o.Mutant); ok {
		cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(number))
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	said, err := cmd.Output()
	o.read(said)
	switch exit := (*exec.ExitError)(nil); {
	case limited.Err() != nil && ctx.Err() == nil && !o.Found:
		// A mutant that hangs the world is noticed by the caller, which waits.
		o.Found, o.Invariant, o.Text = true, "hang", "nothing was heard for "+h.Limit.String()
	case errors.As(err, &exit) && exit.ExitCode() == 1 && o.Found:
	case err != nil:
		o.Err = fmt.Errorf("mutant %s: play: %w\n%s", o.Mutant.Name, err, lastLines(stderr.Bytes()))
	}
}

const maxSaid = 2000

func lastLines(b []byte) []byte { return bytes.TrimSpace(b[max(0, len(b)-maxSaid):]) }

// read takes the finding and the summary out of the program's lines.
func (o *Outcome) read(said []byte) {
	for line := range bytes.Lines(said) {
		var v struct {
			Kind      string
			Invariant string
			Text      string
			Seed      uint64
			Seeds     uint64
			Played    uint64
		}
		if json.Unmarshal(line, &v) != nil {
			continue
		}
		switch {
		case v.Kind == "finding" && !o.Found:
			o.Found, o.Invariant, o.Text, o.Seed, o.Played = true, v.Invariant, v.Text, v.Seed, v.Played
		case v.Kind == "summary" && !o.Found:
			o.Played = v.Seeds
		}
	}
}

// Median returns the median of the runs that the found mutants took.
func Median(outcomes []Outcome) uint64 {
	var played []uint64
	for i := range outcomes {
		if outcomes[i].Found {
			played = append(played, outcomes[i].Played)
		}
	}
	if len(played) == 0 {
		return 0
	}
	slices.Sort(played)
	return played[(len(played)-1)/2]
}
