package advice

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cut takes entries out of stockMaster, named "name type".
func cut(t *testing.T, names ...string) string {
	t.Helper()
	master := stockMaster
	for _, name := range names {
		line := regexp.MustCompile(`(?m)^` + name + ` .*\n(?: .*\n)*`)
		if !line.MatchString(master) {
			t.Fatalf("no entry %s", name)
		}
		master = line.ReplaceAllString(master, "")
		if name == "scache unix" {
			master += "# no scache\n" // judge must not add it
		}
	}
	return master
}

const (
	certificate = "smtpd_tls_cert_file = /x\n"
	postscreen  = "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n"
	submission  = "submission inet n - n - - smtpd\n"
)

// Each service that something needs is missed when it is not there, with who
// needs it and the line to add.
func TestMissingServicesAreTold(t *testing.T) {
	for _, c := range []struct {
		name, main string
		missing    []string
		more       string
		want       []string
	}{
		{
			"postlog", "maillog_file = /var/log/mail.log\n",
			[]string{"postlog unix-dgram"},
			"",
			[]string{`postfix-refuses main.cf:1:16 maillog_file = /var/log/mail.log needs the service "postlog unix-dgram", which master.cf does not have: "postfix start" ends with "fatal: missing 'postlog' => postlog unix-dgram n - n - 1 postlogd`},
		},
		{
			"postlog of the wrong type", "maillog_file = /dev/stdout\n",
			[]string{"postlog unix-dgram"},
			"postlog unix n - n - 1 postlogd\n",
			[]string{`postfix-refuses main.cf:1:16 has only with the type unix, in line 26: "postfix start" => postlog unix-dgram n - n - 1 postlogd`},
		},
		{
			"postlog of another name", "maillog_file = /var/log/mail.log\npostlog_service_name = mine\n", nil, "",
			[]string{`missing-service main.cf:1:16 needs the service "mine unix-dgram" => mine unix-dgram n - n - 1 postlogd`},
		},
		{
			"postlog that nobody finds", "maillog_file = /var/log/mail.log\n",
			[]string{"postlog unix-dgram"},
			"postlog unix-dgram - - n - 1 postlogd\n",
			[]string{"wrong-privacy master.cf:26:20 does not find this service: what the programs log is lost => write n"},
		},
		{
			"postlog switched off", "maillog_file = /var/log/mail.log\nmaster_service_disable = postlog/unix-dgram\n", nil, "",
			[]string{`disabled-service main.cf:2:26 is switched off, but maillog_file = /var/log/mail.log needs it => master_service_disable`},
		},
		{
			"tlsmgr of smtpd", certificate + "smtpd_tls_security_level = may\n",
			[]string{"tlsmgr unix"},
			"",
			[]string{`missing-service main.cf:2:28 smtpd_tls_security_level = may needs the service "tlsmgr unix" => tlsmgr unix - - y 1000? 1 tlsmgr`},
		},
		{
			"tlsmgr of the older parameters", certificate + "smtpd_use_tls = yes\n",
			[]string{"tlsmgr unix"},
			"",
			[]string{`missing-service main.cf:2:17 smtpd_use_tls = yes needs the service "tlsmgr unix" => tlsmgr`},
		},
		{
			"tlsmgr of one service", certificate,
			[]string{"tlsmgr unix"},
			submission + "  -o smtpd_tls_security_level=encrypt\n",
			[]string{`missing-service master.cf:27:6 smtpd_tls_security_level = encrypt needs the service "tlsmgr unix" => tlsmgr`},
		},
		{
			"tlsmgr of port 465", certificate,
			[]string{"tlsmgr unix"},
			submission + "  -o { smtpd_tls_wrappermode = yes }\n",
			[]string{`missing-service master.cf:27:6 smtpd_tls_wrappermode = yes needs the service "tlsmgr unix" => tlsmgr`},
		},
		{
			"tlsmgr of smtp", "smtp_tls_security_level = dane\n",
			[]string{"tlsmgr unix"},
			"",
			[]string{`missing-service main.cf:1:27 smtp_tls_security_level = dane needs the service "tlsmgr unix" => tlsmgr`},
		},
		{
			"tlsmgr of lmtp", "lmtp_enforce_tls = yes\n",
			[]string{"tlsmgr unix"},
			"",
			[]string{`missing-service main.cf:1:20 lmtp_enforce_tls = yes needs the service "tlsmgr unix" => tlsmgr`},
		},
		{
			"tlsmgr of the wrong type", "smtp_tls_security_level = may\n",
			[]string{"tlsmgr unix"},
			"tlsmgr pass - - n 1000? 1 tlsmgr\n",
			[]string{`missing-service main.cf:1:27 has only with the type pass, in line 26 => tlsmgr unix`},
		},
		{
			"tlsproxy of postscreen", certificate + "smtpd_tls_security_level = may\n",
			[]string{"smtp inet"},
			postscreen,
			[]string{`missing-service main.cf:2:28 smtpd_tls_security_level = may needs the service "tlsproxy unix", which master.cf does not have: clients that must => tlsproxy unix - - y - 0 tlsproxy`},
		},
		{
			"tlsproxy of smtp", "smtp_tls_connection_reuse = yes\n", nil, "",
			[]string{`missing-service main.cf:1:29 smtp_tls_connection_reuse = yes needs the service "tlsproxy unix" => tlsproxy`},
		},
		{
			"verify", "smtpd_recipient_restrictions = permit_mynetworks,\n  reject_unauth_destination, reject_unverified_recipient\n",
			[]string{"verify unix"},
			"",
			[]string{`missing-service main.cf:1:32 smtpd_recipient_restrictions needs the service "verify unix" => verify unix - - y - 1 verify`},
		},
		{
			"verify in a class", "smtpd_restriction_classes = strict\nstrict = reject_unverified_sender\nsmtpd_sender_restrictions = check_sender_access hash:/x\n  strict\n",
			[]string{"verify unix"},
			"",
			[]string{`missing-service main.cf:3:29 smtpd_sender_restrictions = check_sender_access hash:/x  strict needs the service "verify unix" => verify`},
		},
		{
			"anvil", "smtpd_client_connection_rate_limit = 5\nsmtpd_client_connection_count_limit = 0\n",
			[]string{"anvil unix"},
			"",
			[]string{`missing-service main.cf:1:38 smtpd_client_connection_rate_limit = 5 needs the service "anvil unix" => anvil unix - - y - 1 anvil`},
		},
		{
			"proxymap", "virtual_alias_maps = hash:/a, proxy:mysql:/b\nlocal_recipient_maps =\n",
			[]string{"proxymap unix"},
			"",
			[]string{`missing-service main.cf:1:22 virtual_alias_maps = hash:/a, proxy:mysql:/b needs the service "proxymap unix" => proxymap unix - - n - - proxymap`},
		},
		{
			"proxymap through another parameter", "prefix = proxy:pgsql\nsmtpd_sender_restrictions = check_sender_access $prefix:/x\nlocal_recipient_maps =\n",
			[]string{"proxymap unix"},
			"",
			[]string{`missing-service main.cf:2:29 smtpd_sender_restrictions = check_sender_access proxy:pgsql:/x needs the service "proxymap unix" => proxymap`},
		},
		{
			"proxymap by default", "",
			[]string{"proxymap unix"},
			"",
			[]string{`missing-service master.cf:1:21 smtpd needs the service "proxymap unix" => proxymap`},
		},
		{
			"proxywrite", "address_verify_map = proxy:btree:/x\n",
			[]string{"proxywrite unix"},
			"",
			[]string{`missing-service main.cf:1:22 address_verify_map = proxy:btree:/x needs the service "proxywrite unix" => proxywrite unix - - n - 1 proxymap`},
		},
		{
			"error", "virtual_alias_domains = a.example\n",
			[]string{"error unix"},
			"",
			[]string{`missing-service main.cf:1:25 virtual_alias_domains = a.example needs the service "error unix" => error unix - - y - - error`},
		},
		{
			"scache", "smtp_connection_cache_destinations = a.example\n",
			[]string{"scache unix"},
			"",
			[]string{`missing-service main.cf:1:38 needs the service "scache unix" => scache unix - - y - 1 scache`},
		},
		{
			"scache for much mail", "",
			[]string{"scache unix"},
			"",
			[]string{`missing-helper master.cf:14:21 smtp needs the service "scache unix", which master.cf does not have: when several => scache unix - - y - 1 scache`},
		},
		{
			"flush", "relay_domains = a.example\n",
			[]string{"flush unix"},
			"",
			[]string{`missing-helper main.cf:1:17 relay_domains = a.example needs the service "flush unix" => flush unix n - y 1000? 0 flush`},
		},
		{
			"trace", "",
			[]string{"trace unix"},
			"",
			[]string{`missing-helper master.cf:4:23 qmgr needs the service "trace unix" => trace unix - - y - 0 bounce`},
		},
		{
			"local", "mydestination = a.example\n",
			[]string{"local unix"},
			"",
			[]string{`missing-service main.cf:1:17 mydestination = a.example hands mail to the service "local unix" => local unix - n n - - local, or name another service in local_transport`},
		},
		{
			"virtual", "virtual_mailbox_domains = hash:/x\n",
			[]string{"virtual unix"},
			"",
			[]string{`missing-service main.cf:1:27 virtual_mailbox_domains = hash:/x hands mail to the service "virtual unix" => virtual unix - n n - - virtual`},
		},
		{
			"relay", "relay_domains = a.example\n",
			[]string{"relay unix"},
			"",
			[]string{`missing-service main.cf:1:17 relay_domains = a.example hands mail to the service "relay unix" => relay unix - - y - - smtp`},
		},
		{
			"smtp", "relayhost = [a.example]\n",
			[]string{"smtp unix"},
			"",
			[]string{`missing-service main.cf:1:13 relayhost = [a.example] hands mail to the service "smtp unix" => smtp unix - - y - - smtp`},
		},
		{
			"smtp by default", "",
			[]string{"smtp unix"},
			"",
			[]string{`missing-helper master.cf:4:23 qmgr needs the service "smtp unix", which master.cf does not have: mail to other hosts stays in the queue => smtp unix - - y - - smtp`},
		},
		{
			"a transport for everything", "transport_maps = static:slow:\n", nil, "",
			[]string{`missing-service main.cf:1:18 transport_maps hands mail to the service "slow unix" => add an entry for slow`},
		},
		{
			"a transport of local", "",
			[]string{"local unix"},
			"local unix - n n - - local\n  -o mailbox_transport=cyrus\n",
			[]string{`missing-service master.cf:27:6 mailbox_transport hands mail to the service "cyrus unix" => add an entry for cyrus`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, list := judge(c.main, cut(t, c.missing...)+c.more)
			if len(list) != len(c.want) {
				t.Errorf("advice:\n%s", strings.Join(show(list), "\n"))
				return
			}
			for i, a := range list {
				if !matches(a, c.want[i]) {
					t.Errorf("got %s", show(list[i : i+1])[0])
				}
			}
		})
	}
}

