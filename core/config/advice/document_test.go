package advice

import (
	"os"
	"strings"
	"testing"
)

// Each code has its row in the document for operators, and each row its code.
func TestEveryCodeHasItsRow(t *testing.T) {
	text, err := os.ReadFile("../../../docs/diagnostics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(text), "## 3. ")
	if !ok {
		t.Fatal("the document has no third part")
	}
	rows := map[Code]bool{}
	last := ""
	for line := range strings.Lines(part) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		code, isCode := strings.CutPrefix(strings.TrimSpace(cells[0]), "`")
		code, closed := strings.CutSuffix(code, "`")
		if !strings.HasPrefix(line, "|") || !isCode || !closed {
			continue
		}
		if len(cells) != 4 || strings.TrimSpace(cells[1]) == "" || strings.TrimSpace(cells[2]) == "" || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("the row of %s has not four cells", code)
		}
		if code <= last {
			t.Errorf("%s is not in order", code)
		}
		rows[Code(code)], last = true, code
	}
	for _, code := range Codes() {
		if !rows[code] {
			t.Errorf("no row for %s", code)
		}
		delete(rows, code)
	}
	for code := range rows {
		t.Errorf("a row for %s, which does not exist", code)
	}
}
