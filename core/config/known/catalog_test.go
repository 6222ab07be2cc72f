package known

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

func catalog(main, master string) *Catalog {
	facts := &config.Facts{
		ConfigDirectory: "/v/config", ProcessName: "tool", ProcessID: 4711, Hostname: "build.example.com",
		Interfaces: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("192.0.2.1/24")},
	}
	p := config.Evaluate(config.ParseMain("/v/config/main.cf", []byte(main)), facts, config.EvaluateOptions{})
	return New(p, config.ParseMaster("/v/config/master.cf", []byte(master)))
}

// latin1 returns the bytes that a text of the vectors stands for.
func latin1(s string) string {
	b := []byte{}
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

func TestVectorsOfTheOriginalHaveTheirValues(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "main_cf.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		ID       string
		Main     string `json:"main_cf"`
		Postconf struct{ Values map[string]string }
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, v := range vectors {
		c := catalog(latin1(v.Main), "")
		for name, want := range v.Postconf.Values {
			compared++
			got, found, err := c.Value(name)
			if folded := strings.Join(strings.Fields(got), " "); err != nil || !found || folded != latin1(want) {
				t.Errorf("%s: %s = %q, %v, %v; want %q", v.ID, name, folded, found, err, want)
			}
		}
	}
	if compared < 50 {
		t.Errorf("only %d values compared", compared)
	}
}

const agents = "smtp inet n - n - - smtpd\n  -o smtpd_restriction_classes=in_options -o { x = $braced } -v -o joined=$loose -d arg -o late=$never\n" +
	"relay unix - - n - - smtp\nlist unix - n n - - pipe argv=x\npolicy unix - n n - - spawn argv=x\nx unix - - n - - discard\n" +
	"short unix - - smtp\nown unix - - n - - /usr/lib/postfix/sbin/smtp\n"

func TestClassesOfNames(t *testing.T) {
	c := catalog("fallback_relay = a\nused = 1\nmail_name = ${used}\nunused = $self_made\nself_made = 2\nin_options = permit\n"+
		"braced = 3\nloose = 4\nnever = 5\nluser_relay = $kept\nkept = 6\nclass_a = permit\nsmtpd_restriction_classes = class_a\n"+
		"gone_destination_rate_delay = 7\nprocess_id = $from_read_only\nfrom_read_only = 8\n"+
		"alias_maps = proxy:ldap:dir, sqlite:lite\ndir_timeout = 9\nlite_dbpath = /x\nlite_timeout = 10\n", agents)
	for name, want := range map[string]Class{
		"queue_directory": Builtin, "smtpd_banner": Builtin, "process_id": Builtin, "service_name": Builtin, "mynetworks": Builtin,
		"debugger_command": Builtin, "master_service_disable": Builtin, "master_journal_file": Own,
		"relay_destination_rate_delay": Service, "list_time_limit": Service, "list_recipient_limit": Service,
		"policy_time_limit": Service, "relay_initial_destination_concurrency": Service,
		"policy_recipient_limit": Unknown, "relay_time_limit": Unknown, "smtp_destination_rate_delay": Unknown,
		"x_destination_rate_delay": Unknown, "short_recipient_limit": Unknown, "own_recipient_limit": Unknown,
		"fallback_relay": Legacy, "virtual_maps": Legacy, "nonsense": Unknown, "": Unknown,
		"used": User, "self_made": User, "in_options": User, "class_a": User, "braced": User, "loose": User,
		"dir_timeout": User, "lite_dbpath": User,
		"unused": Unused, "never": Unused, "kept": Unused, "gone_destination_rate_delay": Unused, "lite_timeout": Unused,
		"from_read_only": Unused,
	} {
		if got := c.Class(name); got != want {
			t.Errorf("%s: class %d, want %d", name, got, want)
		}
		_, found, err := c.Value(name)
		if err != nil || found != (want != Unknown) {
			t.Errorf("%s: found %v, %v", name, found, err)
		}
		if listed := slices.Contains(c.Names(), name); listed != (want != Unknown && want != Unused && want != Own && name != "virtual_maps") { // nobody sets it
			t.Errorf("%s: listed %v", name, listed)
		}
	}
}

func TestValuesAreUntouchedAndExpandedThroughDefaults(t *testing.T) {
	c := catalog("two = a  b\n   c\nmail_name = $two\nsmtp_helo_name = [$smtpd_banner]\nrelay_recipient_limit = $two\n"+
		"default_recipient_limit = 9\nforward_path = $two ${\nrelay_domains =\nprobe = ${fast_flush_domains?{set}:{empty}}\n", agents)
	for name, want := range map[string]string{
		"two":                                 "a  b   c",
		"smtp_helo_name":                      "[build.example.com ESMTP a  b   c]",
		"smtpd_banner":                        "build.example.com ESMTP a  b   c",
		"relay_recipient_limit":               "a  b   c",
		"list_recipient_limit":                "9",
		"list_time_limit":                     "1000s",
		"relay_minimum_delivery_slots":        "3",
		"forward_path":                        "$two ${",
		"probe":                               "set", // by the text of the default, not by what it comes to
		"fast_flush_domains":                  "",
		"config_directory":                    "/v/config",
		"process_name":                        "tool",
		"process_id":                          "4711",
		"myorigin":                            "build.example.com",
		"mydomain":                            "example.com",
		"mynetworks":                          "127.0.0.0/8 192.0.2.0/24 ",
		"smtpd_client_event_limit_exceptions": "127.0.0.0/8 192.0.2.0/24 ",
		"master_journal_size_limit":           "67108864",
	} {
		if got, found, err := c.Value(name); got != want || !found || err != nil {
			t.Errorf("%s = %q, %v, %v; want %q", name, got, found, err, want)
		}
	}
	if got, found := c.Raw("relay_recipient_limit"); got != "$two" || !found {
		t.Errorf("raw: %q, %v", got, found)
	}
	if got, _ := c.Raw("smtpd_banner"); got != "$myhostname ESMTP $mail_name" {
		t.Errorf("raw default: %q", got)
	}
}

func TestNoMasterFileMeansNoParametersOfServices(t *testing.T) {
	c := New(catalog("a = 1\nb = $a\n", agents).p, nil)
	if _, found, err := c.Value("relay_recipient_limit"); found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	if c.Class("a") != User || c.Class("b") != Unused {
		t.Error("references in main.cf are lost")
	}
}

func TestProblemsAreWhatTheDaemonLogs(t *testing.T) {
	macro := "dictionary mail_dict: macro processing error"
	for _, c := range []struct {
		reason, main, name string
		want               []string // nil: a value
	}{
		{"a macro is not closed", "a = ${x\n", "a", []string{"truncated macro reference: \"${x\"", macro}},
		{"another parameter is in order", "a = ${x\n", "mail_name", nil},
		{"the mistake is in what is referred to", "smtpd_banner = $a\na = $\n", "smtpd_banner", []string{"empty macro name: \"$\"", macro}},
		{"a parameter refers to itself", "a = $b\nb = $a\n", "a", []string{"unreasonable macro call nesting: \"a\"", macro}},
		{
			"a default loops through main.cf", "fallback_relay = $smtp_fallback_relay\n", "smtp_fallback_relay",
			[]string{"unreasonable macro call nesting: \"smtp_fallback_relay\"", macro},
		},
		{"macros that the programs expand", "luser_relay = ${x\n", "luser_relay", nil},
		{"a bad level in a default", "compatibility_level = x\n", "relay_domains", []string{"malformed compatibility level syntax: \"x\"", macro}},
		{
			"a line without a value", "mail_name = a\nfoo bar\n", "mail_name",
			[]string{"/v/config/main.cf, line 2: missing '=' after attribute name: \"foo bar\""},
		},
		{
			"a derived default cannot be told", "mynetworks_style = bogus\n", "mynetworks",
			[]string{"unknown mynetworks mask style value \"bogus\" in \"bogus\""},
		},
		{
			"nor what refers to it", "mynetworks_style = bogus\n", "proxy_read_maps",
			[]string{"unknown mynetworks mask style value \"bogus\" in \"bogus\""},
		},
		{"but its own text can", "mynetworks_style = bogus\n", "mynetworks_style", nil},
		{"and a value given needs no default", "mynetworks_style = bogus\nmynetworks = 10.0.0.0/8\n", "mynetworks", nil},
	} {
		_, _, err := catalog(c.main, "").Value(c.name)
		var lines []string
		if problem := new(config.Problem); errors.As(err, &problem) {
			for _, d := range problem.Diagnostics {
				lines = append(lines, d.Text)
			}
			if last := problem.Diagnostics[len(lines)-1]; last.Severity != core.Error {
				t.Errorf("%s: the last line is no error", c.reason)
			}
		}
		if !slices.Equal(lines, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s\n got %q (%v)\nwant %q", c.reason, lines, err, c.want)
		}
	}
}

func TestAnErrorIsNotRemembered(t *testing.T) {
	c := catalog("mynetworks_style = bogus\na = ${\n", "")
	for _, name := range []string{"mynetworks", "a", "proxy_read_maps"} {
		if _, _, err := c.Value(name); err == nil {
			t.Errorf("%s has a value", name)
		}
		if text, found, err := c.Value("mail_name"); text != "Postfix" || !found || err != nil {
			t.Errorf("after %s: %q, %v, %v", name, text, found, err)
		}
	}
}
