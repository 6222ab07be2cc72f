package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// told formats a diagnostic in one line: "severity file:line:column text => hint".
func told(d core.Diagnostic) string {
	severity := map[core.Severity]string{core.Info: "info", core.Warning: "warning", core.Error: "error"}[d.Severity]
	text := strings.NewReplacer("@CONFIG@/main.cf", "MAIN", "@CONFIG@/master.cf", "MASTER").Replace(sanitized(d.Text))
	return fmt.Sprintf("%s %s:%d:%d %s => %s", severity, filepath.Base(d.File), d.Line, d.Column, text, d.Hint)
}

// diagnosis is a configuration and all that is said about it. Lines of main.cf
// count from the end of goodMain.
type diagnosis struct {
	name, main, master string
	want               []string
}

// diagnosedMain are mistakes by the sections of spec config, 1 to 4.
var diagnosedMain = []diagnosis{
	{
		"1: an entry that begins with a blank",
		"",
		"  foo unix - - - - - a bit too long to show\n  - - x\nbar unix - - - - - x\n",
		[]string{
			`warning master.cf:1:1 MASTER: logical line must not start with whitespace: "  foo unix - - - - - a bit too..." => remove the blanks at the start of the line; as it stands the whole entry is ignored`,
		},
	},
	{
		"1: NUL bytes",
		"mine = a\x00b\n  c\n",
		"foo unix - - - - - x\n  a\x00 b\n",
		[]string{
			"info main.cf:1:9 MAIN, line 8: text after null byte may be ignored => remove the NUL byte; what follows it in the entry is ignored",
			"info master.cf:2:4 MASTER, line 1: text after null byte may be ignored => remove the NUL byte; what follows it in the entry is ignored",
		},
	},
	{
		"2.1: no name",
		"= x\n",
		"",
		[]string{
			`error main.cf:1:1 MAIN, line 8: missing attribute name: "= x" => write "name = value"; a line that continues the previous entry must start with a blank`,
		},
	},
	{
		"2.1: no =",
		"max_use\nmax_idle 5\nipc_idle = 3\n ipc_ttl = 4\n",
		"",
		[]string{
			`error main.cf:1:8 MAIN, line 8: missing '=' after attribute name: "max_use" => write "name = value"; a line that continues the previous entry must start with a blank`,
			`error main.cf:2:10 MAIN, line 9: missing '=' after attribute name: "max_idle 5" => write "name = value"; a line that continues the previous entry must start with a blank`,
			"error main.cf:3:12 parameter ipc_idle: bad time value or unit: 3 ipc_ttl = 4 => write a number and one of the units s, m, h, d, w without a blank between them",
		},
	},
	{
		"2.1: twice",
		"mine = 1\nmine = 2\n",
		"",
		[]string{
			"warning main.cf:2:1 MAIN, line 9: overriding earlier entry: mine=1 => remove one of the two entries; this one counts, not that of line 8",
		},
	},
	{
		"2.2: macros in a value",
		"mydestination = a, $, b\n  ${a-b}\nrelay_domains = ${a?{b} x}\n",
		"",
		[]string{
			`warning main.cf:1:20 empty macro name: "a, $, b  ${a-b}" => write $$ for a dollar sign, or ${name}`,
			"error main.cf:1:20 dictionary mail_dict: macro processing error => write $$ for a dollar sign, or ${name}",
			`warning main.cf:3:19 ":" expected at: "...b}>>>x" => write ${name?{text}:{text}}; nothing may follow a result in braces`,
			"error main.cf:3:19 dictionary mail_dict: macro processing error => write ${name?{text}:{text}}; nothing may follow a result in braces",
		},
	},
	{
		"2.2: macros in a value that another one uses",
		"mine = x ${y\nmydestination = a, $mine\n",
		"",
		[]string{
			`warning main.cf:1:10 truncated macro reference: "x ${y" => close the macro; only braces of the kind that opens it are counted`,
			"error main.cf:1:10 dictionary mail_dict: macro processing error => close the macro; only braces of the kind that opens it are counted",
		},
	},
	{
		"2.2: a loop",
		"mydestination = a $mydestination\n",
		"",
		[]string{
			`warning main.cf:1:20 unreasonable macro call nesting: "a " => a parameter must not refer to itself, directly or through others`,
			`warning main.cf:1:20 unreasonable macro call nesting: "mydestination" => a parameter must not refer to itself, directly or through others`,
			"error main.cf:1:20 dictionary mail_dict: macro processing error => a parameter must not refer to itself, directly or through others",
		},
	},
	{
		"2.2: comparisons",
		"mydestination = ${{a} = {b}}\nrelay_domains = ${{a} ==x {b}}\nfast_flush_domains = ${{a} == b}\nrelayhost = ${{a} == {b} x}\nproxy_interfaces = ${{a\ndebug_peer_list = ${{x} <level {1}}\nmydomain = ${{99999999999999999999} == {1}}\n",
		"",
		[]string{
			"error main.cf:7:14 mac_exp_eval: bad conversion: 99999999999999999999 => numbers in comparisons end at 9223372036854775807",
			`warning main.cf:1:19 "==" or "!="" or "<"" or "<="" or ">="" or ">" expected at: "...a}>>>= {b}" => write ${{left} == {right} ? {text}:{text}}`,
			"error main.cf:1:19 dictionary mail_dict: macro processing error => write ${{left} == {right} ? {text}:{text}}",
			`warning main.cf:4:15 "?" or ":" expected at: "...}>>>x" => write ${{left} == {right} ? {text}:{text}}`,
			"error main.cf:4:15 dictionary mail_dict: macro processing error => write ${{left} == {right} ? {text}:{text}}",
			`warning main.cf:5:20 truncated macro reference: "${{a" => close the macro; only braces of the kind that opens it are counted`,
			"error main.cf:5:20 dictionary mail_dict: macro processing error => close the macro; only braces of the kind that opens it are counted",
			`warning main.cf:2:19 bad operator suffix at: "...==>>>x" => the only suffix is "level", as in <=level`,
			`error main.cf:2:19 dictionary mail_dict: macro processing error => the only suffix is "level", as in <=level`,
			`warning main.cf:3:24 "{expression}" expected at: "...{a} ==>>> b" => put braces around the right side of the comparison`,
			"error main.cf:3:24 dictionary mail_dict: macro processing error => put braces around the right side of the comparison",
			`warning main.cf:6:21 malformed compatibility level syntax: "x" => write a level such as 3.6, which is up to three numbers with dots between them`,
			"error main.cf:6:21 dictionary mail_dict: macro processing error => write a level such as 3.6, which is up to three numbers with dots between them",
		},
	},
	{
		"2.2: results",
		"mydestination = ${a ? {b} : {c} d}\nrelay_domains = ${a ? {b} d}\nfast_flush_domains = ${a : {b} d}\n",
		"",
		[]string{
			`warning main.cf:1:19 unexpected input at: "...c}>>>d" => write ${name?{text}:{text}}; nothing may follow a result in braces`,
			"error main.cf:1:19 dictionary mail_dict: macro processing error => write ${name?{text}:{text}}; nothing may follow a result in braces",
			`warning main.cf:2:19 ":" expected at: "...b}>>>d" => write ${name?{text}:{text}}; nothing may follow a result in braces`,
			"error main.cf:2:19 dictionary mail_dict: macro processing error => write ${name?{text}:{text}}; nothing may follow a result in braces",
			`warning main.cf:3:24 unexpected input at: "...b}>>>d" => write ${name?{text}:{text}}; nothing may follow a result in braces`,
			"error main.cf:3:24 dictionary mail_dict: macro processing error => write ${name?{text}:{text}}; nothing may follow a result in braces",
		},
	},
	{
		"2.3: texts",
		"mail_name =\ndefault_verp_delimiters = +=-\n",
		"",
		[]string{
			"error main.cf:1:12 bad string length 0 < 1: mail_name =  => give mail_name a value, or remove it from main.cf to get the default",
			"error main.cf:2:27 bad string length 3 > 2: default_verp_delimiters = +=- => use at most 2 bytes",
		},
	},
	{
		"2.3: numbers",
		"max_use = 10s\ndefault_process_limit = 0\ndelay_logging_resolution_limit = 7\nline_length_limit =   5000000000\nheader_size_limit = $mine\n",
		"",
		[]string{
			"error main.cf:2:25 invalid default_process_limit parameter value 0 < 1 => use 1 or more",
			"error main.cf:1:11 bad numerical configuration: max_use = 10s => write a decimal number of at most 2147483647, without a unit",
			"error main.cf:4:23 bad numerical configuration: line_length_limit = 5000000000 => write a decimal number of at most 2147483647, without a unit",
			"error main.cf:5:21 bad numerical configuration: header_size_limit =  => write a decimal number of at most 2147483647, without a unit",
			"error main.cf:3:34 invalid delay_logging_resolution_limit parameter value 7 > 6 => use 6 or less",
		},
	},
	{
		"2.3: spans",
		"max_idle = 10 s\nipc_idle = 0\nin_flow_delay = 11\nipc_ttl = 99999w\n",
		"",
		[]string{
			"error main.cf:1:12 parameter max_idle: bad time value or unit: 10 s => write a number and one of the units s, m, h, d, w without a blank between them",
			"error main.cf:2:12 invalid ipc_idle: 0 (min 1) => use 1s or more",
			"error main.cf:4:11 parameter ipc_ttl: bad time value or unit: 99999w => write a number and one of the units s, m, h, d, w without a blank between them",
			"error main.cf:3:17 invalid in_flow_delay: 11 (max 10) => use 10s or less",
		},
	},
	{
		"2.3: yes and no",
		"soft_bounce = true\n",
		"",
		[]string{
			"error main.cf:1:15 bad boolean configuration: soft_bounce = true => write yes or no",
		},
	},
	{
		"3.1: syslog",
		"syslog_facility = Mail\nmaillog_file = /tmp/log\n",
		"",
		[]string{
			"error main.cf:1:19 file MAIN: parameter syslog_facility: unrecognized value: Mail => use mail, daemon, user, auth, local0 to local7 or another syslog facility, in lower case",
			"error main.cf:2:16 maillog_file value '/tmp/log' does not match any prefix in maillog_file_prefixes => put the file below one of /var, /dev/stdout, or add its directory to maillog_file_prefixes",
		},
	},
	{
		"3.1: environment",
		"import_environment = A {B = c} =x {C\n",
		"",
		[]string{
			"error main.cf:1:32 clean_env: missing attribute name in: =x => write NAME=value, or { NAME = value } if there are blanks",
			`error main.cf:1:35 import_environment: missing '}' in "{C" => write { NAME = value } with blanks around it`,
		},
	},
	{
		"3.1: environment in braces",
		"import_environment = A {B}x =y z\n",
		"",
		[]string{
			`error main.cf:1:24 import_environment: syntax error after '}' in "{B}x" => write { NAME = value } with blanks around it`,
			"error main.cf:1:29 clean_env: missing attribute name in: =y => write NAME=value, or { NAME = value } if there are blanks",
		},
	},
	{
		"3.2: accounts",
		"mail_owner = nobody\nsetgid_group = nogroup\n",
		"",
		[]string{
			"error main.cf:2:16 file MAIN: parameter setgid_group: unknown group name: nogroup => create the group, or name one that exists",
			"error main.cf:1:14 file MAIN: parameters default_privs and mail_owner specify the same user nobody => use two accounts that share neither user nor group",
		},
	},
	{
		"3.2: accounts with privileges",
		"mail_owner = root\ndefault_privs = root\nsetgid_group = root\n",
		"",
		[]string{
			"error main.cf:2:17 file MAIN: parameter default_privs: user root has privileged user ID => name an account without privileges",
			"error main.cf:1:14 file MAIN: parameter mail_owner: user root has privileged user ID => name an account without privileges",
			"error main.cf:3:16 file MAIN: parameter setgid_group: group root has privileged group ID => name a group without privileges",
		},
	},
	{
		"3.2: accounts that are not there",
		"mail_owner = a\ndefault_privs = b\n",
		"",
		[]string{
			"error main.cf:2:17 file MAIN: parameter default_privs: unknown user name value: b => create the account, or name one that exists",
			"error main.cf:1:14 file MAIN: parameter mail_owner: unknown user name value: a => create the account, or name one that exists",
		},
	},
	{
		"3.2: one group for two",
		"setgid_group = postfix\n",
		"",
		[]string{
			"error main.cf:1:16 file MAIN: parameters mail_owner and setgid_group: user postfix and group postfix have the same group ID: 105 => use a group of its own for setgid_group",
		},
	},
	{
		"3.2: names",
		"myhostname = a..b\nrelayhost = [x]\nmydomain = -\n",
		"",
		[]string{
			"warning main.cf:1:1 MAIN, line 8: overriding earlier entry: myhostname=mail.example.com => remove one of the two entries; this one counts, not that of line 5",
			"warning main.cf:1:14 valid_hostname: misplaced delimiter: a..b => use letters, digits, hyphens inside and dots between the parts",
			"error main.cf:1:14 file MAIN: parameter myhostname: bad parameter value: a..b => use letters, digits, hyphens inside and dots between the parts",
			"warning main.cf:3:12 valid_hostname: misplaced hyphen: - => use letters, digits, hyphens inside and dots between the parts",
			"error main.cf:3:12 file MAIN: parameter mydomain: bad parameter value: - => use letters, digits, hyphens inside and dots between the parts",
		},
	},
	{
		"3.2: one name for two",
		"relayhost = MAIL.example.com\nmyorigin = a, b\nverp_delimiter_filter = +-\n",
		"",
		[]string{
			"error main.cf:1:13 myhostname and relayhost parameter settings must not be identical: mail.example.com => name the host that relays the mail, or leave relayhost empty",
			"error main.cf:2:12 myorigin parameter setting must not contain multiple values: a, b => write one name",
			"error main.cf:3:25 file MAIN: parameters default_verp_delimiters and verp_delimiter_filter: bad second VERP delimiter character => use two characters of verp_delimiter_filter",
		},
	},
	{
		"3.2: a file for a name",
		"myorigin = /nowhere\n",
		"",
		[]string{
			"error main.cf:1:12 /nowhere: cannot open file: No such file or directory => create the file, or write the name itself",
		},
	},
	{
		"3.2: networks",
		"mynetworks_style = host, net\n",
		"",
		[]string{
			`error main.cf:1:26 unknown mynetworks mask style value "net" in "host, net" => use host, subnet or class`,
		},
	},
	{
		"3.2: networks, two",
		"mynetworks_style = host, subnet\n",
		"",
		[]string{
			"error main.cf:1:20 bad mynetworks_style value: host, subnet; specify exactly one value => use host, subnet or class",
		},
	},
	{
		"ours",
		"master_journal_file = x\nmaster_journal_size_limit = 1\nmaster_reload_clears_throttle = 1\n",
		"",
		[]string{
			"error main.cf:3:33 MAIN, line 10: bad boolean configuration: master_reload_clears_throttle = 1 => write yes or no",
			"error main.cf:2:29 MAIN, line 9: invalid master_journal_size_limit parameter value 1 < 65536 => use 65536 or more",
			"error main.cf:1:23 MAIN, line 8: in parameter master_journal_file, the value is not the absolute path of a file, but x => write the absolute path of a file in a directory that mail_owner can write, such as $data_directory/master.trace",
		},
	},
	{
		"4: level",
		"compatibility_level = 3,6\n",
		"",
		[]string{
			"warning main.cf:1:1 MAIN, line 8: overriding earlier entry: compatibility_level=3.6 => remove one of the two entries; this one counts, not that of line 1",
			`error main.cf:1:23 malformed compatibility level syntax: "3,6" => write a level such as 3.6, which is up to three numbers with dots between them`,
		},
	},
	{
		"4: chroot by default",
		"compatibility_level = 0\n",
		"foo unix - - - - - x\n",
		[]string{
			"warning main.cf:1:1 MAIN, line 8: overriding earlier entry: compatibility_level=3.6 => remove one of the two entries; this one counts, not that of line 1",
			"info master.cf:1:14 MASTER: line 1: using backwards-compatible default setting chroot=y => write y or n, or set compatibility_level in main.cf",
		},
	},
}

