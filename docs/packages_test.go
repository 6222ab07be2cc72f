package docs

import (
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/stationmaster/stationmaster/"

var packageRow = regexp.MustCompile("(?m)^\\| ((?:`[a-z0-9/]+`(?:, )?)+) \\| (.*) \\| (.*) \\|$")

// The table of packages in docs/architecture.md has a row for each package, and the
// packages of ours that each row names are those that it imports.
func TestTableOfPackagesIsTrue(t *testing.T) {
	imports := map[string]map[string]bool{}
	for _, file := range files(t, ".go") {
		dir := path.Dir(file)
		if dir == "docs" || strings.Contains(file, "/testdata/") {
			continue
		}
		if imports[dir] == nil {
			imports[dir] = map[string]bool{}
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(file)), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		onlyTests := strings.HasPrefix(dir, "osadapter/internal/parity") || dir == "fuzz"
		if strings.HasSuffix(file, "_test.go") && !onlyTests {
			continue
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name, ours := strings.CutPrefix(name, module); ours {
				imports[dir][name] = true
			}
		}
	}
	rows := map[string]bool{}
	for _, m := range packageRow.FindAllStringSubmatch(read(t, "docs/architecture.md"), -1) {
		met := map[string]bool{}
		var packages []string
		for name := range strings.SplitSeq(m[1], ", ") {
			packages = append(packages, strings.Trim(name, "`"))
		}
		allowed := strings.Split(m[3], ", ")
		for _, name := range packages {
			rows[name] = true
			if imports[name] == nil {
				t.Errorf("there is a row for %s, which is no package", name)
			}
			for used := range imports[name] {
				i := slices.IndexFunc(allowed, func(a string) bool { return covers(a, used) })
				if i < 0 && !slices.Contains(packages, used) {
					t.Errorf("%s imports %s, which its row does not name", name, used)
					continue
				}
				if i >= 0 {
					met[allowed[i]] = true
				}
			}
		}
		for _, a := range allowed {
			if a != "none" && !met[a] {
				t.Errorf("the row of %s names %s, which is not imported", m[1], a)
			}
		}
	}
	for dir := range imports {
		if !rows[dir] && !strings.Contains(dir, "/parity/") {
			t.Errorf("there is no row for %s (%s)", dir, strings.Join(slices.Sorted(maps.Keys(imports[dir])), ", "))
		}
	}
}

// covers reports whether an item of the table means the package: "core/…" means
// all below core.
func covers(item, name string) bool {
	prefix, all := strings.CutSuffix(item, "…")
	return item == name || all && strings.HasPrefix(name, prefix)
}
