package config_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// draft draws one configuration. The same seed draws the same texts.
type draft struct {
	*rand.Rand
	faults  int      // mistakes that may still be made
	users   []string // parameters that main.cf itself introduces
	names   []string // parameters whose values are compared
	main    []setting
	entries []string
}

// setting is one entry of main.cf before formatting.
type setting struct{ name, value string }

// generated is a configuration that was drawn.
type generated struct {
	seed         uint64
	main, master string
	names        []string
}

// generate draws the configuration of a seed: most are nearly valid, some are
// wrong in one or two places.
func generate(seed uint64) generated {
	d := &draft{Rand: rand.New(rand.NewPCG(seed, 0x6d61696e2e6366))}
	d.faults = []int{0, 0, 0, 0, 1, 1, 2}[d.IntN(7)]
	d.drawMain()
	d.drawMaster()
	g := generated{seed: seed, main: d.writeMain(), master: d.writeMaster(), names: d.names}
	return g
}

// chance returns true in one of n cases.
func (d *draft) chance(n int) bool { return d.IntN(n) == 0 }

// fault returns true in one of n cases while mistakes are allowed.
func (d *draft) fault(n int) bool {
	if d.faults == 0 || !d.chance(n) {
		return false
	}
	d.faults--
	return true
}

func (d *draft) pick(list ...string) string { return list[d.IntN(len(list))] }

// pickOr returns one of the good values, or by mistake one of the bad.
func (d *draft) pickOr(n int, good, bad []string) string {
	if d.fault(n) {
		return d.pick(bad...)
	}
	return d.pick(good...)
}

// set sets a parameter.
func (d *draft) set(name, value string) { d.main = append(d.main, setting{name, value}) }

// ask adds parameters whose values are compared.
func (d *draft) ask(names ...string) { d.names = append(d.names, names...) }

// words are texts; some contain characters with a meaning elsewhere.
var words = []string{
	"a", "bc", "yes", "no", "x=y", "1", "10", "010", "a,b", "\"q q\"", "'s'", "$$", "$$$$x", "\\", "#", "?", ":", "a:b?c", "/dir", "\t", "  ",
	"\xc3\xa9", "\xff", "<>", "@", "smtpd", "{b}", "{ b c }", "(p)", "3.6",
}

// drawMain draws main.cf.
func (d *draft) drawMain() {
	for i := range d.IntN(6) {
		name := d.pick("u", "v", "Long_name", "1x", "X", "my", "deep_") + string(rune('a'+i))
		d.users = append(d.users, name)
	}
	d.drawBase()
	for _, name := range d.users {
		d.set(name, d.macros(1+d.IntN(3)))
	}
	for range d.IntN(7) {
		d.drawTyped()
	}
	for range d.IntN(3) {
		name := d.pick(freeTexts...)
		d.set(name, d.macros(1+d.IntN(3)))
		d.ask(name)
	}
	for range d.IntN(3) {
		d.drawSpecial()
	}
	if len(d.users) > 0 {
		d.set("smtpd_banner", "$"+strings.Join(d.users, " $")) // postconf knows only what is referred to
		d.ask(d.users...)
	}
	d.ask(d.pick(typedNames()...), d.pick(freeTexts...), "myhostname", "mydomain", "mynetworks", "relay_domains", "syslog_name")
	if d.chance(6) {
		d.Shuffle(len(d.main), func(i, j int) { d.main[i], d.main[j] = d.main[j], d.main[i] })
	}
	if d.chance(6) {
		s := d.main[d.IntN(len(d.main))]
		if d.chance(2) && s.name != "queue_directory" {
			s.value = d.pick(s.value+" ", s.value+"0", "x "+s.value)
		}
		d.main = append([]setting{s}, d.main...)
	}
}

