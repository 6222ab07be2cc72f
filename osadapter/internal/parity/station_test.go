//go:build linux

package parity

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A station is a private mail system for one scenario and one master. Its
// directory is short, for socket paths:
//
//	c       configuration        q  queue, with pid, private, public
//	d       data directory       s  daemon directory, with the actor
//	counts  bytes of actors      dev/log  its system log
//	ctl     where actors call    out, err  standard output and error of programs
//
// In configuration texts, command lines and addresses "@dir" stands for that
// directory, "@port1" to "@port9" for ports of the station's own, "@owner" and
// "@group" for the accounts; in observations they stand there again.
type station struct {
	dir    string
	binary string // the master that is played with
	owner  account
	group  account

	keeper  *keeper
	log     *syslog
	company *company

	mainText   []string
	masterText []string
	ports      map[string]int
	processes  []*process
	clients    []net.Conn

	mu       sync.Mutex
	lines    []string      // observed by the scenario itself
	loose    bool          // starts and ends have no order
	noTree   bool          // files are not observed
	slow     time.Duration // after each start, the log is not read for this long
	logFile  *logFile      // of a mode; nil: the scenario's own, or none
	once     bool          // of equal consecutive log lines, only one is observed
	quiet    []*regexp.Regexp
	cleanups []func()
}

type account struct {
	name     string
	uid, gid int
}

// stopped is the panic value when a scenario cannot continue; the reason is an
// observation.
type stopped struct{}

var errNoAccounts = errors.New("no accounts here can be mail_owner and setgid_group")

// accounts returns the accounts of the installed original, or others that a master
// accepts.
func accounts() (owner, group account, err error) {
	users, groups := records("/etc/passwd"), records("/etc/group")
	pick := func(all [][]string, name string, fits func([]string) bool) []string {
		if i := slices.IndexFunc(all, func(f []string) bool { return f[0] == name }); i >= 0 {
			return all[i]
		}
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i]
		}
		return nil
	}
	u := pick(users, "postfix", func(f []string) bool { return len(f) > 3 && f[2] != "0" && f[3] != "0" && f[0] != "nobody" })
	if u == nil {
		return owner, group, errNoAccounts
	}
	g := pick(groups, "postdrop", func(f []string) bool { return f[2] != "0" && f[2] != u[3] && f[0] != "nogroup" })
	if g == nil {
		return owner, group, errNoAccounts
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	return account{u[0], number(u[2]), number(u[3])}, account{g[0], number(g[2]), number(g[2])}, nil
}

func records(path string) [][]string {
	text, _ := os.ReadFile(path)
	var all [][]string
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Split(line, ":"); len(f) >= 4 || len(f) == 3 {
			all = append(all, f)
		}
	}
	return all
}

