//go:build linux

package parity

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// An observation is what was visible from outside of one master in one scenario:
// named lines, in sections sorted by name. Lines of a section with an order of its
// own (the log, starts and ends) keep it; others are sorted.
type observation []string

func (o observation) String() string { return strings.Join(o, "\n") }

func (o observation) broken() string {
	for _, line := range o {
		if reason, ok := strings.CutPrefix(line, brokenName+": "); ok {
			return reason
		}
	}
	return ""
}

// play runs the scenario with one master and returns what was seen.
func play(sc *scenario, binary string) (seen observation, err error) {
	s, err := newStation(binary)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if sc.mode != nil {
		sc.mode.prepare(s)
	}
	s.carry(sc)
	return s.finish(), nil
}

// carry runs the scenario's steps, up to one that stops it.
func (s *station) carry(sc *scenario) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				panic(r)
			}
		}
	}()
	sc.play(s)
}

// finish inspects everything, ends the masters, and assembles the text.
func (s *station) finish() observation {
	for _, p := range s.processes {
		newLimit(busyLimit).rest(p.master(), shortRest)
		if s.keeper.status(p.master()) != "" {
			s.restChildren() // it may have signalled them before its end
		}
	}
	s.drainLog()
	s.company.drain()
	s.company.mu.Lock()
	children := slices.Clone(s.company.all)
	chronicle := slices.Clone(s.company.chronicle)
	s.company.mu.Unlock()
	if s.loose {
		slices.Sort(chronicle)
	}
	var files, listeners []string
	if !s.noTree {
		files = s.files()
	}
	for _, p := range s.processes {
		if s.keeper.status(p.master()) == "" {
			listeners = append(listeners, s.listeners(p.master())...)
		}
	}
	ends := s.endMasters()
	s.drainLog()

	n := s.newNames(children)
	var o observation
	section := func(name string, lines []string, ordered bool) {
		named := make([]string, 0, len(lines))
		for _, line := range lines {
			if name != "" {
				line = name + ": " + line
			}
			named = append(named, n.replace(line))
		}
		if !ordered {
			slices.Sort(named)
		}
		o = append(o, named...)
	}
	for _, x := range sortedByGeneration(children) {
		var lines []string
		for _, line := range x.given {
			lines = append(lines, x.label()+"."+line)
		}
		section("", lines, false)
	}
	section("end", ends, true)
	section("file", files, false)
	section("listener", slices.Compact(sorted(listeners)), false)
	section("log", s.logText(n), true)
	section("process", chronicle, true)
	section("", s.lines, true)
	section("stderr", textLines(s.output("err")), true)
	section("stdout", textLines(s.output("out")), true)
	return slices.DeleteFunc(o, func(line string) bool {
		return slices.ContainsFunc(s.quiet, func(r *regexp.Regexp) bool { return r.MatchString(line) })
	})
}

// drainLog waits until every line written before is in the station's log.
func (s *station) drainLog() {
	s.log.drain()
	if s.logFile != nil {
		s.logFile.drain(s.log)
	}
}

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}

func sortedByGeneration(children []*child) []*child {
	children = slices.Clone(children)
	slices.SortStableFunc(children, func(a, b *child) int { return a.generation() - b.generation() })
	return children
}

func textLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// endMasters terminates the processes that still run, by pid, and returns how each
// start ended.
func (s *station) endMasters() []string {
	var ends []string
	for _, p := range s.processes {
		pids := []int{p.pid}
		if p.daemon != 0 && p.daemon != p.pid {
			pids = append(pids, p.daemon)
		}
		for i, pid := range pids {
			how := s.keeper.status(pid)
			if how == "" {
				newLimit(busyLimit).rest(pid, shortRest)
				_ = unix.Kill(pid, unix.SIGTERM)
				how = s.keeper.awaitEnd(pid)
			}
			if how == "" {
				how = "does not end"
			}
			ends = append(ends, []string{"start", "daemon of start"}[i]+" "+strconv.Itoa(p.number)+": "+how)
		}
	}
	return ends
}

