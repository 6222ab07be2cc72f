package mutants

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func TestEveryMutantStillFitsItsSource(t *testing.T) {
	bank, err := Bank(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(bank) < 60 {
		t.Errorf("the bank has %d mutants, at least 60 are promised", len(bank))
	}
	for i := range bank {
		if _, _, err := bank[i].source(root); err != nil {
			t.Error(err)
		}
	}
}

func TestBankReachesEveryFileThatDecides(t *testing.T) {
	// These hold names, texts, checks and encodings: a wrong line there is no
	// wrong decision, and other tests hold them.
	exempt := map[string]bool{"action.go": true, "check.go": true, "codec.go": true, "codec_action.go": true, "codec_canonical.go": true, "codec_fields.go": true, "codec_settings.go": true, "codec_snapshot.go": true, "doc.go": true, "errno.go": true}
	bank, err := Bank(root)
	if err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{}
	for i := range bank {
		reached[bank[i].File] = true
	}
	for _, dir := range []string{"core", "core/child"} {
		paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name := filepath.Base(path)
			if strings.HasSuffix(name, "_test.go") || exempt[name] || dir == "core/child" && (name == "event.go" || name == "skeleton.go" || name == "view.go") {
				continue
			}
			if !reached[dir+"/"+name] {
				t.Errorf("no mutant is in %s/%s", dir, name)
			}
		}
	}
}

func TestParseNamesWhatIsMissing(t *testing.T) {
	good := "it is wrong\nfile: a.go\nfinder: S1\nold:\n\tx := 1\n\ty := 2\nnew:\n\tx := 3\n"
	m, err := Parse("m", good)
	if err != nil {
		t.Fatal(err)
	}
	want := Mutant{Name: "m", What: "it is wrong", File: "a.go", Finder: "S1", Old: "\tx := 1\n\ty := 2\n", New: "\tx := 3\n"}
	if m != want {
		t.Errorf("got %+v\nwant %+v", m, want)
	}
	for _, tc := range []struct{ why, text, want string }{
		{"no old text", "it is wrong\nfile: a.go\nnew:\nx\n", "no line \"old:\""},
		{"no new text", "it is wrong\nfile: a.go\nold:\nx\n", "no line \"new:\""},
		{"no file", "it is wrong\nold:\nx\nnew:\ny\n", "and \"file:\" where"},
		{"a stray line", "it is wrong\nfile: a.go\nstray\nold:\nx\nnew:\ny\n", "line 3"},
		{"no change", "it is wrong\nfile: a.go\nold:\nx\nnew:\nx\n", "the new text is the old one"},
		{"nothing replaced", "it is wrong\nfile: a.go\nold:\nnew:\nx\n", "the old text is empty"},
	} {
		if _, err := Parse("m", tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.why, err, tc.want)
		}
	}
	if m, err := Parse("m", "it is wrong\nfile: a.go\nold:\nx\nnew:\n"); err != nil || m.New != "" {
		t.Errorf("a deletion: got %q, %v", m.New, err)
	}
}

func TestApplyWantsTheOldTextOnce(t *testing.T) {
	m := Mutant{Name: "m", File: "a.go", Old: "b\n", New: "c\n"}
	if got, err := m.Apply("a\nb\n"); err != nil || got != "a\nc\n" {
		t.Errorf("got %q, %v", got, err)
	}
	for source, want := range map[string]string{"a\n": "does not occur", "b\nb\n": "occurs 2 times"} {
		if _, err := m.Apply(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", source, err, want)
		}
	}
}

func TestHuntFindsAMutantAndSparesTheRightProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program twice: not with -short")
	}
	bank, err := Bank(root)
	if err != nil {
		t.Fatal(err)
	}
	var canary Mutant
	for _, m := range bank {
		if m.Name == Canary {
			canary = m
		}
	}
	before, err := os.ReadFile(filepath.Join(root, canary.File))
	if err != nil {
		t.Fatal(err)
	}
	h := Hunt{Root: root, Seeds: 1000}
	if o := h.Run(context.Background(), canary); !o.Found || o.Err != nil || o.Played == 0 {
		t.Errorf("the canary: %s", o.String())
	}
	h.Seeds = 20
	if o := h.Run(context.Background(), Control()); o.Found || o.Err != nil {
		t.Errorf("a right program: %s: %s", o.String(), o.Text)
	}
	if after, err := os.ReadFile(filepath.Join(root, canary.File)); err != nil || string(after) != string(before) {
		t.Errorf("the source was touched, %v", err)
	}
}

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		played []uint64
		want   uint64
	}{{nil, 0}, {[]uint64{7}, 7}, {[]uint64{9, 1, 5}, 5}, {[]uint64{1, 2, 9, 10}, 2}} {
		var outcomes []Outcome
		for _, n := range tc.played {
			outcomes = append(outcomes, Outcome{Found: true, Played: n})
		}
		outcomes = append(outcomes, Outcome{Played: 10000})
		if got := Median(outcomes); got != tc.want {
			t.Errorf("%v: got %d, want %d", tc.played, got, tc.want)
		}
	}
}
