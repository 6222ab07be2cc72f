package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// evaluateWith returns the parameters of both files.
func evaluateWith(main, own string) *Parameters {
	facts := vectorFacts()
	o := EvaluateOptions{Own: ParseMain("/v/config/stationmaster.cf", []byte(own))}
	m := ParseMain("/v/config/main.cf", []byte(main))
	p := Evaluate(m, facts, o)
	for range 2 {
		fill(facts, p.Needs)
		p = Evaluate(m, facts, o)
	}
	return p
}

func TestOwnFileHoldsOwnParameters(t *testing.T) {
	const ours = "/v/config/stationmaster.cf"
	for _, x := range []struct {
		name, main, own string
		journal         string // its file, if the configuration is accepted
		want            []string
	}{
		{"empty", "", "# nothing\n", "", nil},
		{"a value that refers to main.cf", "data_directory = /v/data\n", "\nmaster_journal_file =\n  $data_directory/j\n", "/v/data/j", nil},
		{"in both, the same", "master_journal_file = /j\n", "master_journal_file = /j\n", "/j", nil},
		{"in both", "master_journal_file = /j\n", "master_journal_file = /k\n", "/k", []string{
			"1:1 warning stationmaster.cf, line 1: overriding earlier entry: master_journal_file=/j => this one counts, not that of line LAST of /v/config/main.cf",
		}},
		{"twice", "", "master_journal_file = /j\nmaster_journal_file = /k\n", "/k", []string{
			"2:1 warning stationmaster.cf, line 2: overriding earlier entry: master_journal_file=/j => this one counts, not that of line 1",
		}},
		{"a parameter of Postfix", "", "master_reload_clears_throttle = yes\nmaster_service_disable = x\n", "", []string{
			`2:1 error stationmaster.cf, line 2: "master_service_disable" is not a parameter that can be set in this file => set others in /v/config/main.cf`,
		}},
		{"a slip", "", "master_jurnal_file = /j\n", "", []string{
			`1:1 error stationmaster.cf, line 1: "master_jurnal_file" is not a parameter that can be set in this file => only master_reload_clears_throttle, master_journal_file and master_journal_size_limit can be set here`,
		}},
		{"no value", "", "master_journal_file\n", "", []string{
			`1:20 error stationmaster.cf, line 1: missing '=' after attribute name: "master_journal_file" => write`,
		}},
		{"a bad value", "", "\n\nmaster_journal_file = j\n", "", []string{
			"3:23 error stationmaster.cf, line 3: in parameter master_journal_file, the value is not the absolute path of a file, but j => write",
		}},
		{"a bad number", "", "master_journal_size_limit = 1\n", "", []string{
			"1:29 error stationmaster.cf, line 1: invalid master_journal_size_limit parameter value 1 < 65536 => use 65536 or more",
		}},
		{"a bad flag", "", "# no\nmaster_reload_clears_throttle = maybe\n", "", []string{
			"2:33 error stationmaster.cf, line 2: bad boolean configuration: master_reload_clears_throttle = maybe => write yes or no",
		}},
		{"a broken macro", "", "master_journal_file = /${a\n", "", []string{
			"1:24 warning stationmaster.cf, line 1: in parameter master_journal_file, truncated macro reference",
			"1:24 error stationmaster.cf, line 1: in parameter master_journal_file, dictionary mail_dict: macro processing error",
		}},
		{"a blank at the beginning", "", "  master_journal_file = /j\n", "", []string{
			"1:1 warning stationmaster.cf: logical line must not start with whitespace",
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			main := goodMain + x.main
			p := evaluateWith(main, x.own)
			var got []core.Diagnostic
			for _, d := range p.Diagnostics {
				if d.File == ours {
					got = append(got, d)
				} else if d.Severity == core.Error {
					t.Errorf("elsewhere: %+v", d)
				}
			}
			if len(got) != len(x.want) {
				t.Fatalf("got %+v, want %q", got, x.want)
			}
			refused := false
			for i, d := range got {
				place, rest, _ := strings.Cut(x.want[i], " ")
				severity, rest, _ := strings.Cut(rest, " ")
				text, hint, _ := strings.Cut(rest, " => ")
				hint = strings.ReplaceAll(hint, "LAST", number(strings.Count(main, "\n")))
				is := number(int(d.Line)) + ":" + number(int(d.Column))
				if place != is || severity != [...]string{core.Warning: "warning", core.Error: "error"}[d.Severity] ||
					!strings.Contains(d.Text, text) || !strings.Contains(d.Hint, hint) {
					t.Errorf("got  %s %+v\nwant %s", is, d, x.want[i])
				}
				refused = refused || d.Severity == core.Error
			}
			if p.OK() == refused || p.OK() && p.result.journalFile != x.journal {
				t.Errorf("accepted %v with the journal %q", p.OK(), p.result.journalFile)
			}
			if x.journal != "" {
				if from := p.Origin("master_journal_file"); from.File != ours {
					t.Errorf("it comes from %s", from.File)
				}
			}
		})
	}
}

func TestOwnParametersAreThoseOfTheDocument(t *testing.T) {
	var own []string
	for i := range ownRows {
		if IsOwn(ownRows[i].name) {
			own = append(own, ownRows[i].name)
		}
	}
	text, err := os.ReadFile("../../docs/parameters.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, heading := range regexp.MustCompile(`(?m)^## ([a-z_]+) \(default: `).FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, heading[1])
	}
	if !slices.Equal(own, documented) {
		t.Errorf("ours are %q, the document has %q", own, documented)
	}
	if IsOwn("debugger_command") || IsOwn("master_service_disable") || IsOwn("") {
		t.Error("parameters of Postfix are taken for ours")
	}
}
