package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// lineStart is what texts begin with, which the document leaves out.
var lineStart = regexp.MustCompile(`^\S+ \S+:\d+:\d+ (?:(?:file )?(?:MAIN|MASTER)(?:, line \d+|: line \d+)?: )?`)

// documented returns the patterns of a part of the document for operators: the
// texts in its first column.
func documented(t *testing.T, part string) (list []*regexp.Regexp) {
	t.Helper()
	text, err := os.ReadFile("../../docs/diagnostics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## "+part)
	rest, _, _ = strings.Cut(rest, "\n## ")
	for line := range strings.Lines(rest) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		for i, text := range strings.Split(cell, "`") {
			if i%2 == 1 && strings.HasPrefix(line, "| `") {
				list = append(list, regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(text), "…", ".*")+"$"))
			}
		}
	}
	if len(list) < 10 {
		t.Fatalf("part %q has %d texts", part, len(list))
	}
	return list
}

// Whatever is said about a configuration, the document for operators has it.
func TestEveryDiagnosticHasItsRow(t *testing.T) {
	main, master := documented(t, "1. "), documented(t, "2. ")
	for _, c := range slices.Concat(diagnosedMain, diagnosedMaster) {
		for _, line := range c.want {
			text, _, _ := strings.Cut(line, " => ")
			patterns := master
			if strings.Contains(text, " main.cf:") {
				patterns = main
			}
			text = lineStart.ReplaceAllString(text, "")
			if strings.Contains(text, "null byte") || strings.Contains(text, "logical line") {
				patterns = main // both files
			}
			if !slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(text) }) {
				t.Errorf("no row for %q", text)
			}
		}
	}
}
