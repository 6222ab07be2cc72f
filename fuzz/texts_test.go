package fuzz

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// besideMain are the other files when the fuzzed text is main.cf.
var besideMain = []string{
	"smtp inet n - y - - smtpd\n25 inet n - - - 1 smtpd -o x=y\nqmgr unix n - n 300? 1 qmgr\n",
	stockMaster,
	"two.example:pftest inet n - - - - a\n[::1]:submission inet n - - - 0 a\n0:0 inet n - - - - a\n" +
		"a unix - - - - - a\na unix n - - - - b\na pass - - - 9 1 a\na fifo n - - 4? - a {b c}\n",
}

// besideMaster are the other files when the fuzzed text is master.cf.
var besideMaster = []string{
	"compatibility_level = 3.6\nmyhostname = mail.example.com\ninet_interfaces = loopback-only\n",
	stockMain,
	"inet_interfaces = two.example, [::1]\ninet_protocols = ipv6\ndefault_process_limit = 1\n",
	"inet_interfaces =\nknown_tcp_ports = a=25, b=c=0, smtp=pftest\nservice_throttle_time = 1\n",
	"inet_protocols =\nmaster_service_disable = !a.unix b/inet fifo\nmaillog_file = /dev/stdout\n",
}

// stockMaster has the entries of a Debian system.
const stockMaster = `# service type  private unpriv  chroot  wakeup  maxproc command + args
smtp      inet  n       -       y       -       -       smtpd
#smtp      inet  n       -       y       -       1       postscreen
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
#  -o smtpd_client_restrictions=
  -o { smtpd_relay_restrictions = permit_sasl_authenticated, reject }
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       y       -       -       smtp
        -o syslog_name=postfix/$service_name
showq     unix  n       -       y       -       -       showq
postlog   unix-dgram n  -       n       -       1       postlogd
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}
smtpd     pass  -       -       y       -       -       smtpd
oldqueue  fifo  n       -       n       60      1       qmgr
`

// stockMain has the kinds of values that a Debian system has.
const stockMain = `# See /usr/share/postfix/main.cf.dist for a commented, more complete version
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
compatibility_level = 3.6
smtpd_tls_session_cache_database = btree:${data_directory}/smtpd_scache
myhostname = mail.example.com
alias_maps = hash:/etc/aliases
mydestination = $myhostname, mail.example.com, localhost.example.com, , localhost
relayhost =
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
inet_protocols = all
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated
    defer_unauth_destination
`

// doubling has a value of 2^40 pieces.
var doubling = func() string {
	text := "mydestination = $m0\n"
	for i := range 40 {
		text += fmt.Sprintf("m%d = $m%d$m%[2]d\n", i, i+1)
	}
	return text + "m40 = x\n"
}()

// systemFiles are those of Debian's package, where it is installed.
var systemFiles = []string{
	"/usr/share/postfix/main.cf.debian", "/usr/share/postfix/main.cf.dist",
	"/usr/share/postfix/main.cf.tls", "/usr/share/postfix/master.cf.dist",
}

// seed adds every main.cf or every master.cf that the project knows.
func seed(f *testing.F, of func(main, master string) string) {
	for _, name := range []string{"main_cf.json", "master_cf.json"} {
		text, err := os.ReadFile(filepath.Join("..", "core", "config", "testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		var vectors []struct {
			Main   string `json:"main_cf"`
			Master string `json:"master_cf"`
		}
		if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
			f.Fatalf("%d vectors in %s: %v", len(vectors), name, err)
		}
		for i, v := range vectors {
			f.Add(bytesOf(of(v.Main, v.Master)), uint16(i))
		}
	}
	f.Add([]byte(of(stockMain, stockMaster)), uint16(0))
	for _, path := range systemFiles {
		if text, err := os.ReadFile(path); err == nil {
			f.Add(text, uint16(0))
		}
	}
}

// bytesOf turns a text of the vectors into the bytes it stands for.
func bytesOf(text string) (b []byte) {
	for _, r := range strings.NewReplacer("@CONFIG@", "/c", "@QUEUE@", "/q", "@DAEMON@", "/d", "@DATA@", "/v").Replace(text) {
		b = append(b, byte(r))
	}
	return b
}

