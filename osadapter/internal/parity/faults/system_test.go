//go:build linux && amd64

package faults

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a condition may take on a machine that is busy.
const patience = 25 * time.Second

var errImpatient = errors.New("not in time")

// eventually waits for a condition that no event announces.
func eventually(what string, holds func() bool) error {
	for until := time.Now().Add(patience); !holds(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(until) {
			return fmt.Errorf("%w: %s", errImpatient, what)
		}
	}
	return nil
}

// system is a private mail system: its directory and its address.
type system struct {
	dir     string
	address string
	tokens  atomic.Int32
	lines   func() string // of its log; nil: it has a file
}

var systems atomic.Uint32

type account struct {
	name     string
	uid, gid int
}

// accounts returns a mail owner and a group that is not the owner's.
func accounts() (owner account, group string, err error) {
	for _, f := range records("/etc/passwd") {
		uid, gid := number(f[2]), number(f[3])
		if f[0] != "nobody" && uid > 0 && gid > 0 && owner.name == "" {
			owner = account{f[0], uid, gid}
		}
	}
	for _, f := range records("/etc/group") {
		if gid := number(f[2]); gid > 0 && gid != owner.gid && f[0] != "nogroup" && group == "" {
			group = f[0]
		}
	}
	if owner.name == "" || group == "" {
		return owner, group, errors.New("no account here can be mail_owner")
	}
	return owner, group, nil
}

func records(path string) [][]string {
	text, _ := os.ReadFile(path)
	var all [][]string
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Split(line, ":"); len(f) >= 4 {
			all = append(all, f)
		}
	}
	return all
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }

func newSystem() (*system, error) {
	owner, group, err := accounts()
	if err != nil {
		return nil, err
	}
	n := systems.Add(1)
	s := &system{address: fmt.Sprintf("127.%d.%d.%d", 20+os.Getpid()%200, n/250, 1+n%250)}
	s.dir = filepath.Join(binaries, strconv.Itoa(int(n)))
	for _, d := range []struct {
		name  string
		owned bool
	}{{".", false}, {"c", false}, {"q", false}, {"q/pid", false}, {"q/private", true}, {"q/public", true}, {"d", true}, {"log", false}, {"marks", false}} {
		path := s.path(d.name)
		err = errors.Join(os.MkdirAll(path, 0o755), os.Chmod(path, 0o755))
		if d.owned {
			err = errors.Join(err, os.Chown(path, owner.uid, owner.gid))
		}
		if err != nil {
			return nil, err
		}
	}
	main := strings.Join([]string{
		"compatibility_level = 3.6", "queue_directory = " + s.dir + "/q", "data_directory = " + s.dir + "/d",
		"daemon_directory = " + binaries, "maillog_file = " + s.dir + "/log/mail.log", "maillog_file_prefixes = " + s.dir,
		"mail_owner = " + owner.name, "setgid_group = " + group, "myhostname = host.example.net",
		"inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", "service_throttle_time = 1s",
		"master_journal_file = $data_directory/master.trace",
	}, "\n") + "\n"
	return s, os.WriteFile(s.path("c/main.cf"), []byte(main), 0o644)
}

func (s *system) path(name string) string { return filepath.Join(s.dir, name) }

func (s *system) close() { _ = os.RemoveAll(s.dir) }

// service is a line of master.cf, and the address of its clients.
type service struct {
	name string // an inet service: the port
	kind string
	once bool // the server leaves after one client
	wake bool
}

func (v service) line(s *system) string {
	name, private, wake, command := v.name, "y", "-", "servant marks "+s.dir+"/marks"
	if v.kind == "inet" {
		name, private = s.address+":"+v.name, "n"
	}
	if v.wake {
		wake = "3600"
	}
	if v.once {
		command += " once"
	}
	return fmt.Sprintf("%s %s %s - n %s 2 %s\n", name, v.kind, private, wake, command)
}

