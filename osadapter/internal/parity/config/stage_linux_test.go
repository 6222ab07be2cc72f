package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The programs.
const (
	originalPath = "/usr/lib/postfix/sbin/master"
	postconfPath = "/usr/sbin/postconf"
	oursPath     = place + "/m/master"
)

// Time limits of one run.
const (
	startLimit  = 20 * time.Second       // until a master is up or dead
	quietTime   = 300 * time.Millisecond // a log into a file: silence says that it is up
	drainTime   = 50 * time.Millisecond  // for lines in transit
	statusLimit = 5 * time.Second        // for the exit status of a refusal
)

// run is what one master did up to "daemon started" or its end.
type run struct {
	Outcome   string     // started, fatal, died or late
	Status    int        // exit status of a refusal, -1 if not waited for
	Log       []string   // warnings and worse, and the notice about chroot
	Tag       string     // of the line that says that it is up
	Facility  int        // likewise
	Entries   [][]string // the lines of each dumped service
	Trying    []string   // addresses in the order of the sockets; only the original says so
	Listeners []string   // inet sockets that listen, sorted
	Files     []string   // names in private and public, sorted
}

// output is the output of a command.
type output struct {
	Lines  []string
	Errors []string
	Status int
}

// stage runs programs in a lane, one after the other.
type stage struct {
	lines chan string // of the log
}

// write writes the files; main.cf gets an old modification time, because the
// original waits if it is new.
func (s *stage) write(main, master []byte) error {
	if err := os.WriteFile(configPath+"/main.cf", main, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(configPath+"/master.cf", master, 0o644); err != nil {
		return err
	}
	old := time.Now().Add(-time.Hour)
	return os.Chtimes(configPath+"/main.cf", old, old)
}

// answer runs everything for one pair.
func (s *stage) answer(p *pair, a *answer) (err error) {
	if err := s.write(p.Main, p.Master); err != nil {
		return err
	}
	if err := emptyPlace(); err != nil {
		return err
	}
	if p.Servers != nil {
		a.Ends, err = s.serve(p.Servers)
		return err
	}
	reading := read(p)
	a.OurEndpoints, a.OurFaults = reading.endpoints, reading.faults
	if a.OursListing, err = printed(p.Master, reading.mainFault); err != nil {
		return err
	}
	if a.Listing, err = s.postconf("-c", configPath, "-M"); err != nil {
		return err
	}
	if err := s.write(p.Main, nil); err != nil { // a mistake that only ends postconf
		return err
	}
	if a.Values, err = s.values(p, reading); err != nil {
		return err
	}
	if err := s.write(p.Main, p.Master); err != nil {
		return err
	}
	if a.Original, err = s.master(originalPath, p); err != nil {
		return err
	}
	if a.Ours, err = s.master(oursPath, p); err != nil {
		return err
	}
	if line := refusedLine(a.Original.Log); line > 0 && a.Original.Outcome == "fatal" {
		return s.before(p, a, line)
	}
	return nil
}

// before runs ours with the entries that precede the refused one.
func (s *stage) before(p *pair, a *answer, line int) error {
	head := bytes.Join(bytes.SplitAfter(p.Master, []byte("\n"))[:line-1], nil)
	if err := s.write(p.Main, head); err != nil {
		return err
	}
	r, err := s.master(oursPath, p)
	a.Before = &r
	return err
}

// refusedLine returns the line of master.cf that the last line of a log refuses; 0
// if it says something else.
func refusedLine(log []string) int {
	if len(log) == 0 {
		return 0
	}
	rest, ok := strings.CutPrefix(log[len(log)-1], "fatal: "+configPath+"/master.cf: line ")
	if !ok {
		return 0
	}
	digits, _, _ := strings.Cut(rest, ":")
	n, _ := strconv.Atoi(digits)
	return n
}

// environment is the environment of both masters.
var environment = []string{"MAIL_CONFIG=" + configPath, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC"}

// postconf runs the command to its end.
func (s *stage) postconf(args ...string) (o output, err error) {
	c := exec.Command(postconfPath)
	c.Args = append([]string{"postconf"}, args...)
	c.Env = environment
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		return o, err
	}
	late := time.AfterFunc(startLimit, func() { _ = c.Process.Kill() })
	err = c.Wait()
	late.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return o, err
	}
	o.Lines, o.Errors, o.Status = textLines(stdout.String()), textLines(stderr.String()), c.ProcessState.ExitCode()
	return o, nil
}

func textLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// master runs a master until it is up or dead, and then ends it.
func (s *stage) master(path string, p *pair) (r run, err error) {
	for len(s.lines) > 0 { // of earlier runs
		<-s.lines
	}
	quiet := bytes.Contains(p.Main, []byte("maillog_file"))
	postlog := make(chan string, 100)
	if quiet {
		log, err := listen(queuePath+"/public/postlog", postlog)
		if err != nil {
			return r, err
		}
		defer log.Close()
	}
	c := exec.Command(path)
	c.Args = append([]string{"master", "-c", configPath, "-v"}, p.Flags...)
	c.Env = environment
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return r, err
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ended)
	}()
	w := watch{pid: c.Process.Pid, ended: ended, quiet: quiet}
	w.follow(s.lines, postlog)
	r = w.run
	if r.Status = -1; r.Outcome == "fatal" && p.Status {
		select {
		case <-ended:
			r.Status = c.ProcessState.ExitCode()
		case <-time.After(statusLimit):
		}
	}
	if r.Outcome == "started" {
		if r.Listeners, err = listeners(); err == nil {
			r.Files, err = endpointFiles()
		}
	}
	_ = c.Process.Kill()
	<-ended
	if err != nil {
		return r, err
	}
	return r, s.clear()
}

