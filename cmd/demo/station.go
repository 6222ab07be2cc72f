package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// station is a master and the temporary directory that it works in.
type station struct {
	bin, dir    string
	accounts    accounts
	echo, flaky string // addresses of the two services

	daemon   *exec.Cmd
	gone     chan struct{} // closed when the daemon has ended
	stopping atomic.Bool   // its end is expected
	shown    int           // bytes of the log that have been read
}

// Values of main.cf.
const (
	maxIdle      = 3 * time.Second
	throttleTime = 2 * time.Second
)

// newStation creates the directory. It returns a station to clean up even if it
// fails.
func newStation(bin string) (s *station, err error) {
	s = &station{}
	if s.bin, err = findPrograms(bin); err != nil {
		return s, err
	}
	if s.accounts, err = findAccounts(); err != nil {
		return s, err
	}
	if s.echo, err = freeAddress(); err != nil {
		return s, err
	}
	if s.flaky, err = freeAddress(); err != nil {
		return s, err
	}
	if s.dir, err = s.makeDirectory(); err != nil {
		return s, err
	}
	for _, d := range []string{"config", "programs", "queue", "queue/pid", "queue/private", "queue/public", "data"} {
		if err := os.Mkdir(s.path(d), 0o755); err != nil {
			return s, err
		}
	}
	if os.Geteuid() == 0 {
		uid, _ := strconv.Atoi(s.accounts.owner.Uid)
		for _, d := range []string{"queue/private", "queue/public", "data"} {
			if err := os.Chown(s.path(d), uid, -1); err != nil {
				return s, err
			}
		}
	}
	// Links, because a file system for temporary files may forbid programs.
	return s, errors.Join(s.link("echo", filepath.Join(s.bin, "echo")), s.link("flaky", "/bin/false"))
}

// freeAddress returns an address of the loopback interface that was free a
// moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// makeDirectory creates an empty directory that the mail owner can reach.
func (s *station) makeDirectory() (string, error) {
	dir, err := os.MkdirTemp("", "stationmaster-demo-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil || os.Geteuid() != 0 {
		return dir, err
	}
	for path := filepath.Dir(dir); path != "/"; path = filepath.Dir(path) {
		if info, err := os.Stat(path); err != nil || info.Mode()&0o001 == 0 {
			return dir, fmt.Errorf("user %s cannot enter %s; set TMPDIR to a directory that everybody can enter",
				s.accounts.owner.Username, path)
		}
	}
	return dir, nil
}

func (s *station) path(name string) string { return filepath.Join(s.dir, name) }

// link makes the program of a service a link to target.
func (s *station) link(name, target string) error {
	path := s.path("programs/" + name)
	if err := os.Symlink(target, path+".new"); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// entry returns the line of the echo service in master.cf.
func (s *station) entry(processLimit string) string {
	return s.echo + " inet n - n - " + processLimit + " echo"
}

// configure writes master.cf, in which the echo service is line 2, and main.cf.
func (s *station) configure(greeting, processLimit string) error {
	master := fmt.Sprintf("# service type private unpriv chroot wakeup maxproc command\n%s -V\n%s inet n - n - 1 flaky -V\n",
		s.entry(processLimit), s.flaky)
	main := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
daemon_directory = %[1]s/programs
mail_owner = %[2]s
default_privs = %[3]s
setgid_group = %[4]s
myhostname = demo.example
inet_protocols = ipv4
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
max_idle = %[5]v
service_throttle_time = %[6]v
echo_greeting = %[7]s
`, s.dir, s.accounts.owner.Username, s.accounts.privs.Username, s.accounts.group.Name, maxIdle, throttleTime, greeting)
	for _, file := range []struct{ name, text string }{{"master.cf", master}, {"main.cf", main}} {
		// Replaced at once, so that a process that starts never reads half a file.
		path := s.path("config/" + file.name)
		if err := errors.Join(os.WriteFile(path+".new", []byte(file.text), 0o644), os.Rename(path+".new", path)); err != nil {
			return err
		}
	}
	return nil
}

// start runs the daemon in a session of its own. If it ends before stop is
// called, ended is called with the reason.
func (s *station) start(ended func(error)) error {
	log, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.daemon = exec.Command(filepath.Join(s.bin, "master"), "-c", s.path("config"), "-d")
	// MAIL_CONFIG and the like would steer the daemon away from our files.
	s.daemon.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAIL_") || strings.HasPrefix(v, "POSTLOG_")
	})
	s.daemon.Stderr = log
	s.daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.daemon.Start(); err != nil {
		s.daemon = nil
		return err
	}
	s.gone = make(chan struct{})
	go func() {
		_ = s.daemon.Wait()
		close(s.gone)
		if !s.stopping.Load() {
			ended(fmt.Errorf("the daemon ended by itself (%v)", s.daemon.ProcessState))
		}
	}()
	return nil
}

// signal sends a signal to the daemon.
func (s *station) signal(sig syscall.Signal) error {
	if s.daemon == nil {
		return nil
	}
	return s.daemon.Process.Signal(sig)
}

// processes returns the pids of the live processes of a group whose program has
// one of the names; without names, of all.
func processes(group int, names ...string) []int {
	var found []int
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, _ := os.ReadFile(file) // fails if the process has ended
		head, tail, _ := bytes.Cut(text, []byte(") "))
		pid, name, _ := strings.Cut(string(head), " (")
		fields := strings.Fields(string(tail)) // state, parent, group, …
		if len(fields) < 3 || fields[0] == "Z" || fields[2] != strconv.Itoa(group) {
			continue
		}
		if n, err := strconv.Atoi(pid); err == nil && (len(names) == 0 || slices.Contains(names, name)) {
			found = append(found, n)
		}
	}
	return found
}

// stop ends the daemon and all of its processes, by SIGKILL if they do not leave
// within limit.
func (s *station) stop(limit time.Duration) error {
	if s.daemon == nil {
		return nil
	}
	s.stopping.Store(true)
	_ = s.signal(syscall.SIGTERM) // fails if it has ended
	deadline := time.Now().Add(limit)
	for killed := false; ; time.Sleep(glance) {
		left := processes(s.daemon.Process.Pid)
		switch {
		case len(left) == 0:
			<-s.gone
			return nil
		case time.Now().Before(deadline):
		case killed:
			return fmt.Errorf("processes %v of the daemon cannot be ended", left)
		default:
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			killed, deadline = true, time.Now().Add(limit)
		}
	}
}

// newLogLines returns what has been logged since the last call, without time and
// host.
func (s *station) newLogLines() []string {
	if s.dir == "" {
		return nil
	}
	text, _ := os.ReadFile(s.path("log")) // does not exist before the start
	text = text[s.shown:]
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	s.shown += len(text)
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if _, err := time.Parse(time.Stamp, line[:min(len(line), len(time.Stamp))]); err == nil {
			_, line, _ = strings.Cut(strings.TrimSpace(line[len(time.Stamp):]), " ")
		}
		lines = append(lines, line)
	}
	return lines
}
