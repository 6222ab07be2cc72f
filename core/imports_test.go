package core

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Everything under core is pure: the packages that could reach a clock, the
// system, a goroutine or randomness are not imported by any file that is not
// a test.
func TestCoreImportsNothingImpure(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if impure(name) {
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Fatalf("%d files looked at: %v", files, err)
	}
}

func impure(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "os", "sync", "log":
		return true
	}
	switch name {
	case "net", "net/http", "syscall", "time", "math/rand", "math/rand/v2", "runtime", "unsafe":
		return true
	}
	return strings.HasPrefix(name, "golang.org/x/sys") || strings.Contains(name, "benbjohnson") || strings.Contains(name, "/osadapter")
}

func TestImpureNamesAreKnown(t *testing.T) {
	for _, name := range []string{"os", "os/signal", "sync/atomic", "log/slog", "net", "golang.org/x/sys/unix", "github.com/stationmaster/stationmaster/osadapter/sys"} {
		if !impure(name) {
			t.Errorf("%s passes", name)
		}
	}
	for _, name := range []string{"net/netip", "strconv", "fmt", "errors", "github.com/stationmaster/stationmaster/core/wire"} {
		if impure(name) {
			t.Errorf("%s is refused", name)
		}
	}
}