func TestEveryMistakeIsToldWithItsPlace(t *testing.T) {
	lines := int32(strings.Count(goodMain, "\n"))
	for _, c := range slices.Concat(diagnosedMain, diagnosedMaster) {
		t.Run(c.name, func(t *testing.T) {
			_, r := load(goodMain+c.main, c.master, Flags{})
			var got []string
			for _, d := range r.Config.Diagnostics {
				if d.Hint == "" || d.File == "" {
					t.Errorf("incomplete: %+v", d)
				}
				if strings.HasSuffix(d.File, "main.cf") {
					d.Line -= lines
				}
				got = append(got, told(d))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestWhatAReloadIgnoresIsToldWithItsPlace(t *testing.T) {
	changed := strings.NewReplacer("@QUEUE@", "/other", "127.0.0.1", "all", "inet_protocols = all", "inet_protocols = ipv4").Replace(goodMain)
	r := reload(t, goodMain, changed, "foo unix - - - - - x\n10025 inet n - - - - x\n")
	var got []string
	for _, d := range r.Config.Diagnostics {
		got = append(got, told(d))
	}
	const hint = " => restart to use the new value; until then "
	want := []string{
		"warning main.cf:2:19 ignoring queue_directory parameter value change" + hint + "the old one is in force",
		`warning main.cf:2:19 old value: "@QUEUE@", new value: "/other"` + hint + "the old one is in force",
		"warning main.cf:2:19 to change queue_directory, stop and start Postfix" + hint + "the old one is in force",
		"warning main.cf:7:18 ignoring inet_protocols parameter value change" + hint + "the old one is in force",
		`warning main.cf:7:18 old value: "all", new value: "ipv4"` + hint + "the old one is in force",
		"warning main.cf:7:18 to change inet_protocols, stop and start Postfix" + hint + "the old one is in force",
		"warning master.cf:2:1 service 10025: ignoring inet_interfaces change" + hint + `"127.0.0.1" is in force`,
		"warning master.cf:2:1 to change inet_interfaces, stop and start Postfix" + hint + `"127.0.0.1" is in force`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The daemon dies of the first error, so that must be the original's; the
// vectors hold it. What comes after it is said for the operator.
func TestOneMistakeIsNotToldTwice(t *testing.T) {
	for _, c := range slices.Concat(diagnosedMain, diagnosedMaster) {
		_, r := load(goodMain+c.main, c.master, Flags{})
		seen := map[core.Diagnostic]bool{}
		for _, d := range r.Config.Diagnostics {
			if seen[d] {
				t.Errorf("%s: twice: %s", c.name, told(d))
			}
			seen[d] = true
		}
	}
}
