package fuzz

import (
	"bytes"
	"testing"

	"github.com/stationmaster/stationmaster/core/config"
)

func FuzzMainText(f *testing.F) {
	for _, seed := range []string{
		"", "a = b\n", "a = b\n  c\n# d\n  e\n", " x\n", "= y", "a b\n", "p = $q ${r?{s}:{t}} $(u) $$\n", "n = 1\x00 2\n", "\r\n a=\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tree := config.ParseMain("/c/main.cf", text)
		if got := tree.Print(); !bytes.Equal(got, text) {
			t.Fatalf("got %q, want %q", got, text)
		}
		if len(tree.Entries) > len(text) {
			t.Fatalf("%d entries in %d bytes", len(tree.Entries), len(text))
		}
	})
}

func FuzzMasterText(f *testing.F) {
	for _, seed := range []string{
		"", "smtp inet n - y - - smtpd\n", "a unix - - - 60? 1 b -o {c = d e}\n  -v\n#x\n f {g", "x y z", "\x00", "a{b c}d\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tree := config.ParseMaster("/c/master.cf", text)
		if got := tree.Print(); !bytes.Equal(got, text) {
			t.Fatalf("got %q, want %q", got, text)
		}
		for i := range tree.Entries {
			if len(tree.Entries[i].Fields) > config.NumColumns {
				t.Fatalf("%d columns", len(tree.Entries[i].Fields))
			}
		}
	})
}
