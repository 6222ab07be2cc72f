package advice

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// mistakes are configurations with what is said about them. Lines of main.cf
// count from the end of mainStart. want has a line for each advice:
// "code file:line:column part of the text => part of the hint".
var mistakes = []struct {
	name, main, master string
	want               []string
}{
	{
		"CR LF", "max_use = 3\r\nmax_idle = 4\r\n", "",
		[]string{"carriage-return main.cf:1:12 lines end in CR LF => sed"},
	},
	{
		"NUL bytes", "max_use = 3\x00 4\n", "foo unix - - - - - smtp\n  -v\x00 x\n",
		[]string{"nul-byte main.cf:1:12 is ignored => remove", "nul-byte master.cf:2:5 is ignored => remove"},
	},
	{
		"no UTF-8", "# \xff\nmydomain = b\xfccher.example\nrelayhost = \xfc\n", "",
		[]string{"invalid-utf8 main.cf:2:13 not valid UTF-8 => UTF-8"},
	},
	{
		"CR without LF", "max_use = 3\rmax_idle = 4\n", "",
		[]string{"carriage-return main.cf:1:12 there is a CR inside the line => sed"},
	},
	{
		"Latin-1 that is no letter", "relayhost = a\xa0b\n", "",
		[]string{"invalid-utf8 main.cf:1:14 in Latin-1 or Windows-1252 this is a no-break space => UTF-8"},
	},
	{
		"a byte order mark at the start", "", "\ufeff# heading\n" + quiet,
		[]string{"odd-character master.cf:1:1 the column service has a byte order mark (U+FEFF): it is part of the word, although it is invisible => remove it"},
	},
	{
		"characters that cannot be meant in main.cf", "max_use\u00a0= 3\nmydestination = a,\u00a0b\nrelayhost = \u201cgate\u201d\nmax_idle = \uff15\n" +
			"\u00a0\u00a0c\nmynetworks = 10.0.0.0/8\u00a0[::1]/128\nvirtual_alias_maps = hash:/etc/v\u200b\nmailbox_command = /x \u2013a \u201c$USER\u201d\n" +
			"smtpd_client_restrictions = check_client_access\u00a0hash:/etc/a\nmydomain = a\u00adb\nmua_restrictions =\n  permit\u2013x,\u200bpermit\nsmtpd_sender_restrictions = $mua_restrictions\nrelay_domains = a\x01\n", "",
		[]string{
			"odd-character main.cf:1:8 the name of the parameter has a no-break space (U+00A0): it separates nothing => ordinary blank",
			"odd-character main.cf:2:19 the value of mydestination has a no-break space => ordinary blank",
			"odd-character main.cf:3:13 the value of relayhost has a typographic quote (U+201C) => remove it: there are no quotation marks here",
			"odd-character main.cf:4:12 the value of max_idle has a full-width 5 (U+FF15): it is no 5 => write 5",
			"odd-character main.cf:5:1 the line has a no-break space => ordinary blank",
			"odd-character main.cf:6:24 the value of mynetworks has a no-break space => ordinary blank",
			"odd-character main.cf:7:33 the value of virtual_alias_maps has a zero-width space (U+200B) => remove it",
			"odd-character main.cf:8:22 the value of mailbox_command has an en dash (U+2013): it is not a hyphen => write -",
			"odd-character main.cf:9:48 the value of smtpd_client_restrictions has a no-break space => ordinary blank",
			"odd-character main.cf:10:13 the value of mydomain has a soft hyphen (U+00AD) => remove it",
			"odd-character main.cf:12:9 the value of mua_restrictions has an en dash => write -",
			"odd-character main.cf:14:18 the value of relay_domains has a control character (U+0001) => remove it",
		},
	},
	{
		"characters that cannot be meant in master.cf", "", "a unix - - - - \u2013 smtp\nb unix - - - - - smtp \u2013o max_use=3\nc unix - - - - - smtp -o max_use\u200b=3 -o \u201cmax_idle=4\u201d\n" +
			"d unix - - - - - smtp -o\u00a0max_use=3\ne\u00a0unix - - - - - smtp\nf unix - n n - - pipe user=x\u00a0argv=/x argv=/bin/x\n",
		[]string{
			"odd-character master.cf:1:16 the column maxproc has an en dash (U+2013): it is not a hyphen => write -",
			"odd-character master.cf:2:23 an argument has an en dash => write -",
			`stray-argument master.cf:2:23 smtp refuses to start => begin options with a hyphen, not with an en dash`,
			"odd-character master.cf:3:33 an argument has a zero-width space => remove it",
			"odd-character master.cf:3:42 an argument has a typographic quote => remove it",
			"odd-character master.cf:4:25 an argument has a no-break space => ordinary blank",
			"odd-character master.cf:5:2 the column service has a no-break space => ordinary blank",
			"odd-character master.cf:6:29 an argument has a no-break space => ordinary blank",
		},
	},
	{
		"swallowed parameter", "mydestination = a,\n  b\n relayhost = [gate]\n", "",
		[]string{"swallowed-parameter main.cf:3:2 part of the value of mydestination of line 5 and does not set relayhost => remove the blanks before relayhost"},
	},
	{
		"commented parameter", "mydestination = a\n#mynetworks = 10.0.0.0/8\n  192.168.0.0/16\n", "",
		[]string{"commented-parameter main.cf:3:3 goes on with mydestination of line 5, not with mynetworks => # before this line"},
	},
	{
		"misspelt parameter", "smtpd_recipent_restrictions = permit\nmydestinatoin = a\nMyNetworks = b\nsmtpd-recpient_restriction = permit\n", "",
		[]string{
			`misspelt-parameter main.cf:1:1 no parameter "smtpd_recipent_restrictions" => smtpd_recipient_restrictions`,
			`misspelt-parameter main.cf:2:1 no parameter "mydestinatoin" => mydestination`,
			`misspelt-parameter main.cf:3:1 no parameter "MyNetworks" => mynetworks`,
			`misspelt-parameter main.cf:4:1 no parameter "smtpd-recpient_restriction" => smtpd_recipient_restrictions`,
		},
	},
	{
		"misspelt reference", "mydestination = $myhostname,\n  $mydomian ${myorgin?{x}}\n", "",
		[]string{
			"misspelt-reference main.cf:2:4 $mydomian expands to nothing => $mydomain",
			"misspelt-reference main.cf:2:15 $myorgin expands to nothing => $myorigin",
		},
	},
	{
		"a parameter of ours", "master_reload_clears_throttle = yes\n", "",
		[]string{`own-parameter main.cf:1:1 postconf and "postfix start" warn that master_reload_clears_throttle is an unused parameter => move the line to stationmaster.cf`},
	},
	{
		"repeated parameter", "relayhost = a\nrelayhost = a\n", "",
		[]string{"repeated-parameter main.cf:2:1 already has this value in line 5 => remove one"},
	},
	{
		"broken macros", "smtpd_banner = $myhostname ${mail_name ESMTP\nsmtp_helo_name = ${a-b}\n  $$\n", "",
		[]string{
			`broken-macro main.cf:1:28 smtpd_banner cannot be expanded, and "postfix start" and programs that read it will not start: truncated macro reference => close`,
			"broken-macro main.cf:2:20 attribute name syntax error => letters, digits",
		},
	},
	{
		"a parameter that refers to itself", "smtpd_client_restrictions = $smtpd_client_restrictions, reject\n", "",
		[]string{"broken-macro main.cf:1:30 unreasonable macro call nesting => must not refer to itself"},
	},
	{
		"comment after a value", "relayhost = [gate]:25 # the big one\n", "",
		[]string{"inline-comment main.cf:1:23 the value of relayhost => a line of its own"},
	},
	{
		"units that are words", "max_idle = 5minutes\nsmtp_helo_timeout = 1ms\n", "",
		[]string{
			"time-suffix main.cf:1:12 taken as 5m => write 5m",
			"time-suffix main.cf:2:21 taken as 1m => write 1m",
		},
	},
	{
		"pattern that switches nothing off", "master_service_disable = inet, submission, foo.unix x/lmpt\n",
		"submission inet n - n - - smtpd\n",
		[]string{
			`disable-pattern main.cf:1:32 "submission" disables nothing => write submission/inet`,
			`disable-pattern main.cf:1:53 there is no type "lmpt" => one of the types`,
		},
	},
	{
		"swallowed entry", "", "foo unix - - - - - smtp\n  smtps inet n - n - - smtpd\n",
		[]string{
			`swallowed-entry master.cf:2:3 given to smtp of line 1 as arguments, and there is no service "smtps inet" => remove the blanks before smtps`,
		},
	},
	{
		"options of a commented entry", "", "foo unix - - - - - smtp\n#sup inet n - n - - smtpd\n#sub inet n - n - - smtpd\n  -v\n  -v\n",
		[]string{`commented-entry master.cf:4:3 continues the entry "foo unix" of line 1, not with "sub inet" => # before this line`},
	},
	{
		"a dash as name", "", "- unix - - - - - smtp\n",
		[]string{`dash-name master.cf:1:1 a service with the name "-" => name of the service`},
	},
	{
		"numbers that are too large", "", "foo unix - - - 8589934593? 4294967296 smtp\nbaz unix - - - - 4294967297 smtp\n",
		[]string{
			`odd-number master.cf:1:16 "8589934593?" is taken as 1 => from 0 to 2147483647`,
			`useless-wakeup master.cf:1:16 invalid input => -`,
			`odd-number master.cf:1:28 taken as 0, which is no limit => from 0 to 2147483647`,
			`odd-number master.cf:2:18 taken as 1 => from 0 to 2147483647`,
		},
	},
	{
		"numbers that postconf refuses", "", "foo unix - - - - 10x smtp\npickup unix n - n 5m? 1.0 pickup\nbar unix - - - - 0x10 smtp\nbaz unix - - - - 5? smtp\ncleanup unix n - - - 0 cleanup\n" + queue,
		[]string{
			`postfix-refuses master.cf:1:18 "postfix start", "stop", "reload" and "status" all end with "postconf: fatal: invalid process_limit field "10x"", although the master takes it as 10 => number alone`,
			`postfix-refuses master.cf:2:19 invalid wakeup field "5m?"", although the master takes it as 5 => write 300?: the column holds seconds`,
			`postfix-refuses master.cf:2:23 invalid process_limit field "1.0"", although the master takes it as 1 => number alone`,
			`postfix-refuses master.cf:3:18 although the master takes it as 0 => number alone`,
			`postfix-refuses master.cf:4:18 although the master takes it as 5 => number alone`,
		},
	},
	{
		"what postconf refuses of entries that are switched off", "master_service_disable = x/unix bad/tcp\n", "x unix Y - - 60 9x nosuch a b\nbad tcp a\n" + quiet + "x unix\n",
		[]string{
			`postfix-refuses master.cf:1:8 invalid private field "Y"", although the entry is switched off => y, n or -`,
			`postfix-refuses master.cf:1:17 invalid process_limit field "9x"", although the entry is switched off => number alone`,
			`postfix-refuses master.cf:2:10 line 2: bad field count", although the entry is switched off => eight columns`,
			`postfix-refuses master.cf:4:7 line 4: bad field count", although the entry is switched off => eight columns`,
		},
	},
	{
		"braces in columns, where postconf knows them", "", "{x unix - - - - - smtp\na{ unix - - - - - smtp } b c d e f g h\nb unix - - - - - smtp\n  -v }\n",
		[]string{
			`postfix-refuses master.cf:1:23 line 1: bad field count": it reads text in braces as one word in the columns too => take the braces out`,
			`stray-argument master.cf:2:24 "}" => remove`,
			`postfix-refuses master.cf:2:26 invalid type field "b"": it reads text in braces => take the braces out`,
			`stray-argument master.cf:4:6 "}" => remove`,
		},
	},
	{
		"ports that are none", "", "70000 inet n - - - - echo\n127.0.0.1:65537 inet n - - - - echo\n0 inet n - - - - echo\n",
		[]string{
			"port-range master.cf:1:1 no port 70000: the service listens on port 4464 => 1 to 65535",
			"unknown-command master.cf:1:22 no program /d/echo => daemon directory",
			"port-range master.cf:2:11 no port 65537: the service listens on port 1 => 1 to 65535",
			"unknown-command master.cf:2:32 no program => daemon directory",
			"port-zero master.cf:3:1 no client can know it => 1 to 65535",
			"unknown-command master.cf:3:18 no program => daemon directory",
		},
	},
	{
		"one address twice", "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n", "25 inet n - - - - smtpd\nlocalhost:smtp inet n - - - - smtpd\n" + system,
		[]string{"same-address master.cf:2:1 the service of line 1 has the address 127.0.0.1:25 too => another address or port"},
	},
	{
		"all addresses and one of them", "", "127.0.0.1:25 inet n - - - - smtpd\n[::1]:smtp inet n - - - - smtpd\n25 inet n - - - - smtpd\n" + system,
		[]string{
			`covered-address master.cf:1:1 "25" of line 3 listens on port 25 of all addresses; clients of 127.0.0.1 come here => another port`,
			`covered-address master.cf:2:1 clients of ::1 come here => another port`,
		},
	},
	{
		"an address of nobody here", "", "198.51.100.7:25 inet n - - - - smtpd\naway.example:26 inet n - - - - smtpd\ninner.example:27 inet n - - - - smtpd\n127.0.0.9:28 inet n - - - - smtpd\n" + system,
		[]string{
			"foreign-address master.cf:1:1 no interface that is up has the address 198.51.100.7 => of this machine",
			"foreign-address master.cf:2:1 198.51.100.7 => of this machine",
		},
	},
	{
		"one path twice", "", "foo unix - - - - - smtp\nfoo pass - - - - - smtpd\n" + system,
		[]string{`same-path master.cf:2:1 "foo unix" of line 1 has the same path private/foo => another name`},
	},
	{
		"a path that is too long", "", strings.Repeat("x", 100) + " unix - - - - - smtp\n",
		[]string{"long-path master.cf:1:1 too long for a socket => at most 99 characters"},
	},
	{
		"columns out of step", "", "foo unix - - n - 10 -v smtp\nbar unix - - - - - 10 smtp\n",
		[]string{
			`shifted-columns master.cf:1:21 holds "-v" => eight columns`,
			`shifted-columns master.cf:2:20 holds "10" => eight columns`,
		},
	},
	{
		"programs that are not there", "", "a1 unix - - - - - smptd\na2 unix - - - - - /usr/bin/x\na3 unix - - - - - $x\na4 unix - - - - - folder\na5 unix - - - - - text\na6 unix - - - - - hidden\n",
		[]string{
			"unknown-command master.cf:1:19 no program /d/smptd => did you mean smtpd?",
			"unknown-command master.cf:2:19 no program /d//usr/bin/x => begins at the daemon directory",
			"unknown-command master.cf:3:19 no program /d/$x => macros are not expanded",
			"not-a-program master.cf:4:19 not a file that can be run => daemon directory",
			"not-executable master.cf:5:19 is not executable => chmod 755 /d/text",
		},
	},
	{
		"limits", "", "a unix - - - - - tlsmgr\nb unix n - - - 5 cleanup\nc unix - - - - 0 anvil\nd unix - - - - 0 bounce\ncleanup unix n - - - 0 cleanup\n" + queue,
		[]string{
			"wrong-limit master.cf:1:16 tlsmgr refuses to start with a process limit other than 1; here it is 100 => write 1",
			"wrong-limit master.cf:2:16 cleanup refuses to start with a process limit; here it is 5 => write 0",
			"wrong-limit master.cf:3:16 here it is 0 => write 1",
		},
	},
	{
		"privileges", "", "local unix - - y - - local\nvirtual unix - y n - - virtual\nspawn unix - n n - - spawn user=x argv=/bin/x\n",
		[]string{
			"needs-privileges master.cf:1:14 local refuses to start without privileges => write n",
			"cannot-chroot master.cf:1:16 local cannot work chrooted => write n",
			"needs-privileges master.cf:2:16 virtual refuses => write n",
		},
	},
	{
		"chroot by default", "compatibility_level = 0\n", "virtual unix - n - - - virtual\n",
		[]string{"cannot-chroot master.cf:1:18 virtual cannot work chrooted => write n"},
	},
	{
		"wakeups", "", "pickup unix n - - - 1 pickup\nflush unix n - - 0 0 flush\nsmtp unix - - - 60 - smtp\ncleanup unix n - - - 0 cleanup\n" + queue,
		[]string{
			"missing-wakeup master.cf:1:19 pickup needs a periodic wakeup => write 60",
			"missing-wakeup master.cf:2:18 flush needs a periodic wakeup => write 1000?",
			"useless-wakeup master.cf:3:17 smtp treats each wakeup as a client => write -",
		},
	},
	{
		"clients look elsewhere", "", "showq unix - - - - - showq\nverify unix n - - - 1 verify\n",
		[]string{
			"wrong-privacy master.cf:1:12 the clients of showq look for it in public/ alone => write n",
			"wrong-privacy master.cf:2:13 in private/ alone => write y",
		},
	},
	{
		"a service that is missing", "virtual_transport = dovecot\ndefault_transport = smtp:\n", "25 inet n - - - - smtpd\nsmtp unix - - - - - smtp\n",
		[]string{
			`missing-service main.cf:1:21 virtual_transport hands mail to the service "dovecot unix" => add an entry for dovecot`,
			`missing-service master.cf:1:19 smtpd needs the service "cleanup unix", which master.cf does not have: no mail => add the line to master.cf: cleanup unix n - y - 0 cleanup`,
			`missing-service master.cf:1:19 smtpd needs the service "rewrite unix" => rewrite unix - - y - - trivial-rewrite`,
			`missing-service master.cf:1:19 smtpd needs the service "anvil unix" => anvil unix - - y - 1 anvil`,
			`missing-service master.cf:1:19 smtpd needs the service "proxymap unix" => proxymap unix - - n - - proxymap`,
		},
	},
	{
		"a service for few", "", strings.Replace("25 inet n - - - - smtpd\n"+system, "trace", "track", 1),
		[]string{`missing-helper master.cf:3:23 qmgr needs the service "trace unix" => trace unix - - y - 0 bounce`},
	},
	{
		"postscreen alone", "postscreen_dnsbl_sites = a.example\n", "25 inet n - - - 1 postscreen\n",
		[]string{
			`missing-service main.cf:1:26 postscreen_dnsbl_sites = a.example needs the service "dnsblog unix" => dnsblog unix - - y - 0 dnsblog`,
			`missing-service master.cf:1:19 needs the service "smtpd pass" => smtpd pass - - y - - smtpd`,
		},
	},
	{
		"a filter that is missing, and one of another cleanup", "", "25 inet n - - - - smtpd\n  -o content_filter=scan:[127.0.0.1]:10024\n  -o cleanup_service_name=early\n" + system,
		[]string{
			`missing-service master.cf:1:19 needs the service "early unix" => early unix n - y - 0 cleanup`,
			`missing-service master.cf:2:6 content_filter hands mail to the service "scan unix" => add an entry for scan`,
		},
	},
	{
		"a service that is switched off", "master_service_disable = rewrite/unix, lmtp/unix\nmailbox_transport = lmtp:unix:private/x\n", "25 inet n - - - - smtpd\nlmtp unix - - - - - lmtp\n" + system,
		[]string{
			`disabled-service main.cf:1:26 "rewrite unix" is switched off, but smtpd of line 1 in master.cf needs it => master_service_disable`,
			`disabled-service main.cf:2:21 "lmtp unix", which is switched off => master_service_disable`,
		},
	},
	{
		"a delivery service of others in public", "virtual_transport = dovecot\n", "dovecot unix n n n - - deliver\n",
		[]string{
			"wrong-privacy master.cf:1:14 looks for it in private/ alone => write y",
			"unknown-command master.cf:1:24 no program => daemon directory",
		},
	},
	{
		"overrides", "", "a unix - - - - - smtp -o max_use = 3\nb unix - - - - - smtp -o max_use= 3\nc unix - - - - - smtp -o\nd unix - - - - - smtp -o =3\ne unix - - - - - error -o max_use =3\n",
		[]string{
			"override-syntax master.cf:1:26 -o max_use lacks its value (a blank beside the = parts them): smtp refuses to start => -o { name = value }",
			`stray-argument master.cf:2:35 "3" is no option: smtp refuses to start => write -o { max_use = value with blanks }`,
			"override-syntax master.cf:3:23 lacks its name=value => -o name=value",
			"override-syntax master.cf:4:26 lacks the name => -o name=value",
			"override-syntax master.cf:5:27 lacks its value => -o name=value",
		},
	},
	{
		"arguments", "", "a unix - - - - - error # the errors\nb unix - - - - - error -o max_use=1, 2\nc unix - - - - - error -v -o {max_use=3} -D\n",
		[]string{
			`stray-argument master.cf:1:24 "#" is no option => begin with #`,
			`stray-argument master.cf:2:38 "2" is no option => -o { max_use = value with blanks }`,
		},
	},
	{
		"overrides that servers do not take", "", "a unix - - - - - smtp -o{ max_use=3 }\nb unix - - - - - smtp -o { max use = 3 }\nc unix - - - - - smtp --o max_use=3\n" +
			"d unix - - - - - smtp -x\ne unix - - - - - smtp -v -m\nf unix - - - - - smtp flags=D -o max_use=3\ng unix - - - - - lmtp flags=Q\n",
		[]string{
			"override-syntax master.cf:1:25 a { directly after -o is part of the name: smtp refuses to start => blank between -o and {",
			`override-syntax master.cf:2:28 "max use" is not a parameter name: it contains a blank: smtp refuses to start => -o { name = value }`,
			`unknown-option master.cf:3:23 not "--o": smtp refuses to start => -o name=value`,
			`unknown-option master.cf:4:23 there is no option "-x": smtp refuses to start => remove it`,
			"override-syntax master.cf:5:26 -m lacks its value: smtp refuses to start => after it",
			`stray-argument master.cf:6:31 "-o" is no option => write the options before flags=D`,
			`stray-argument master.cf:7:23 "flags=Q" => the letters D, O, R and X`,
		},
	},
	{
		"names with bytes that names do not have", "$max_use = 3\n\"max_idle\" = 4\n", "a unix - - - - - smtp -o{max_use=3}\nb unix - - - - - smtp -o 'max_use=3'\n",
		[]string{
			"odd-name main.cf:1:1 no parameter \"$max_use\" => without the $",
			"odd-name main.cf:2:1 no parameter => without the \"",
			"odd-name master.cf:1:25 no parameter \"{max_use\" => without the {",
			"odd-name master.cf:2:26 no parameter \"'max_use\" => without the '",
		},
	},
	{
		"overrides with broken macros", "", "a unix - - - - - smtp -o smtp_helo_name=$(x\n  -o {smtp_bind_address = $(x} -o x=$(y\n",
		[]string{
			`broken-macro master.cf:1:41 smtp_helo_name cannot be expanded, and "postfix start" and programs => close the macro`,
			"broken-macro master.cf:2:26 smtp_bind_address cannot be expanded => close the macro",
		},
	},
	{
		"override of a misspelt parameter", "", "a unix - - - - - smtp -o smtp_helo_nmae=x\n  -o {smtp_tls_loglevle = $myhostnmae}\n  -osmtp_bind_adress=1\n",
		[]string{
			`misspelt-override master.cf:1:26 no parameter "smtp_helo_nmae" => smtp_helo_name`,
			`misspelt-override master.cf:2:7 no parameter "smtp_tls_loglevle" => smtp_tls_loglevel`,
			"misspelt-reference master.cf:2:28 $myhostnmae expands to nothing => $myhostname",
			`misspelt-override master.cf:3:5 no parameter "smtp_bind_adress" => smtp_bind_address`,
		},
	},
	{
		"override twice", "", "a unix - - - - - smtp -o max_use=3\n  -o max_use=4\n",
		[]string{"repeated-override master.cf:2:6 -o max_use is given twice => of line 1"},
	},
	{
		"programs without what they run", "", "a unix - n n - - spawn argv=/bin/x\nb unix - n n - - pipe flags=R user=x\nc unix - n n - - pipe {user=x} argv=/bin/x\n",
		[]string{
			"missing-attribute master.cf:1:18 spawn needs user= => user=ACCOUNT",
			"missing-attribute master.cf:2:18 pipe needs argv= => argv=PROGRAM",
		},
	},
	{
		"a proxymap of another name", "", "proxywrite unix - - n - 1 proxymap\nproxyrite unix - - n - 1 proxymap\nmine unix - - n - - proxymap -o proxymap_service_name=mine\n",
		[]string{"wrong-name master.cf:2:1 under another name than proxymap or proxywrite => one of these"},
	},
	{
		"an open brace", "", "a unix - n n - - pipe user=x argv=/bin/x ${recipient {a\n  b\n",
		[]string{"unclosed-brace master.cf:1:43 nothing closes this brace => close the brace"},
	},
	{
		"no daemon directory", "daemon_directory = /nowhere\n", "foo unix - - - - - smtp\nbar unix - - - - - smtp\n",
		[]string{"daemon-directory main.cf:1:20 daemon_directory = /nowhere is not a directory => such as smtpd"},
	},
	{
		"no queue directory and no data directory", "data_directory = /nowhere/data\nqueue_directory = /nowhere\n", "",
		[]string{
			"data-directory main.cf:1:18 data_directory = /nowhere/data is not a directory: the master cannot make its lock file there => give it to mail_owner",
			"queue-directory main.cf:2:19 queue_directory = /nowhere is not a directory: the master does not start => create the directory",
		},
	},
	{
		"a queue without the directory of the lock", "queue_directory = /unmade\n", "",
		[]string{"queue-directory main.cf:1:19 /unmade/pid is not a directory: the master cannot make its lock file there => postfix check"},
	},
	{
		"no entry", "", "# all of them are gone\n",
		[]string{"no-services master.cf:0:0 master.cf has no entry: no service is started, and a reload stops all => restore the saved file"},
	},
	{
		"Postfix's own programs that are not there", "daemon_directory = /bare\n", "a unix - - - - - error\nb unix - - - - - eror\nc unix - - - - - discrd\nd unix - - - - - smtp\n",
		[]string{
			"unknown-command master.cf:1:18 no program /bare/error => write the name of a program in the daemon directory, or put",
			"unknown-command master.cf:2:18 no program /bare/eror => write the name of a program in the daemon directory, or put",
			"unknown-command master.cf:3:18 no program /bare/discrd => did you mean discard?",
		},
	},
	{
		"an override for the server of that name", "", "a unix - - - - 0 tlsproxy\nb unix - - - - - smtp\nc unix - - - - - error -o smtp_tls_security_level=none\n",
		[]string{"unread-override master.cf:3:27 error never reads smtp_tls_security_level => if it is meant for smtp, put it"},
	},
	{
		"values that servers refuse", "smtpd_helo_required = true\nsmtpd_recipient_limit = 1k\nmaximal_queue_lifetime = 5 d\nsmtp_connect_timeout = \nsmtpd_proxy_timeout = 5x\nsmtpd_delay_reject = on\n" +
			"smtpd_forbid_bare_newline = normalize\nlmtp_connect_timeout = x\nlocal_destination_concurrency_limit = x\nsmtpd_soft_error_limit = $my_limit\nmy_limit = 10/m\nsmtpd_policy_service_timeout = +5min\n",
		"25 inet n - - - - smtpd\n  -o smtpd_delay_reject=yes -o { smtpd_peername_lookup = Yes }\n26 inet n - - - - smtpd\n  -o smtpd_delay_reject=no -o { smtpd_peername_lookup = \n  1 } -o smtp_helo_timeout=x\n" + system,
		[]string{
			"bad-value main.cf:1:23 smtpd refuses to start: bad boolean configuration: smtpd_helo_required = true => yes or no",
			"bad-value main.cf:2:25 smtpd refuses to start: bad numerical configuration: smtpd_recipient_limit = 1k => a decimal number",
			"bad-value main.cf:3:26 qmgr refuses to start: parameter maximal_queue_lifetime: bad time value or unit: 5 d => without a blank",
			"bad-value main.cf:4:24 smtp refuses to start: parameter smtp_connect_timeout: bad time value or unit:  => one of the units",
			"bad-value main.cf:5:23 smtpd refuses to start: parameter smtpd_proxy_timeout: bad time value or unit: 5x => one of the units",
			"bad-value main.cf:10:26 smtpd refuses to start: bad numerical configuration: smtpd_soft_error_limit = 10/m => a decimal number",
			"bad-value master.cf:5:3 smtpd refuses to start: bad boolean configuration: smtpd_peername_lookup = 1 => yes or no",
			"unread-override master.cf:5:10 smtpd never reads smtp_helo_timeout => for smtp",
		},
	},
	{
		"words that servers do not take", "smtpd_tls_security_level = on\nsmtp_tls_security_level = DANE\nlmtp_tls_security_level = maybe\nsmtp_dns_support_level =\n" +
			"mynetworks = 127.0.0.0/8 [::1]/128,!2001:db8::/32 hash:/x\n  ::1 pcre:/::/0 $x\nx = y\n",
		"25 inet n - - - - smtpd\n  -o { smtpd_client_event_limit_exceptions = $mynetworks fe80::1 }\nb unix - - - - - smtp -o smtp_tls_security_level=half\ntlsmgr unix - - - - 1 tlsmgr\n" + system,
		[]string{
			`bad-value main.cf:1:28 smtpd refuses to start: it takes no "on" in smtpd_tls_security_level => write one of none, may, encrypt, fingerprint, verify, secure`,
			`bad-value main.cf:5:36 "!2001:db8::/32" in mynetworks is read as a lookup table, not as an address: mail is refused => write [2001:db8::]/32`,
			`bad-value main.cf:6:3 "::1" in mynetworks is read as a lookup table => write [::1]`,
			`bad-value master.cf:2:58 "fe80::1" in smtpd_client_event_limit_exceptions is read as a lookup table => write [fe80::1]`,
			`bad-value master.cf:3:50 smtp refuses to start: it takes no "half" in smtp_tls_security_level => none, may`,
		},
	},
	{
		"misspelt restrictions", "smtpd_restriction_classes = permits, mine\nmine = reject_unauth_pipelning\nother = permit_mynetwork\nsmtpd_recipient_restrictions = permits Permit_MyNetworks,permit_mynetwork\n" +
			"  check_client_acces hash:/rejct, check_policy_service { inet:rejct, default_action=dunno } sleep 5 rejectt reject_something_else $rejct\n",
		"25 inet n - - - - smtpd\n  -o { smtpd_relay_restrictions = permit_mynetworks, rejct } -o smtpd_sender_restrictions=mine,defr\nb unix - - - - - smtp\n" + system,
		[]string{
			"misspelt-restriction main.cf:2:8 no restriction reject_unauth_pipelning => did you mean reject_unauth_pipelining?",
			"misspelt-restriction main.cf:4:58 no restriction permit_mynetwork, and \"451 4.3.5 Server => did you mean permit_mynetworks?",
			"misspelt-restriction main.cf:5:3 no restriction check_client_acces => did you mean check_client_access?",
			"misspelt-restriction main.cf:5:101 no restriction rejectt => did you mean reject?",
			"misspelt-restriction master.cf:2:54 no restriction rejct => did you mean reject?",
		},
	},
	{
		"a daemon directory of other programs", "daemon_directory = /void\n", "a unix - - - - - error\nb unix - - - - - deliver\nc unix - - - - - error\n",
		[]string{"daemon-directory main.cf:1:20 daemon_directory = /void has none of the programs that master.cf names => such as smtpd"},
	},
	{
		"overrides that nobody reads", "", "a unix - - - - - smtp\n  -o smtpd_banner=x\n  -o { header_checks = static:x } -o a_destination_concurrency_limit=3\n  -o smtp_destination_recipient_limit=1 -osendmail_path=x\n" + system,
		[]string{
			"unread-override master.cf:2:6 smtp never reads smtpd_banner: the override has no effect => remove it",
			"unread-override master.cf:3:8 smtp never reads header_checks => if it is meant for cleanup, put it on an entry of that server",
			"unread-override master.cf:3:38 smtp never reads a_destination_concurrency_limit => write it into main.cf, where the queue manager",
			"unread-override master.cf:4:6 smtp never reads smtp_destination_recipient_limit => write it into main.cf",
			"unread-override master.cf:4:43 smtp never reads sendmail_path => remove it",
		},
	},
	{
		"a log file in no directory", "maillog_file = /var/nolog/mail.log\n", quiet + "postlog unix-dgram n - - - 1 postlogd\n",
		[]string{"log-file main.cf:1:16 /var/nolog is not a directory: nothing is logged => create the directory"},
	},
	{
		"a journal in no directory", "master_journal_file = /var/nolog/master.trace\n", quiet,
		[]string{
			"own-parameter main.cf:1:1 postconf and => move the line",
			"journal-file main.cf:1:23 /var/nolog is not a directory: no steps are recorded => create the directory and give it to mail_owner",
		},
	},
	{
		"a journal that is a directory", "master_journal_file = /var/log\n", quiet,
		[]string{
			"own-parameter main.cf:1:1 postconf and => move the line",
			"journal-file main.cf:1:23 master_journal_file = /var/log is a directory => name a file",
		},
	},
	{
		"a log file that is a directory", "maillog_file = /var/log\n", quiet + "postlog unix-dgram n - - - 1 postlogd\n",
		[]string{"log-file main.cf:1:16 maillog_file = /var/log is a directory => name a file"},
	},
	{
		"ports that others have", "inet_interfaces = 127.0.0.1\n", "3001 inet n - - - - smtpd\n[::1]:3002 inet n - - - - smtpd\n127.0.0.1:3003 inet n - - - - smtpd\n127.0.0.1:3004 inet n - - - - smtpd\n25 inet n - - - - smtpd\n" + system,
		[]string{
			"port-taken master.cf:1:1 the address 127.0.0.1:3001 is taken: exim4 (process 7) listens on 0.0.0.0:3001 => stop the other program",
			"port-taken master.cf:2:1 the address [::1]:3002 is taken: somebody listens on [::1]:3002 => another address",
			"port-taken master.cf:3:1 somebody listens on [::]:3003 => another",
		},
	},
	{
		"programs that cannot be run", "daemon_directory = /odd\n", "a unix - - - - - empty\nb unix - - - - - arm\nc unix - - - - - noise\nd unix - - - - - plain\ne unix - - - - - crlf\nf unix - - - - - lost\ng unix - - - - - loader\nh unix - - - - - byname\ni unix - - - - - words\nj unix - - - - - smtp\nk unix - - - - - closed\nl unix - - - - - arm2\nm unix - - - - - loader2\n",
		[]string{
			"broken-program master.cf:1:18 /odd/empty is empty => install the program again",
			"broken-program master.cf:2:18 /odd/arm is a program for arm64, which this machine cannot run: every start of the service fails => for this machine; only the first",
			"broken-program master.cf:3:18 /odd/noise is neither a program of this system nor a script => again",
			"no-interpreter master.cf:4:18 /odd/plain does not begin with #!, so /bin/sh runs it => #!/bin/sh",
			"missing-interpreter master.cf:5:18 the first line of /odd/crlf ends in CR LF => sed",
			"missing-interpreter master.cf:6:18 the interpreter /odd/nowhere of /odd/lost is not there => another one in the first line",
			"missing-interpreter master.cf:7:18 the loader /odd/nowhere of /odd/loader is not there => for this system; only the first",
			`missing-interpreter master.cf:8:18 /odd/byname is to be run by "python9", which is not in PATH (/usr/bin:/bin): every => add PATH=... to import_environment`,
			`missing-interpreter master.cf:9:18 /odd/words is to be run by "perl -T" => write /usr/bin/env -S perl -T`,
			"missing-interpreter master.cf:11:18 the interpreter /odd/text of /odd/closed cannot be run => another one",
		},
	},
	{
		"programs of other servers", "virtual_transport = a\n", "a unix - n n - - pipe user=nobody argv=/odd/nowhere x\nb unix - n n - - pipe user=nobody argv=/odd/nowhere\nc unix - n n - - pipe flags=R user=nobody argv=/odd/own -x\nd unix - n n - - spawn user=nobody argv=/odd/deep/x\ne unix - n n - - spawn user=nobody:staff argv=lost9 a\nf unix - n n - - pipe user=nobody:staff argv=/odd/group\ng unix - n n - - pipe user=nobody argv=/odd\nh unix - n n - - pipe user=nobody argv=/odd/text\ni unix - n n - - pipe user=nobody argv=/odd/link\nlocal unix - n n - - local\n  -o mailbox_transport=e\n",
		[]string{
			"unknown-command master.cf:1:35 no program /odd/nowhere: the service a does not work => install it",
			"not-executable master.cf:3:43 the user nobody may not execute /odd/own: the service c => chmod 755 /odd/own",
			"not-executable master.cf:4:36 the user nobody may not search the directory /odd/deep of /odd/deep/x => chmod o+x /odd/deep",
			"unknown-command master.cf:5:42 no program lost9: the service e does not work => install it",
			"not-a-program master.cf:7:35 /odd is not a file that can be run => path of a program",
			"not-executable master.cf:8:35 /odd/text is not executable by any user => chmod 755",
			"not-executable master.cf:9:35 the user nobody may not search the directory /odd/deep of /odd/deep/x => elsewhere",
		},
	},
	{
		"accounts as which nothing is run", "virtual_transport = b\n", "a unix - n n - - spawn user=ghost argv=/bin/x\nb unix - n n - - pipe user=1000 argv=/bin/x\nc unix - n n - - pipe user=ghost argv=/bin/x\n" +
			"d unix - n n - - pipe user=toor argv=/bin/x\ne unix - n n - - spawn {user=root} argv=/bin/x\nf unix - n n - - pipe user=other argv=/bin/x\ng unix - n n - - spawn user= argv=/bin/x\n" +
			"h unix - n n - - spawn user=nobody:ghosts argv=/bin/x\ni unix - n n - - pipe user=nobody:root argv=/bin/x\nj unix - n n - - pipe USER=clerk argv=/bin/x\nk unix - n n - - pipe user=nobody:postdrop argv=/bin/x\n" +
			"l unix - n n - - spawn user=nobody:postdrop argv=/bin/x\nm unix - n n - - pipe user=clerk:staff argv=/bin/x\nn unix - n n - - pipe user=unseen:unseen argv=/bin/x\n",
		[]string{
			"bad-attribute master.cf:1:29 there is no user ghost: spawn refuses to start => create it",
			"bad-attribute master.cf:2:28 there is no user 1000: pipe refuses to start => a number is read as a name",
			"bad-attribute master.cf:4:28 the user toor has the rights of root: pipe refuses to start => an account of its own",
			"bad-attribute master.cf:5:30 the user root has the rights of root: spawn refuses to start => an account of its own",
			"bad-attribute master.cf:6:28 the user other is the owner of the mail system: pipe refuses to start => an account of its own",
			"bad-attribute master.cf:7:29 user= lacks the name of an account: spawn refuses to start => user=ACCOUNT",
			"bad-attribute master.cf:8:36 there is no group ghosts: spawn refuses to start => create it",
			"bad-attribute master.cf:9:35 the group root is that of root: pipe refuses to start => user=ACCOUNT:GROUP",
			"bad-attribute master.cf:10:28 the group of clerk is that of the mail system: pipe refuses to start => user=ACCOUNT:GROUP",
			"bad-attribute master.cf:11:35 the group postdrop is that of setgid_group: pipe refuses to start => user=ACCOUNT:GROUP",
		},
	},
	{
		"attributes that nobody knows", "", "a unix - n n - - pipe flags=RZ user=nobody argv=/bin/x size=x\nb unix - n n - - pipe user=nobody size=1x argv=/bin/x\nc unix - n n - - pipe user=nobody command=/bin/x\n" +
			"d unix - n n - - spawn flags=R user=nobody argv=/bin/x\ne unix - n n - - spawn user=nobody -v argv=/bin/x\nf unix - n n - - pipe user = nobody argv=/bin/x\ng unix - n n - - pipe {user = nobody} argv=/bin/x\n" +
			"h unix - n n - - pipe -v -o x=y Flags=BDFORXhqu.> Size= EOL=\\r directory=/ chroot=/ null_sender= user=nobody argv=/bin/x\ni unix - n n - - spawn user=nobody # argv=/bin/x\n",
		[]string{
			`bad-attribute master.cf:1:29 the flag "Z" is none of pipe: it refuses to start => BDFORXhqu.>`,
			`bad-attribute master.cf:2:40 "1x" is not a size: pipe refuses to start => a number of bytes`,
			`bad-attribute master.cf:3:35 "command=/bin/x" is no attribute of pipe: it refuses to start => null_sender= size= argv=`,
			`bad-attribute master.cf:4:24 "flags=R" is no attribute of spawn: it refuses to start => user= argv=`,
			`bad-attribute master.cf:5:36 "-v" is no attribute of spawn: it refuses to start => before user=nobody`,
			`bad-attribute master.cf:6:23 "user" is no attribute of pipe: it refuses to start => without blanks around the =`,
			`bad-attribute master.cf:7:23 "user = nobody" is no attribute of pipe: it refuses to start => without blanks around the =`,
			`bad-attribute master.cf:9:36 "#" is no attribute of spawn: it refuses to start => lines of their own`,
		},
	},
	{
		"levels by accident", "compatibility_level = +3. 6\n", "",
		[]string{`odd-level main.cf:1:23 "+3. 6" is accepted as a level => 3.6`},
	},
	{
		"lines that have lost their indentation, of which config says all", "", quiet + "-o -o -o -o -o -o -o -o\nuser=x\nbar unix - n n - - pipe\nuser=x\nargv=y\n",
		nil,
	},
	{
		"good entries beside broken ones", "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n", "foo unix x - - - - smtp\n25 inet n - - - - smtpd\n127.0.0.1:25 inet n - - - - smtpd\nbar tcp\n" + system,
		[]string{"same-address master.cf:3:1 the service of line 2 => another address"},
	},
}

