package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// target is one fuzz target.
type target struct {
	folder string // of its package, relative to the root, with slashes
	name   string
}

var declaration = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// targets finds all targets below the root, by folder and name.
func targets(root string) (list []target, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (name[0] == '.' || name == "testdata" || name == "bin" || name == "dist") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range declaration.FindAllSubmatch(text, -1) {
			list = append(list, target{filepath.ToSlash(folder), string(m[1])})
		}
		return nil
	})
	slices.SortFunc(list, func(a, b target) int {
		return strings.Compare(a.folder+" "+a.name, b.folder+" "+b.name)
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("no fuzz target below %s", root)
	}
	return list, err
}

// build makes the test program of a package, prepared for fuzzing. more are
// further arguments of the go command.
func build(ctx context.Context, root, folder, program string, more ...string) error {
	args := append([]string{"test", "-c", "-vet=off", "-fuzz=.", "-o", program}, more...)
	c := exec.CommandContext(ctx, "go", append(args, "./"+folder)...)
	c.Dir = root
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", folder, err, bytes.TrimSpace(said))
	}
	return nil
}

// cacheDirectory returns the directory where the go command, and run, keep new inputs
// of a package's targets.
func cacheDirectory(ctx context.Context, root, folder string) (string, error) {
	c := exec.CommandContext(ctx, "go", "list", "-f", "{{.ImportPath}}", "./"+folder)
	c.Dir = root
	path, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("go list %s: %w", folder, err)
	}
	cache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOCACHE: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(cache)), "fuzz", filepath.FromSlash(strings.TrimSpace(string(path)))), nil
}
