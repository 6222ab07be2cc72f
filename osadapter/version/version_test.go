package version

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestNumber(t *testing.T) {
	module := func(version string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}}
	}
	tests := []struct {
		name  string
		stamp string
		info  *debug.BuildInfo
		want  string
	}{
		{"stamped", "v1.2.3-4-gabcdef0", module("v0.0.0-2026"), "v1.2.3-4-gabcdef0"},
		{"installed as a module", "", module("v1.2.3"), "v1.2.3"},
		{"built in a working tree without versions", "", module("(devel)"), "devel"},
		{"without a module version", "", module(""), "devel"},
		{"without build information", "", nil, "devel"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := number(test.stamp, test.info); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Log analysers cut a line of information at ": ".
func TestTextIsOneSentenceForTheLog(t *testing.T) {
	got := Text()
	if !strings.HasPrefix(got, "stationmaster ") || !strings.HasSuffix(got, runtime.Version()) || strings.ContainsAny(got, ":\n") {
		t.Errorf("got %q", got)
	}
}