// system has the services that the others need, and queue those of the queue.
const (
	system = "cleanup unix n - - - 0 cleanup\n" + queue + "anvil unix - - - - 1 anvil\nproxymap unix - - n - - proxymap\n"
	queue  = "qmgr unix n - - 300 1 qmgr\nrewrite unix - - - - - trivial-rewrite\nbounce unix - - - - 0 bounce\ndefer unix - - - - 0 bounce\ntrace unix - - - - 0 bounce\nsmtp unix - - - - - smtp -o smtp_connection_cache_on_demand=no\n"
)

// programs that some of the cases have.
var odd = map[string]config.Program{
	"/d/folder": {Exists: true, Directory: true, Executable: true},
	"/d/text":   {Exists: true, Regular: true},
	"/d/hidden": {Unknown: true},
	"/nowhere":  {},

	"/nowhere/data": {},
	"/unmade/pid":   {},
	"/bare/error":   {},
	"/void/error":   {},
	"/var/nolog":    {},

	"/odd":             {Exists: true, Directory: true, Executable: true, Mode: 0o755},
	"/odd/empty":       {Exists: true, Regular: true, Executable: true, Format: config.EmptyFile},
	"/odd/arm":         {Exists: true, Regular: true, Executable: true, Format: config.ELF, Machine: "arm64"},
	"/odd/noise":       {Exists: true, Regular: true, Executable: true, Format: config.OtherData},
	"/odd/plain":       {Exists: true, Regular: true, Executable: true, Format: config.PlainText},
	"/odd/crlf":        {Exists: true, Regular: true, Executable: true, Format: config.Script, Interpreter: "/bin/sh", CR: true},
	"/odd/lost":        {Exists: true, Regular: true, Executable: true, Format: config.Script, Interpreter: "/odd/nowhere"},
	"/odd/loader":      {Exists: true, Regular: true, Executable: true, Format: config.ELF, Interpreter: "/odd/nowhere"},
	"/odd/byname":      {Exists: true, Regular: true, Executable: true, Format: config.Script, Interpreter: "/usr/bin/env", Argument: "python9"},
	"/odd/words":       {Exists: true, Regular: true, Executable: true, Format: config.Script, Interpreter: "/usr/bin/env", Argument: "perl -T"},
	"/odd/arm2":        {Exists: true, Regular: true, Executable: true, Format: config.ELF, Machine: "arm64"},
	"/odd/loader2":     {Exists: true, Regular: true, Executable: true, Format: config.ELF, Interpreter: "/odd/nowhere"},
	"/odd/closed":      {Exists: true, Regular: true, Executable: true, Format: config.Script, Interpreter: "/odd/text"},
	"/odd/text":        {Exists: true, Regular: true, Mode: 0o644},
	"/odd/own":         {Exists: true, Regular: true, Executable: true, Mode: 0o750},
	"/odd/group":       {Exists: true, Regular: true, Executable: true, Mode: 0o750, GID: 50},
	"/odd/link":        {Exists: true, Regular: true, Executable: true, Mode: 0o755, Target: "/odd/deep/x"},
	"/odd/deep":        {Exists: true, Directory: true, Executable: true, Mode: 0o700},
	"/odd/nowhere":     {},
	"/usr/bin/python9": {}, "/bin/python9": {}, "/usr/bin/lost9": {}, "/bin/lost9": {}, "/usr/bin/perl -T": {}, "/bin/perl -T": {},

	"/var/log": {Exists: true, Directory: true},
}