// newStation creates the directories and the log; nothing runs yet.
func newStation(binary string) (s *station, err error) {
	s = &station{binary: binary, ports: map[string]int{}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.owner, s.group, err = accounts(); err != nil {
		return s, err
	}
	if s.dir, err = os.MkdirTemp("/tmp", "pa"); err != nil {
		return s, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return s, err
	}
	for _, d := range []struct {
		name  string
		mode  os.FileMode
		owned bool
	}{
		{"c", 0o755, false},
		{"q", 0o755, false},
		{"q/pid", 0o755, false},
		{"q/private", 0o700, true},
		{"q/public", 0o710, true},
		{"d", 0o700, true},
		{"s", 0o755, false},
		{"dev", 0o755, false},
		{"counts", 0o777, false},
	} {
		path := filepath.Join(s.dir, d.name)
		if err := os.Mkdir(path, d.mode); err != nil {
			return s, err
		}
		if err := os.Chmod(path, d.mode); err != nil {
			return s, err
		}
		if d.owned {
			if err := os.Chown(path, s.owner.uid, s.owner.gid); err != nil {
				return s, err
			}
		}
	}
	if err := linkOrCopy(filepath.Join(binaries, "actor"), s.path("s/actor")); err != nil {
		return s, err
	}
	if s.log, err = newSyslog(s.path("dev/log")); err != nil {
		return s, err
	}
	if err := os.Chmod(s.path("dev/log"), 0o666); err != nil {
		return s, err
	}
	if s.company, err = newCompany(s, s.path("ctl")); err != nil {
		return s, err
	}
	if s.keeper, err = newKeeper(s.dir); err != nil {
		return s, err
	}
	s.mainText = []string{
		"compatibility_level = 3.6", "queue_directory = @dir/q", "data_directory = @dir/d", "daemon_directory = @dir/s",
		"command_directory = @dir/s", "mail_owner = @owner", "setgid_group = @group", "myhostname = host.example.net",
		"inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", "service_throttle_time = 2s",
	}
	return s, nil
}

func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

// close ends every process of the station and removes all its files.
func (s *station) close() {
	for _, c := range s.clients {
		c.Close()
	}
	if s.keeper != nil {
		s.keeper.close()
	}
	if s.company != nil {
		s.company.close()
	}
	if s.logFile != nil {
		s.logFile.close()
	}
	if s.log != nil {
		s.log.close()
	}
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

func (s *station) path(name string) string { return filepath.Join(s.dir, name) }

// require stops the scenario if one of its own steps failed.
func (s *station) require(what string, err error) {
	if err != nil {
		s.stop(what + ": " + err.Error())
	}
}

// stop ends the scenario; the reason is observed, so it is a difference unless both
// sides stop there, and then the scenario counts as broken.
func (s *station) stop(reason string) {
	s.observe(brokenName, reason)
	panic(stopped{})
}

const brokenName = "BROKEN"

// await stops the scenario if a condition was not met.
func (s *station) await(what string, ok bool) {
	if !ok {
		s.stop("not within " + patience.String() + ": " + what)
	}
}

// eventually waits for a condition that no event announces.
func (s *station) eventually(what string, holds func() bool) {
	s.await(what, newLimit(patience).poll(holds))
}

// main adds lines to main.cf; master adds lines to master.cf. They apply from the
// next start or reload on.
func (s *station) main(lines ...string)   { s.mainText = append(s.mainText, lines...) }
func (s *station) master(lines ...string) { s.masterText = append(s.masterText, lines...) }

// setMaster replaces master.cf.
func (s *station) setMaster(lines ...string) { s.masterText = lines }

// setMain replaces the lines of main.cf that define a name.
func (s *station) setMain(name, value string) {
	s.mainText = slices.DeleteFunc(s.mainText, func(line string) bool {
		return strings.TrimSpace(strings.SplitN(line, "=", 2)[0]) == name
	})
	s.main(name + " = " + value)
}

// write writes the configuration with an old modification time: the original waits
// if main.cf has just been written.
func (s *station) write() {
	main := s.mainText
	if s.logFile != nil {
		main = s.logFile.configure(main)
	}
	for name, lines := range map[string][]string{"c/main.cf": main, "c/master.cf": s.masterText} {
		// A master that is still reading must not see half of it.
		next := name + ".next"
		s.require("write", os.WriteFile(s.path(next), []byte(s.expand(strings.Join(lines, "\n")+"\n")), 0o644))
		s.backDate(next)
		s.require("rename", os.Rename(s.path(next), s.path(name)))
	}
}

func (s *station) backDate(name string) {
	earlier := time.Now().Add(-time.Hour)
	s.require("date back", os.Chtimes(s.path(name), earlier, earlier))
}

var placeholder = regexp.MustCompile(`@(dir|owner|group|port[1-9])`)

// expand replaces the placeholders for the station's directory, accounts and ports
// in a text.
func (s *station) expand(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		switch name {
		case "@dir":
			return s.dir
		case "@owner":
			return s.owner.name
		case "@group":
			return s.group.name
		}
		return strconv.Itoa(s.port(name))
	})
}

// port returns the port with this name, "@port1".
func (s *station) port(name string) int {
	if s.ports[name] == 0 {
		port, giveBack := freePort()
		if port == 0 {
			s.stop("no free port")
		}
		s.ports[name] = port
		s.cleanups = append(s.cleanups, giveBack)
	}
	return s.ports[name]
}

// Ports are taken from below the kernel's ephemeral ones, each once in the life of
// this process: masters share a port without an error (SO_REUSEPORT).
var nextPort atomic.Int32

const firstPort, portCount = 20000, 10000

// freePort returns an unused port that no other run of these tests takes before
// giveBack is called; 0 if there is none.
func freePort() (port int, giveBack func()) {
	nextPort.CompareAndSwap(0, int32(os.Getpid()%97)*100+1)
	for range portCount {
		port := firstPort + int(nextPort.Add(1))%portCount
		// Only one process of the machine can bind this name.
		claim, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@parity-port-" + strconv.Itoa(port), Net: "unixgram"})
		if err != nil {
			continue
		}
		if isFree(port) {
			return port, func() { claim.Close() }
		}
		claim.Close()
	}
	return 0, nil
}

func isFree(port int) bool {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	return unix.Bind(fd, &unix.SockaddrInet6{Port: port}) == nil
}

// observe adds a line of the scenario itself.
func (s *station) observe(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, name+": "+value)
}

func (s *station) observef(name, format string, a ...any) { s.observe(name, fmt.Sprintf(format, a...)) }

// ignore omits observation lines that match: use it for what is random, and say why
// beside it.
func (s *station) ignore(pattern string) { s.quiet = append(s.quiet, regexp.MustCompile(pattern)) }
