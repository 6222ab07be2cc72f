package facts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/config"
)

func TestProgramsAreLookedAt(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, mode := range map[string]os.FileMode{"runs": 0o755, "text": 0o644, "owner": 0o500} {
		if err := os.WriteFile(at(name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at("folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": "runs", "dangling": "nowhere", "loop": "loop"} {
		if err := os.Symlink(target, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]config.Program{
		at("runs"):                     {Exists: true, Regular: true, Executable: true},
		at("text"):                     {Exists: true, Regular: true},
		at("owner"):                    {Exists: true, Regular: true, Executable: true},
		at("folder"):                   {Exists: true, Directory: true, Executable: true},
		at("link"):                     {Exists: true, Regular: true, Executable: true},
		at("dangling"):                 {},
		at("nowhere"):                  {},
		at("runs/x"):                   {},
		at("loop"):                     {Unknown: true},
		"/dev/null":                    {Exists: true},
		"/" + strings.Repeat("x", 300): {Unknown: true}, // a name that is too long
	}
	var paths []string
	for path := range want {
		paths = append(paths, path, path)
	}
	got := new(Loader).Programs(paths)
	for path, w := range want {
		if got[path] != w {
			t.Errorf("%s: %+v, want %+v", path, got[path], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d answers to %d questions", len(got), len(want))
	}
}

// What may not be looked at is unknown, not absent: a check without privileges
// must not warn about it.
func TestWhatMayNotBeLookedAtIsUnknown(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may look at everything")
	}
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	if got := new(Loader).Programs([]string{path})[path]; !got.Unknown {
		t.Errorf("%+v", got)
	}
}

func TestProgramsAreBounded(t *testing.T) {
	paths := make([]string, maxPrograms+1)
	for i := range paths {
		paths[i] = fmt.Sprintf("/nowhere/%d", i)
	}
	last := "/nowhere/last"
	paths[maxPrograms] = last
	if got := new(Loader).Programs(paths); !got[last].Unknown {
		t.Error("a path beyond the bound was looked at")
	}
}