// drawBase draws what nearly every configuration needs.
func (d *draft) drawBase() {
	if !d.chance(8) {
		d.set("compatibility_level", d.pickOr(12,
			[]string{"3.6", "3.6", "3.6", "2", "0", "1", "01", "+1", "1. 1", "3.6.1", "-0", "0.9", "$level", "8796093022207.1023.1023"},
			[]string{"", "x", "3.6x", "3.1024", "-1", "3.6.1.1", "8796093022208", "3.", ".", " 3 6", "9223372036854775808"}))
		if strings.Contains(d.main[len(d.main)-1].value, "$") {
			d.set("level", d.pick("3.6", "2", "0"))
		}
	}
	d.set("queue_directory", d.pick("@QUEUE@", "@QUEUE@", "@QUEUE@", "@QUEUE@/", "$base/q", "${base}//q", "${base?{$base/q}:@QUEUE@}", "@CONFIG@/../q"))
	if strings.Contains(d.main[len(d.main)-1].value, "$") {
		d.set("base", "@BASE@")
	}
	d.set("daemon_directory", d.pick("@DAEMON@", "@DAEMON@", "@DAEMON@", "@DAEMON@/", "@DAEMON@ x", "$queue_directory/../d"))
	d.set("data_directory", d.pick("@DATA@", "@DATA@", "$queue_directory/../v"))
	if !d.chance(5) {
		d.set("myhostname", d.pickOr(12,
			[]string{"mail.example.com", "mail.example.com", "mail", "MAIL.Example", "a_b.c", "x-1.$mydomain", "1.2.x"},
			[]string{"", "-a", "a.", ".a", "a..b", "1.2.3.4", "12", "a b", "a-.b", "\xc3\xa9.example", strings.Repeat("x", 64), "a,b", "[::1]"}))
		d.set("mydomain", d.pick("example.com", "example", "d.example.com"))
	}
	if !d.chance(4) {
		d.set("inet_interfaces", d.pickOr(10, []string{
			"127.0.0.1", "127.0.0.1", "all", "loopback-only", "localhost", "127.0.0.1, 192.0.2.1", "[::1]", "::1 127.0.0.1", "192.0.2.1",
			"[2001:db8::1], [::1],127.0.0.1", "127.0.0.1,127.0.0.1", "$myip", "0x7f.1", "127.1", "LocalHost", "v6.example,localhost", "127.0.0.01",
		}, []string{"ALL", "All", "all, localhost", "*", "127.0.0.2", "remote.example", "nosuch", "", "loopback-only ::1", "::", "0.0.0.0", "[127.0.0.1", "300.1.1.1", "two.example", "1.2.3.4.5", "127.0.0.1\v"}))
		if strings.Contains(d.main[len(d.main)-1].value, "$") {
			d.set("myip", d.pick("127.0.0.1", "::1"))
		}
	}
	if !d.chance(3) {
		d.set("inet_protocols", d.pickOr(14, []string{"all", "all", "ipv4", "ipv6, ipv4", "ipv4 ipv4", "${p:ipv4}", "all,ipv6", ",ipv4,"}, []string{"", "IPv4", "ipv5", "all ip", "ipv6", " , "}))
	}
}

// drawSpecial draws a parameter with a syntax of its own.
func (d *draft) drawSpecial() {
	s := specials[d.IntN(len(specials))]
	d.set(s.name, d.pickOr(4, s.good, s.bad))
	if s.name != "config_directory" && s.name != "process_name" {
		d.ask(s.name)
	}
}

// special is a parameter with a syntax of its own.
type special struct {
	name      string
	good, bad []string
}