// quiet is an entry about which there is nothing to say.
const quiet = "foo unix - - - - - smtp\n"

func judge(main, master string) (*in, []Advice) {
	if master == "" {
		master = quiet // the case is about main.cf alone
	}
	if strings.Contains(master, " smtp") && !strings.Contains(master, "scache") {
		master = strings.TrimSuffix(master, "\n") + "\nscache unix - - - - 1 scache\n"
	}
	x := input(mainStart+main, master)
	x.Listeners = listeners
	return x, Check(&x.Input)
}

// listeners are there in every case.
var listeners = []Listener{
	{Address: netip.MustParseAddrPort("0.0.0.0:25"), Holder: "the running master", Own: true},
	{Address: netip.MustParseAddrPort("0.0.0.0:3001"), Holder: "exim4 (process 7)"},
	{Address: netip.MustParseAddrPort("[::1]:3002"), Holder: "somebody"},
	{Address: netip.MustParseAddrPort("[::]:3003"), Holder: "somebody"},
	{Address: netip.MustParseAddrPort("[::]:3004"), IPv6Only: true, Holder: "somebody"},
	{Address: netip.MustParseAddrPort("127.0.0.2:3004"), Holder: "somebody"},
}

func TestMistakesAreTold(t *testing.T) {
	for _, c := range mistakes {
		t.Run(c.name, func(t *testing.T) {
			_, list := judge(c.main, c.master)
			if len(list) != len(c.want) {
				t.Errorf("%d pieces of advice, want %d", len(list), len(c.want))
			}
			for i, a := range list {
				if i >= len(c.want) || !matches(a, c.want[i]) {
					t.Errorf("got %s", show(list[i : i+1])[0])
				}
				if a.Hint == "" || a.Text == "" || a.File == "" || strings.HasSuffix(a.Text, ".") || strings.Contains(a.Text, "\n") {
					t.Errorf("incomplete: %+v", a)
				}
			}
		})
	}
}

