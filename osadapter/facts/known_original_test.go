package facts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// postconf is the original's program that prints parameters.
const postconf = "/usr/sbin/postconf"

// The master.cf of the comparisons: agents of every kind, including odd ones, and
// entries that only look like an agent.
const agentsText = `smtp inet n - y - - smtpd
  -o smtpd_restriction_classes=strict_class,$other_classes -o { smtpd_banner = $greeting }
qmgr unix n - n 300 1 qmgr
smtp unix - - y - - smtp
relay unix - - y - - smtp
  -o syslog_name=postfix/$service_name
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - y - - lmtp
error unix - - y - - error
discard unix - - y - - discard
maildrop unix - n n - - pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d $unreferenced
scalemail-backend unix - n n - 2 pipe flags=R argv=x
policy unix - n n - 0 spawn user=nobody argv=/bin/true
10025 inet n - n - - smtp
twice unix - - n - - spawn
twice fifo n - n - - pipe argv=x
path unix - - n - - /usr/lib/postfix/sbin/smtp
`

// comparedMains are texts of main.cf with which every parameter is compared.
var comparedMains = []struct{ name, text string }{
	{"empty", ""},
	{"as Debian installs it", `smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
readme_directory = no
compatibility_level = 3.6
smtpd_tls_security_level=may
smtp_tls_CApath=/etc/ssl/certs
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = vm
mydestination = $myhostname, vm, localhost.localdomain, , localhost
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
`},
	{"other directories", "queue_directory = /var/spool/other$mail_name\ndata_directory = $queue_directory/data\nmail_name = X\nconfig_directory = /there\n"},
	{"compatibility level 1", "compatibility_level = 1\n"},
	{"compatibility level 2", "compatibility_level = 2\nmydestination = a.example\nfast = ${relay_domains?{y}:{n}}\nmail_name = $fast\n"},
	{"compatibility level 3.6", "compatibility_level = $level\nlevel = 3.6\n"},
	{"a domain", "mydomain = $sub.example\nsub = corp\nmyorigin = $mydomain\n"},
	{"a host name with a domain", "myhostname = mx.corp.example\n"},
	{"a host name without a domain", "myhostname = mx\n"},
	{"a host name in a domain given", "myhostname = mx.$mydomain\nmydomain = d.example\n"},
	{"an origin in a file", "myorigin = /etc/mailname\n"},
	{"networks of hosts", "mynetworks_style = host\n"},
	{"networks of classes", "mynetworks_style = class\n"},
	{"networks of one interface", "inet_interfaces = 127.0.0.1\nproxy_interfaces = 192.0.2.77\n"},
	{"networks of named interfaces", "inet_interfaces = localhost\nmynetworks_style = ${{$compatibility_level} == {2} ? {host} : {subnet}}\ncompatibility_level = 2\n"},
	{"networks of the loopback interface", "inet_interfaces = loopback-only\n"},
	{"networks of IPv4", "inet_protocols = ipv4\n"},
	{"networks without interfaces", "inet_interfaces =\n"},
	{"networks without protocols", "inet_protocols =\n"},
	{"stress and instance", "stress = yes\nmulti_instance_name = postfix-out\n"},
	{"old names", "fallback_relay = old.example\nvirtual_maps = hash:/v\nauthorized_verp_clients = a\n" +
		"smtpd_per_record_deadline = yes\npostscreen_blacklist_action = drop\nsmtpd_client_connection_limit_exceptions = b\n"},
	{"parameters of services", "relay_destination_rate_delay = 5s\ndefault_destination_concurrency_limit = 9\n" +
		"smtp_destination_concurrency_limit = $relay_destination_concurrency_limit$x\nx = 0\npolicy_time_limit = 3600\n" +
		"virtual_destination_recipient_limit = 1\ncommand_time_limit = 7m\ninitial_destination_concurrency = 3\n"},
	{"switched off services", "master_service_disable = relay.unix\n"},
	{"macros kept for the programs", "c = $recipient_delimiter.$forward_path.$$\nmail_name = $c\nhome = h\nluser_relay = $home+$unused_one\n" +
		"mailbox_command = $$${\nunused_one = 1\nsmtpd_reject_footer = $c\n"},
	{"read-only names", "process_id = 7\nprocess_name = x\nservice_name = y\nmail_name = $service_name.$process_name\n"},
	{"names of the operator", "smtpd_restriction_classes = class_one, $more_classes\nmore_classes = class_two class_three\n" +
		"class_one = permit\nclass_two = reject\nclass_three = permit\nstrict_class = reject\nother_classes = strict_class\n" +
		"greeting = hello\nunreferenced = u\na1 = 1\na2 = ${a3?{$a4}:{$a5}}$(a6)\na3 =\na4 = 4\na5 = $a1$a5_none\na6 = six\n" +
		"a7 = a  b\n  c\n\td\nmail_name = ${a2}$a7\na8 = $a9\na9 = ${ a10 }\na10 = x\n"},
	{"settings of tables in main.cf", "virtual_alias_maps = ldap:dir, proxy:mysql:sql hash:/x pipemap:{pgsql:pg,static:x}\n" +
		"dir_server_host = h\ndir_hosts = no\nsql_hosts = $h\nh = 10.0.0.1\npg_select_function = f\npg_timeout = no\n" +
		"alias_maps = ldap:/etc/file.cf, memcache:/etc/x\nfile_bind = no\n"},
}

