//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// writeConfiguration derives the configuration from Debian's stock files: our
// settings are appended to main.cf, and smtpd gets a port of its own.
func (s *mailSystem) writeConfiguration() error {
	for _, name := range []string{"postfix-files", "dynamicmaps.cf"} {
		if err := copyFile(s.metaDirectory+"/"+name, s.config()+"/"+name, 0o644); err != nil {
			return err
		}
	}
	stock, err := os.ReadFile(stockDirectory + "/main.cf.debian")
	if err != nil {
		return err
	}
	mainCF := string(stock) + s.parameters()
	if err := os.WriteFile(s.config()+"/main.cf", []byte(mainCF), 0o644); err != nil {
		return err
	}
	if stock, err = os.ReadFile(stockDirectory + "/master.cf.dist"); err != nil {
		return err
	}
	masterCF, err := s.services(string(stock))
	if err != nil {
		return err
	}
	return os.WriteFile(s.config()+"/master.cf", []byte(masterCF), 0o644)
}

// parameters returns the lines that the mail system adds to Debian's main.cf.
func (s *mailSystem) parameters() string {
	protocols := "ipv4"
	if len(s.addresses) > 1 {
		protocols = "all"
	}
	text := fmt.Sprintf(`
# A private mail system that never leaves the loopback.
queue_directory = %[1]s
data_directory = %[2]s/state
daemon_directory = %[3]s
meta_directory = %[4]s
inet_interfaces = loopback-only
inet_protocols = %[5]s
myhostname = %[6]s
mydestination = %[6]s
alias_maps =
alias_database =
mail_spool_directory = %[2]s/mail/
default_transport = error:mail does not leave this system
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
notify_classes =
`, s.queue(), s.root, s.daemons(), s.config(), protocols, mailDomain)
	if s.whole == nil {
		text += "mynetworks = 127.0.0.0/8 [::1]/128\nrelay_transport = error:mail does not leave this system\n"
	} else {
		text += s.whole.parameters(s)
	}
	if s.whole == nil || !s.whole.patient {
		text += restlessQueue
	}
	if s.tag() != stockTag {
		text += fmt.Sprintf("syslog_name = %s\n", s.tag())
	}
	if s.maillogFile {
		text += fmt.Sprintf("maillog_file = %[1]s/mail.log\nmaillog_file_prefixes = %[1]s\n", s.root)
	}
	return text
}

// restlessQueue makes a message whose delivery was interrupted, by a reload or by
// the death of a process, be tried again soon.
const restlessQueue = `
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
`

// jailLimit is how long a server may take to enter its root directory.
const jailLimit = 10 * time.Second

// stockTag is the log tag of the programs of a stock configuration.
const stockTag = "postfix"

// tag returns the log tag of the mail system. Others may write to the system's log
// too, so there it is a name of its own.
func (s *mailSystem) tag() string {
	if s.maillogFile {
		return stockTag
	}
	return filepath.Base(s.root)
}

var (
	smtpdService = regexp.MustCompile(`(?m)^smtp(\s+inet\s)`)
	// The five columns up to chroot: name, type, private, unprivileged, chroot.
	chrooted = regexp.MustCompile(`(?m)^(\w\S*\s+\S+\s+\S\s+\S\s+)y(\s)`)
)

// services returns Debian's master.cf with the few changes that the layout
// requires.
func (s *mailSystem) services(stock string) (string, error) {
	if len(smtpdService.FindAllString(stock, -1)) != 1 || !chrooted.MatchString(stock) {
		return "", fmt.Errorf("%s/master.cf.dist: no smtp inet service, or no service in a chroot jail", stockDirectory)
	}
	if s.whole != nil {
		var err error
		if stock, err = s.whole.services(s, stock); err != nil {
			return "", err
		}
	}
	text := smtpdService.ReplaceAllString(stock, fmt.Sprintf("%d$1", s.port))
	if !s.chroot {
		text = chrooted.ReplaceAllString(text, "${1}n$2")
	}
	if s.oneshot {
		text += fmt.Sprintf("oneshot unix n - n - %d oneshot\n", parallelClients)
	}
	return text, nil
}

// prepareChroot copies what servers need in their jail into the queue directory,
// with the script that Debian runs before each start.
func (s *mailSystem) prepareChroot(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(configureScript); err != nil {
		t.Skip("services in a chroot jail need Debian's script: " + err.Error())
	}
	// The script asks postconf(1) for the queue directory; it starts there, so
	// that it could not write elsewhere even without an answer.
	script := exec.Command("sh", configureScript, "-")
	script.Dir = s.queue()
	script.Env = append(os.Environ(), "MAIL_CONFIG="+s.config())
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", configureScript, err, out)
	}
	if _, err := os.Stat(filepath.Join(s.queue(), "etc/services")); err != nil {
		t.Fatalf("%s left the jail empty: %v", configureScript, err)
	}
}

// awaitJail waits until the servers have the root directory that master.cf
// specifies. They enter it themselves, so one that was started a moment ago, and
// serves no client yet, may still be outside.
func (s *mailSystem) awaitJail(t *testing.T, servers []process) {
	t.Helper()
	want := "/"
	if s.chroot {
		want = s.queue()
	}
	eventually(t, jailLimit, "servers have the root directory "+want, func() string {
		for _, p := range alive(servers) {
			got, err := os.Readlink(fmt.Sprintf("/proc/%d/root", p.pid))
			if err == nil && got != want {
				return fmt.Sprintf("process %v has %s", p, got)
			}
		}
		return ""
	})
}
