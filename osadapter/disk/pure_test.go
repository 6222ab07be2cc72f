package disk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What decides in logs and journal has no goroutine, no clock and no system call of its
// own, so that a simulated world can play it. The files that reach the system are few.
func TestLogsAndJournalReachNothingThemselves(t *testing.T) {
	shell := map[string]bool{"real.go": true, "zone.go": true, "socket_linux.go": true, "socket_other.go": true}
	files := 0
	for _, dir := range []string{"../logs", "../journal"} {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") || shell[filepath.Base(path)] {
				continue
			}
			files++
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range reaches(file) {
				t.Errorf("%s: %s", path, fault)
			}
		}
	}
	if files < 10 {
		t.Errorf("only %d files were looked at", files)
	}
}

// reaches returns what a file has of the world by itself.
func reaches(file *ast.File) (faults []string) {
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		switch first, _, _ := strings.Cut(name, "/"); first {
		case "os", "net", "syscall", "runtime", "context", "log":
			faults = append(faults, "imports "+name)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			faults = append(faults, "starts a goroutine")
		case *ast.SelectorExpr:
			of, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			name := n.Sel.Name
			switch of.Name {
			case "time":
				switch name {
				case "Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "LoadLocation":
					faults = append(faults, "uses time."+name)
				}
			case "unix": // its numbers are in capitals
				if name != strings.ToUpper(name) {
					faults = append(faults, "calls unix."+name)
				}
			case "lock":
				if name != "ErrorText" {
					faults = append(faults, "calls lock."+name)
				}
			}
		}
		return true
	})
	return faults
}

func TestReachingIsSeen(t *testing.T) {
	const source = `package p
import ("os"; "time"; "golang.org/x/sys/unix")
func f() { go f(); time.Sleep(1); unix.Write(1, nil); os.Exit(unix.O_CREAT) }`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if faults := reaches(file); len(faults) != 4 {
		t.Errorf("got %q, want four faults", faults)
	}
}
