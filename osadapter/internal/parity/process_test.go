//go:build linux

package parity

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is a master that a scenario started.
type process struct {
	station *station
	number  int // of the start
	pid     int // of the started process; with -w the daemon is another one
	launch  launch
	daemon  int // the process that logged that it is the daemon, 0: unknown
	began   time.Time
	ended   string
}

// command returns the careful parent's launch of the master with these options
// after "-c @dir/c".
func (s *station) command(args ...string) launch {
	return s.bare(append([]string{"-c", "@dir/c"}, args...)...)
}

// bare returns the launch with these options alone.
func (s *station) bare(args ...string) launch {
	return launch{
		Program: s.binary, Argv: append([]string{"master"}, args...), Dir: "/", Umask: 0o22,
		Env:       []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=en_US.UTF-8", "TZ=UTC"},
		OpenFiles: [2]uint64{1024, 4096},
		Limits: map[int][2]uint64{
			unix.RLIMIT_MEMLOCK: {1 << 16, 1 << 20}, unix.RLIMIT_NPROC: {9000, 9500}, unix.RLIMIT_SIGPENDING: {9000, 9500},
			unix.RLIMIT_MSGQUEUE: {1 << 16, 1 << 17}, unix.RLIMIT_CORE: {0, 0}, unix.RLIMIT_STACK: {8 << 20, 64 << 20},
		},
	}
}

// launch starts a program and does not wait.
func (s *station) launch(l launch) *process {
	s.write()
	return s.launchAsIs(l)
}

// launchAsIs starts a program with the configuration files as they are.
func (s *station) launchAsIs(l launch) *process {
	if s.logFile != nil {
		l.Env = s.logFile.environment(l.Env)
	}
	for _, list := range [][]string{l.Argv, l.Env, l.Extra} {
		for i := range list {
			list[i] = s.expand(list[i])
		}
	}
	for _, text := range []*string{&l.Dir, &l.Stdin, &l.Stdout, &l.Stderr, &l.Program, &l.Child} {
		*text = s.expand(*text)
	}
	if s.slow > 0 {
		s.log.sleep(s.slow)
	}
	p := &process{station: s, number: len(s.processes) + 1, launch: l, began: time.Now()}
	var err error
	p.pid, err = s.keeper.start(&l)
	s.require("start", err)
	s.processes = append(s.processes, p)
	return p
}

// start starts a master and waits until it logs that it has started.
func (s *station) start(args ...string) *process { return s.startAs(s.command(args...)) }

// startAs is start with any launch.
func (s *station) startAs(l launch) *process {
	before := s.countLog(startedText)
	p := s.launch(l)
	s.eventually("daemon started", func() bool {
		n := 0
		for _, line := range s.log.all() {
			if strings.Contains(line.text, startedText) {
				if n++; n > before {
					p.daemon = line.pid
				}
			}
		}
		how := s.keeper.status(p.pid)
		return n > before || how != "" && (how != "exit status 0" || !l.waits())
	})
	if p.daemon == 0 {
		s.drainLog()
		s.stop("the master ended: " + s.keeper.status(p.pid))
	}
	if l.PIDNamespace {
		p.daemon = p.pid
	}
	// The line is not the last step of a start: the original installs its watchdog,
	// which handles SIGALRM, after it.
	newLimit(busyLimit).rest(p.master(), shortRest)
	return p
}

const startedText = "daemon started -- version"

// waits reports whether the started process is only the parent of the daemon.
func (l *launch) waits() bool {
	for _, word := range l.Argv[1:] {
		if strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "-c") && strings.Contains(word, "w") {
			return true
		}
	}
	return false
}

// run starts a master that ends by itself; its end is observed.
func (s *station) run(args ...string) string { return s.runAs(s.command(args...)) }

// runAs is run with any launch.
func (s *station) runAs(l launch) string {
	p := s.launch(l)
	return p.awaitEnd()
}

// awaitEnd waits until the started process has ended, and returns how.
func (p *process) awaitEnd() string {
	p.ended = p.station.keeper.awaitEnd(p.pid)
	p.station.await(fmt.Sprintf("start %d ends", p.number), p.ended != "")
	return p.ended
}

