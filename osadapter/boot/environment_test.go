package boot

import (
	"runtime"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
)

// filterOneByOne is FilterEnvironment, implemented item by item.
func filterOneByOne(items []core.EnvironmentItem, environ []string, configDirectory string) []string {
	var result []string
	for _, item := range items {
		value, present := item.Value, true
		if !item.Set {
			value, present = Variable(environ, item.Name)
		}
		if present {
			result = SetVariable(result, item.Name, value)
		}
	}
	if configDirectory != "" {
		result = SetVariable(result, "MAIL_CONFIG", configDirectory)
	}
	return result
}

func TestFilterEnvironmentAgreesWithOneByOne(t *testing.T) {
	name := rapid.SampledFrom([]string{"", "A", "B", "AB", "a b", "TZ", "MAIL_CONFIG"})
	value := rapid.SampledFrom([]string{"", "1", "2", "x=y", "="})
	entry := rapid.Custom(func(t *rapid.T) string {
		return name.Draw(t, "name") + rapid.SampledFrom([]string{"=", "=", "=", ""}).Draw(t, "sign") + value.Draw(t, "value")
	})
	item := rapid.Custom(func(t *rapid.T) core.EnvironmentItem {
		if rapid.Bool().Draw(t, "set") {
			return core.EnvironmentItem{Name: name.Draw(t, "name"), Value: value.Draw(t, "value"), Set: true}
		}
		return core.EnvironmentItem{Name: name.Draw(t, "name")}
	})
	rapid.Check(t, func(t *rapid.T) {
		environ := rapid.SliceOfN(entry, 0, 12).Draw(t, "environ")
		items := rapid.SliceOfN(item, 0, 12).Draw(t, "items")
		directory := rapid.SampledFrom([]string{"", "/etc/x"}).Draw(t, "directory")
		before := slices.Clone(environ)
		got, want := FilterEnvironment(items, environ, directory), filterOneByOne(items, environ, directory)
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		if !slices.Equal(environ, before) {
			t.Fatalf("the argument was changed to %q", environ)
		}
	})
}

// The allocated memory shows, without a clock, that nothing is copied per item.
func TestFilterEnvironmentIsLinear(t *testing.T) {
	const n = 4096
	items := make([]core.EnvironmentItem, 0, 2*n)
	environ := make([]string, 0, n)
	for i := range n {
		items = append(items, core.EnvironmentItem{Name: "A" + strconv.Itoa(i), Value: "b", Set: true},
			core.EnvironmentItem{Name: "B" + strconv.Itoa(i)})
		environ = append(environ, "B"+strconv.Itoa(i)+"=c")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := FilterEnvironment(items, environ, "/etc/x")
	runtime.ReadMemStats(&after)
	if len(got) != 2*n+1 {
		t.Errorf("%d variables", len(got))
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1000*2*n {
		t.Errorf("%d items made it allocate %d bytes", len(items), allocated)
	}
}
