//go:build linux

package e2e

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// The domains of the whole mail system, one for each way of delivery. What is
// for mailDomain itself goes to local(8).
const (
	virtualDomain  = "virtual.test"
	pipeDomain     = "pipe.test"
	smtpDomain     = "smtp.test"
	lmtpDomain     = "lmtp.test"
	discardDomain  = "discard.test"
	refusedDomain  = "refused.test" // every message bounces
	pausedDomain   = "paused.test"  // every message is deferred
	lateDomain     = "late.test"    // relayed to a server that does not listen at first
	virtualMailbox = "box"
	senderMailbox  = "sender" // where bounces go
)

// whole is what a mail system has that uses every program of Postfix that
// works without the DNS.
type whole struct {
	patient bool // deferred mail waits until a flush is requested
	verbose bool // programs that log nothing of their own log all they do

	limited  string // address of an smtpd that counts its clients with anvil(8)
	direct   string // address of an smtpd without postscreen(8) before it
	verified string // address of an smtpd that probes recipients with verify(8)
	late     string // address at which nobody listens at first
	smtp     *sink
	lmtp     *sink
	key      *certificate
}

// newWhole lays out a mail system that uses every program, with sinks for what
// it sends.
func newWhole(t *testing.T, p postfix, w whole) *mailSystem {
	t.Helper()
	addresses, err := freeAddresses(4)
	if err != nil {
		t.Fatal(err)
	}
	w.limited, w.direct, w.verified, w.late = addresses[0], addresses[1], addresses[2], addresses[3]
	w.smtp, w.lmtp = listenSink(t, "127.0.0.1:0"), listenSink(t, "127.0.0.1:0")
	if w.key, err = makeCertificate(); err != nil {
		t.Fatal(err)
	}
	s := newMailSystem(t, p, layout{chroot: true, maillogFile: true, whole: &w})
	if err := s.furnish(); err != nil {
		t.Fatal(err)
	}
	s.prepareChroot(t)
	return s
}

// freeAddresses finds so many different addresses that nobody listens at.
func freeAddresses(n int) ([]string, error) {
	var found []string
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // only when all are found, so that they differ
		found = append(found, l.Addr().String())
	}
	return found, nil
}

// furnish makes the files that the configuration names.
func (s *mailSystem) furnish() error {
	for _, d := range []string{s.root + "/virtual", s.piped(), s.piped() + "/tmp", s.piped() + "/new"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
		if err := chown(d, s.recipient); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"mailboxes", fmt.Sprintf("%[1]s@%[2]s %[1]s/\n%[3]s@%[2]s %[3]s/\n", virtualMailbox, virtualDomain, senderMailbox), 0o644},
		{"transports", s.whole.transports(), 0o644},
		{"certificate.pem", s.whole.key.certificatePEM, 0o644},
		{"key.pem", s.whole.key.keyPEM, 0o600},
		// One file a message, whole or not there, as a maildir has it.
		{"keep", "#!/bin/sh\nset -e\ncat >\"$1/tmp/$2.$$\"\nmv \"$1/tmp/$2.$$\" \"$1/new/$2.$$\"\n", 0o755},
	} {
		if err := os.WriteFile(s.config()+"/"+f.name, []byte(f.text), f.mode); err != nil {
			return err
		}
	}
	return nil
}

func (s *mailSystem) piped() string          { return s.root + "/piped" }
func (s *mailSystem) box(name string) string { return s.root + "/virtual/" + name }

// transports says where mail for which domain goes.
func (w *whole) transports() string {
	return fmt.Sprintf("%s keep:\n%s smtp:%s\n%s lmtp:inet:%s\n%s discard:\n%s error:5.1.1 nobody is there\n%s retry:4.3.0 not now\n%s relay:%s\n",
		pipeDomain, smtpDomain, nexthop(w.smtp.address()), lmtpDomain, w.lmtp.address(), discardDomain, refusedDomain,
		pausedDomain, lateDomain, nexthop(w.late))
}