// awaitDaemonEnd waits for the end of the daemon itself, also after -w.
func (p *process) awaitDaemonEnd() string {
	how := p.station.keeper.awaitEnd(p.master())
	p.station.await("the daemon ends", how != "")
	return how
}

// pause observes whether there was a pause, of the second that the original waits,
// between the last log line of the started process and its end. It waits for the
// end.
func (p *process) pause() {
	p.awaitEnd()
	text := "ends at once"
	if p.lasted() > pauseLimit {
		text = "pauses before it ends"
	}
	p.station.observe("the process", text)
}

// pauseLimit separates a pause of a second from none.
const pauseLimit = 900 * time.Millisecond

// lasted returns the time from the last log line of the started process, or from
// its start if it logged nothing, to its end.
func (p *process) lasted() time.Duration {
	s := p.station
	s.drainLog()
	since := p.began
	for _, line := range s.log.all() {
		if line.pid == p.pid {
			since = line.at
		}
	}
	return p.endedAt().Sub(since)
}

// endedAt returns the time at which the started process was reaped.
func (p *process) endedAt() time.Time {
	k := p.station.keeper
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.endedAt[p.pid]
}

// master returns the process ID of the daemon.
func (p *process) master() int {
	if p.daemon != 0 {
		return p.daemon
	}
	return p.pid
}

// signal sends a signal to the master. For one that ends or stops it, it first
// waits until the master rests, if that happens soon: the original that is hit
// while it logs may hang in its handler until its alarm ends it.
func (p *process) signal(n unix.Signal) {
	switch n {
	case unix.SIGINT, unix.SIGQUIT, unix.SIGILL, unix.SIGBUS, unix.SIGSEGV, unix.SIGTERM, unix.SIGSTOP:
		newLimit(busyLimit).rest(p.master(), shortRest)
	}
	p.station.require("kill", unix.Kill(p.master(), n))
}

// reload writes the configuration, sends a hangup, and waits for the line that says
// that the reload has begun. The scenario must wait for what follows. First it
// waits until the master rests: the original loses reports that it has not read,
// and a hangup that arrives during another reload.
func (p *process) reload() {
	s := p.station
	newLimit(busyLimit).rest(p.master(), shortRest)
	s.write()
	before := s.countLog("reload -- version")
	p.signal(unix.SIGHUP)
	s.awaitLog("reload -- version", before+1)
}

// countLog counts the log lines so far that contain the text.
func (s *station) countLog(text string) int {
	n := 0
	for _, line := range s.log.all() {
		if strings.Contains(line.text, s.expand(text)) {
			n++
		}
	}
	return n
}

// awaitLog waits until n lines of the log contain the text.
func (s *station) awaitLog(text string, n int) {
	want := s.expand(text)
	s.await(fmt.Sprintf("log line %d with %q", n, text), s.log.wait(func() bool {
		count := 0
		for _, line := range s.log.lines {
			if strings.Contains(line.text, want) {
				count++
			}
		}
		return count >= n
	}))
}

// child waits for the next actor that was started and not returned yet; with a
// name, for one of that service.
func (s *station) child(service ...string) *child {
	c := s.company
	var found *child
	s.await("a child "+strings.Join(service, " "), c.wait(func() bool {
		for i := c.taken; i < len(c.all); i++ {
			if len(service) == 0 || c.all[i].service() == s.expand(service[0]) {
				found = c.all[i]
				c.all = append(append(append([]*child{}, c.all[:c.taken]...), found), without(c.all[c.taken:], found)...)
				c.taken++
				return true
			}
		}
		return false
	}))
	return found
}

func without(list []*child, x *child) []*child {
	var rest []*child
	for _, y := range list {
		if y != x {
			rest = append(rest, y)
		}
	}
	return rest
}

// childCount returns how many actors have connected so far.
func (s *station) childCount() int {
	s.company.mu.Lock()
	defer s.company.mu.Unlock()
	return len(s.company.all)
}

// awaitChildren waits until n actors have connected since the beginning.
func (s *station) awaitChildren(n int) {
	s.await(fmt.Sprintf("%d children", n), s.company.wait(func() bool { return len(s.company.all) >= n }))
}

// output returns what a program wrote to the file, "out" or "err".
func (s *station) output(name string) string {
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		return ""
	}
	return string(text)
}
