package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// tree is the private directory of one demo, and what stands in it:
//
//	config/  main.cf and master.cf
//	queue/   the daemon's working directory: pid/, private/, public/
//	data/    what belongs to the mail owner
//	daemons/ the servers' programs: a link to echo
//	log/     the daemon's log, and what it says on standard error
type tree struct {
	root     string
	accounts accounts
	address  string // of the echo service
	maxIdle  string // as main.cf has it
}

func (t *tree) config() string     { return t.root + "/config" }
func (t *tree) mainFile() string   { return t.root + "/config/main.cf" }
func (t *tree) masterFile() string { return t.root + "/config/master.cf" }
func (t *tree) logFile() string    { return t.root + "/log/maillog" }
func (t *tree) stderrFile() string { return t.root + "/log/stderr" }
func (t *tree) pidFile() string    { return t.root + "/queue/pid/master.pid" }

// lay makes the directories. The caller removes t.root whatever lay returns.
func (t *tree) lay(programs string) error {
	var err error
	if t.root, err = temporary(t.accounts.owner); err != nil {
		return err
	}
	for _, d := range []struct {
		path  string
		mode  os.FileMode
		owned bool // by the mail owner
	}{
		{"", 0o755, false},
		{"/config", 0o755, false},
		{"/daemons", 0o755, false},
		{"/log", 0o755, false},
		{"/queue", 0o755, false},
		{"/queue/pid", 0o755, false},
		{"/queue/private", 0o700, true},
		{"/queue/public", 0o755, true},
		{"/data", 0o700, true},
	} {
		path := t.root + d.path
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("lay out the directories: %w", err)
		}
		// The umask has no say in it.
		if err := os.Chmod(path, d.mode); err != nil {
			return fmt.Errorf("lay out the directories: %w", err)
		}
		if os.Geteuid() == 0 && d.owned {
			if err := os.Chown(path, t.accounts.owner.uid, t.accounts.owner.gid); err != nil {
				return fmt.Errorf("lay out the directories: %w", err)
			}
		}
	}
	// A link, because programs cannot be run everywhere in /tmp.
	if err := os.Symlink(filepath.Join(programs, "echo"), t.root+"/daemons/echo"); err != nil {
		return fmt.Errorf("lay out the directories: %w", err)
	}
	return nil
}

// temporary makes a new directory that the mail owner can reach.
func temporary(owner user) (string, error) {
	var refused []string
	for _, parent := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		parent, err := filepath.Abs(parent)
		if err == nil {
			err = reachable(parent, owner)
		}
		var dir string
		if err == nil {
			dir, err = os.MkdirTemp(parent, "stationmaster-demo-")
		}
		if err == nil {
			return dir, nil
		}
		refused = append(refused, err.Error())
	}
	return "", errors.New("no place for a temporary directory: " + strings.Join(refused, "; "))
}

// reachable tells whether the user may go to a directory, by the modes of all
// that lead there.
func reachable(dir string, u user) error {
	for path := dir; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		var search os.FileMode = 0o001
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			switch {
			case int(st.Uid) == u.uid:
				search = 0o100
			case int(st.Gid) == u.gid:
				search = 0o010
			}
		}
		if !info.IsDir() || info.Mode()&search == 0 {
			return fmt.Errorf("user %s cannot enter %s", u.name, path)
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// writeMain writes main.cf with the greeting of the echo server.
func (t *tree) writeMain(greeting string) error {
	text := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
daemon_directory = %[1]s/daemons
mail_owner = %[2]s
default_privs = %[3]s
setgid_group = %[4]s
myhostname = demo.example
inet_protocols = ipv4
maillog_file = %[5]s
maillog_file_prefixes = %[1]s
max_idle = %[6]s
echo_greeting = %[7]s
`, t.root, t.accounts.owner.name, t.accounts.privs.name, t.accounts.group.name, t.logFile(), t.maxIdle, greeting)
	return replace(t.mainFile(), text)
}

// entry is the one service of master.cf with a process limit as written.
func (t *tree) entry(limit string) string {
	// -V: the server tells its own errors on standard error, too.
	return t.address + " inet n - n - " + limit + " echo -V"
}

// writeMaster writes master.cf; its entry stands on line 2.
func (t *tree) writeMaster(limit string) error {
	return replace(t.masterFile(), "# service type private unpriv chroot wakeup maxproc command\n"+t.entry(limit)+"\n")
}

// replace changes a file in one step, so that nobody reads half of it.
func replace(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	err := os.Chmod(path+".new", 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}
