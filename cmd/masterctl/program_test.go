package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stationmaster/stationmaster/osadapter/version"
)

// programVariable turns the test program into masterctl.
const programVariable = "MASTERCTL_IS_THE_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// site is a configuration for a test.
type site struct {
	t       *testing.T
	dir     string
	program string
	uid     uint32 // 0: the user who runs the test
	gid     uint32
	environ []string
}

// newSite creates a directory that every user may search, with the two files.
func newSite(t *testing.T, mainText, masterText string) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "mctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &site{t: t, dir: dir}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if s.program, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	s.write("main.cf", mainText)
	s.write("master.cf", masterText)
	return s
}

// directories creates those that the master needs, as plainMain names them.
func (s *site) directories() {
	s.t.Helper()
	for _, name := range []string{"queue/pid", "data"} {
		if err := os.MkdirAll(s.path(name), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// ordinary makes later runs use an account without privileges.
func (s *site) ordinary() {
	s.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		s.t.Skip("needs the account nobody:", err)
	}
	uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
	text, err := os.ReadFile(s.program) // which is where only root may search
	if err != nil {
		s.t.Fatal(err)
	}
	program := s.path("masterctl")
	if err := os.WriteFile(program, text, 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.program, s.uid, s.gid = program, uint32(uid), uint32(gid)
}

// result is the result of a run.
type result struct {
	status   int
	out, err string
}

// run runs masterctl on the site.
func (s *site) run(args ...string) result {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.program, args...)
	cmd.Dir = s.dir
	cmd.Env = append([]string{programVariable + "=1", "MAIL_CONFIG=" + s.dir, "PATH=" + os.Getenv("PATH")}, s.environ...)
	if s.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.uid, Gid: s.gid}}
	}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code < 0 {
		s.t.Fatalf("masterctl %q: %v\n%s", args, err, complaints.String())
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), complaints.String()}
}

// expect checks status and parts of the output.
func (r result) expect(t *testing.T, status int, out, complaints string) {
	t.Helper()
	if r.status != status || !strings.Contains(r.out, out) || !strings.Contains(r.err, complaints) {
		t.Errorf("exit status %d, output %q, complaints %q; want %d, %q, %q", r.status, r.out, r.err, status, out, complaints)
	}
}

// accounts exist on every Unix-like system and suit main.cf.
const accounts = "mail_owner = daemon\ndefault_privs = nobody\nsetgid_group = mail\n"

// plainMain is a main.cf that is accepted wherever those accounts exist.
const plainMain = `compatibility_level = 3.6
queue_directory = $config_directory/queue
data_directory = $config_directory/data
daemon_directory = /usr/lib/postfix/sbin
myhostname = mail.example.com
inet_protocols = ipv4
` + accounts

func TestWrongCommandLinesGiveOneClearLine(t *testing.T) {
	s := newSite(t, plainMain, "")
	for _, c := range []struct{ args, want string }{
		{"nonsense", `unknown command "nonsense"; masterctl help lists the commands`},
		{"chek", `unknown command "chek"; did you mean check?`},
		{"--nonsense", "unknown flag: --nonsense; see masterctl --help"},
		{"check --nonsense", "unknown flag: --nonsense; see masterctl check --help"},
		{"check extra", `unexpected argument "extra": check takes none`},
		{"check -c", "flag needs an argument"},
		{"explain --strict", "unknown flag: --strict"},
		{"param", "missing parameter name"},
		{"fmt -w -d", "cannot be combined"},
		{"fmt -w -", "cannot replace standard input"},
		{"help foo", `unknown command "foo"; masterctl help lists the commands`},
		{"help exlain", `unknown command "exlain"; did you mean explain?`},
		{"help check extra", `unexpected argument "extra": help takes one command`},
		{"check --strict=maybe", `invalid argument "maybe" for "--strict" flag: use it without a value, or with =true or =false; see masterctl check --help`},
		{"version x", `version takes none`},
		{"check --root=", `invalid argument "" for "--root" flag: the directory name is empty`},
		{"explain --config=", `invalid argument "" for "-c, --config" flag: the directory name is empty`},
	} {
		t.Run(c.args, func(t *testing.T) {
			r := s.run(strings.Fields(c.args)...)
			r.expect(t, exitError, "", c.want)
			if strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "masterctl: ") || r.out != "" {
				t.Errorf("not one line: %q, %q", r.err, r.out)
			}
		})
	}
}

func TestHelpAndVersionGoToStandardOutput(t *testing.T) {
	s := newSite(t, plainMain, "")
	for args, want := range map[string]string{
		"": "Available Commands", "help": "Available Commands", "--help": "explain", "check --help": "--strict",
		"explain --help": "[SERVICE...]", "param -h": "NAME...", "help fmt": "--write", "help help": "help [COMMAND]", "version": version.Text() + "\nreplaces the master of Postfix 3.", "--version": "with the defaults of ",
	} {
		t.Run(args, func(t *testing.T) {
			r := s.run(strings.Fields(args)...)
			r.expect(t, exitClean, want, "")
			if r.err != "" {
				t.Errorf("complaints %q", r.err)
			}
			for line := range strings.Lines(r.out) {
				if len(line) > 81 {
					t.Errorf("a line of %d columns: %s", len(line)-1, line)
				}
			}
		})
	}
}

func TestDirectoryIsThatOfEveryCommandOfPostfix(t *testing.T) {
	s := newSite(t, plainMain+"where = MAIL_CONFIG\n", "")
	other := newSite(t, plainMain+"where = -c\n", "")
	s.run("param", "where").expect(t, exitClean, "MAIL_CONFIG\n", "")
	s.run("param", "-c", other.dir, "where").expect(t, exitClean, "-c\n", "")
	s.run("--config="+other.dir, "param", "where", "config_directory").expect(t, exitClean, "-c\n"+other.dir+"\n", "")
	relative, err := filepath.Rel(s.dir, other.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.run("-c", relative, "param", "config_directory").expect(t, exitClean, other.dir+"\n", "")
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full:", err)
	}
	defer full.Close()
	s := newSite(t, plainMain+"max_use = 5\nmax_use = 6\n", "foo unix - - - - - foo\n")
	for _, args := range []string{"check", "check --json", "explain", "explain --json", "param myhostname", "fmt", "fmt -d", "version"} {
		cmd := exec.CommandContext(t.Context(), s.program, strings.Fields(args)...)
		cmd.Env = []string{programVariable + "=1", "MAIL_CONFIG=" + s.dir}
		var complaints bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &complaints
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != exitError || !strings.Contains(complaints.String(), "no space left") {
			t.Errorf("%s: exit status %d, complaints %q", args, code, complaints.String())
		}
	}
}

// needRoot skips a test that only root can set up.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to set this up")
	}
}

func same(got, want string) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("got\n%s\nwant\n%s", got, want)
}