var specials = []special{
	{
		"known_tcp_ports",
		[]string{
			"", "smtp=25", "lmtp=24, smtp=2525", "smtp = mail = 10025, foo=10026", "a=b=c=1,,a=2", "foo=1 , = 2, 3=4, a b=5, c=x, d=, e", "pftest=10030,smtp=70000",
			"a = 1\t,b=\t2 ", "x==3", "10=20, y=10", "a=1=2",
		},
		[]string{"${", "$$=x=1"},
	},
	{
		"import_environment",
		[]string{"", "MAIL_CONFIG", "A=b, C TZ", "{ A = b c } {D=}", "{A}", "MAIL_CONFIG, {LANG = C}", "{{A}=b}", "A==b", "a{b c}d"},
		[]string{"{A = b", "{A=b}c", "=x", "{ = x}", "{A b = c}", "A={", "{}"},
	},
	{"master_service_disable", []string{
		"", "inet", "!inet unix", "foo/unix", "smtp/inet, bar/unix", "FOO/UNIX", "foo.unix", "127.0.0.1:25.inet", "!!inet", "*", "unix inet fifo pass unix-dgram",
		"! inet", "smtp/tcp", "a.b/c.d", "tcp", "bar.fifo,foo.fifo\tinet", ".", "/", "!", "in", "unix-dgram",
	}, []string{"${", "${a-}"}},
	{"maillog_file", []string{"", "", "@QUEUE@/public/maillog"}, []string{"/x/log", "var/log/x", "@DATA@/log"}},
	{"maillog_file_prefixes", []string{"@QUEUE@ /var", "/", "@", "@QUEUE@/pub,/x"}, []string{""}},
	{"syslog_name", []string{"postfix", "a/b", "x y", "${multi_instance_name:post}", "$myhostname", "p\xc3\xa9", "a-1"}, []string{""}},
	{"multi_instance_name", []string{"", "postfix-two", "$mail_name"}, []string{"${"}},
	{"syslog_facility", []string{"mail", "local0", "local7", "daemon", "user", "authpriv", "ftp", "kern", "${nope:news}"}, []string{"", "Mail", "local8", "mark", "LOG_MAIL", "mail "}},
	{"mail_owner", []string{"postfix"}, []string{"root", "nobody", "nosuch", "", "102", "postfix:"}},
	{"setgid_group", []string{"postdrop"}, []string{"root", "postfix", "nosuch", "", "106"}},
	{"default_privs", []string{"nobody"}, []string{"root", "postfix", "nosuch", ""}},
	{"mynetworks_style", []string{"host", "subnet", "class", " subnet "}, []string{"", "host,subnet", "Host", "net", ","}},
	{"mynetworks", []string{"", "127.0.0.0/8 [::1]/128", "$inet_interfaces"}, []string{"$", "${a b}"}},
	{"default_verp_delimiters", []string{"+=", "-+", "=="}, []string{"+", "+=-", "+x", "x+", ""}},
	{"verp_delimiter_filter", []string{"-=+", "+=", "=+xyz"}, []string{"", "x", "+"}},
	{"myorigin", []string{"$mydomain", "x.example", "$myhostname", "a;b"}, []string{"", "a b", "a,b", "/nonexistent", "@DATA@", "/dev/null"}},
	{"relayhost", []string{"", "[gw.example]:25", "$mydomain"}, []string{"$myhostname", "mail.example.com", "${"}},
	{"mail_version", []string{"3.7.11", "9", "a b  c", "$mail_name 1"}, []string{""}},
	{"config_directory", []string{"@CONFIG@", "/elsewhere"}, []string{"${"}},
	{"process_name", []string{"master", "x"}, []string{"$"}},
	{"process_id", []string{"1"}, []string{"${"}},
	{"relay_domains", []string{"$mydestination", "${{$compatibility_level} <level {2} ? {a} : {b}}"}, []string{"${{$compatibility_level} <level {x} ? {a} : {b}}"}},
	{"debugger_command", []string{"sleep 1", "${", "echo $$x $process_name_"}, []string{"x"}},
	{"master_reload_clears_throttle", []string{"yes", "no", "NO"}, []string{"yes"}},
	{"smtputf8_enable", []string{"yes", "no", "Yes", "${{$compatibility_level} <level {1} ? {no} : {yes}}"}, []string{"", "1", "true", "y"}},
	{"service_throttle_time", []string{"60s", "1", "3m", "2h", "1w", "5ss", "1minutes", "010", "+5", "3550w"}, []string{"0", "", "x", "10 s", "-1", "3551w", "1.5s", "1S", "2147483648", "s", "9999999999999999999999"}},
	{"default_process_limit", []string{"100", "1", "2", "5", "010", " 7 ", "+3"}, []string{"0", "-1", "10x", "", "2147483648", "1e3", "0x10"}},
	{"mail name", []string{"x"}, []string{"y"}}, // a blank in the name: the entry is broken
	{"odd-name.2", []string{"x", "${"}, []string{"y"}},
}

// freeTexts are parameters that the master evaluates and that take any text.
var freeTexts = []string{
	"mydestination", "alias_database", "fast_flush_domains", "export_environment", "debug_peer_list", "proxy_interfaces", "multi_instance_group",
	"message_drop_headers", "recipient_delimiter", "alternate_config_directories", "internal_mail_filter_classes", "default_delivery_status_filter",
	"parent_domain_matches_subdomains",
}

// typed are parameters with a type, by kind.
var typed = map[string][]string{
	"int": {"max_use", "fork_attempts", "deliver_lock_attempts", "line_length_limit", "hash_queue_depth", "debug_peer_level", "header_size_limit", "delay_logging_resolution_limit", "mime_nesting_limit", "dont_remove", "fault_injection_code", "tcp_windowsize", "message_size_limit", "lmdb_map_size"},
	"time": {
		"max_idle", "ipc_timeout", "ipc_idle", "ipc_ttl", "trigger_timeout", "fork_delay", "deliver_lock_delay", "stale_lock_time", "daemon_timeout",
		"in_flow_delay", "application_event_drain_time",
	},
	"bool": {"soft_bounce", "disable_dns_lookups", "helpful_warnings", "multi_instance_enable", "enable_long_queue_ids", "strict_smtputf8", "respectful_logging", "owner_request_special", "daemon_table_open_error_is_fatal", "enable_idna2003_compatibility"},
	"word": {"mail_name", "queue_service_name", "bounce_service_name", "hash_queue_names", "postlog_service_name", "command_directory", "meta_directory", "shlib_directory", "process_id_directory", "info_log_address_format", "dnssec_probe", "default_database_type"},
}

