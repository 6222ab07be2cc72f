package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stationmaster/stationmaster/sim/mutants"
)

// bank is where the weaknesses are, relative to the root: files in the form of
// sim/mutants, whose finder is the target that must find them.
const bank = "fuzz/testdata/planted"

// weakness is a change to plant, and the target that must find it.
type weakness struct {
	mutants.Mutant
	target
	path, text string // the file that it changes, and the changed text
}

// weaknesses reads the bank. A weakness whose text is not in the source any
// more, or whose finder is no target, is an error.
func weaknesses(root string) (list []weakness, err error) {
	known, err := targets(root)
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(bank), "*.txt"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var w weakness
		if w.Mutant, err = mutants.Parse(strings.TrimSuffix(filepath.Base(path), ".txt"), string(text)); err != nil {
			return nil, err
		}
		w.path = filepath.Join(root, filepath.FromSlash(w.File))
		source, err := os.ReadFile(w.path)
		if err != nil {
			return nil, fmt.Errorf("weakness %s: %w", w.Name, err)
		}
		if w.text, err = w.Apply(string(source)); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(known, func(t target) bool { return t.name == w.Finder })
		if i < 0 {
			return nil, fmt.Errorf("weakness %s: its finder %q is no target", w.Name, w.Finder)
		}
		w.target = known[i]
		list = append(list, w)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("there is nothing in %s", bank)
	}
	return list, nil
}

// overlay writes the table that makes the go command read the changed text.
func (w *weakness) overlay(dir string) (table string, err error) {
	changed, table := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, []byte(w.text), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{w.path: changed}})
	if err != nil {
		return "", err
	}
	return table, os.WriteFile(table, text, 0o600)
}

// mirror makes a directory that looks like the root from the folder of a
// package, but whose testdata there is a copy: the engine writes what it finds
// into it.
func mirror(root, folder, dir string) (string, error) {
	own := ""
	for part := range strings.SplitSeq(folder, "/") {
		entries, err := os.ReadDir(filepath.Join(root, own))
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			if e.Name() == part {
				continue
			}
			if err := os.Symlink(filepath.Join(root, own, e.Name()), filepath.Join(dir, own, e.Name())); err != nil {
				return "", err
			}
		}
		own = filepath.Join(own, part)
		if err := os.Mkdir(filepath.Join(dir, own), 0o755); err != nil {
			return "", err
		}
	}
	entries, err := os.ReadDir(filepath.Join(root, own))
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		from, to := filepath.Join(root, own, e.Name()), filepath.Join(dir, own, e.Name())
		if e.IsDir() && e.Name() == "testdata" {
			err = os.CopyFS(to, os.DirFS(from))
		} else {
			err = os.Symlink(from, to)
		}
		if err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, own), nil
}

// find plants a weakness and plays its target with the committed corpus alone.
func (w *weakness) find(ctx context.Context, s *settings) (r result, err error) {
	dir, err := os.MkdirTemp("", "planted")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	table, err := w.overlay(dir)
	if err != nil {
		return r, err
	}
	tree, cache := filepath.Join(dir, "tree"), filepath.Join(dir, "cache")
	for _, d := range []string{tree, cache} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return r, err
		}
	}
	folder, err := mirror(s.root, w.folder, tree)
	if err != nil {
		return r, err
	}
	p := program{path: filepath.Join(dir, "test"), folder: folder, cache: cache}
	if err := build(ctx, s.root, w.folder, p.path, "-overlay="+table); err != nil {
		return r, err
	}
	start := time.Now()
	r = play(ctx, w.target, p, runtime.NumCPU(), s.limit, &lines{to: io.Discard})
	r.elapsed = time.Since(start)
	return r, nil
}

// selftest plants each weakness. The error says how many were not found.
func (s *settings) selftest(ctx context.Context, out io.Writer) error {
	list, err := weaknesses(s.root)
	if err != nil {
		return err
	}
	const row = "%-30s %-21s %11s %8s  %s\n"
	fmt.Fprintf(out, row, "weakness", "target", "found after", "runs", "what it says")
	tried, missed := 0, 0
	for i := range list {
		if !s.only.MatchString(list[i].Name) {
			continue
		}
		tried++
		r, err := list[i].find(ctx, s)
		if err != nil {
			return err
		}
		after := fmt.Sprintf("%.1f s", r.elapsed.Seconds())
		if r.err == nil || ctx.Err() != nil {
			missed++
			after = "NOT FOUND"
		}
		fmt.Fprintf(out, row, list[i].Name, list[i].name, after, strconv.FormatInt(r.runs, 10), firstWords(r.said))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	switch {
	case tried == 0:
		return errors.New("no weakness has such a name")
	case missed > 0:
		return fmt.Errorf("%d of %d weaknesses were not found within %v", missed, tried, s.limit)
	}
	fmt.Fprintf(out, "all %d weaknesses were found\n", tried)
	return nil
}

// firstWords is the line of a failure that names what is wrong.
func firstWords(said []string) string {
	const longest = 80
	for _, line := range said {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, "failure while testing") || line == "" {
			continue
		}
		if len(line) > longest {
			line = strings.ToValidUTF8(line[:longest], "") + "…"
		}
		return line
	}
	return ""
}