// mainTexts are odd but possible texts of main.cf: one for each rule of its syntax,
// of macros, and of the parameters that the master reads.
var mainTexts = append([]string{
	"", "a = b\n", "a = b\n  c\n# d\n  e\n", " x\n", "= y", "a b\n", "p = $q ${r?{s}:{t}} $(u) $$\n", "n = 1\x00 2\n", "\r\n a=\r\n",
	"mydestination = $a\na = $b$b\nb = $a\n", "a = ${{$b} == {$b} ? {$b}}\nb = ${a?{$a}:{$a}}\n", doubling,
	"a = ${b\n", "a = ${}\n", "a = ${b?c\n", "a = ${{x} < {y} ? {z} : {w}} ${{1} >= {01}?yes} ${{} != {}:no} ${{a} ~ {b}?c}\n",
	"a = $(b} $b.c ${b:{d}}${b?e}\n", "a = ${{x == y}?z} ${{x} == y} ${{x}==}\n",
	"myhostname = -a.example\n", "myhostname = " + strings.Repeat("a.", 200) + "b\n", "myhostname = a..b\n", "myhostname = 192.0.2.1\n",
	"myhostname = a:b\n", "myhostname = " + strings.Repeat("x", 70) + ".b\n", "myhostname =\nmydomain = $x\n", "mydomain = example.org\n",
	"myorigin = /etc/mailname\n", "myorigin = /missing\n", "myorigin = /\n", "mynetworks_style = class\n", "mynetworks_style = host subnet\n",
	"mynetworks_style = net\n", "mynetworks_style = host, \n", "mynetworks_style = subnet\ninet_interfaces = all\n",
	"mail_owner = root\n", "mail_owner = nobody\n", "mail_owner = missing\n", "default_privs = postfix\n", "default_privs = postdrop\n",
	"setgid_group = root\n", "setgid_group = postfix\n", "setgid_group = none\n", "setgid_group =\n", "mail_owner = $x\n",
	"inet_interfaces = 192.0.2.1, 192.0.2.1\n", "inet_interfaces = 192.0.2.9\n", "inet_interfaces = nowhere.example\n",
	"inet_interfaces = [::1\n", "inet_interfaces = ALL\n", "inet_interfaces = 0.0.0.0\n", "inet_interfaces = all, loopback-only\n",
	"inet_protocols = ipv4, ipv6, ipx\n", "inet_protocols = ,\n", "inet_protocols = IPv4\n",
	"import_environment = A=b {C = d} E, {=x}\n", "import_environment = {A\n", "import_environment = {A = b}c\n",
	"service_throttle_time = 0\n", "service_throttle_time = 5x\n", "service_throttle_time = 99999999999\n", "service_throttle_time = 1h 2m\n",
	"default_process_limit = 0x10\n", "default_process_limit = -1\n", "default_process_limit = 9999999999999999999999\n",
	"compatibility_level = +1\n", "compatibility_level = 3.6.1.2\n", "compatibility_level = a\n", "compatibility_level = 0\n", "compatibility_level = 1. 1\n",
	"syslog_facility = local9\n", "syslog_facility = local3\nsyslog_name = a b\n", "maillog_file = /var/log/x\n", "maillog_file = tmp\n",
	"maillog_file = /tmp/x\nmaillog_file_prefixes = /var\n", "known_tcp_ports = a\n", "known_tcp_ports = a=b=3, lmtp=24, =5, x=99999\n",
	"known_tcp_ports = a=-1, b=0 c=65536\n", "master_service_disable = a.b.c inet !x/y/z .z *\n", "master_service_disable = n, .inet, a/\n",
	"smtputf8_enable = maybe\n", "smtputf8_enable = NO\n", "queue_directory = relative\n", "queue_directory =\n", "daemon_directory = $queue_directory/x\n",
	"default_verp_delimiters = +\nverp_delimiter_filter =\n", "default_verp_delimiters = +==\n", "tcp_windowsize = 70000\n", "tcp_windowsize = -1\n",
	"master_journal_file = relative\n", "master_journal_file = /x/y/\nmaster_journal_size_limit = 7\n", "master_journal_file = /x/y\n",
	"master_reload_clears_throttle = yes\n", "master_reload_clears_throttle = x\n", "debugger_command = $x ${y\n", "debugger_command =\n",
	"a = b\na = c\na = b\n", "a = " + strings.Repeat("$", 100) + "\n", "a = " + strings.Repeat("${b ", 150) + "\n",
	"a = " + strings.Repeat("${{", 1200) + "\n", "mydestination = " + strings.Repeat("${myhostname?", 300) + "\n",
	strings.Repeat("x\n", 300), "mynetworks = !/etc/x, [::1]/128 10.0.0.0/8 1.2.3.4/33 [::/0 a:b\n", "mynetworks = 1.2.3.4/8\n",
	"default_privs = twin\n", "default_privs = kin\n", "mail_owner = lost\n",
	"mydestination = ${{3.99999999999999999999} <level {3.6} ? {a} : {b}} ${{3x} >=level {1}?c} ${{3.6} <=level {3.10}?d}\n",
	"multi_instance_enable = x\nmulti_instance_wrapper = $y\n", "config_directory = /x\nprocess_name = y\nprocess_id = 1\n",
}, looped...)