// matches compares an advice with a line of the table.
func matches(a Advice, want string) bool {
	if a.File == "/c/main.cf" {
		a.Line -= mainLines
	}
	head := fmt.Sprintf("%s %s:%d:%d ", a.Code, strings.TrimPrefix(a.File, "/c/"), a.Line, a.Column)
	rest, ok := strings.CutPrefix(want, head)
	text, hint, _ := strings.Cut(rest, " => ")
	return ok && strings.Contains(a.Text, text) && strings.Contains(a.Hint, hint)
}

func TestEveryCodeHasACase(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range mistakes {
		for _, line := range c.want {
			code, _, _ := strings.Cut(line, " ")
			seen[code] = true
		}
	}
	for _, code := range Codes() {
		if !seen[string(code)] {
			t.Errorf("no case for %s", code)
		}
	}
	if !slices.IsSorted(Codes()) || len(seen) != len(Codes()) {
		t.Errorf("codes %q, seen %d", Codes(), len(seen))
	}
}

// What is meant, or may be meant, gets no advice.
func TestWhatMayBeMeantGetsNoAdvice(t *testing.T) {
	for _, c := range []struct{ name, main, master string }{
		{"parameters of one's own", "mua_client_restrictions = permit_sasl_authenticated, reject\nmy_destination = x\nmydestination = $my_destination\n", "25 inet n - - - - smtpd\n  -o smtpd_client_restrictions=$mua_client_restrictions\nlocal unix - n n - - local\n" + system},
		{"a restriction class", "smtpd_restriction_classes = smtpd_recipient_restriction\nsmtpd_recipient_restriction = permit\n", ""},
		{"parameters of services", "maildrop_destination_recipient_limit = 1\nsmpt_destination_concurrency_limit = 2\npolicy-spf_time_limit = 3600\n", ""},
		{"tables in main.cf", "virtual_alias_maps = ldap:accounts\naccounts_server_host = x\naccounts_timeout = 3\n", ""},
		{"macros of other programs", "mailbox_command = /usr/bin/x -a \"$EXTENSION\" $user ${recipient}\nforward_path = $home/.forward${recipient_delimiter}${extension}\ndefault_rbl_reply = $rbl_code $rbl_what blocked using $rbl_domain${rbl_reason?; $rbl_reason}\n", ""},
		{"patterns in values", "header_checks = regexp:{ { /^Subject: # x$$/ REJECT } }\nsmtpd_banner = $myhostname ESMTP # 1\n", ""},
		{"values over several lines", "smtpd_recipient_restrictions =\n    permit_mynetworks,\n#   reject_unknown_client,\n#smtpd_client_restrictions = x\n    reject_unauth_destination\n", ""},
		{"an old entry in a comment", "", "25 inet n - - - - smtpd\n#25 inet n - - - 1 postscreen\n  -o max_use=1\n" + system},
		{"options switched off", "", "25 inet n - - - - smtpd\n  -o max_use=1\n#  -o max_idle=2\n  -v\n" + system},
		{"an entry in a comment after the last option", "", "smtp unix - - - - - smtp\n  -v\n#sub inet n - n - - smtpd\n#  -o x=y\nlmtp unix - - - - - lmtp\n"},
		{"a program of another directory's own kind", "", "policy unix - n n - - spawn\n  user=nobody argv=/usr/bin/policy -o x = y # z {\na unix - n n - - pipe flags=R user=x argv=/bin/x -o a b ${user} {p q}\n"},
		{"arguments of delivery services", "", "a unix - - - - - smtp -o max_use=1 flags=DORX\nb unix - - - - - lmtp -v {flags=D}\nc unix - - - - - lmtp {-v} { -o max_use=2 }\n"},
		{"what is switched off", "master_service_disable = x/unix !y/unix\n", "x unix - - - 60 9 nosuch a b\n"},
		{"a filter before the queue", "", "25 inet n - - - - smtpd -o smtpd_proxy_filter=127.0.0.1:10\nanvil unix - - - - 1 anvil\nproxymap unix - - n - - proxymap\nrewrite unix - - - - - trivial-rewrite\n"},
		{"two services on two loopback addresses", "", "127.0.0.1:25 inet n - - - - smtpd\n127.0.0.2:25 inet n - - - - smtpd\n" + system},
		{"a duplicate, of which config warns", "", "25 inet n - - - - smtpd\nsmtp inet n - - - - smtpd\n" + system},
		{"a transport that a table names", "default_transport = $other_transport\nother_transport = smtp\n", "smtp unix - - - - - smtp\n"},
		{"no interface known", "", "127.0.0.1:1 inet n - - - - smtpd\n" + system},
		{
			"text in other languages", "# \u201cHeading\u201d \u2013 x\nsmtpd_banner = $myhostname ESMTP \u2013 \u201cPost\u201d\u00a0f\u00fcr Alle\nmail_name = Caf\u00e9\u00a0\u2014\u00ab x \u00bb\n" +
				"mydestination = b\u00fccher.example, \u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example\nvirtual_mailbox_base = /srv/Kunden\u2013alt/l\u2019hiver/a\u00a0b\n" +
				"own_note = \u201cx\u201d\nsmtp_helo_name = $own_note\nheader_checks = regexp:{ { /^Subject: \u201ca\u201d/ REJECT l\u2019adresse } }\nundisclosed_recipients_header = To: \u2013\n" +
				"default_rbl_reply = $rbl_code \u2018no\u2019\naliases_password = \u2013a\u201c\nalias_maps = hash:/a \u2013 b\n",
			"x unix - n n - - pipe user=x argv=/bin/echo \u2013x \u201cy\u201d\n25 inet n - - - - smtpd\n  -o { smtpd_banner = $myhostname \u2013x \u201cy\u201d }\n" +
				"  # \u2013o\n  -o syslog_name=postfix/\u043f\u043e\u0447\u0442\u0430\u2013x\nlocal unix - n n - - local\n" + system,
		},
		{"spans of time", "max_idle = 5m\nipc_idle = 7\nsmtp_helo_timeout = ${stress?{10}:{300}}s\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, list := judge(c.main, c.master); len(list) > 0 {
				t.Errorf("advice:\n%s", strings.Join(show(list), "\n"))
			}
		})
	}
}

