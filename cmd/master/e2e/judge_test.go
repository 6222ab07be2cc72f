//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	longName  = regexp.MustCompile(`^[0-9A-Za-z]{12,}$`) // of a queue file, see enable_long_queue_ids
	queueLine = regexp.MustCompile(`^([0-9A-Za-z]{12,}): (.*)$`)
	identity  = regexp.MustCompile(`^message-id=<(\d+)@` + regexp.QuoteMeta(mailDomain) + `>$`)
	notice    = regexp.MustCompile(`^sender non-delivery notification: ([0-9A-Za-z]+)$`)
)

// chronicle is what the log says about each queue file.
type chronicle struct {
	lines map[string][]entry // by name of the queue file, without it
	files map[int][]string   // names of the queue files of the letter with the number
	last  map[int]string     // name of the queue file that the process with the pid spoke of last
}

func (k *killer) readChronicle(t *testing.T) chronicle {
	t.Helper()
	c := chronicle{lines: map[string][]entry{}, files: map[int][]string{}, last: map[int]string{}}
	for _, e := range k.entries(t) {
		m := queueLine.FindStringSubmatch(e.text)
		if m == nil {
			continue
		}
		e.text = m[2]
		c.lines[m[1]] = append(c.lines[m[1]], e)
		c.last[e.pid] = m[1]
		if id := identity.FindStringSubmatch(e.text); id != nil {
			number, err := strconv.Atoi(id[1])
			if err != nil {
				t.Fatal(err)
			}
			c.files[number] = append(c.files[number], m[1])
		}
	}
	return c
}

// arrived counts the letters at their destinations.
func (k *killer) arrived() (map[int]int, error) {
	counts := map[int]int{}
	bounced, failed := k.notices("Undelivered Mail Returned to Sender")()
	for number, n := range bounced {
		if !k.wayOf(number).bounces {
			failed = errors.Join(failed, fmt.Errorf("letter %d was returned", number))
		}
		counts[number] += n
	}
	for _, where := range []func() (map[int]int, error){
		in(k.mailbox()), in(k.box(virtualMailbox)), in(k.piped()), k.whole.smtp.delivered, k.whole.lmtp.delivered,
	} {
		found, err := where()
		failed = errors.Join(failed, err)
		for number, n := range found {
			counts[number] += n
		}
	}
	return counts, failed
}

// judge waits until the queue is empty and checks that every letter has arrived
// exactly once. It logs the cause of a second copy that is no fault of ours.
func (k *killer) judge(t *testing.T) {
	t.Helper()
	var asked time.Time
	eventually(t, deliveryLimit, "delivery", func() string {
		// A new qmgr(8) defers for a minute what is still being delivered for its
		// predecessor. The operator need not wait.
		if time.Since(asked) > 2*time.Second {
			k.tool(t, "postqueue", "-f")
			asked = time.Now()
		}
		if queued := slices.DeleteFunc(k.queued(t), k.unfinished); len(queued) > 0 {
			return fmt.Sprintf("%d files are left in the queue: %v", len(queued), queued)
		}
		return ""
	})
	k.wantListing(t, "Mail queue is empty")
	counts, err := k.arrived()
	if err != nil {
		t.Fatal(err)
	}
	log := k.readChronicle(t)
	for number := range stormLetters {
		number++
		copies := counts[number]
		delete(counts, number)
		if copies == 1 {
			continue
		}
		reasons := k.reasons(number, log)
		if copies < 1 || copies > 1+len(reasons) {
			t.Errorf("letter %d to %s arrived %d times, want once; explained by kills: %q\n%s",
				number, k.wayOf(number).recipient, copies, reasons, log.of(number))
			continue
		}
		t.Logf("letter %d to %s arrived %d times, as with any master: %q", number, k.wayOf(number).recipient, copies, reasons)
	}
	if len(counts) > 0 {
		t.Errorf("letters arrived that nobody sent: %v", counts)
	}
}

// unfinished reports whether a queue file was never finished: its cleanup(8) was
// killed before it confirmed anything, and Postfix removes the file a day later.
func (k *killer) unfinished(name string) bool {
	file, err := os.Stat(k.queue() + "/" + name)
	return err == nil && strings.HasPrefix(name, "incoming/") && file.Mode()&0o100 == 0
}

// doers are the programs that process a message, or pass it on, and confirm it
// afterwards. What others hold when they are killed is not at risk.
var doers = []string{"cleanup", "pickup", "bounce", "local", "virtual", "pipe", "smtp", "lmtp", "error"}

