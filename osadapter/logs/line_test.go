package logs

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	for _, row := range []struct{ text, ascii, unicode string }{
		{"plain", "plain", "plain"},
		{"a\nb\tc\x00d\x7f\x1b[m", "a?b?c?d??[m", "a?b?c?d??[m"},
		{"Grüße", "Gr????e", "Grüße"},
		{"a\xffb", "a?b", "a?b"},
		{"a\xc3", "a?", "a?"},
		{"\xe2\x82", "??", "??"},
		{"\xc0\x80", "??", "??"},
		{"\xed\xa0\x80", "???", "???"},
		{"\ufffd", "???", "\ufffd"},
		{"\U0001f4ec", "????", "\U0001f4ec"},
	} {
		if got := string(appendPrintable(nil, row.text, maxText, false)); got != row.ascii {
			t.Errorf("%q as ASCII: got %q, want %q", row.text, got, row.ascii)
		}
		if got := string(appendPrintable(nil, row.text, maxText, true)); got != row.unicode {
			t.Errorf("%q as UTF-8: got %q, want %q", row.text, got, row.unicode)
		}
	}
}

func TestTextIsCut(t *testing.T) {
	if got := len(appendPrintable(make([]byte, 10), strings.Repeat("x", 5000), maxText, true)); got != 10+maxText {
		t.Errorf("%d bytes", got)
	}
	if got := len(appendPrintable(nil, "x"+strings.Repeat("ü", 5000), maxText, true)); got != maxText-1 {
		t.Errorf("%d bytes: a character was cut in half", got)
	}
}

func TestPrintableNeverHarmsALog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "text"))
		unicode := rapid.Bool().Draw(t, "unicode")
		got := appendPrintable(nil, text, maxText, unicode)
		if len(got) > maxText || !utf8.Valid(got) {
			t.Fatalf("%d bytes, valid %v", len(got), utf8.Valid(got))
		}
		for _, c := range got {
			if c < ' ' || c == 0x7f || !unicode && c >= utf8.RuneSelf {
				t.Fatalf("byte %#x in %q", c, got)
			}
		}
	})
}

func TestTagAndHost(t *testing.T) {
	if got := tagOf("a\nb", Origin{Process: "echo", PID: 7}); got != "a?b/echo[7]: " {
		t.Errorf("got %q", got)
	}
	for host, want := range map[string]string{"mx.example.com": "mx", "mx": "mx", "": ""} {
		if got := firstLabel(host); got != want {
			t.Errorf("%q: got %q", host, got)
		}
	}
}

func TestUnknownLevelIsShownAsPanic(t *testing.T) {
	if got := string(appendPriority(nil, 2, 0)); got != "<18>" {
		t.Errorf("got %q", got)
	}
	if numLevels.Prefix() != "" {
		t.Errorf("got %q", numLevels.Prefix())
	}
}
