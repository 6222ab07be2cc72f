package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Help and list report an error if their output is lost.
func TestHelpAndListSeeThatTheyAreLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unwritable, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unwritable.Close()
	for _, flag := range []string{"-h", "-list"} {
		complaints, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer complaints.Close()
		status := run([]string{flag}, unwritable, complaints)
		said, err := os.ReadFile(complaints.Name())
		if err != nil || status != statusUsage || !strings.HasPrefix(string(said), "masterbench: write the output: ") {
			t.Errorf("%s: status %d, %q, %v", flag, status, said, err)
		}
	}
}
