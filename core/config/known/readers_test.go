package known

import (
	"strings"
	"testing"
)

func TestReadersNameKnownParametersOnce(t *testing.T) {
	seen := map[string]bool{}
	heads := ""
	for word := range strings.FieldsSeq(readers) {
		if head, ok := strings.CutSuffix(word, ":"); ok {
			if head <= heads {
				t.Errorf("%q is not in order", head)
			}
			heads = head
			continue
		}
		if _, ok := Default(word); !ok {
			t.Errorf("no parameter %s", word)
		}
		if seen[word] {
			t.Errorf("%s is listed twice", word)
		}
		seen[word] = true
	}
	if len(seen) < 600 {
		t.Errorf("only %d parameters", len(seen))
	}
}

func TestServersReadTheirOwnParameters(t *testing.T) {
	r := ReadReaders()
	for _, c := range []struct {
		server, name string
		want         bool
	}{
		{"smtpd", "smtpd_banner", true},
		{"smtpd", "smtp_helo_timeout", false},
		{"smtp", "smtp_helo_timeout", true},
		{"smtp", "smtpd_banner", false},
		{"lmtp", "smtp_tls_security_level", false},
		{"lmtp", "lmtp_tls_security_level", true},
		{"postscreen", "smtpd_banner", true}, // by the default of postscreen_greet_banner
		{"tlsproxy", "smtpd_tls_security_level", true},
		{"discard", "mydestination", true}, // every server reads it
		{"discard", "smtpd_banner", false},
		{"smtpd", "sendmail_path", false},
		{"smtpd", "header_checks", false},
		{"smtpd", "default_rbl_reply", true}, // without expansion, but documented
		{"smtpd", "mydestinatoin", false},
	} {
		if got := r.Read(c.server, c.name); got != c.want {
			t.Errorf("%s reads %s: %v", c.server, c.name, got)
		}
	}
}
