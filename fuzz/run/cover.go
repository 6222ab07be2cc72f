package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// profile has, for each block of statements, how many it has and whether any
// test program reached it.
type profile map[string]block

type block struct {
	statements int
	reached    bool
}

// parseProfile reads what the go command wrote for one or more test programs.
func parseProfile(text string) (profile, error) {
	p := profile{}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "mode: ") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("coverage profile, line %d: %q", i+1, line)
		}
		n, err := strconv.Atoi(f[1])
		if err != nil {
			return nil, fmt.Errorf("coverage profile, line %d: %w", i+1, err)
		}
		p[f[0]] = block{n, p[f[0]].reached || f[2] != "0"}
	}
	return p, nil
}

// text is the profile as the go command's tools read it.
func (p profile) text() []byte {
	var b bytes.Buffer
	b.WriteString("mode: set\n")
	for _, place := range slices.Sorted(maps.Keys(p)) {
		reached := 0
		if p[place].reached {
			reached = 1
		}
		fmt.Fprintf(&b, "%s %d %d\n", place, p[place].statements, reached)
	}
	return b.Bytes()
}

// share is a number of statements and how many of them were reached.
type share struct{ reached, statements int }

func (s share) perCent() float64 {
	if s.statements == 0 {
		return 100
	}
	return 100 * float64(s.reached) / float64(s.statements)
}

// packages sums up by package.
func (p profile) packages() map[string]share {
	sums := map[string]share{}
	for place, b := range p {
		file, _, _ := strings.Cut(place, ":")
		sum := sums[path.Dir(file)]
		sum.statements += b.statements
		if b.reached {
			sum.reached += b.statements
		}
		sums[path.Dir(file)] = sum
	}
	return sums
}

// cover runs the committed inputs of all targets and prints how much of core
// they reach; less than the floor is an error.
func (s *settings) cover(ctx context.Context, out io.Writer) error {
	list, err := targets(s.root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cover")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "profile")
	args := []string{"test", "-count=1", "-run=^Fuzz", "-coverpkg=./core/...", "-coverprofile=" + file}
	for _, t := range list {
		if folder := "./" + t.folder; !slices.Contains(args, folder) {
			args = append(args, folder)
		}
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = s.root
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go test: %w\n%s", err, bytes.TrimSpace(said))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	p, err := parseProfile(string(text))
	if err != nil {
		return err
	}
	if s.html != "" {
		if err := s.report(ctx, file, p); err != nil {
			return err
		}
		fmt.Fprintln(out, "the report is in", s.html)
	}
	return s.figures(ctx, out, p.packages())
}

// report writes the page.
func (s *settings) report(ctx context.Context, file string, p profile) error {
	if err := os.WriteFile(file, p.text(), 0o600); err != nil {
		return err
	}
	page, err := filepath.Abs(s.html)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "go", "tool", "cover", "-html="+file, "-o="+page)
	c.Dir = s.root
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go tool cover: %w\n%s", err, bytes.TrimSpace(said))
	}
	return nil
}

// figures prints a line for each package below core, also for those that no
// target links, and judges the total.
func (s *settings) figures(ctx context.Context, out io.Writer, sums map[string]share) error {
	c := exec.CommandContext(ctx, "go", "list", "./core/...")
	c.Dir = s.root
	said, err := c.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "package\treached\tstatements\tper cent")
	var total share
	var unlinked []string
	for _, name := range strings.Fields(string(said)) {
		sum, linked := sums[name]
		if !linked {
			unlinked = append(unlinked, name)
		}
		total.reached += sum.reached
		total.statements += sum.statements
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\n", name, sum.reached, sum.statements, sum.perCent())
	}
	fmt.Fprintf(w, "total\t%d\t%d\t%.1f\n", total.reached, total.statements, total.perCent())
	if err := w.Flush(); err != nil {
		return err
	}
	if len(unlinked) > 0 {
		return errors.New("no target links " + strings.Join(unlinked, ", "))
	}
	if total.perCent() < s.floor {
		return fmt.Errorf("%.1f %% of the statements of core are reached, %.1f %% are wanted", total.perCent(), s.floor)
	}
	return nil
}