func (s *station) logText(n *names) []string {
	var lines []string
	for _, l := range s.log.all() {
		line := fmt.Sprintf("%s %s[%s] %s", l.severity(), l.tag, n.process(l.pid), l.text)
		if s.logFile != nil && !l.file {
			line += toSyslog
		}
		lines = append(lines, line)
	}
	if s.once {
		lines = slices.Compact(lines)
	}
	return lines
}

// names replaces what differs between runs by names.
type names struct {
	station *station
	labels  map[int]string
}

func (s *station) newNames(children []*child) *names {
	n := &names{s, map[int]string{0: "nobody", 1: "init", os.Getpid(): "test", s.keeper.cmd.Process.Pid: "keeper"}}
	for _, x := range children {
		n.labels[x.pid] = x.label()
		if own, err := strconv.Atoi(x.value("pid")); err == nil {
			n.labels[own] = x.label()
		}
	}
	for _, p := range s.processes {
		name := "master"
		if p.number > 1 {
			name += strconv.Itoa(p.number)
		}
		n.labels[p.master()] = name
		if p.master() != p.pid {
			n.labels[p.pid] = "parent of " + name
		}
		if p.launch.PIDNamespace {
			n.labels[1] = name
		}
	}
	return n
}

func (n *names) process(pid int) string {
	if name := n.labels[pid]; name != "" {
		return name
	}
	return "other"
}

var (
	// processNumber matches process IDs in texts.
	processNumber = regexp.MustCompile(`(\bpid:? |\bpid |parent: |process group: |session: |peercred=|process )(\d+)`)
	versionText   = regexp.MustCompile(`-- version \S+, configuration`)
	ownerNumbers  = regexp.MustCompile(`\b(uid|gid) (\d+)`)
	peerNumbers   = regexp.MustCompile(`(peercred=[a-z0-9 ]+)/(\d+)/(\d+)`)
	capabilities  = regexp.MustCompile(`(Cap(?:Eff|Bnd): )([0-9a-f]{16})$`)
	wholeNumber   = regexp.MustCompile(`\d+`)
)

func (n *names) replace(line string) string {
	s := n.station
	line = strings.ReplaceAll(line, s.dir, "@dir")
	line = processNumber.ReplaceAllStringFunc(line, func(text string) string {
		m := processNumber.FindStringSubmatch(text)
		pid, err := strconv.Atoi(m[2])
		if err != nil {
			return text
		}
		return m[1] + n.process(pid)
	})
	line = versionText.ReplaceAllString(line, "-- version V, configuration")
	line = ownerNumbers.ReplaceAllStringFunc(line, func(text string) string {
		m := ownerNumbers.FindStringSubmatch(text)
		return m[1] + " " + s.accountName(m[1], m[2])
	})
	line = peerNumbers.ReplaceAllStringFunc(line, func(text string) string {
		m := peerNumbers.FindStringSubmatch(text)
		return m[1] + "/" + s.accountName("uid", m[2]) + "/" + s.accountName("gid", m[3])
	})
	line = capabilities.ReplaceAllStringFunc(line, func(text string) string {
		return strings.Replace(text, ownCapabilities(), "all that there are", 1)
	})
	if len(s.ports) > 0 {
		line = wholeNumber.ReplaceAllStringFunc(line, func(digits string) string {
			number := strings.TrimLeft(digits, "0")
			for name, port := range s.ports {
				if number == strconv.Itoa(port) {
					return digits[:len(digits)-len(number)] + name
				}
			}
			return digits
		})
	}
	return line
}

// ownCapabilities returns the mask of the tests, which run as root: root's
// capabilities differ from machine to machine.
var ownCapabilities = sync.OnceValue(func() string {
	text, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(text), "CapEff:\t")
	mask, _, _ := strings.Cut(after, "\n")
	return mask
})

