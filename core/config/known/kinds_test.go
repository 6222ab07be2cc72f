package known

import (
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core/config"
)

func TestKindsGoByTheDefaults(t *testing.T) {
	for name, want := range map[string]config.ValueKind{
		"smtpd_helo_required": config.Boolean, "smtpd_recipient_limit": config.Number, "smtpd_proxy_timeout": config.Span,
		"smtpd_forbid_bare_newline": 0, "smtpd_banner": 0, "relayhost": 0, "nosuch": 0,
		"soft_bounce": 0, // the master reads it itself
	} {
		if kind, ok := Kind(name); kind != want || ok != (want != 0) {
			t.Errorf("%s: %d, %v", name, kind, ok)
		}
	}
}

// Each kind was tried with an installed server, so the numbers are those of what
// was seen.
func TestKindsAreThoseThatWereTried(t *testing.T) {
	counts := make(map[config.ValueKind]int)
	for _, name := range Names() {
		if kind, ok := Kind(name); ok {
			counts[kind]++
			if fault, _ := kind.Refusal(name, mustDefault(t, name)); fault != "" {
				t.Errorf("the default of %s is refused: %s", name, fault)
			}
		}
	}
	if sum := counts[config.Boolean] + counts[config.Number] + counts[config.Span]; sum != 260 {
		t.Errorf("%d kinds: %v", sum, counts)
	}
	if !slices.IsSorted(alike[:]) {
		t.Error("the exceptions are not sorted")
	}
}

func mustDefault(t *testing.T, name string) string {
	t.Helper()
	text, ok := Default(name)
	if !ok {
		t.Fatalf("no default of %s", name)
	}
	return text
}
