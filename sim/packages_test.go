package sim_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers has the packages under sim from the lowest to the highest. A package imports
// those of lower layers only, and none of its own.
var layers = [][]string{
	{"tape", "witness", "internal/agenda", "internal/contract", "mutants", "logsim/system", "laws/internal/account", "model/internal/past", "explore/internal/layout"},
	{"laws/internal/checks", "model/internal/verdict", "kernel/fault", "logsim"},
	{"laws", "model", "kernel/object"},
	{"kernel", "explore/internal/edges"},
	{"kernel/audit", "options"},
	{"internal/mastercf", "internal/stage"},
	{"internal/clients"},
	{"internal/servers"},
	{"internal/operator"},
	{"internal/judge"},
	{"internal/calm"},
	{".", "explore"},
	{"stress", "timeline", "recorded"},
}

// oneSitting is what a reader takes in at one sitting, in lines without tests.
const oneSitting = 1550

const module = "github.com/stationmaster/stationmaster/sim"

// Imports run one way inside sim, and every package of it is readable in one sitting.
func TestPackagesAreSmallAndImportDownwards(t *testing.T) {
	layer := map[string]int{}
	for i, names := range layers {
		for _, name := range names {
			layer[name] = i
		}
	}
	lines := map[string]int{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.Contains(file, "testdata") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(file))
		lines[dir] += bytes.Count(text, []byte("\n"))
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			below, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			below = path.Clean("./" + strings.TrimPrefix(below, "/"))
			if layer[below] >= layer[dir] {
				t.Errorf("%s imports %s, which is not below it", file, below)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, n := range lines {
		if n > oneSitting {
			t.Errorf("package %s has %d lines, more than %d", dir, n, oneSitting)
		}
		if _, known := layer[dir]; !known {
			t.Errorf("package %s has no layer", dir)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(layer)) {
		if lines[dir] == 0 {
			t.Errorf("there is a layer for %s, which is no package", dir)
		}
	}
}
