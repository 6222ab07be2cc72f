package boot

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
)

func TestFilterEnvironment(t *testing.T) {
	keep := func(name string) core.EnvironmentItem { return core.EnvironmentItem{Name: name} }
	set := func(name, value string) core.EnvironmentItem {
		return core.EnvironmentItem{Name: name, Value: value, Set: true}
	}
	environ := []string{"PATH=/bin", "HOME=/root", "TZ=UTC", "LANG=de", "EMPTY=", "TWICE=1", "TWICE=2", "odd", "MAIL_CONFIG=/etc/x"}
	for _, row := range []struct {
		reason string
		items  []core.EnvironmentItem
		dir    string
		want   string
	}{
		{"nothing is listed", nil, "", ""},
		{"kept if there", []core.EnvironmentItem{keep("TZ"), keep("DISPLAY")}, "", "TZ=UTC"},
		{"empty is there", []core.EnvironmentItem{keep("EMPTY")}, "", "EMPTY="},
		{"given value wins", []core.EnvironmentItem{set("LANG", "C")}, "", "LANG=C"},
		{"given value with blanks", []core.EnvironmentItem{set("A", "b c")}, "", "A=b c"},
		{"later item wins", []core.EnvironmentItem{set("A", "1"), keep("TZ"), set("A", "2")}, "", "A=2|TZ=UTC"},
		{"kept after given", []core.EnvironmentItem{set("LANG", "C"), keep("LANG")}, "", "LANG=de"},
		{"absent does not undo given", []core.EnvironmentItem{set("A", "1"), keep("A")}, "", "A=1"},
		{"the first of two counts", []core.EnvironmentItem{keep("TWICE")}, "", "TWICE=1"},
		{"entries without a sign are dropped", []core.EnvironmentItem{keep("odd")}, "", ""},
		{"a name is not a prefix", []core.EnvironmentItem{keep("HOM")}, "", ""},
		{"directory kept though not listed (Q41)", []core.EnvironmentItem{keep("TZ")}, "/etc/x", "TZ=UTC|MAIL_CONFIG=/etc/x"},
		{"directory of -c", []core.EnvironmentItem{keep("MAIL_CONFIG")}, "/etc/y", "MAIL_CONFIG=/etc/y"},
		{"directory listed, default in force", []core.EnvironmentItem{keep("MAIL_CONFIG")}, "", "MAIL_CONFIG=/etc/x"},
	} {
		if got := strings.Join(FilterEnvironment(row.items, environ, row.dir), "|"); got != row.want {
			t.Errorf("%s: got %q, want %q", row.reason, got, row.want)
		}
	}
}

func TestExportedVariables(t *testing.T) {
	log := core.LogSettings{Name: "second", File: "/var/log/m", PostlogPath: "/q/public/postlog", Hostname: "mx.example"}
	environ := []string{"POSTLOG_SERVICE=old", "A=1"}
	got := strings.Join(ExportPostlog(ExportTag(environ, log), log), "|")
	if want := "POSTLOG_SERVICE=/q/public/postlog|A=1|MAIL_LOGTAG=second|POSTLOG_HOSTNAME=mx.example"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	log.File = ""
	got = strings.Join(ExportPostlog(append(environ, "POSTLOG_HOSTNAME=x"), log), "|")
	if want := "A=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !slices.Equal(environ, []string{"POSTLOG_SERVICE=old", "A=1"}) {
		t.Errorf("the argument was changed to %q", environ)
	}
}

// TestEnvironmentFunctionsAgreeWithMap compares with the straightforward code.
func TestEnvironmentFunctionsAgreeWithMap(t *testing.T) {
	name := rapid.SampledFrom([]string{"A", "B", "AB", "MAIL_CONFIG"})
	value := rapid.SampledFrom([]string{"", "1", "x=y"})
	rapid.Check(t, func(t *rapid.T) {
		before := map[string]string{}
		var environ []string
		for range rapid.IntRange(0, 5).Draw(t, "variables") {
			n, v := name.Draw(t, "name"), value.Draw(t, "value")
			if _, twice := before[n]; !twice {
				before[n] = v
			}
			environ = append(environ, n+"="+v)
		}
		want := map[string]string{}
		var items []core.EnvironmentItem
		for range rapid.IntRange(0, 5).Draw(t, "items") {
			item := core.EnvironmentItem{Name: name.Draw(t, "name"), Value: value.Draw(t, "value"), Set: rapid.Bool().Draw(t, "set")}
			items = append(items, item)
			if v, there := before[item.Name]; item.Set {
				want[item.Name] = item.Value
			} else if there {
				want[item.Name] = v
			}
		}
		got := FilterEnvironment(items, environ, "")
		if len(got) != len(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		for n, v := range want {
			if g, there := Variable(got, n); !there || g != v {
				t.Fatalf("%s: got %q, want %q", n, g, v)
			}
		}
	})
}

func TestWhoMayStart(t *testing.T) {
	for _, row := range []struct {
		reason string
		c      Credentials
		start  error
		owner  uint32
		swap   bool
		err    error
	}{
		{"root", Credentials{0, 0, 0, 0}, nil, 100, true, nil},
		{"root with another group", Credentials{0, 0, 5, 5}, nil, 100, true, nil},
		{"the mail owner", Credentials{100, 100, 100, 100}, nil, 100, false, nil},
		{"somebody else", Credentials{101, 101, 100, 100}, nil, 100, false, ErrNotSuperuser},
		{"root owns the mail", Credentials{0, 0, 0, 0}, nil, 0, true, nil},
		{"set-uid root", Credentials{100, 0, 100, 100}, ErrNotSuperuser, 100, false, nil},
		{"set-uid from root", Credentials{0, 100, 0, 0}, ErrSetUID, 100, true, nil},
		{"set-gid", Credentials{0, 0, 0, 5}, ErrSetUID, 100, true, nil},
		{"set-gid of the mail owner", Credentials{100, 100, 100, 5}, ErrSetUID, 100, false, nil},
	} {
		if err := row.c.CheckStart(); err != row.start {
			t.Errorf("%s: CheckStart gave %v, want %v", row.reason, err, row.start)
		}
		if swap, err := row.c.CheckOwner(row.owner); swap != row.swap || err != row.err {
			t.Errorf("%s: CheckOwner gave %v, %v", row.reason, swap, err)
		}
	}
}
