package boot

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test program runs itself again in roles: the effect of these functions on a
// process can only be seen from outside.
const roleVariable = "BOOT_TEST_ROLE"

// roles are the functions that it runs then. Their output is read line by line;
// they end when standard input is closed, or by themselves.
var roles = map[string]func(){}

func TestMain(m *testing.M) {
	name := os.Getenv(roleVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	// No core files of those that crash on purpose.
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	role, ok := roles[name]
	if !ok {
		say("no such role")
		os.Exit(99)
	}
	role()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func say(format string, a ...any) { fmt.Fprintf(os.Stdout, format+"\n", a...) }

// must reports an error of a role.
func must(err error) {
	if err != nil {
		say("error: %v", err)
		os.Exit(98)
	}
}

// child runs a command as the daemon starts a server, and prints its output.
func child(argv ...string) {
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	must(err)
	_, err = syscall.Wait4(pid, nil, 0, nil)
	must(err)
	say(".")
}

// process is a running role.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	input io.WriteCloser
	lines *bufio.Reader
	state *os.ProcessState
}

// launch starts a role. prepare may change the command first; a shell script, if
// given, is run and must exec "$@".
func launch(t *testing.T, role, script string, prepare func(*exec.Cmd)) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	if script != "" {
		cmd = exec.Command("/bin/sh", "-c", script, "sh", os.Args[0])
	}
	// A race detector would wait at each exit.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	if prepare != nil {
		prepare(cmd)
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, input: input, lines: bufio.NewReader(output)}
	// A role that hangs fails its test instead of all tests.
	guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { guard.Stop(); p.end() })
	return p
}

// line returns the next line of the role, without its line feed.
func (p *process) line() string {
	p.t.Helper()
	text, err := p.lines.ReadString('\n')
	if err != nil {
		p.end()
		p.t.Fatalf("the process ended (%v) instead of saying a line: %q", p.state, text)
	}
	return strings.TrimSuffix(text, "\n")
}

func (p *process) expect(want string) {
	p.t.Helper()
	if got := p.line(); got != want {
		p.t.Errorf("got %q, want %q", got, want)
	}
}

// block returns all lines up to the "." that child prints at its end.
func (p *process) block() []string {
	p.t.Helper()
	var lines []string
	for text := p.line(); text != "."; text = p.line() {
		lines = append(lines, text)
	}
	return lines
}

// end closes the role's input and waits for it.
func (p *process) end() syscall.WaitStatus {
	if p.state == nil {
		p.input.Close()
		_, _ = io.Copy(io.Discard, p.lines)
		_ = p.cmd.Wait()
		p.state = p.cmd.ProcessState
	}
	return p.state.Sys().(syscall.WaitStatus)
}

func (p *process) kill(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// expectDeathBy waits until the role dies by a signal.
func (p *process) expectDeathBy(s syscall.Signal) {
	p.t.Helper()
	_, _ = io.Copy(io.Discard, p.lines)
	if status := p.end(); !status.Signaled() || status.Signal() != s {
		p.t.Errorf("ended with %v, want death by %v", p.state, s)
	}
}

// descriptors returns the open descriptors of a process, seen from outside.
func (p *process) descriptors() map[string]string {
	p.t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		p.t.Fatal(err)
	}
	open := map[string]string{}
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil {
			p.t.Fatal(err)
		}
		open[entry.Name()] = target
	}
	return open
}

// field returns a value of /proc/PID/status.
func field(lines []string, name string) string {
	for _, text := range lines {
		if value, ok := strings.CutPrefix(text, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "missing"
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: changes of identity")
	}
}

// blocked replaces the process with another image with every signal blocked, as a
// careless parent would start it.
func blocked(next string) {
	runtime.LockOSThread()
	var all unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	must(unix.PthreadSigmask(unix.SIG_SETMASK, &all, nil))
	must(os.Setenv(roleVariable, next))
	must(syscall.Exec(os.Args[0], os.Args, os.Environ()))
}