// reasons returns what explains further copies of a letter: a process was killed
// that held it, and that can have done its work without having reported it.
func (k *killer) reasons(number int, log chronicle) []string {
	var found []string
	k.mu.Lock()
	unsettled := k.unsettled[number]
	k.mu.Unlock()
	files := log.files[number]
	if len(files) > 1 { // accepted more than once
		for range unsettled {
			found = append(found, "the client was not told that it was accepted")
		}
	}
	all := slices.Clone(files)
	for _, file := range files { // with the notices of its failure
		for _, e := range log.lines[file] {
			if m := notice.FindStringSubmatch(e.text); m != nil {
				all = append(all, m[1])
			}
		}
	}
	for _, file := range files {
		for _, e := range log.lines[file] {
			if e.text == unreturned && k.killed("bounce", "cleanup") {
				found = append(found, "it was returned, and who did it was killed before that was confirmed")
			}
		}
	}
	for _, v := range k.victims {
		if !slices.Contains(doers, v.program) {
			continue
		}
		held := slices.ContainsFunc(all, func(file string) bool { return slices.Contains(v.held, file) })
		// Before they confirm, these close the file.
		closed := (v.program == "pickup" || v.program == "cleanup") && slices.Contains(all, log.last[v.pid])
		if held || closed {
			found = append(found, fmt.Sprintf("%s, process %d, was killed with it", v.program, v.pid))
		}
	}
	return found
}

// unreturned is what qmgr(8) logs about a message that bounce(8) did not return, as
// far as it knows. The notice then has a queue file that no log line names.
const unreturned = "status=deferred (bounce failed)"

// killed reports whether a process of one of the programs was killed.
func (k *killer) killed(programs ...string) bool {
	for _, v := range k.victims {
		if slices.Contains(programs, v.program) {
			return true
		}
	}
	return false
}

// of returns everything that the log says about a letter.
func (c chronicle) of(number int) string {
	var told []string
	for _, file := range c.files[number] {
		for _, e := range c.lines[file] {
			told = append(told, fmt.Sprintf("%s %s[%d]: %s", file, e.process, e.pid, e.text))
		}
	}
	return strings.Join(told, "\n")
}

var (
	killedLine    = regexp.MustCompile(`^warning: process \S+/(\S+) pid (\d+) killed by signal 9$`)
	exitLine      = regexp.MustCompile(`^warning: process \S+ pid (\d+) exit status 1$`)
	throttledLine = regexp.MustCompile(`^warning: \S+/(\S+): bad command startup -- throttling$`)
	// So many requests wait for pickup, while it works on what it found, that the
	// queue has no room for another one.
	askedEnoughLine = regexp.MustCompile(`^warning: master_wakeup_timer_event: service pickup\(\S+\): Resource temporarily unavailable$`)
)

// checkDeaths checks that the master logged one line for each process that was
// killed, except for its own end, and no complaint that does not follow from a
// death.
func (k *killer) checkDeaths(t *testing.T) {
	t.Helper()
	told, fatal, programs := map[int]bool{}, map[int]bool{}, map[string]bool{}
	for _, v := range k.victims {
		programs[v.program] = true
	}
	remarks := map[string]int{}
	for _, e := range k.entries(t) {
		if !trouble.MatchString(e.text) || expected.MatchString(e.text) {
			continue
		}
		if m := killedLine.FindStringSubmatch(e.text); e.process == "master" && m != nil {
			pid, _ := strconv.Atoi(m[2])
			if _, ours := k.victims[pid]; !ours || told[pid] {
				t.Errorf("the master complains: %s", e.text)
			}
			told[pid] = true
			continue
		}
		fatal[e.pid] = fatal[e.pid] || strings.HasPrefix(e.text, "fatal: ")
		if e.process == "master" && !follows(e.text, fatal, programs) || strings.HasPrefix(e.text, "panic: ") {
			t.Errorf("%s complains: %s", e.process, e.text)
			continue
		}
		remarks[e.process+": "+e.text]++
	}
	for pid, v := range k.victims {
		if !told[pid] {
			t.Errorf("the master does not tell that %s, process %d, was killed", v.service, pid)
		}
	}
	for _, r := range slices.Sorted(maps.Keys(remarks)) {
		t.Logf("%d times: %s", remarks[r], r)
	}
}

// follows reports whether a complaint of the master follows from a death or from
// the many letters: a process logged why it ended, or was killed just after its
// start, or pickup has enough requests.
func follows(text string, fatal map[int]bool, killed map[string]bool) bool {
	if m := exitLine.FindStringSubmatch(text); m != nil {
		pid, err := strconv.Atoi(m[1])
		return err == nil && fatal[pid]
	}
	m := throttledLine.FindStringSubmatch(text)
	return m != nil && killed[m[1]] || askedEnoughLine.MatchString(text)
}
