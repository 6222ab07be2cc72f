//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Files of Debian from which a new configuration is made.
const (
	stockDirectory  = "/usr/share/postfix"
	configureScript = "/usr/lib/postfix/configure-instance.sh"
)

const (
	commandLimit = 60 * time.Second // for one run of postfix(1)
	rootPrefix   = "sm-e2e-"        // of the directory of a mail system
	longestRoot  = 60               // bytes; 107 is the limit of a socket path
)

// postfix describes the installed Postfix, and the master that we test.
type postfix struct {
	command         string // path of postfix(1)
	daemonDirectory string
	metaDirectory   string
	version         string
	master          string
	original        bool // master is the installed one
	recipient       *user.User
}

// findPostfix finds what the test needs. missing names what does not exist.
func findPostfix() (p postfix, missing string) {
	var err error
	if p.command, err = exec.LookPath("postfix"); err != nil {
		return p, err.Error()
	}
	for name, value := range map[string]*string{
		"daemon_directory": &p.daemonDirectory, "meta_directory": &p.metaDirectory, "mail_version": &p.version,
	} {
		out, err := exec.Command("postconf", "-d", "-h", name).Output()
		if err != nil {
			return p, "postconf " + name + ": " + err.Error()
		}
		*value = strings.TrimSpace(string(out))
	}
	p.master = os.Getenv(masterVariable)
	if p.master == "" {
		p.master = "../../../bin/master"
	}
	if p.master, err = filepath.Abs(p.master); err != nil {
		return p, err.Error()
	}
	p.original = filepath.Dir(p.master) == p.daemonDirectory
	for _, path := range []string{stockDirectory + "/main.cf.debian", stockDirectory + "/master.cf.dist"} {
		if _, err := os.Stat(path); err != nil {
			return p, err.Error()
		}
	}
	// local(8) delivers to an existing user without privileges.
	if p.recipient, err = user.Lookup("nobody"); err != nil {
		return p, err.Error()
	}
	return p, ""
}

// layout describes a mail system.
type layout struct {
	chroot       bool   // the chroot column as Debian ships it, else n everywhere
	maillogFile  bool   // log to a file of its own, through postlogd; else syslog
	allProtocols bool   // IPv6 too, where the loopback has it
	oneshot      bool   // add the service that serves one client and exits
	whole        *whole // use every program; nil: what Debian's configuration uses
}

// mailSystem is a private Postfix: its directories, its port and its log.
type mailSystem struct {
	postfix
	layout
	root      string
	port      int
	addresses []string // where smtpd listens
	log       mailLog
}

func (s *mailSystem) config() string  { return s.root + "/etc" }
func (s *mailSystem) queue() string   { return s.root + "/queue" }
func (s *mailSystem) daemons() string { return s.root + "/sbin" }
func (s *mailSystem) mailbox() string { return s.root + "/mail/" + s.recipient.Username }

// newMailSystem creates a mail system and has it cleaned up however the test ends.
func newMailSystem(t *testing.T, p postfix, l layout) *mailSystem {
	t.Helper()
	// Not t.TempDir: its names grow too long for sockets, and users other than
	// root must pass.
	root, err := os.MkdirTemp("", rootPrefix)
	if err != nil {
		t.Fatal(err)
	}
	theGuard.protect(t, root)
	s := &mailSystem{postfix: p, layout: l, root: root, log: fileLog(root + "/mail.log")}
	t.Cleanup(func() { s.cleanUp(t) })
	if len(root) > longestRoot {
		t.Fatalf("the temporary directory %s is too long for the paths of sockets; set TMPDIR to a shorter one", root)
	}
	if err := s.makeDirectories(); err != nil {
		t.Fatal(err)
	}
	if err := s.chooseAddresses(); err != nil {
		t.Fatal(err)
	}
	if err := s.writeConfiguration(); err != nil {
		t.Fatal(err)
	}
	return s
}

// cleanUp ends what still runs and removes the directory.
func (s *mailSystem) cleanUp(t *testing.T) {
	if t.Failed() {
		t.Logf("last lines of the log:\n%s", s.tail(t, 40))
	}
	if err := killInside(s.root); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(s.root); err != nil {
		t.Error(err)
	}
	theGuard.release(s.root)
}

