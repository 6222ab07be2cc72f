package config

import (
	"strings"
	"testing"
)

func TestJournalParameters(t *testing.T) {
	for _, test := range []struct {
		what, main string
		file       string
		limit      int64
		refusal    string
	}{
		{"absent", "", "", 64 << 20, ""},
		{"set", "master_journal_file = $data_directory/j\nmaster_journal_size_limit = 65536\n", "/v/data/j", 65536, ""},
		{"empty", "master_journal_file =\n", "", 64 << 20, ""},
		{"relative", "master_journal_file = j\n", "", 0, "in parameter master_journal_file, the value is not the absolute path of a file, but j"},
		{"a directory", "master_journal_file = /j/\n", "", 0, "in parameter master_journal_file, the value is not the absolute path of a file, but /j/"},
		{"too small", "master_journal_size_limit = 65535\n", "", 0, "invalid master_journal_size_limit parameter value 65535 < 65536"},
		{"no number", "master_journal_size_limit = 64M\n", "", 0, "bad numerical configuration: master_journal_size_limit = 64M"},
	} {
		t.Run(test.what, func(t *testing.T) {
			_, r := load(goodMain+"data_directory = /v/data\n"+test.main, "", Flags{})
			if r.OK != (test.refusal == "") {
				t.Fatalf("accepted %v: %+v", r.OK, r.Config.Diagnostics)
			}
			if c := r.Config; r.OK && (c.JournalFile != test.file || c.JournalLimit != test.limit) {
				t.Errorf("got %q, %d", c.JournalFile, c.JournalLimit)
			}
			if r.OK {
				return
			}
			for _, d := range r.Config.Diagnostics {
				if strings.HasSuffix(d.Text, test.refusal) && d.Hint != "" && d.Line > 0 {
					return
				}
			}
			t.Errorf("not refused with %q: %+v", test.refusal, r.Config.Diagnostics)
		})
	}
}
