package child

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

// patience bounds every wait; nothing that works comes close to it.
const patience = 20 * time.Second

// site is a private mail system: a main.cf and a queue directory.
type site struct {
	t   *testing.T
	dir string // short, because socket paths are limited
	env []string
}

func newSite(t *testing.T, lines ...string) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "sm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &site{t: t, dir: dir}
	for _, d := range []string{"", "/etc", "/q", "/q/pid", "/q/private", "/d"} {
		if err := os.MkdirAll(dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	owner, others := accounts(t)
	s.mainFile(append([]string{
		"compatibility_level = 3.6",
		"queue_directory = " + dir + "/q",
		"data_directory = " + dir + "/d",
		"mail_owner = " + owner,
		"default_privs = " + others,
		"setgid_group = mail",
		"myhostname = mail.example.com",
		"greeting = hello from $mail_owner",
	}, lines...)...)
	return s
}

func (s *site) mainFile(lines ...string) {
	s.t.Helper()
	if err := os.WriteFile(s.dir+"/etc/main.cf", []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// moreMain adds lines to main.cf; the last line of a parameter counts.
func (s *site) moreMain(lines ...string) {
	s.t.Helper()
	text, err := os.ReadFile(s.dir + "/etc/main.cf")
	if err != nil {
		s.t.Fatal(err)
	}
	s.mainFile(append(strings.Split(strings.TrimSpace(string(text)), "\n"), lines...)...)
}

// accounts returns an account that can be mail_owner for the user who runs the
// test, and another account.
func accounts(t *testing.T) (owner, others string) {
	t.Helper()
	names := map[int]string{}
	file, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Skip("needs /etc/passwd to name accounts:", err)
	}
	for _, line := range strings.Split(string(file), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		uid, _ := strconv.Atoi(f[2])
		if _, ok := names[uid]; !ok {
			names[uid] = f[0]
		}
	}
	others, owner = "nobody", names[os.Geteuid()]
	if os.Geteuid() == 0 {
		owner = "daemon"
	}
	if owner == "" || owner == others {
		t.Skip("needs an account other than nobody for the user who runs the test")
	}
	return owner, others
}

// server is a process whose master is the test.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	status *os.File // our end of the status channel
	log    logTail
	done   chan struct{}
	cut    sync.Once
}

// logTail collects what the server writes to standard error.
type logTail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logTail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const testGeneration = 0o1234

// start runs a server of the kind on the listeners, as a master would.
func (s *site) start(kind string, listeners []*os.File, args ...string) *server {
	s.t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, fd := range pair {
		unix.CloseOnExec(fd)
	}
	if err := unix.SetNonblock(pair[0], true); err != nil {
		s.t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "their status")
	defer theirs.Close()
	flowRead, flowWrite, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer flowRead.Close()
	defer flowWrite.Close()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	p := &server{t: s.t, status: os.NewFile(uintptr(pair[0]), "our status"), done: make(chan struct{})}
	p.cmd = exec.Command(self)
	p.cmd.Args = append([]string{"testd", "-V"}, args...)
	p.cmd.Dir = s.dir + "/q"
	p.cmd.Env = s.environment(kind, wire.FormatGeneration(testGeneration))
	p.cmd.Stderr = &p.log
	p.cmd.ExtraFiles = append([]*os.File{flowRead, flowWrite, theirs}, listeners...)
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	s.t.Cleanup(p.stop)
	return p
}

// environment returns the environment of a server of the kind. The race detector
// must not wait for a second at exit.
func (s *site) environment(kind, generation string) []string {
	return append([]string{
		serverVariable + "=" + kind, "MAIL_CONFIG=" + s.dir + "/etc",
		wire.GenerationVariable + "=" + generation, "GORACE=atexit_sleep_ms=0",
	}, s.env...)
}

// stop ends the server in any state.
func (p *server) stop() {
	p.hangUp()
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	if p.t.Failed() {
		p.t.Logf("log of %d:\n%s", p.cmd.Process.Pid, p.log.String())
	}
}

// hangUp does what a master does at a reload.
func (p *server) hangUp() { p.cut.Do(func() { p.status.Close() }) }

// wantReport reads one message and compares all of it.
func (p *server) wantReport(want wire.Status) {
	p.t.Helper()
	_ = p.status.SetReadDeadline(time.Now().Add(patience))
	var b [wire.StatusSize + 1]byte
	n, err := p.status.Read(b[:wire.StatusSize])
	if err != nil || n != wire.StatusSize {
		p.t.Fatalf("status message: %d bytes, %v", n, err)
	}
	got := wire.ParseMessage([wire.StatusSize]byte(b[:wire.StatusSize]))
	if want := (wire.Message{PID: int32(p.cmd.Process.Pid), Generation: testGeneration, Status: want}); got != want {
		p.t.Fatalf("status message: got %+v, want %+v", got, want)
	}
}

// wantSilence checks that no message is available.
func (p *server) wantSilence() {
	p.t.Helper()
	_ = p.status.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	var b [wire.StatusSize]byte
	if n, err := p.status.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("a status message of %d bytes (%v), want none", n, err)
	}
}

func (p *server) wantExit(code int) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the server does not leave")
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("exit code %d (%v), want %d", got, p.cmd.ProcessState, code)
	}
}

func (p *server) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// wantLog waits for a text in the log.
func (p *server) wantLog(text string) {
	p.t.Helper()
	waitFor(p.t, "log line "+text, func() bool { return strings.Contains(p.log.String(), text) })
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting for: %s", what)
		}
	}
}

// listenUnix creates a stream listener at private/name.
func (s *site) listenUnix(name string) (*os.File, string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "q/private", name)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		s.t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	return s.descriptorOf(l), path
}

// listenDatagram creates a datagram socket at private/name.
func (s *site) listenDatagram(name string) (*os.File, string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "q/private", name)
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.descriptorOf(l), path
}

func (s *site) listenTCP() (*os.File, string) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	return s.descriptorOf(l.(*net.TCPListener)), l.Addr().String()
}

// descriptorOf duplicates a listener's descriptor and closes the listener; the
// test's end closes the descriptor.
func (s *site) descriptorOf(l interface {
	File() (*os.File, error)
	Close() error
},
) *os.File {
	s.t.Helper()
	f, err := l.File()
	if err != nil {
		s.t.Fatal(err)
	}
	l.Close()
	s.t.Cleanup(func() { f.Close() })
	return f
}

// client is a connection that asks line by line.
type client struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	c, err := net.DialTimeout(network, address, patience)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, c)
}

func newClient(t *testing.T, c net.Conn) *client {
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &client{c, t, bufio.NewReader(c)}
}

func (c *client) ask(line string) string {
	c.t.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("answer to %q: %q, %v", line, answer, err)
	}
	return strings.TrimSpace(answer)
}

func (c *client) wantEOF() {
	c.t.Helper()
	if b, err := c.in.ReadByte(); err != io.EOF && !errors.Is(err, unix.ECONNRESET) {
		c.t.Fatalf("got byte %q, %v, want the end", b, err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it changes the user")
	}
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: looks at /proc")
	}
}
