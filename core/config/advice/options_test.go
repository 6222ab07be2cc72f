package advice

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// What installed servers said of arguments, recorded by
// osadapter/internal/parity/config: the advice says that a server refuses them exactly
// when it did.
func TestArgumentsAreRefusedAsServersDo(t *testing.T) {
	text, err := os.ReadFile("testdata/options.json")
	if err != nil {
		t.Fatal(err)
	}
	var forms []struct{ Program, Text, Refused string }
	if err := json.Unmarshal(text, &forms); err != nil {
		t.Fatal(err)
	}
	limits := map[string]string{"pickup": "1", "tlsproxy": "0"}
	stops := map[Code]bool{OverrideSyntax: true, UnknownOption: true, StrayArgument: true}
	refused := 0
	for _, f := range forms {
		limit := limits[f.Program]
		if limit == "" {
			limit = "-"
		}
		x := input(mainStart, fmt.Sprintf("x unix - - n - %s %s %s\n", limit, f.Program, f.Text))
		told := ""
		for _, a := range Check(&x.Input) {
			if stops[a.Code] {
				told = a.Text
			}
		}
		if told != "" != (f.Refused != "") {
			t.Errorf("%s %s: the server said %q, the advice %q", f.Program, f.Text, f.Refused, told)
		}
		if f.Refused != "" {
			refused++
		}
	}
	if len(forms) < 1000 || refused < 300 || refused > len(forms)-300 {
		t.Errorf("%d forms, of which %d are refused", len(forms), refused)
	}
}