// A service that nothing needs may be missing.
func TestServicesThatNobodyNeedsMayBeMissing(t *testing.T) {
	for _, c := range []struct {
		name, main string
		missing    []string
		more       string
	}{
		{"no log file", "", []string{"postlog unix-dgram"}, ""},
		{"no TLS", "smtpd_tls_security_level = none\nsmtp_tls_security_level =\n", []string{"tlsmgr unix"}, ""},
		{"TLS without a certificate", "smtpd_tls_security_level = may\n", []string{"tlsmgr unix"}, ""},
		{"the level counts, not the older parameter", "smtp_tls_security_level = none\nsmtp_use_tls = yes\n", []string{"tlsmgr unix"}, ""},
		{"TLS of a service that is not there", "lmtp_tls_security_level = may\n", []string{"tlsmgr unix", "lmtp unix"}, ""},
		{"TLS off for the one service", "smtp_tls_security_level = may\ndefault_transport = amavis\n", []string{"tlsmgr unix", "smtp unix", "relay unix"}, "amavis unix - - n - 2 smtp\n  -o smtp_tls_security_level=none\n"},
		{"anvil without limits", "smtpd_client_connection_count_limit = 0\n", []string{"anvil unix"}, ""},
		{"anvil for this host alone", "inet_interfaces = loopback-only\n", []string{"anvil unix"}, ""},
		{"anvil where everybody is exempt", "mynetworks = 0.0.0.0/0\n", []string{"anvil unix"}, ""},
		{"proxymap for tables that nobody reads", "virtual_mailbox_maps = proxy:mysql:/x\nrelocated_maps = hash:/x\nproxy_read_maps = proxy:unix:passwd.byname\n", []string{"proxymap unix", "smtp inet", "rewrite unix", "virtual unix", "cleanup unix", "qmgr unix", "pickup unix", "bounce unix", "defer unix", "trace unix"}, ""},
		{"proxymap overridden", "", []string{"proxymap unix", "smtp inet"}, submission + "  -o local_recipient_maps=\n"},
		{"proxymap for a proxy of another kind", "local_recipient_maps =\nsmtpd_policy_service_policy_context = http-proxy:3128\n", []string{"proxymap unix"}, ""},
		{"a null client", "mydestination =\nlocal_transport = error:local delivery is disabled\nrelayhost = [a.example]\ninet_interfaces = loopback-only\n", []string{"local unix", "virtual unix", "lmtp unix", "discard unix", "verify unix", "relay unix", "proxywrite unix", "flush unix", "postlog unix-dgram", "tlsmgr unix"}, ""},
		{"a table that may name others", "mydestination = a.example\nrelayhost = b.example\ntransport_maps = hash:/x\n", []string{"local unix", "smtp unix", "relay unix"}, ""},
		{"a transport with a macro that another program expands", "default_transport = $$x:y\n", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, list := judge(c.main, cut(t, c.missing...)+c.more); len(list) > 0 {
				t.Errorf("advice:\n%s", strings.Join(show(list), "\n"))
			}
		})
	}
}

