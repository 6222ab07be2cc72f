package osadapter

import (
	"math"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

func TestDescriptorsForServices(t *testing.T) {
	for files, want := range map[uint64]uint32{
		0: 0, 1: 1, 24: 12, 79: 40, 80: 40, 256: 216, 1024: 984,
		math.MaxInt32 + 40: math.MaxInt32, math.MaxInt32 + 41: 0, math.MaxUint64: 0,
	} {
		if got := Descriptors(files); got != want {
			t.Errorf("%d files: %d for services, want %d", files, got, want)
		}
	}
}

func TestWarningOfALimitThatCannotBeReached(t *testing.T) {
	config := func(limits ...int32) *core.Config {
		c := &core.Config{ConfigDirectory: "/etc/postfix"}
		for i, limit := range limits {
			name := string(rune('a' + i))
			c.Services = append(c.Services, core.ServiceConfig{
				Name: name, Canonical: "private/" + name, ProcessLimit: limit, Endpoints: make([]core.Endpoint, 1+i%2),
			})
		}
		return c
	}
	// About as many entries and listeners as Debian's file has, with such limits.
	debian := make([]int32, 36)
	for i := range debian {
		debian[i] = []int32{100, 100, 1, 0, 100}[i%5]
	}
	for _, x := range []struct {
		name  string
		files uint64
		c     *core.Config
		want  string // "": no warning
	}{
		{"Debian", 1024, config(debian...), ""},
		{"Debian", 256, config(debian...), ""},
		{"Debian", 200, config(debian...), "service a (private/a) can have at most 71 processes although its process limit is 100"},
		{"no bound", 0, config(5000), ""},
		{"just", 80 + 3 + 1 + 37, config(77, 1), ""},
		{"one too few", 80 + 3 + 1 + 36, config(77, 1), "service a (private/a) can have at most 76 processes although its process limit is 77, because only 120 files may be open; raise the hard limit on open files (ulimit -Hn) to 121 or more"},
		{"no limit is a hundred", 142, config(1, 0), "service b (private/b) can have at most 98 processes although it has no process limit, because only 142 files may be open"},
		{"not even one", 24, config(1, 1, 1, 1, 1, 1, 1, 1, 1), "can have at most 1 processes"},
		{"no services", 24, config(), ""},
	} {
		got := DescriptorWarning(x.files, x.c)
		if (got == "") != (x.want == "") || !strings.Contains(got, x.want) {
			t.Errorf("%s with %d files: got %q, want %q", x.name, x.files, got, x.want)
		}
		if strings.Contains(got, ": ") {
			t.Errorf("pflogsumm cuts %q", got)
		}
	}
}