// looped are values that name themselves.
var looped = []string{"mydestination = $mydestination\n", "queue_directory = $a\na = ${b}\nb = $(a)\n", "myhostname = ${myhostname?{a}:{b}}\n"}

// masterTexts are odd but possible texts of master.cf.
var masterTexts = append([]string{
	"", "smtp inet n - y - - smtpd\n", "a unix - - - 60? 1 b -o {c = d e}\n  -v\n#x\n f {g", "x y z", "\x00", "a{b c}d\n",
	" a unix - - - - - b\n", "a unix - - - - - b\n\n# c\n\t-o x=y\n", "a unix - - - - - b\na unix - - - - - c\n",
}, masterLines()...)

// masterLines has an entry for each way in which one column can be wrong.
func masterLines() (texts []string) {
	good := [8]string{"a", "unix", "-", "-", "-", "-", "-", "b"}
	for column, odd := range [8][]string{
		{"", "a/b", "a:b", "-a", "[::1", "nowhere.example:25", "99999", "0x19", "two.example:pftest"},
		{"udp", "UNIX", "inet", "fifo", "pass", "unix-dgram"},
		{"x", "n", "y", "Y"},
		{"x", "n", "y"},
		{"x", "n", "y"},
		{"x", "60x", "60??", "-5", "99999999999", "0", "0?", "1h"},
		{"x", "0x10", "-1", "4294967297", "0", "1"},
		{"", "/b", "b/../c", "-b", "b -o", "b -o x", "b -o {x", "b -o x=y", "b { a }x", "b -o {x=y} {", "b -v -o { x = y } -d", "b $x ${y"},
	} {
		for _, text := range odd {
			entry := good
			entry[column] = text
			texts = append(texts, strings.Join(entry[:], " ")+"\n")
		}
	}
	for _, address := range []string{
		"25", "smtp", "*:25", ":25", "127.0.0.1:25", "127.0.0.1:", "[127.0.0.1]:25", "[::1]:25", "::1:25", "[IPv6:::1]:25", "[::1]25", "[::1:25",
		"localhost:25", "[IPv6:zz]:25", "[::ffff:1.2.3.4]:smtp", "[::1.2.3.4]:25", "0x7f.1:25", "010.0.0.1:25", "1.2.3.4.5:25", "300.1.1.1:25", "1.2.3:25", "x:70000", "x:-1", "x:+25", ":", "[]:25", "two.example:0", "192.0.2.1:smtp", "[1:2:3:4:5:6:7:8:9]:25",
		"[1::2::3]:25", "[::ffff:1.2.3.4]:25", "[12345::]:25", "a.b.c.d:25", "0:0", "unknown-port", "127.0.0.1:unknown-port",
	} {
		texts = append(texts, address+" inet n - n - - a\n")
	}
	return texts
}
