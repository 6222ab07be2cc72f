package advice

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// What the installed Postfix said of each form of a column, recorded by
// osadapter/internal/parity/config: check has an error exactly when the master or
// postconf refuses the entry.
func TestErrorsAreThoseOfTheMasterAndOfPostconf(t *testing.T) {
	text, err := os.ReadFile("testdata/columns.json")
	if err != nil {
		t.Fatal(err)
	}
	var forms []struct{ Entry, Postconf, Master string }
	if err := json.Unmarshal(text, &forms); err != nil {
		t.Fatal(err)
	}
	stricter := 0
	for _, f := range forms {
		x := input(mainStart+"master_service_disable = x/unix x/tcp\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n", f.Entry+"\n")
		for name := range strings.FieldsSeq("foo - {10025}") {
			x.facts.Ports[name] = config.Port{}
		}
		var faults []PostconfFault
		for i := range x.Master.Entries {
			faults = append(faults, PostconfFaults("/mnt/c/master.cf", &x.Master.Entries[i])...)
		}
		// postconf shows what is not ASCII as "?"
		if shown := strings.ReplaceAll(f.Postconf, "?", ""); len(faults) > 0 != (f.Postconf != "") ||
			len(faults) > 0 && !strings.HasPrefix(shown, "fatal: "+ascii(faults[0].Text)) {
			t.Errorf("%q: postconf says %q, ours %+v", f.Entry, f.Postconf, faults)
		}
		r := config.Resolve(x.Parameters, x.Master, x.facts, config.Flags{})
		opening := strings.HasPrefix(f.Master, "fatal: bind: ") || strings.HasPrefix(f.Master, "fatal: remove ")
		if !r.Needs.Empty() || !opening && r.OK != (f.Master == "") {
			t.Errorf("%q: the master says %q, ours needs %+v and says %+v", f.Entry, f.Master, r.Needs, r.Config.Diagnostics)
		}
		refused := false
		for _, a := range Check(&x.Input) {
			refused = refused || a.Severity == core.Error
		}
		if want := f.Postconf != "" && f.Master == ""; refused != want {
			t.Errorf("%q: an error of the advice: %v; the master says %q, postconf %q", f.Entry, refused, f.Master, f.Postconf)
		} else if want {
			stricter++
		}
	}
	if len(forms) < 200 || stricter < 40 {
		t.Errorf("%d forms, of which postconf alone refuses %d", len(forms), stricter)
	}
}

// ascii leaves out what postconf shows as "?", and question marks.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '?' {
			return -1
		}
		return r
	}, text)
}
