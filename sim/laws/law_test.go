package laws

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The book has the laws that everybody names, each once and in words.
func TestLawsStandOnceAndInOrder(t *testing.T) {
	var want []string
	for i := range 13 {
		want = append(want, fmt.Sprint("S", i+1))
	}
	for i := range 9 {
		want = append(want, fmt.Sprint("L", i+1))
	}
	all := All()
	if len(all) != len(want) {
		t.Fatalf("%d laws, want %d", len(all), len(want))
	}
	for i, l := range all {
		if l.Name != want[i] || !strings.HasSuffix(l.Words, ".") {
			t.Errorf("law %d is %s: %q", i, l.Name, l.Words)
		}
	}
}

// Lines belong to laws of the book.
func TestLinesBelongToLaws(t *testing.T) {
	for code, l := range lineLaws {
		if l.law == "" {
			continue
		}
		if !slices.ContainsFunc(All(), func(x Law) bool { return x.Name == l.law }) || l.level == 0 {
			t.Errorf("line %d belongs to %q, with level %d", code, l.law, l.level)
		}
	}
}
