package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A station is a private mail system for one master: configuration in c, queue
// in q, data in d, servers in s.
type station struct {
	dir      string
	binary   string
	accounts accounts
	services []string // lines of master.cf
}

// accounts are the names that main.cf needs.
type accounts struct {
	owner, group string
	uid, gid     int // of owner
}

const (
	gateName       = "gate"
	complaintsName = "complaints"
	port           = 2525
)

// findAccounts returns the accounts of the installed original, or others that a
// master accepts: without privileges, and of different groups.
func findAccounts() (a accounts, err error) {
	pick := func(path string, names ...string) (fields []string) {
		file, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer file.Close()
		best := len(names)
		for lines := bufio.NewScanner(file); lines.Scan(); {
			f := strings.Split(lines.Text(), ":")
			for i, name := range names[:best] {
				if len(f) > 3 && f[0] == name {
					fields, best = f, i
				}
			}
		}
		return fields
	}
	owner := pick("/etc/passwd", "postfix", "mail", "daemon", "bin")
	group := pick("/etc/group", "postdrop", "games", "users", "sys")
	if owner == nil || group == nil || owner[3] == group[2] {
		return a, errors.New("this system has no accounts that suit mail_owner and setgid_group")
	}
	a.owner, a.group = owner[0], group[0]
	if a.uid, err = strconv.Atoi(owner[2]); err != nil {
		return a, err
	}
	a.gid, err = strconv.Atoi(owner[3])
	return a, err
}

// newStation creates the directories; nothing runs yet.
func (b *bench) newStation(of side, services ...string) (*station, error) {
	b.stationCount++
	s := &station{
		dir: filepath.Join(b.workDir, strconv.Itoa(b.stationCount)), binary: b.binaries[of],
		accounts: b.accounts, services: services,
	}
	for _, d := range []struct {
		name  string
		mode  os.FileMode
		owned bool
	}{
		{"", 0o755, false},
		{"c", 0o755, false},
		{"q", 0o755, false},
		{"q/pid", 0o755, false},
		{"q/private", 0o700, true},
		{"q/public", 0o755, true},
		{"d", 0o700, true},
		{"s", 0o755, false},
	} {
		path := s.path(d.name)
		if err := os.Mkdir(path, d.mode); err != nil {
			return nil, err
		}
		if !d.owned {
			continue
		}
		if err := os.Chown(path, s.accounts.uid, s.accounts.gid); err != nil {
			return nil, err
		}
	}
	if err := unix.Mkfifo(s.path("q/"+gateName), 0o600); err != nil {
		return nil, fmt.Errorf("create the gate: %w", err)
	}
	return s, os.Link(filepath.Join(b.workDir, childName), s.path("s", childName))
}

func (s *station) path(name ...string) string {
	return filepath.Join(append([]string{s.dir}, name...)...)
}

// unixService returns a line of master.cf for a service whose children run in this
// mode.
func unixService(name, mode string, limit int) string {
	return fmt.Sprintf("%s unix n n n - %d child %s %s unix", name, limit, mode, name)
}

// inetService is unixService on our port.
func inetService(mode string, limit int) string {
	return fmt.Sprintf("%d inet n n n - %d child %s %d inet", port, limit, mode, port)
}

// fillers returns services that no client uses, to measure their cost.
func fillers(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = unixService(fmt.Sprintf("f%d", i), "oneshot", 1)
	}
	return lines
}

// write writes the configuration with an old modification time: the original waits
// if main.cf has just been written.
func (s *station) write() error {
	main := []string{
		"compatibility_level = 3.6", "queue_directory = " + s.path("q"), "data_directory = " + s.path("d"),
		"daemon_directory = " + s.path("s"), "command_directory = " + s.path("s"), "mail_owner = " + s.accounts.owner,
		"setgid_group = " + s.accounts.group, "myhostname = host.example.net", "inet_interfaces = 127.0.0.1",
		"inet_protocols = ipv4",
	}
	earlier := time.Now().Add(-time.Hour)
	for name, lines := range map[string][]string{"c/main.cf": main, "c/master.cf": s.services} {
		path := s.path(name)
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(path, earlier, earlier); err != nil {
			return err
		}
	}
	return nil
}

// started is the cost of a start.
type started struct {
	wall, cpu time.Duration
}

// start starts the master with -w and waits for it.
func (s *station) start() (process, started, error) {
	if err := s.write(); err != nil {
		return 0, started{}, err
	}
	command := exec.Command(s.binary, "-c", s.path("c"), "-w")
	command.Args[0] = "master"
	command.Dir = "/"
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TZ=UTC"}
	began := time.Now()
	err := command.Run()
	wall := time.Since(began)
	if err != nil {
		return 0, started{}, fmt.Errorf("start %s: %w", s.binary, err)
	}
	text, err := os.ReadFile(s.path("q/pid/master.pid"))
	if err != nil {
		return 0, started{}, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, started{}, err
	}
	if err := process(pid).settle(); err != nil {
		return 0, started{}, err
	}
	cpu, err := process(pid).cpu()
	if err != nil {
		return 0, started{}, err
	}
	return process(pid), started{wall, cpu + command.ProcessState.UserTime() + command.ProcessState.SystemTime()}, nil
}

// check returns an error if a child has complained.
func (s *station) check() error {
	text, err := os.ReadFile(s.path("q/" + complaintsName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return fmt.Errorf("children reported %d problems, first: %s", strings.Count(string(text), "\n"), first)
}

// end ends the master and returns the CPU time of it and of the children that it
// has reaped.
func (p process) end() (time.Duration, error) {
	if err := unix.Kill(int(p), unix.SIGKILL); err != nil {
		return 0, fmt.Errorf("end master %d: %w", p, err)
	}
	var used unix.Rusage
	for {
		_, err := unix.Wait4(int(p), nil, 0, &used)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait for master %d: %w", p, err)
		}
		return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
	}
}
