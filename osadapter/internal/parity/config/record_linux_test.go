package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// writeRecord writes one value per line, so that changes are visible.
func writeRecord[T any](t *testing.T, path string, list []T) {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("[\n")
	for i := range list {
		line, err := json.Marshal(list[i])
		if err != nil {
			t.Fatal(err)
		}
		out.Write(line)
		if i < len(list)-1 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	out.WriteString("]\n")
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("recorded %d in %s", len(list), path)
}

func readRecord[T any](t *testing.T, path string, list *[]T) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, list); err != nil {
		t.Fatal(err)
	}
}