// nexthop writes an address so that the DNS is not asked about it.
func nexthop(address string) string {
	host, port, _ := strings.Cut(address, ":")
	return "[" + host + "]:" + port
}

// parameters is what main.cf has for the sake of the programs that Debian's
// configuration leaves asleep.
func (w *whole) parameters(s *mailSystem) string {
	text := fmt.Sprintf(`
# Clients at other addresses of the loopback are strangers.
mynetworks = 127.0.0.1/32
virtual_mailbox_domains = %[3]s
virtual_mailbox_base = %[1]s/virtual
virtual_mailbox_maps = proxy:texthash:%[2]s/mailboxes
virtual_uid_maps = static:%[4]s
virtual_gid_maps = static:%[5]s
transport_maps = texthash:%[2]s/transports
relay_domains = %[6]s
smtpd_tls_security_level = may
smtpd_tls_cert_file = %[2]s/certificate.pem
smtpd_tls_key_file = %[2]s/key.pem
smtp_connection_cache_destinations = 127.0.0.1
postscreen_greet_wait = 1s
postscreen_greet_action = enforce
postscreen_pipelining_enable = yes
anvil_status_update_time = 1s
address_verify_poll_delay = 1s
# What a killed process leaves to others is taken up at once.
service_throttle_time = 1s
transport_retry_time = 1s
`, s.root, s.config(), virtualDomain, s.recipient.Uid, s.recipient.Gid, lateDomain)
	if w.patient {
		text += "postscreen_cache_map = proxy:btree:$data_directory/postscreen_cache\n" +
			"address_verify_map = proxy:btree:$data_directory/verify_cache\n"
	} else {
		// A process that is killed while it writes leaves a torn database. Long
		// names of queue files are never used again.
		text += "postscreen_cache_map =\naddress_verify_map =\nenable_long_queue_ids = yes\n"
	}
	return text
}

// quiet are the services whose programs say nothing while all is well.
var quiet = []string{"tlsmgr", "rewrite", "verify", "flush", "proxymap", "proxywrite", "showq", "trace", "defer", "scache"}

// verbosePrograms are those of the quiet services; bounce(8) speaks as well.
var verbosePrograms = []string{"tlsmgr", "trivial-rewrite", "verify", "flush", "proxymap", "showq", "scache"}

// services is Debian's master.cf with postscreen before smtpd, as its own
// remarks show it, and with the services that are ours.
func (w *whole) services(s *mailSystem, stock string) (string, error) {
	for _, change := range []struct{ from, to string }{
		{"\nsmtp      inet  n       -       y       -       -       smtpd\n", "\n"},
		{"\n#smtp      inet ", "\nsmtp      inet "},
		{"\n#smtpd     pass ", "\nsmtpd     pass "},
		{"\n#tlsproxy  unix ", "\ntlsproxy  unix "},
	} {
		if strings.Count(stock, change.from) != 1 {
			return "", fmt.Errorf("%s/master.cf.dist: no single line %q", stockDirectory, strings.TrimSpace(change.from))
		}
		stock = strings.Replace(stock, change.from, change.to, 1)
	}
	const column = " inet n - y - - smtpd"
	stock += w.limited + column + "\n -o smtpd_client_event_limit_exceptions= -o smtpd_client_connection_rate_limit=3\n" +
		w.direct + column + "\n" +
		w.verified + column + "\n -o smtpd_recipient_restrictions=reject_unverified_recipient,permit\n" +
		fmt.Sprintf("keep unix - n n - 10 pipe\n user=%s argv=%s/keep %s ${queue_id}\n", s.recipient.Username, s.config(), s.piped())
	if !w.verbose {
		return stock, nil
	}
	lines := strings.Split(stock, "\n")
	for i, line := range lines {
		for _, name := range quiet {
			if strings.HasPrefix(line, name+" ") {
				lines[i] += " -v"
			}
		}
	}
	return strings.Join(lines, "\n"), nil
}
