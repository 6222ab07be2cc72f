//go:build linux

package e2e

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mailLog is the log of a mail system.
type mailLog interface {
	lines() ([]string, error)
}

// fileLog is the path of a maillog_file.
type fileLog string

func (l fileLog) lines() ([]string, error) {
	text, err := os.ReadFile(string(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return split(string(text)), err
}

func split(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

const syslogPath = "/dev/log"

// syslogLog is a syslog daemon's socket and the lines that arrived.
type syslogLog struct {
	mu       sync.Mutex
	received []string
}

// listenSyslog takes the place of a missing syslog daemon.
func listenSyslog(t *testing.T) *syslogLog {
	t.Helper()
	if _, err := os.Lstat(syslogPath); !errors.Is(err, fs.ErrNotExist) {
		t.Skipf("logging to syslog is tested where %s is free; here it is in use (%v)", syslogPath, err)
	}
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: syslogPath})
	if err != nil {
		t.Skipf("logging to syslog is tested where %s can be bound: %v", syslogPath, err)
	}
	theGuard.protect(t, syslogPath)
	log := &syslogLog{}
	var reader sync.WaitGroup
	reader.Go(func() { log.receive(socket) })
	t.Cleanup(func() {
		socket.Close()
		reader.Wait()
		if err := os.Remove(syslogPath); err != nil {
			t.Error(err)
		}
		theGuard.release(syslogPath)
	})
	if err := os.Chmod(syslogPath, 0o666); err != nil {
		t.Fatal(err)
	}
	return log
}

func (l *syslogLog) receive(socket *net.UnixConn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := socket.Read(buffer)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.received = append(l.received, strings.TrimRight(string(buffer[:n]), "\n\x00"))
		l.mu.Unlock()
	}
}

func (l *syslogLog) lines() ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.received...), nil
}

var (
	tagged  = regexp.MustCompile(`^.*? ([\w./-]+)/([\w-]+)\[(\d+)\]: (.*)$`)
	trouble = regexp.MustCompile(`^(warning|error|fatal|panic): `)
	// The daemon directory contains links, and postfix check complains about each;
	// and we do try a second start.
	expected = regexp.MustCompile(`^(warning: symlink leaves directory: |fatal: the Postfix mail system is already running)`)
)

// entry is one line of the log.
type entry struct {
	process string
	pid     int
	text    string
}

// entries returns the lines that the programs of this mail system have logged. The
// system's syslog socket may receive others.
func (s *mailSystem) entries(t *testing.T) []entry {
	t.Helper()
	all, err := s.log.lines()
	if err != nil {
		t.Fatalf("read the log: %v", err)
	}
	var found []entry
	for _, line := range all {
		m := tagged.FindStringSubmatch(line)
		// Debian's relay service adds its own name to the tag.
		if m == nil || (m[1] != s.tag() && m[1] != s.tag()+"/relay") {
			continue
		}
		pid, err := strconv.Atoi(m[3])
		if err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		found = append(found, entry{process: m[2], pid: pid, text: m[4]})
	}
	return found
}

// count counts the lines of the master that begin with the text.
func (s *mailSystem) count(t *testing.T, text string) int {
	t.Helper()
	n := 0
	for _, e := range s.entries(t) {
		if e.process == "master" && strings.HasPrefix(e.text, text) {
			n++
		}
	}
	return n
}

// checkLog checks that the master logged no warning, error, fatal or panic, and
// shows the complaints of others.
func (s *mailSystem) checkLog(t *testing.T) {
	t.Helper()
	others := map[entry]int{}
	for _, e := range s.entries(t) {
		switch {
		case !trouble.MatchString(e.text) || expected.MatchString(e.text):
		case e.process == "master":
			t.Errorf("the master complains: %s", e.text)
		case strings.HasPrefix(e.text, "fatal: ") || strings.HasPrefix(e.text, "panic: "):
			t.Errorf("%s fails: %s", e.process, e.text)
		default:
			e.pid = 0 // the same line of several processes counts once
			others[e]++
		}
	}
	for _, e := range slices.SortedFunc(maps.Keys(others), func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.process, b.process), cmp.Compare(a.text, b.text))
	}) {
		t.Logf("%s remarks, %d times: %s", e.process, others[e], e.text)
	}
}

// tail returns the end of the log, without lines that say nothing.
func (s *mailSystem) tail(t *testing.T, most int) string {
	t.Helper()
	var told []string
	for _, e := range s.entries(t) {
		if !expected.MatchString(e.text) && !(s.whole != nil && s.whole.verbose && slices.Contains(verbosePrograms, e.process)) {
			told = append(told, e.process+": "+e.text)
		}
	}
	return strings.Join(told[max(0, len(told)-most):], "\n")
}
