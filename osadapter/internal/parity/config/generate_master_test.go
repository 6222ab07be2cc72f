package config_test

import (
	"strings"
)

// drawMaster draws the entries of master.cf.
func (d *draft) drawMaster() {
	var before []string
	for range d.IntN(7) {
		kind := d.pick("inet", "inet", "inet", "inet", "inet", "inet", "unix", "unix", "unix", "unix", "unix-dgram", "fifo", "pass")
		name := d.inetName()
		if kind != "inet" {
			name = d.pickOr(8,
				[]string{"foo", "bar", "pickup", "qmgr", "a.b", "x=y", "-", "postlog", "25", "$x", "\xc3\xa9", "[::1]:25", "FOO", "a\vb", strings.Repeat("n", 90)},
				[]string{strings.Repeat("n", 120), "a/b", "..", ".", "../private/x", "/abs"})
		}
		if len(before) > 0 && d.chance(7) {
			name = d.pick(before...)
		}
		before = append(before, name)
		if d.fault(30) {
			kind = d.pick("tcp", "INET", "-", "unix-stream", "inet6", "")
		}
		d.entries = append(d.entries, d.entry(name, kind))
	}
}

// inetName draws the name column of an inet entry.
func (d *draft) inetName() string {
	port := d.pickOr(14,
		[]string{"25", "smtp", "025", "10025", "10025", "smtps", "submission", "pftest", "pfalias", "mail", "10099", "time", "ssmtp", "lmtp", "10026", "70000", "65536", "0", "foo"},
		[]string{"nosuch", "25x", "pfudp", "", "99999999999", "SMTP", "-1", "a b", "25/tcp", "4294977321"})
	if d.chance(2) {
		return port
	}
	host := d.pickOr(8, []string{
		"", "127.0.0.1", "[127.0.0.1]", "localhost", "[localhost]", "[::1]", "::1", "[IPv6:::1]", "[ipv6:::1]", "dual.example", "two.example", "dup.example", "v6.example",
		"192.0.2.1", "[2001:db8::1]", "2001:DB8::0001", "LOCALHOST", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "127.0.0.2", "127.000.000.001", "[0:0:0:0:0:0:0:1]",
		"[0:0::1]", "[::0.0.0.1]", "127.0.0.010", "v4.example", "Dual.Example",
	}, []string{
		"remote.example", "nosuch.example", "[127.0.0.1", "127.0.0.256", "[1:2:3]", "a..b", "-a", "198.51.100.7", "[fe80::1%lo]", "[]", "[IPv6:x]", "1.2.3", "0.1.2.3",
		"[::1]x", "localhost.", "12", "a_b", "x-", "[[::1]]", "127.0.0.1 ", "[1:2:3:4:5:6:7:8:9]", ":::1", "[12345::1]", "\xc3\xa9", "[::1]:",
	})
	return host + ":" + port
}

// entry draws the other columns and adds the entry.
func (d *draft) entry(name, kind string) string {
	private := d.pick("-", "-", "y", "n")
	if kind == "inet" {
		private = "n"
		if d.fault(20) {
			private = d.pick("-", "y")
		}
	}
	numbers := []string{"0", "1", "60", "007", "60x", "1h", "1.5", "0x10", "4294967297", "2147483647"}
	bad := []string{"?", "-1", "x", "+1", "2147483648", "", "99999999999999999999"}
	wakeup := d.pickOr(40, append([]string{"-", "-", "-", "-", "-", "60?", "0?", "60s?", "6?0", "300?"}, numbers...), append([]string{"-?", "??"}, bad...))
	limit := d.pickOr(40, append([]string{"-", "-", "-", "-", "-", "1", "0", "2", "5?"}, numbers...), bad)
	yesNo := func() string {
		return d.pickOr(60, []string{"-", "-", "y", "n"}, []string{"Y", "yes", "x", "--", "1", "N"})
	}
	command := d.pickOr(60,
		[]string{"foo", "smtpd", "bar", "a/b", "/usr/bin/x", "foo/", "-x", "proxymap", "\xff"},
		[]string{"-", ""})
	if d.chance(30) {
		command = d.pick("x{y", "{a}")
	}
	columns := []string{name, kind, private, yesNo(), yesNo(), wakeup, limit, command}
	if d.fault(40) {
		columns = columns[:1+d.IntN(7)]
	}
	for range d.argumentCount() {
		columns = append(columns, d.argument())
	}
	return d.layOut(columns)
}

func (d *draft) argumentCount() int { return max(0, d.IntN(7)-2) }

// argument draws one argument, or an option with its value.
func (d *draft) argument() string {
	return d.pickOr(30, []string{
		"-v", "-v", "-o a=b", "-o x=$y", "-o { name = value }", "-o {name=value with  blanks}", "{a b}", "{ a  b }", "{{c d}}", "{}", "a{b c}d", "}", "x}y",
		"-oa=b", "-vo a=b", "-o{a=b}", "\"q q\"", "a=b", "-- -o x=y", "-o", "{ -o }", "{-v}", "\xc3\xa9", "\x01", "-o a={b c}", "-o { a = {b}  c }", "-x -y", "{\tt }",
		"user=$x argv=/bin/x ${recipient}", "-o smtpd_tls=${x?{y}:{z}}", "{ }", "{a{b}c}", "-o a b", "-", "{a\vb}", "\v", "'x y'", "#x", "-o { b }", "-o { = x }",
	}, []string{"{a", "{a}b", "{a b}{c}", "-o {a = b", "{{a}", "{a} }b{ {c}d", "a{b"})
}

// layOut formats the columns of an entry, in many styles.
func (d *draft) layOut(columns []string) string {
	var out strings.Builder
	tidy := d.chance(2)
	for i, c := range columns {
		if i > 0 {
			switch {
			case tidy:
				out.WriteString(d.pick(" ", "  ", "\t"))
			default:
				out.WriteString(d.pick(" ", " ", " ", " \t ", "\r ", "\n  ", "\n\t", "\n# comment\n ", "\n\n ", " \n #x\n\t"))
			}
		}
		out.WriteString(c)
	}
	out.WriteString(d.pick("", "", "", "", " ", "\r", "\t\t"))
	if d.chance(50) {
		out.WriteString("\x00 hidden {")
	}
	return out.String()
}

// writeMaster returns master.cf.
func (d *draft) writeMaster() string {
	var out strings.Builder
	if d.fault(15) {
		out.WriteString(d.pick(" leading unix - - - - - blank\n", "\tx\n"))
	}
	for _, e := range d.entries {
		for d.chance(6) {
			out.WriteString(d.pick("\n", "# comment\n", "  # comment\n", "\t\n", "# smtp inet n - - - - smtpd\n"))
		}
		out.WriteString(e + "\n")
	}
	text := out.String()
	if d.chance(12) {
		text = strings.TrimSuffix(text, "\n")
	}
	return text
}