// listen reads datagrams from a socket until it is closed.
func listen(path string, lines chan<- string) (*net.UnixConn, error) {
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, err
	}
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := c.Read(buffer)
			if err != nil {
				return
			}
			select {
			case lines <- string(buffer[:n]):
			default: // more than are ever read
			}
		}
	}()
	return c, nil
}

// watch follows the log of one master.
type watch struct {
	pid   int
	ended chan struct{}
	quiet bool // its log may go elsewhere
	run
	entry   []string // the dump that is being read
	opening bool     // the sockets of the entry that was dumped are being opened
}

// follow reads the log until the master is up or dead.
func (w *watch) follow(lines, postlog <-chan string) {
	late := time.NewTimer(startLimit)
	defer late.Stop()
	quiet := time.NewTimer(quietTime)
	defer quiet.Stop()
	ended, silent := w.ended, quiet.C
	if !w.quiet {
		silent = nil
	}
	busy := ""
	for w.Outcome == "" {
		select {
		case line := <-lines:
			w.datagram(line)
			quiet.Reset(quietTime)
			continue
		default:
		}
		if ended == nil {
			w.Outcome = "died"
			break
		}
		select {
		case line := <-lines:
			w.datagram(line)
			quiet.Reset(quietTime)
		case line := <-postlog:
			w.drain(lines)
			if w.Outcome == "" {
				w.datagram(line)
			}
		case <-ended: // then by the last line
			ended = nil
			time.Sleep(time.Millisecond)
		case <-silent:
			if now := cpuTime(w.pid); now == busy && now != "" && len(w.Entries) > 0 {
				w.Outcome = "started"
			} else {
				busy = now
			}
			quiet.Reset(quietTime)
		case <-late.C:
			w.Outcome = "late"
		}
	}
}

// drain reads what arrived through syslog before a line that arrived otherwise.
func (w *watch) drain(lines <-chan string) {
	for w.Outcome == "" {
		select {
		case line := <-lines:
			w.datagram(line)
		case <-time.After(drainTime):
			return
		}
	}
}

// cpuTime returns the processor time of a process as the kernel prints it, or ""
// unless it sleeps.
func cpuTime(pid int) string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const state, user, system = 0, 11, 12
	if len(f) <= system || f[state] != "S" {
		return ""
	}
	return f[user] + " " + f[system]
}

// dateSize is the length of the date before the tag.
const dateSize = len("Jan 02 15:04:05 ")

// datagram parses one line of the log: "<priority>time tag[pid]: text".
func (w *watch) datagram(line string) {
	priority, bad := 0, strings.HasPrefix
	if rest, ok := strings.CutPrefix(line, "<"); ok {
		digits, rest, _ := strings.Cut(rest, ">")
		priority, _ = strconv.Atoi(digits)
		line = rest
	}
	tag, text, ok := strings.Cut(line, "["+strconv.Itoa(w.pid)+"]: ")
	if !ok {
		return // of a child
	}
	opening := w.opening
	w.opening = false
	switch {
	case bad(text, "warning: ") || bad(text, "error: ") || bad(text, "fatal: ") || bad(text, "panic: ") || isChrootNotice(text):
		w.Log = append(w.Log, text)
		if bad(text, "fatal: ") || bad(text, "panic: ") {
			w.Outcome = text[:5]
		}
	case strings.HasPrefix(text, "daemon started -- version "):
		w.Outcome, w.Facility = "started", priority>>3
		if len(tag) > dateSize {
			w.Tag = tag[dateSize:]
		}
		w.Log = append(w.Log, text)
	case text == "====start service entry":
		w.entry = []string{}
	case text == "====end service entry":
		w.Entries = append(w.Entries, w.entry)
		w.entry, w.opening = nil, true
	case w.entry != nil:
		w.entry = append(w.entry, text)
	case opening && strings.HasPrefix(text, "trying... "): // later lines are about wakeups
		w.Trying = append(w.Trying, text[len("trying... "):])
		w.opening = true
	}
}

func isChrootNotice(text string) bool {
	return strings.HasPrefix(text, configPath+"/master.cf: line ") && strings.Contains(text, ": using backwards-compatible default setting ")
}

// listeners returns the listening TCP sockets, with 0 for a port that the kernel
// chose.
func listeners() (list []string, err error) {
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(string(text), "\n") {
			const listening = "0A"
			f := strings.Fields(line)
			if len(f) < 4 || f[3] != listening {
				continue
			}
			address, port, _ := strings.Cut(f[1], ":")
			n, err := strconv.ParseUint(port, 16, 16)
			if err != nil {
				return nil, err
			}
			if n >= firstChosenPort {
				n = 0
			}
			list = append(list, fmt.Sprintf("%s:%d", address, n))
		}
	}
	slices.Sort(list)
	return list, nil
}

// endpointFiles returns the sockets and FIFOs of the queue directory, with owner
// and mode.
func endpointFiles() (list []string, err error) {
	for _, name := range []string{"private", "public"} {
		err := filepath.WalkDir(filepath.Join(queuePath, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			status := info.Sys().(*syscall.Stat_t)
			list = append(list, fmt.Sprintf("%q %v %d:%d", path, info.Mode(), status.Uid, status.Gid))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(list)
	return list, nil
}
