//go:build linux

package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// servant is the task of a child of the master.
type servant struct {
	service string // as the master names it to the child: with -n, unless program says it
	program string
}

// serves returns a living process's service and program, from its command line.
func serves(p process) (s servant, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	args := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	if err != nil || p.zombie() {
		return s, false
	}
	s = servant{service: args[0], program: args[0]}
	if i := slices.Index(args, "-n"); i > 0 && i+1 < len(args) {
		s.service = args[i+1]
	}
	return s, true
}

// servants returns the living children of the master by task.
func servants(master int) map[servant][]process {
	found := map[servant][]process{}
	for _, p := range children(master) {
		if s, ok := serves(p); ok {
			found[s] = append(found[s], p)
		}
	}
	return found
}

// proof is what must be seen of a service: a child of the master that serves it,
// and a line that this very process has logged.
type proof struct {
	servant
	line string // a regular expression
}

// everyService lists the services of the whole mail system, and what each logs when
// it has done its work; verbose lines are not checked. Missing are dnsblog(8),
// which needs the DNS, qmqpd(8), spawn(8) and oqmgr(8), which Debian's
// configuration at most mentions in comments, and the services for programs that do
// not belong to Postfix.
func (s *mailSystem) everyService() []proof {
	return []proof{
		{servant{fmt.Sprint(s.port), "postscreen"}, `^PASS OLD `},
		{servant{"smtpd", "smtpd"}, `^[0-9A-F]+: client=`},
		{servant{s.whole.direct, "smtpd"}, `^connect from `},
		{servant{s.whole.limited, "smtpd"}, `^warning: Connection rate limit exceeded: `},
		{servant{s.whole.verified, "smtpd"}, `^NOQUEUE: reject: RCPT .*unverified address`},
		{servant{"tlsproxy", "tlsproxy"}, `^CONNECT from `},
		{servant{"pickup", "pickup"}, `^[0-9A-F]+: uid=`},
		{servant{"cleanup", "cleanup"}, `^[0-9A-F]+: message-id=`},
		{servant{"qmgr", "qmgr"}, `^[0-9A-F]+: removed`},
		{servant{"tlsmgr", "tlsmgr"}, ``},
		{servant{"rewrite", "trivial-rewrite"}, ``},
		{servant{"bounce", "bounce"}, `^[0-9A-F]+: sender non-delivery notification: `},
		{servant{"defer", "bounce"}, ``},
		{servant{"trace", "bounce"}, `^[0-9A-F]+: sender delivery status notification: `},
		{servant{"verify", "verify"}, ``},
		{servant{"flush", "flush"}, ``},
		{servant{"proxymap", "proxymap"}, ``},
		{servant{"proxywrite", "proxymap"}, ``},
		{servant{"smtp", "smtp"}, `: to=<.* status=sent `},
		{servant{"relay", "smtp"}, `: to=<.* status=sent `},
		{servant{"showq", "showq"}, ``},
		{servant{"error", "error"}, `: to=<.* status=bounced `},
		{servant{"retry", "error"}, `: to=<.* status=deferred `},
		{servant{"discard", "discard"}, `: to=<.* status=sent `},
		{servant{"local", "local"}, `: to=<.* status=sent `},
		{servant{"virtual", "virtual"}, `: to=<.* status=sent `},
		{servant{"keep", "pipe"}, `: to=<.* status=sent `},
		{servant{"lmtp", "lmtp"}, `: to=<.* status=sent `},
		{servant{"anvil", "anvil"}, `^statistics: max connection rate `},
		{servant{"scache", "scache"}, ``},
		{servant{"postlog", "postlogd"}, ``},
	}
}

// shown checks that each service ran as a child of this master and did its work.
func (s *mailSystem) shown(t *testing.T, master int, proofs []proof) {
	t.Helper()
	ran := servants(master)
	const linesLimit = 20 * time.Second // some are logged when a server rests
	for _, p := range proofs {
		line := regexp.MustCompile(p.line)
		of := ran[p.servant]
		if len(of) == 0 {
			t.Errorf("service %s: no child of the master runs %s for it", p.service, p.program)
			continue
		}
		if p.service == "postlog" {
			continue // it logs nothing; it is what writes the log
		}
		eventually(t, linesLimit, fmt.Sprintf("service %s: a line of %v like %q", p.service, of, p.line), func() string {
			for _, e := range s.entries(t) {
				if e.process == p.program && line.MatchString(e.text) &&
					slices.ContainsFunc(of, func(p process) bool { return p.pid == e.pid }) {
					return ""
				}
			}
			return "none"
		})
	}
	t.Logf("%d services with %d processes", len(proofs), len(children(master)))
}