// The services of the first configuration, of the one that a reload loads, and of
// one that cannot be opened.
var (
	common = []service{
		{name: "2501", kind: "inet"},
		{name: "u", kind: "unix", once: true, wake: true},
		{name: "f", kind: "fifo", once: true, wake: true},
		{name: "p", kind: "pass", once: true, wake: true},
		{name: "d", kind: "unix-dgram", once: true},
	}
	first  = slices.Concat(common, []service{{name: "2502", kind: "inet", once: true, wake: true}, {name: "x", kind: "unix"}, {name: "y", kind: "fifo"}})
	second = slices.Concat(common, []service{{name: "2503", kind: "inet", once: true, wake: true}, {name: "x", kind: "unix-dgram"}, {name: "y", kind: "unix"}, {name: "z", kind: "fifo"}})
	third  = slices.Concat(common, []service{{name: "2504", kind: "inet"}, {name: "z", kind: "unix"}, {name: "y", kind: "fifo"}, {name: "x", kind: "unix"}, {name: "w", kind: "unix"}})
)

// configure writes master.cf.
func (s *system) configure(services []service) error {
	var b strings.Builder
	for _, v := range services {
		b.WriteString(v.line(s))
	}
	return os.WriteFile(s.path("c/master.cf"), []byte(b.String()), 0o644)
}

func (s *system) log() string {
	if s.lines != nil {
		return s.lines()
	}
	text, _ := os.ReadFile(s.path("log/mail.log"))
	return string(text)
}

// serves is a client of the service that tries again until it is served.
func (s *system) serves(v service) error {
	var last error
	err := eventually("", func() bool {
		last = s.once(v)
		return last == nil
	})
	if err != nil {
		return fmt.Errorf("%s %s serves nobody: %w", v.kind, v.name, last)
	}
	return nil
}

// answerLimit is how long a client waits before it comes again.
const answerLimit = 4 * time.Second

// once is one client.
func (s *system) once(v service) error {
	path := s.path("q/private/" + v.name)
	switch v.kind {
	case "inet":
		return s.talk("tcp4", s.address+":"+v.name, !v.once)
	case "unix":
		return s.talk("unix", path, !v.once)
	case "pass":
		return s.pass(path)
	case "fifo":
		return s.mark(path, true)
	}
	return s.mark(path, false)
}

// talk makes a client be served, and with company one more while the first one
// keeps its server busy.
func (s *system) talk(network, address string, company bool) error {
	c, err := net.DialTimeout(network, address, answerLimit)
	if err != nil {
		return err
	}
	defer c.Close()
	if company {
		if err := s.talk(network, address, false); err != nil {
			return fmt.Errorf("while a server is busy: %w", err)
		}
	}
	return ask(c)
}

func ask(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(answerLimit))
	if _, err := c.Write([]byte("hello\n")); err != nil {
		return err
	}
	b := make([]byte, 64)
	n, err := c.Read(b)
	if strings.HasPrefix(string(b[:n]), "served") {
		return nil
	}
	return fmt.Errorf("answer %q: %w", b[:n], err)
}

// pass passes one end of a connection.
func (s *system) pass(path string) error {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	defer c.Close()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, _, err = c.WriteMsgUnix([]byte{0}, unix.UnixRights(ends[1]), nil)
	_ = unix.Close(ends[1])
	file := os.NewFile(uintptr(ends[0]), "ours")
	defer file.Close()
	if err != nil {
		return err
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return err
	}
	defer conn.Close()
	return ask(conn)
}

// mark sends a word for which the server creates a file.
func (s *system) mark(path string, fifo bool) error {
	token := "m" + strconv.Itoa(int(s.tokens.Add(1)))
	err := send(path, fifo, token+"\n")
	for until := time.Now().Add(answerLimit / 2); err == nil; time.Sleep(2 * time.Millisecond) {
		if _, gone := os.Stat(s.path("marks/" + token)); gone == nil {
			return nil
		}
		if time.Now().After(until) {
			err = errImpatient
		}
	}
	return err
}

func send(path string, fifo bool, text string) error {
	if fifo {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
			return fmt.Errorf("no FIFO: %w", err)
		}
		_, err = unix.Write(fd, []byte(text))
		return err
	}
	c, err := net.Dial("unixgram", path)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(text))
	return err
}
