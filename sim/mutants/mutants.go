// Package mutants measures the simulator: it builds wrong programs, one wrong
// line each, and counts how many seeds pass until each is noticed.
//
// It refuses to touch a source file: the changed text reaches the compiler
// through the go command's overlay. It compares no golden trace and no golden
// hash, for those notice everything and prove nothing.
package mutants

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Mutant is one wrong program.
type Mutant struct {
	Name   string // of its file, without the ending
	What   string // what a person would say of it, one line
	File   string // the file it changes, relative to the root of the module, with slashes
	Finder string // the invariant that should find it; empty: any
	Old    string // occurs exactly once in File
	New    string
}

// Canary is the mutant that a shard of a long run is tried on.
const Canary = "status-generation-unchecked"

// Dir is where the bank is, relative to the root of the module.
const Dir = "sim/testdata/mutants"

// The parts of a mutant's file, in their order:
//
//	what a person would say of it
//	file: core/status.go
//	finder: S6               (may be missing)
//	old:
//	…the text, whole lines
//	new:
//	…the text, whole lines
const (
	fileMark   = "file: "
	finderMark = "finder: "
	oldMark    = "old:\n"
	newMark    = "\nnew:\n"
)

// Parse reads a mutant's file.
func Parse(name, text string) (Mutant, error) {
	m := Mutant{Name: name}
	head, body, ok := strings.Cut(text, "\n"+oldMark)
	if !ok {
		return m, fmt.Errorf("mutant %s: no line %q", name, strings.TrimSpace(oldMark))
	}
	for i, line := range strings.Split(head, "\n") {
		switch {
		case i == 0:
			m.What = line
		case strings.HasPrefix(line, fileMark):
			m.File = strings.TrimPrefix(line, fileMark)
		case strings.HasPrefix(line, finderMark):
			m.Finder = strings.TrimPrefix(line, finderMark)
		default:
			return m, fmt.Errorf("mutant %s: line %d: %q is neither %q nor %q", name, i+1, line, fileMark, finderMark)
		}
	}
	if m.Old, m.New, ok = strings.Cut("\n"+body, newMark); !ok {
		return m, fmt.Errorf("mutant %s: no line %q", name, strings.TrimSpace(newMark))
	}
	m.Old = strings.TrimPrefix(m.Old, "\n") + "\n"
	switch {
	case strings.TrimSpace(m.What) == "" || m.File == "":
		return m, fmt.Errorf("mutant %s: the first line says what it is, and %q where", name, strings.TrimSpace(fileMark))
	case strings.TrimSpace(m.Old) == "":
		return m, fmt.Errorf("mutant %s: the old text is empty", name)
	case m.Old == m.New:
		return m, fmt.Errorf("mutant %s: the new text is the old one", name)
	}
	return m, nil
}

// ofTheLog reports whether the log and the journal are wrong, which have a world of
// their own.
func (m *Mutant) ofTheLog() bool {
	return slices.ContainsFunc([]string{"logs", "journal", "disk"}, func(room string) bool {
		return strings.HasPrefix(m.File, "osadapter/"+room+"/")
	})
}

// Apply returns the source with the old text, which must occur exactly once,
// replaced by the new one.
func (m *Mutant) Apply(source string) (string, error) {
	switch n := strings.Count(source, m.Old); n {
	case 1:
		return strings.Replace(source, m.Old, m.New, 1), nil
	case 0:
		return "", fmt.Errorf("mutant %s: the old text does not occur in %s", m.Name, m.File)
	default:
		return "", fmt.Errorf("mutant %s: the old text occurs %d times in %s", m.Name, n, m.File)
	}
}

// Bank reads all mutants below the root of the module, in the order of their
// names.
func Bank(root string) ([]Mutant, error) {
	paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(Dir), "*.txt"))
	if err != nil {
		return nil, fmt.Errorf("list mutants: %w", err)
	}
	slices.Sort(paths)
	bank := make([]Mutant, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read mutant: %w", err)
		}
		m, err := Parse(strings.TrimSuffix(filepath.Base(path), ".txt"), string(text))
		if err != nil {
			return nil, err
		}
		bank = append(bank, m)
	}
	if len(bank) == 0 {
		return nil, fmt.Errorf("there are no mutants in %s: is this the root of the module?", filepath.Join(root, Dir))
	}
	return bank, nil
}

// source returns the path of the changed file and its changed text.
func (m *Mutant) source(root string) (path, text string, err error) {
	path, err = filepath.Abs(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return "", "", fmt.Errorf("mutant %s: %w", m.Name, err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return "", "", fmt.Errorf("mutant %s: %w", m.Name, err)
	}
	text, err = m.Apply(string(before))
	return path, text, err
}
