package mutants

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The table of docs/mutants-table.md is written by a run of the whole bank. That it
// is of another bank can be seen; that the code has changed since cannot.
func TestTableOfTheDocumentNamesTheBank(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "mutants-table.md"))
	if err != nil {
		t.Fatal(err)
	}
	bank, err := Bank(root)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([a-z0-9-]+) \|.*\| ([^|]+) \| \d+ \|$`).FindAllStringSubmatch(string(text), -1) {
		rows[row[1]] = row[2]
	}
	for i := range bank {
		switch by, ok := rows[bank[i].Name]; {
		case !ok:
			t.Errorf("docs/mutants-table.md has no row for %s: run make mutants", bank[i].Name)
		case by == "**survived**":
			t.Errorf("docs/mutants-table.md has a survivor that is still in the bank: %s", bank[i].Name)
		}
		delete(rows, bank[i].Name)
	}
	for name := range rows {
		t.Errorf("docs/mutants-table.md has a row for %s, which is not in the bank", name)
	}
}