// Names in macros that mean something to the program which reads the value are
// no misspelt parameters.
func TestNamesOfOtherProgramsGetNoAdvice(t *testing.T) {
	for name := range strings.FieldsSeq(`address client client_address client_helo client_hostname client_name
		client_port client_protocol domain extension helo_name home hostname local localtime mailbox nexthop
		original_recipient process_id process_name queue_id rbl_class rbl_code rbl_domain rbl_reason rbl_txt rbl_what
		recipient recipient_delimiter recipient_domain recipient_name reverse_client_name sasl_method sasl_sender
		sasl_username sender sender_domain sender_name server_name server_port service_name shell size user
		auth_authen auth_author auth_type cert_issuer cert_subject cipher cipher_bits client_connections client_ptr
		client_resolve daemon_addr daemon_name daemon_port mail_addr mail_host mail_mailer rcpt_addr rcpt_host
		rcpt_mailer tls_version envid`) {
		if _, list := judge("luser_relay = $"+name+"@${"+name+"?{x}}\n", ""); len(list) > 0 {
			t.Errorf("advice:\n%s", strings.Join(show(list), "\n"))
		}
	}
}

func TestRefusedParametersStillGetAdvice(t *testing.T) {
	_, list := judge("max_use = x\nmydestinatoin = y\n", "foo unix - - - - - smptd\n25 inet n - - - - smtpd\n25 inet n - - - - smtpd\n"+system)
	if len(list) != 2 || list[0].Code != MisspeltParameter || list[1].Code != UnknownCommand {
		t.Errorf("advice:\n%s", strings.Join(show(list), "\n"))
	}
}

