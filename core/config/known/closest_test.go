package known

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestClosestNames(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"myhostnam", "myhostname"},
		{"myhostnaem", "myhostname"},
		{"my_hostname", "myhostname"},
		{"mydestinations", "mydestination"},
		{"relay_host", "relayhost"},
		{"smtpd_recipent_restriction", "smtpd_recipient_restrictions"},
		{"smtpd_tls_cafile", "smtpd_tls_CAfile"},
		{"smtpd-tls-CAfile", "smtpd_tls_CAfile"},
		{"QUEUE_DIRECTORY", "queue_directory"},
		{"default_proccess_limit", "default_process_limit"},
		{"virtual_mapz", "virtual_maps"},
		{"master_journal_fil", "master_journal_file"},
		{"config_dir", ""},
		{"queue_directory", "queue_directory"},
		{"completely_different_thing", ""},
		{"bif", ""},
		{"bifff", "biff"},
		{"", ""},
		{strings.Repeat("a", 10000), ""},
		{strings.Repeat("smtpd_tls_CAfile", 6), ""},
	} {
		if got, ok := Closest(c.name, nil); got != c.want || ok != (c.want != "") {
			t.Errorf("%.40q: got %q, %v; want %q", c.name, got, ok, c.want)
		}
	}
}

func TestClosestLooksAtTheExtraNames(t *testing.T) {
	extra := []string{"mylist_time_limit", strings.Repeat("x", 200), "", "mylist_time_limit"}
	if got, ok := Closest("mylist_timelimit", extra); got != "mylist_time_limit" || !ok {
		t.Errorf("got %q, %v", got, ok)
	}
	if got, _ := Closest("aaaa1", []string{"aaaac", "aaaab"}); got != "aaaab" {
		t.Errorf("of two equally near names: %q", got)
	}
	if got, _ := Closest("aaaa1", []string{"aaaab", "aaaac"}); got != "aaaab" {
		t.Errorf("of two equally near names: %q", got)
	}
}

// plainDistance is the whole table, without any bound.
func plainDistance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0:
				d[i][j] = j
			case j == 0:
				d[i][j] = i
			default:
				cost := 1
				if a[i-1] == b[j-1] {
					cost = 0
				}
				d[i][j] = min(d[i-1][j-1]+cost, d[i-1][j]+1, d[i][j-1]+1)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], d[i-2][j-2]+1)
				}
			}
		}
	}
	return d[len(a)][len(b)]
}

func plainClosest(name string, names []string) (best string, found bool) {
	limit := tolerance(len(name))
	for _, candidate := range names {
		d := plainDistance(folded(name), folded(candidate))
		if d < limit || d == limit && (!found || candidate < best) {
			best, found, limit = candidate, true, d
		}
	}
	return best, found
}

func TestClosestIsThatOfThePlainSearch(t *testing.T) {
	names := append(Names(), legacy[:]...)
	names = append(names, "master_journal_file", "master_journal_size_limit", "master_reload_clears_throttle")
	rapid.Check(t, func(t *rapid.T) {
		extra := rapid.SliceOfN(rapid.StringMatching(`[a-cA-C_-]{0,14}`), 0, 6).Draw(t, "extra")
		all := append(slices.Clone(names), extra...)
		name := []byte(rapid.SampledFrom(all).Draw(t, "name"))
		for range rapid.IntRange(0, 4).Draw(t, "edits") {
			i := rapid.IntRange(0, len(name)).Draw(t, "at")
			switch rapid.IntRange(0, 3).Draw(t, "edit") {
			case 0:
				name = slices.Insert(name, i, rapid.SampledFrom([]byte("abeist_-A")).Draw(t, "byte"))
			case 1:
				if i < len(name) {
					name = slices.Delete(name, i, i+1)
				}
			case 2:
				if i < len(name) {
					name[i] = rapid.SampledFrom([]byte("abeist_-A")).Draw(t, "byte")
				}
			case 3:
				if i+1 < len(name) {
					name[i], name[i+1] = name[i+1], name[i]
				}
			}
		}
		want, wantFound := plainClosest(string(name), all)
		if got, found := Closest(string(name), extra); got != want || found != wantFound {
			t.Fatalf("%q: got %q, %v; want %q, %v", name, got, found, want, wantFound)
		}
	})
}

func BenchmarkClosest(b *testing.B) {
	for b.Loop() {
		Closest("smtpd_recipent_restriction", nil)
	}
}
