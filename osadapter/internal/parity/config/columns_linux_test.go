package config_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
)

var record = flag.Bool("record", false, "write down what the installed Postfix says of each form, for machines without it")

// columnsPath is the path of the record: core/config/advice judges the same forms.
const columnsPath = "../../../../core/config/advice/testdata/columns.json"

// columnForm is one way to write a column, with the original's reaction.
type columnForm struct {
	Entry    string // of master.cf
	Postconf string // the error that ends it; empty: it accepts the entry
	Master   string // likewise
}

// numberForms are ways to write a number.
var numberForms = []string{
	"-", "--", "0", "1", "60", "007", "00", "-0", "-1", "+1", "+", "?", "-?", "0?", "5?", "007?", "5??", "?5", "5?x", "1x", "5m", "5m?", "5M", "1h", "60s", "1.0", "1,", "1,000",
	"0x10", "0X1f", "010", "1e3", "1_000", "{1}", "{1", "1}", "\"1\"", "'1'", "$x", "${x}", "#1", "1#", "2147483647", "2147483648", "2147483648?", "4294967295", "4294967296",
	"4294967297", "9223372036854775807", "9223372036854775808", "18446744073709551617", "99999999999999999999", "1\v", "\v1", "1\f2", "\u00a01", "1\u00a0", "\u0661", "\uff11", "\u20131",
}

// columnForms returns the entries to try, each column in many forms.
func columnForms() (list []string) {
	entry := func(column int, form string) string {
		columns := []string{"foo", "unix", "-", "-", "n", "-", "1", "smtpd"}
		columns[column] = form
		return strings.Join(columns, " ")
	}
	yesNo := []string{"y", "n", "-", "Y", "N", "yes", "no", "true", "1", "0", "--", "\u2013", "y?", "{y}", "y\u00a0", "\"y\""}
	for column, forms := range [][]string{
		{"foo", "-", "a/b", ".", "{foo}", "{foo", "foo}", "{f oo}", "$x", "f\u00a0oo", "\ufefffoo", "\"foo\"", "foo:25", "#foo", "=", "-o", "-ox=y"},
		{"unix", "inet", "fifo", "pass", "unix-dgram", "UNIX", "Inet", "-", "tcp", "unix-stream", "unix_dgram", "inet6", "unix-", "{unix}", "unix\u00a0", "\"unix\"", "y", "n"},
		yesNo, yesNo, yesNo, numberForms, numberForms,
		{"smtpd", "-", "/smtpd", "{smtpd}", "{smtpd", "{smtpd x}", "smt{pd x}", "smtpd}", "$x", "smtpd\u00a0"},
	} {
		for _, form := range forms {
			list = append(list, entry(column, form))
		}
	}
	for _, form := range []string{"foo", "127.0.0.1:10025", "10025", "[127.0.0.1]:10025", "{10025}", "10025}", "10025\u00a0", "-"} {
		list = append(list, form+" inet n - n - 1 smtpd")
	}
	full := strings.Fields(entry(0, "foo"))
	for n := 1; n < len(full); n++ {
		list = append(list, strings.Join(full[:n], " "))
	}
	return append(list, "foo inet - - n - 1 smtpd", "foo unix - - n - {1 2} smtpd", "{foo unix - - n - 1 smtpd} unix - - n - 1 smtpd",
		"x unix - - n 5m 1 smtpd", "x tcp - - n - 1 smtpd", "x unix", "x unix Y - n - 1 smtpd")
}

// TestColumnFormsMeanWhatTheyMeanToPostfix tries each column in many forms, and
// compares the original's reaction with the record. The service x is switched off.
func TestColumnFormsMeanWhatTheyMeanToPostfix(t *testing.T) {
	all := columnForms()
	step := *vectorStep
	if testing.Short() {
		step *= 3
	}
	if *record {
		step = 1
	}
	var list []subject
	for i := 0; i < len(all); i += step {
		s := subject{name: fmt.Sprintf("form-%d", i), repeat: "-run " + t.Name()}
		s.Main = []byte(placeholders.Replace("compatibility_level = 3.6\nqueue_directory = @QUEUE@\ndata_directory = @DATA@\ndaemon_directory = @DAEMON@\n" +
			"maillog_file =\nmaster_service_disable = x/unix x/tcp\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n"))
		s.Master, s.Flags, s.Random = []byte(all[i]+"\n"), []string{"-d"}, uint64(i)
		list = append(list, s)
	}
	var mutex sync.Mutex
	seen := make(map[string]columnForm)
	compareAll(t, list, func(s *subject, a *answer) {
		f := columnForm{Entry: strings.TrimSuffix(string(s.Master), "\n")}
		if a.Listing.Status != 0 {
			f.Postconf = strings.TrimPrefix(last(a.Listing.Errors), "postconf: ")
		}
		if a.Original.Outcome != "started" {
			f.Master = last(a.Original.Log)
		}
		mutex.Lock()
		defer mutex.Unlock()
		seen[f.Entry] = f
	})
	if *record && !t.Failed() {
		var forms []columnForm
		for _, entry := range all {
			forms = append(forms, seen[entry])
		}
		writeRecord(t, columnsPath, forms)
		return
	}
	var recorded []columnForm
	readRecord(t, columnsPath, &recorded)
	for i, f := range recorded {
		if got, asked := seen[f.Entry]; asked && got != f {
			t.Errorf("recorded %+v, but this Postfix says %+v: record anew with -record", f, got)
		}
		if i >= len(all) || f.Entry != all[i] {
			t.Fatalf("the record has %q, which is not asked any more: record anew with -record", f.Entry)
		}
	}
	if len(recorded) != len(all) {
		t.Errorf("%d forms are recorded of %d: record anew with -record", len(recorded), len(all))
	}
}

func last(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}
