package advice

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

func TestMergeLeavesOutNothingButRemarks(t *testing.T) {
	at := func(severity core.Severity, column int32) core.Diagnostic {
		return core.Diagnostic{Severity: severity, File: "f", Line: 3, Column: column, Text: "config"}
	}
	said := []core.Diagnostic{at(core.Info, 1), at(core.Warning, 1), at(core.Error, 1), at(core.Info, 2), at(core.Info, 3)}
	list := []Advice{{OddNumber, at(core.Warning, 1)}, {WrongLimit, at(core.Warning, 2)}}
	got := Merge(said, list)
	want := []core.Diagnostic{said[1], said[2], said[3], said[4], list[0].Diagnostic, list[1].Diagnostic}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestMergeTellsEachThingOnce(t *testing.T) {
	x, list := judge("inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n",
		"foo unix - - - - 10x smtp\n70000 inet n - - - - smtpd\n25 inet n - - - - smtpd\n127.0.0.1:25 inet n - - - - smtpd\nbar unix x - - - - smtp\nnul unix - - - - - smtp \x00\n"+system)
	r := config.Resolve(x.Parameters, x.Master, x.facts, config.Flags{})
	merged := Merge(r.Config.Diagnostics, list)
	seen := map[string]bool{}
	for _, d := range merged {
		key := fmt.Sprint(d.File, d.Line, d.Column)
		if seen[key] {
			t.Errorf("%s is told of twice", key)
		}
		seen[key] = true
	}
	if len(list) != 4 || len(merged) != 5 || merged[0].Severity != core.Error {
		t.Errorf("%d pieces of advice, merged with %+v: %+v", len(list), r.Config.Diagnostics, merged)
	}
}