// The line that is shown is one of the master.cf that comes with Postfix.
func TestStockLinesAreEntries(t *testing.T) {
	for name := range stock {
		line := stockLine(name, name)
		x := input(mainStart, line+"\n")
		if len(x.Master.Entries) != 1 || len(x.Master.Entries[0].Fields) != 8 {
			t.Errorf("%s: %q", name, line)
		}
		for _, a := range Check(&x.Input) {
			if a.Code != MissingService && a.Code != MissingHelper {
				t.Errorf("%s", show([]Advice{a}))
			}
		}
	}
}

// What each server needs to do its work at all.
func TestServersAloneMissTheirServices(t *testing.T) {
	for entry, needs := range map[string]string{
		"pickup unix n - - 60 1 pickup":    "cleanup",
		"628 inet n - - - - qmqpd":         "cleanup",
		"bounce unix - - - - 0 bounce":     "cleanup",
		"cleanup unix n - - - 0 cleanup":   "rewrite qmgr",
		"qmgr unix n - - 300 1 qmgr":       "rewrite bounce defer trace smtp",
		"tlsproxy unix - - - - 0 tlsproxy": "tlsmgr",
		"lmtp unix - - - - - lmtp":         "tlsmgr tlsproxy scache",
	} {
		_, list := judge(certificate+"smtpd_tls_security_level = may\nlmtp_tls_security_level = may\nlmtp_tls_connection_reuse = yes\nlmtp_connection_cache_destinations = x\n", entry+"\n")
		var got []string
		for _, a := range list {
			if _, after, ok := strings.Cut(a.Text, " needs the service \""); ok {
				name, _, _ := strings.Cut(after, " ")
				got = append(got, name)
			} else {
				t.Errorf("%s: %s", entry, a.Text)
			}
		}
		want := strings.Fields(needs)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", entry, got, want)
		}
	}
}