var kinds = []string{"int", "time", "bool", "word"}

var typedValues = map[string]special{
	"int":  {good: []string{"1", "2", "6", "600", "0600", "+1000", "2147483647", "$n", "${n}", "2048", " 5"}, bad: []string{"", "-1", "0", "10s", "0x10", "1e3", "2147483648", "1 0", "9223372036854775808", "${{1} == {1}}", "-2147483648", "-2147483649", "7"}},
	"time": {good: []string{"1", "5s", "1m", "2h", "1d", "1w", "1ss", "1minutes", "007s", "+1s", "$n", "10", "3550w", "24855d", "596523h"}, bad: []string{"", "s", "0", "10 s", "1x", "-1s", "1M", "2147483648", "3551w", "24856d", "35791394m", "596524h", "11", "1.5m", "99999999999999999999s"}},
	"bool": {good: []string{"yes", "no", "YES", "No", "${b?no}${b:yes}", "${{1} < {2} ? {yes} : {no}}"}, bad: []string{"", "true", "1", "y", "yes no", "${b}"}},
	"word": {good: []string{"x", "a b", "external", "$mail_owner", "deferred, defer", "/usr", "${n}"}, bad: []string{"", "$nothing", "${nothing?x}"}},
}

func typedNames() (list []string) {
	for _, k := range kinds {
		list = append(list, typed[k]...)
	}
	return list
}

// drawTyped draws a parameter with a type.
func (d *draft) drawTyped() {
	k := d.pick(kinds...)
	name, values := d.pick(typed[k]...), typedValues[k]
	value := d.pickOr(4, values.good, values.bad)
	if name == "in_flow_delay" && !d.chance(3) {
		value = d.pick("1", "10s", "0")
	}
	if name == "delay_logging_resolution_limit" {
		value = d.pick("0", "6", "1")
	}
	if name == "line_length_limit" && !d.chance(3) {
		value = d.pick("512", "2048")
	}
	if strings.Contains(value, "$n") || strings.Contains(value, "${n}") {
		d.set("n", d.pick("3", "600"))
	}
	d.set(name, value)
	d.ask(name)
}

// writeMain returns main.cf, formatted in many styles.
func (d *draft) writeMain() string {
	var out strings.Builder
	if d.fault(12) {
		out.WriteString(d.pick(" leading = blank\n", "\tx\n more\n", " \vy = "+strings.Repeat("long ", 9)+"\n"))
	}
	for _, s := range d.main {
		for d.chance(9) {
			out.WriteString(d.pick("\n", "# comment\n", "  # comment\n", "\t\n", "#\n", "\v\n", " \r\n"))
		}
		out.WriteString(s.name + d.pick(" = ", " = ", " = ", "=", " =", "= ", "\t=\t", " \t=   "))
		out.WriteString(d.spread(s.value))
		out.WriteString(d.pick("", "", "", "", "", " ", "\t", "\r"))
		if d.chance(60) {
			out.WriteString("\x00" + d.pick("", " hidden", "\n = hidden"))
		}
		if d.fault(50) {
			out.WriteString(d.pick("\nno equal sign", "\n= x", "\nfoo bar = x", "\n=", "\nfoo\n  = bar", "\n\x00"))
		}
		out.WriteString("\n")
	}
	text := out.String()
	if d.chance(12) {
		text = strings.TrimSuffix(text, "\n")
	}
	return strings.ReplaceAll(text, "@BASE@", "@CONFIG@/..")
}

// spread splits a text into several lines.
func (d *draft) spread(text string) string {
	if !d.chance(5) {
		return text
	}
	fields := strings.SplitAfter(text, " ")
	for i := range fields {
		if i+1 < len(fields) && d.chance(2) || i == 0 && d.chance(4) {
			fields[i] = d.pick("\n ", "\n\t", "\n# comment\n ", "\n\n  ", "\n   # comment\n ", "\r\n ", "\n\v") + fields[i]
		}
	}
	return strings.Join(fields, "")
}

// name returns the name of a configuration in test names.
func (g *generated) name() string { return fmt.Sprintf("seed-%d", g.seed) }
