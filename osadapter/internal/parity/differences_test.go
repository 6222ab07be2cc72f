//go:build linux

package parity

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// differencesFile is the table of intended differences.
const differencesFile = "../../../docs/differences.md"

// row is a row of the table. Its identifier is the first cell, "Q5" or "D3".
type row struct{ id, original, ours, why, old string }

var identifier = regexp.MustCompile(`^[A-Z]\d+$`)

// readDifferences reads the rows of the first table whose first column is "id".
func readDifferences(path string) ([]row, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows []row
	inTable := false
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") {
			inTable = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case cells[0] == "id":
			inTable = true
		case !inTable || strings.HasPrefix(cells[0], "---"):
		case len(cells) != 5 || !identifier.MatchString(cells[0]):
			return nil, fmt.Errorf("%s: line %d: not a row of five cells with an identifier first: %s", path, i+1, line)
		default:
			rows = append(rows, row{cells[0], cells[1], cells[2], cells[3], cells[4]})
		}
	}
	return rows, nil
}

func TestTableOfDifferencesHasOneRowForEachIdentifier(t *testing.T) {
	rows, err := readDifferences(differencesFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Fatal("no table with a column id")
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.id] {
			t.Errorf("%s stands twice", r.id)
		}
		seen[r.id] = true
		for _, cell := range []string{r.original, r.ours, r.why, r.old} {
			if cell == "" {
				t.Errorf("%s has an empty cell", r.id)
			}
		}
	}
}

// Every row is shown by a scenario, and every row that a scenario names exists.
func TestEveryDifferenceIsShown(t *testing.T) {
	rows, err := readDifferences(differencesFile)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string][]string{}
	for _, sc := range allScenarios() {
		for _, rule := range sc.shows {
			by[rule.row] = append(by[rule.row], sc.fullName())
		}
	}
	for _, r := range rows {
		named := slices.Contains(stillToShow, r.id)
		switch {
		case by[r.id] == nil && !named:
			t.Errorf("no scenario shows %s: %s", r.id, r.ours)
		case by[r.id] != nil && named:
			t.Errorf("%s is shown by %s: take it off the list of rows still to be shown", r.id, by[r.id][0])
		}
		delete(by, r.id)
	}
	for id, names := range by {
		t.Errorf("%s name row %s, which is not in %s", strings.Join(names, ", "), id, differencesFile)
	}
	for _, id := range stillToShow {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.id == id }) {
			t.Errorf("%s is still to be shown but not in %s", id, differencesFile)
		}
	}
}