// accountName returns the names of the station's accounts.
func (s *station) accountName(kind, digits string) string {
	n, _ := strconv.Atoi(digits)
	switch {
	case n == 0:
		return "root"
	case kind == "uid" && n == s.owner.uid, kind == "gid" && n == s.owner.gid:
		return "@owner"
	case kind == "gid" && n == s.group.gid:
		return "@group"
	}
	return digits
}

// files describes every file in the queue and the data directory: type, mode,
// owner, size.
func (s *station) files() []string {
	var lines []string
	for _, root := range []string{"q", "d"} {
		_ = filepath.WalkDir(s.path(root), func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			lines = append(lines, strings.TrimPrefix(path, s.dir+"/")+" "+s.fileText(path))
			return nil
		})
	}
	return lines
}

var fileKinds = map[uint32]string{
	unix.S_IFREG: "file", unix.S_IFDIR: "directory", unix.S_IFSOCK: "socket", unix.S_IFIFO: "fifo", unix.S_IFLNK: "symlink", unix.S_IFCHR: "device",
}

var pidFile = regexp.MustCompile(`^ *(\d+)\n$`)

// fileText describes one file; for a file that contains a process ID, it says
// whose.
func (s *station) fileText(path string) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("%s %04o %s:%s", fileKinds[st.Mode&unix.S_IFMT], st.Mode&0o7777,
		s.accountName("uid", strconv.Itoa(int(st.Uid))), s.accountName("gid", strconv.Itoa(int(st.Gid))))
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		text += fmt.Sprintf(" size %d", st.Size)
		if content, err := os.ReadFile(path); err == nil && len(content) < 100 {
			if m := pidFile.FindSubmatch(content); m != nil {
				text += " pid " + string(m[1])
			}
		}
		if st.Nlink != 1 {
			text += fmt.Sprintf(" links %d", st.Nlink)
		}
	case unix.S_IFLNK:
		target, _ := os.Readlink(path)
		text += " to " + target
	}
	return text
}

// observeFile adds a line about one file of the station.
func (s *station) observeFile(name string) { s.observe("at "+name, s.fileText(s.path(name))) }

// logFileForm matches the beginning of a line in a log file: time, host, tag,
// process.
var logFileForm = regexp.MustCompile(`^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (\S+) (\S+)\[(\d+)\]: `)

// observeLogFile adds the lines of a log file of the station.
func (s *station) observeLogFile(name string) {
	s.observe("at "+name, strings.Split(s.fileText(s.path(name)), " size")[0])
	for _, line := range textLines(s.output(name)) {
		m := logFileForm.FindStringSubmatch(line)
		if m == nil {
			s.observe("bad form in "+name, line)
			continue
		}
		s.observef("line in "+name, "%s %s [pid %s] %s", m[1], m[2], m[3], line[len(m[0]):])
	}
}

// observeMaster adds lines about the master process itself.
func (p *process) observeMaster() {
	s := p.station
	proc := fmt.Sprintf("/proc/%d/", p.master())
	status, err := os.ReadFile(proc + "status")
	s.require("look at the master", err)
	for _, line := range strings.Split(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "NoNewPrivs", "CapEff":
			s.observe("master "+name, strings.Join(strings.Fields(value), " "))
		}
	}
	for _, name := range []string{"cwd", "root", "fd/0", "fd/1", "fd/2"} {
		target, err := os.Readlink(proc + name)
		if err != nil {
			target = errorWord(err)
		}
		s.observe("master "+name, target)
	}
	session, _ := unix.Getsid(p.master())
	group, _ := unix.Getpgid(p.master())
	s.observef("master session", "session: %d", session)
	s.observef("master group", "process group: %d", group)
	var openFiles unix.Rlimit
	if unix.Prlimit(p.master(), unix.RLIMIT_NOFILE, nil, &openFiles) == nil {
		s.observef("master open files", "%d of %d", openFiles.Cur, openFiles.Max)
	}
}
