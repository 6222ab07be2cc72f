package wire

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestMessageSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Message{rapid.Int32().Draw(t, "pid"), rapid.Uint32().Draw(t, "generation"), Status(rapid.Int32().Draw(t, "status"))}
		b := m.Append(nil)
		if len(b) != StatusSize {
			t.Fatalf("got %d bytes", len(b))
		}
		if got := ParseMessage([StatusSize]byte(b)); got != m {
			t.Fatalf("got %+v, want %+v", got, m)
		}
	})
}

func TestGenerationIsOctal(t *testing.T) {
	if got := FormatGeneration(8); got != "10" {
		t.Errorf("got %q", got)
	}
	for text, want := range map[string]bool{"0": true, "17": true, "37777777777": true, "40000000000": false, "8": false, "": false, "-1": false, "+1": false, "0x1": false, " 1": false} {
		if _, ok := ParseGeneration(text); ok != want {
			t.Errorf("%q: got %v, want %v", text, ok, want)
		}
	}
}

func TestArgvOrder(t *testing.T) {
	tests := []struct {
		name string
		line CommandLine
		want []string
	}{
		{"plain", CommandLine{Command: "smtpd", Service: "smtpd", Transport: "inet", ProcessLimit: 5}, []string{"smtpd", "-t", "inet"}},
		{"limit_one", CommandLine{Command: "qmgr", Service: "qmgr", Transport: "fifo", ProcessLimit: 1}, []string{"qmgr", "-l", "-t", "fifo"}},
		{"no_limit", CommandLine{Command: "cleanup", Service: "cleanup", Transport: "unix"}, []string{"cleanup", "-z", "-t", "unix"}},
		{"directory_in_command", CommandLine{Command: "x/echo", Service: "echo", Transport: "unix", ProcessLimit: 2}, []string{"x/echo", "-t", "unix"}},
		{"trailing_slash", CommandLine{Command: "foo/", Service: "foo", Transport: "unix", ProcessLimit: 2}, []string{"foo/", "-n", "foo", "-t", "unix"}},
		{
			"everything",
			CommandLine{
				Command: "smtpd", Service: "smtp", Transport: "inet", ProcessLimit: 100, Foreground: true, Verbose: true, Unprivileged: true,
				Chroot: true, StressAware: true, Stress: true, Listeners: 2, Args: []string{"-o", "a=b"},
			},
			[]string{"smtpd", "-n", "smtp", "-t", "inet", "-d", "-v", "-u", "-c", "-o", "stress=yes", "-s", "2", "-o", "a=b"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.line.Argv(); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