// makeDirectories creates the tree: the daemons are links to the installed ones,
// but master is a copy of the one to be tested.
func (s *mailSystem) makeDirectories() error {
	if err := os.Chmod(s.root, 0o755); err != nil {
		return err
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		return err
	}
	for _, d := range []struct {
		path  string
		owner *user.User
	}{{s.config(), nil}, {s.queue(), nil}, {s.daemons(), nil}, {s.root + "/state", owner}, {s.root + "/mail", s.recipient}} {
		if err := os.Mkdir(d.path, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(d.path, 0o755); err != nil {
			return err
		}
		if d.owner == nil {
			continue
		}
		if err := chown(d.path, d.owner); err != nil {
			return err
		}
	}
	if s.maillogFile {
		// While postlogd does not run, commands write to the file themselves,
		// and not all of them as root.
		if err := errors.Join(os.WriteFile(s.root+"/mail.log", nil, 0o644), chown(s.root+"/mail.log", owner)); err != nil {
			return err
		}
	}
	installed, err := os.ReadDir(s.daemonDirectory)
	if err != nil {
		return err
	}
	for _, d := range installed {
		if d.Name() == "master" {
			continue
		}
		if err := os.Symlink(s.daemonDirectory+"/"+d.Name(), s.daemons()+"/"+d.Name()); err != nil {
			return err
		}
	}
	if s.oneshot {
		build := exec.Command("go", "build", "-o", s.daemons()+"/oneshot", "./testdata/oneshot")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the one-shot server: %w\n%s", err, out)
		}
	}
	return copyFile(s.master, s.daemons()+"/master", 0o755)
}

func chown(path string, u *user.User) error {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

func copyFile(from, to string, mode os.FileMode) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, content, mode); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}

// chooseAddresses finds a port that is free on every loopback address that the mail
// system uses.
func (s *mailSystem) chooseAddresses() error {
	first, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer first.Close()
	s.port = first.Addr().(*net.TCPAddr).Port
	s.addresses = []string{first.Addr().String()}
	if s.allProtocols {
		second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(s.port)))
		if err == nil {
			s.addresses = append(s.addresses, second.Addr().String())
			second.Close()
		}
	}
	return nil
}

// run runs postfix(1) on the mail system and returns its exit status. A command
// that leaves its output open in a daemon is an error of its own.
func (s *mailSystem) run(t *testing.T, verb string) int {
	t.Helper()
	return s.execute(t, s.command, "-c", s.config(), verb)
}

// locked asks the master itself whether another one holds the lock.
func (s *mailSystem) locked(t *testing.T) bool {
	t.Helper()
	return s.execute(t, s.daemons()+"/master", "-c", s.config(), "-t") != 0
}

func (s *mailSystem) execute(t *testing.T, name string, args ...string) int {
	t.Helper()
	code, text, err := invoke(name, args...)
	words := filepath.Base(name) + " " + strings.Join(args, " ")
	if text != "" {
		t.Logf("%s: %s", words, text)
	}
	if err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	return code
}

// invoke runs a program to its end and returns its exit status and output.
func invoke(name string, args ...string) (code int, text string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.WaitDelay = 2 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	text = strings.TrimSpace(out.String())
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return -1, text, ctx.Err()
	case errors.Is(err, exec.ErrWaitDelay):
		return -1, text, fmt.Errorf("a process that it left behind holds its standard output open: %w", err)
	case errors.As(err, &exit):
		return exit.ExitCode(), text, nil
	case err != nil:
		return -1, text, err
	}
	return 0, text, nil
}

// toolOutput runs another of Postfix's commands on the mail system.
func (s *mailSystem) toolOutput(name string, args ...string) (string, error) {
	path := filepath.Join(filepath.Dir(s.command), name)
	code, text, err := invoke(path, append([]string{"-c", s.config()}, args...)...)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s: exit status %d: %s", name, code, text)
	}
	return text, err
}

// must runs postfix(1) and checks that its exit status is 0.
func (s *mailSystem) must(t *testing.T, verb string) {
	t.Helper()
	if code := s.run(t, verb); code != 0 {
		t.Fatalf("postfix %s: exit status %d, want 0", verb, code)
	}
}

// start starts the mail system and checks what postfix(1) says before and after.
func (s *mailSystem) start(t *testing.T) (masterPID int) {
	t.Helper()
	s.must(t, "check")
	if s.run(t, "status") == 0 || s.locked(t) {
		t.Fatal("postfix status or master -t says that a mail system runs before the start")
	}
	s.must(t, "start")
	s.must(t, "status")
	if !s.locked(t) {
		t.Error("master -t: exit status 0 while the mail system runs, want 1")
	}
	if s.run(t, "start") == 0 {
		t.Error("a second postfix start: exit status 0, want another")
	}
	text, err := os.ReadFile(s.queue() + "/pid/master.pid")
	if err != nil {
		t.Fatal(err)
	}
	if masterPID, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
		t.Fatal(err)
	}
	return masterPID
}

// gone checks that no process of the mail system is left.
func (s *mailSystem) gone(t *testing.T, limit time.Duration, after string) {
	t.Helper()
	eventually(t, limit, "no process after postfix "+after, func() string {
		if left := inside(s.root); len(left) > 0 {
			return fmt.Sprint(left)
		}
		return ""
	})
	if s.run(t, "status") == 0 {
		t.Errorf("postfix status: exit status 0 after postfix %s", after)
	}
	if s.locked(t) {
		t.Errorf("master -t: not exit status 0 after postfix %s", after)
	}
}
