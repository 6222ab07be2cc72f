package mutants

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const example = `package p

const limit = 3

type t struct{ n int }

func (s *t) add(by int, names ...string) (int, error) {
	s.n += by
	return s.n, nil
}

func (*t) nobody() int { return 1 }

func plain() {
	println("right")
}
`

func TestVariantsHoldMutantsOfOneFunction(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		begins   string // what the function begins with; empty: the mutant does not fit
	}{
		"a method":            {"s.n += by", "s.n -= by", "if chosenMutant == 7 {\n\t\treturn s.add_mutant7(by, names...)\n\t}"},
		"a function":          {`"right"`, `"wrong"`, "if chosenMutant == 7 {\n\t\tplain_mutant7()\n\t\treturn\n\t}"},
		"a constant":          {"limit = 3", "limit = 4", ""},
		"two functions":       {"return s.n, nil\n}\n\nfunc (*t) nobody() int { return 1 }", "return 0, nil\n}\n\nfunc (*t) nobody() int { return 2 }", ""},
		"one without a name":  {"return 1", "return 2", ""},
		"another signature":   {"plain() {", "plain(n int) {", ""},
		"one function more":   {"func plain", "func more() {}\n\nfunc plain", ""},
		"a constant beside":   {"limit = 3\n\ntype t struct{ n int }\n\nfunc (s *t) add(by int, names ...string) (int, error) {\n\ts.n += by", "limit = 44\n\ntype t struct{ n int }\n\nfunc (s *t) add(by int, names ...string) (int, error) {\n\ts.n -= by", ""},
		"what does not parse": {"println", "println(", ""},
	} {
		v, err := readVariants(dir, "p.go")
		if err != nil {
			t.Fatal(err)
		}
		m := Mutant{Name: name, File: "p.go", Old: c.old, New: c.new}
		text, err := m.Apply(v.source)
		if err != nil {
			t.Fatal(err)
		}
		fits := v.add(7, text)
		if got := v.text(); fits != (c.begins != "") || !strings.Contains(got, c.begins) {
			t.Errorf("%s: fits: %v, the file is\n%s", name, fits, got)
		}
		if v.remove(map[int]bool{7: true}); v.text() != example {
			t.Errorf("%s: without it the file is\n%s", name, v.text())
		}
	}
}

// One program holds the right one and many wrong ones; one that does not compile in this
// form is left out.
func TestProgramWithManyMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the simulator")
	}
	bank := []Mutant{
		{Name: "throttle-never", File: "core/throttle.go", Old: "\ts.throttled = true\n", New: "\ts.throttled = false\n"},
		{Name: "unused", File: "core/throttle.go", Old: "\tif s.throttled {\n", New: "\tunused := 1\n\tif s.throttled {\n"},
		{Name: "removal-grace", File: "core/removal.go", Old: "removalGrace = 5 * Second", New: "removalGrace = 6 * Second"},
	}
	together, err := BuildTogether(context.Background(), root, bank, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := together.holds(&bank[0]); !ok || together.Len() != 1 {
		t.Errorf("the program holds %d mutants, %v, want the first alone", together.Len(), together.numbers)
	}
	h := Hunt{Root: root, Seeds: 200, Together: together}
	if o := h.Run(context.Background(), Control()); o.Found || o.Err != nil {
		t.Errorf("the right program: %v", o.String())
	}
	if o := h.Run(context.Background(), bank[0]); !o.Found || o.Err != nil {
		t.Errorf("a wrong one: %v", o.String())
	}
}