// Every parameter that the original knows has the value that postconf prints, and
// the list of names is the same.
func TestValuesAreThoseOfTheOriginal(t *testing.T) {
	if _, err := os.Stat(postconf); err != nil {
		t.Skip("the original is not installed: " + err.Error())
	}
	for _, c := range comparedMains {
		t.Run(c.name, func(t *testing.T) { compareWithPostconf(t, c.text) })
	}
}

func compareWithPostconf(t *testing.T, main string) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour) // the original waits for a file that was just written
	for name, text := range map[string]string{"main.cf": main, "master.cf": agentsText} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(postconf, "-c", dir, "-x").Output()
	if err != nil {
		t.Fatal(err)
	}
	l := &Loader{ConfigDirectory: dir, ProcessName: "postconf"}
	p, _, _ := l.LoadMain()
	catalog := known.New(p, config.ParseMaster(config.MasterPath(dir), []byte(agentsText)))
	var names []string
	for line := range strings.Lines(string(out)) {
		name, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " =")
		names = append(names, name)
		got, found, err := catalog.Value(name)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !found:
			t.Errorf("%s is not known", name)
		case name == "process_id":
		case strings.Join(strings.Fields(got), " ") != strings.TrimPrefix(want, " "):
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if len(names) < 900 {
		t.Errorf("the original shows %d parameters only", len(names))
	}
	compareNames(t, catalog.Names(), names)
}

func compareNames(t *testing.T, got, want []string) {
	t.Helper()
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not in our list", name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s is not in the original's list", name)
		}
	}
}

// The unexpanded defaults are exactly the original's.
func TestDefaultsAreThoseOfTheOriginal(t *testing.T) {
	if _, err := os.Stat(postconf); err != nil {
		t.Skip("the original is not installed: " + err.Error())
	}
	dir := t.TempDir()
	for _, name := range []string{"main.cf", "master.cf"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(postconf, "-c", dir, "-d").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		name, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " =")
		names = append(names, name)
		switch name {
		case "config_directory", "mydomain", "myhostname", "mynetworks", "process_id", "process_name":
			continue // derived
		}
		if got, ok := known.Default(name); !ok || got != strings.TrimPrefix(want, " ") {
			t.Errorf("the default of %s is %q, %v; want %q", name, got, ok, want)
		}
	}
	compareNames(t, known.Names(), names)
}