func TestWhatIsNotThereIsLeftOut(t *testing.T) {
	x, all := judge("mydestinatoin = y\r\n", "foo unix - - - - - smptd\r\n")
	if len(all) != 4 {
		t.Fatalf("advice:\n%s", strings.Join(show(all), "\n"))
	}
	for _, c := range []struct {
		name string
		in   Input
		want []Code
	}{
		{"nothing", Input{}, nil},
		{"only main.cf", Input{Main: x.Main, Parameters: x.Parameters}, []Code{MisspeltParameter, CarriageReturn}},
		{"only master.cf", Input{Master: x.Master}, []Code{CarriageReturn}},
		{"nothing looked at", Input{Main: x.Main, Master: x.Master, Parameters: x.Parameters}, []Code{MisspeltParameter, CarriageReturn, CarriageReturn}},
	} {
		var got []Code
		for _, a := range Check(&c.in) {
			got = append(got, a.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if len(Needs(&c.in)) > 0 != (c.in.Parameters != nil && c.in.Master != nil) {
			t.Errorf("%s: needs %q", c.name, Needs(&c.in))
		}
	}
}

// What keeps "postfix start" from starting is an error.
func TestBrokenMacrosAreErrorsWherePostconfExpandsThem(t *testing.T) {
	_, list := judge("smtpd_banner = ${x\nvirtual_maps = ${x\n", "smtp unix - - - - - smtp -o smtp_helo_name=$(x -o x=$(y\n")
	var got []string
	for _, a := range list {
		got = append(got, fmt.Sprint(a.Code, a.Line, a.Severity == core.Error))
	}
	want := []string{fmt.Sprint(BrokenMacro, mainLines+1, true), fmt.Sprint(BrokenMacro, mainLines+2, false), fmt.Sprint(BrokenMacro, 1, true)}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
