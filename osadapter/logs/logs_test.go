package logs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// The test program runs itself again to look at descriptors 0, 1 and 2.
const roleVariable = "LOGS_TEST_ROLE"

func TestMain(m *testing.M) {
	filePatience = 10 * time.Second // a machine that is busy is no disk that hangs
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "standard":
		roleStandard()
	case "stderr":
		roleStderr()
	case "stdout beside":
		roleStdoutBeside()
	case "stdout":
		roleStdout()
	case "limit":
		roleLimit()
	}
}

// real is the system of the tests.
var real = realSystem{&beside}

// instant is 2026-03-05 13:04:09 UTC.
var instant = time.Date(2026, 3, 5, 13, 4, 9, 0, time.UTC)

func testOrigin(syslogPath string) Origin {
	return Origin{
		Process: "master", PID: 42, Syslog: syslogPath, Fallback: true,
		Now: func() time.Time { return instant },
	}
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if n, v, _ := strings.Cut(pair, "="); n == name {
				return v, true
			}
		}
		return "", false
	}
}

// utc is an environment in which nothing but the zone is set.
func utc(more ...string) func(string) (string, bool) {
	return environment(append([]string{"TZ=UTC0"}, more...)...)
}

// shortDir is a directory whose paths fit socket addresses.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// bound is a socket of the test with a path, like a syslog daemon's.
type bound struct {
	t    testing.TB
	fd   int
	path string
}

func bind(t testing.TB, path string, kind int) *bound {
	t.Helper()
	fd, err := newSocket(kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	b := &bound{t, fd, path}
	t.Cleanup(b.close)
	return b
}

func (b *bound) close() {
	if b.fd >= 0 {
		unix.Close(b.fd)
		os.Remove(b.path)
		b.fd = -1
	}
}

// receiver is a daemon that takes datagrams.
type receiver struct{ *bound }

func listen(t *testing.T, path string) *receiver {
	t.Helper()
	return &receiver{bind(t, path, unix.SOCK_DGRAM)}
}

// next is the next datagram; there must be one already, because nobody waits.
func (r *receiver) next() string {
	r.t.Helper()
	var buffer [8192]byte
	n, err := unix.Read(r.fd, buffer[:])
	if err != nil {
		r.t.Fatalf("no line: %v", err)
	}
	return string(buffer[:n])
}

func (r *receiver) empty() {
	r.t.Helper()
	var buffer [8192]byte
	if n, err := unix.Read(r.fd, buffer[:]); err != unix.EAGAIN {
		r.t.Fatalf("unexpected line %q (%v)", buffer[:max(n, 0)], err)
	}
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestSyslogLineIsTheCLibrarys(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	l.Log(Info, "daemon started")
	l.Log(Warning, "w")
	l.Log(Error, "e")
	l.Log(Fatal, "f")
	l.Log(Panic, "p")
	expect(t, r.next(), "<22>Mar  5 13:04:09 postfix/master[42]: daemon started")
	expect(t, r.next(), "<20>Mar  5 13:04:09 postfix/master[42]: warning: w")
	expect(t, r.next(), "<19>Mar  5 13:04:09 postfix/master[42]: error: e")
	expect(t, r.next(), "<18>Mar  5 13:04:09 postfix/master[42]: fatal: f")
	expect(t, r.next(), "<18>Mar  5 13:04:09 postfix/master[42]: panic: p")
}

func TestEnvironmentSteersTheStart(t *testing.T) {
	dir := shortDir(t)
	r := listen(t, filepath.Join(dir, "log"))
	p := listen(t, filepath.Join(dir, "postlog"))
	l := New(testOrigin(r.path), utc("MAIL_LOGTAG=second", "POSTLOG_SERVICE=", "POSTLOG_HOSTNAME=h"))
	l.Log(Info, "x")
	expect(t, r.next(), "<22>Mar  5 13:04:09 second/master[42]: x")
	l.Close()

	l = New(testOrigin(r.path), utc("POSTLOG_SERVICE="+p.path))
	l.Log(Info, "x")
	expect(t, p.next(), "Mar  5 13:04:09 amnesiac postfix/master[42]: x")
	l.Close()

	l = New(testOrigin(r.path), utc("POSTLOG_SERVICE="+p.path, "POSTLOG_HOSTNAME=mx.example.com"))
	l.Log(Warning, "x")
	expect(t, p.next(), "Mar  5 13:04:09 mx postfix/master[42]: warning: x")
	l.Close()
	r.empty()
}

func TestSwitchChangesTagFacilityAndTarget(t *testing.T) {
	dir := shortDir(t)
	r := listen(t, filepath.Join(dir, "log"))
	p := listen(t, filepath.Join(dir, "postlog"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	if err := l.Switch(core.LogSettings{Name: "other", Facility: 16}); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "a")
	expect(t, r.next(), "<134>Mar  5 13:04:09 other/master[42]: a")
	settings := core.LogSettings{Name: "other", File: filepath.Join(dir, "file"), PostlogPath: p.path, Hostname: "mail.example"}
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "b")
	expect(t, p.next(), "Mar  5 13:04:09 mail other/master[42]: b")
	r.empty()
	if _, err := os.Stat(settings.File); !os.IsNotExist(err) {
		t.Errorf("the fallback file was made without need: %v", err)
	}
}

func TestSyslogIsFoundAgainAfterRestart(t *testing.T) {
	path := filepath.Join(shortDir(t), "log")
	l := New(testOrigin(path), utc())
	defer l.Close()
	l.Log(Info, "zero")
	r := listen(t, path)
	l.Log(Info, "one")
	for _, want := range []string{": zero", ": one"} {
		if !strings.HasSuffix(r.next(), want) {
			t.Errorf("a daemon that came later did not get%s", want)
		}
	}
	r.close()
	l.Log(Info, "two")
	r = listen(t, path)
	for !l.Flush() {
		time.Sleep(time.Millisecond)
	}
	if !strings.HasSuffix(r.next(), ": two") {
		t.Error("a restarted daemon did not get what was said meanwhile")
	}
	r.close()
	r = listen(t, path) // restarted between two lines
	l.Log(Info, "three")
	if !strings.HasSuffix(r.next(), ": three") {
		t.Error("the line after a restart was lost")
	}
	r.empty()
}

// fill logs until the receiver's queue is full and returns how many lines fitted.
func fill(t *testing.T, path string) int {
	t.Helper()
	fd, err := real.Connect(path, Datagram)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for n := 0; n < 100000; n++ {
		_, err := real.Write(fd, []byte("filler"))
		if isFull(err) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the queue is never full")
	return 0
}

func postlogSettings(dir string) core.LogSettings {
	return core.LogSettings{
		Name: "postfix", File: filepath.Join(dir, "maillog"),
		PostlogPath: filepath.Join(dir, "postlog"), Hostname: "mx.example.com",
	}
}

func TestLinesGoToTheFileWithoutPostlogSocket(t *testing.T) {
	dir := shortDir(t)
	settings := postlogSettings(dir)
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	defer l.Close()
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "a")
	l.Log(Warning, "b")
	content, err := os.ReadFile(settings.File)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, string(content), "Mar  5 13:04:09 mx postfix/master[42]: a\nMar  5 13:04:09 mx postfix/master[42]: warning: b\n")

	// Rotated away: the next line makes a new file.
	if err := os.Rename(settings.File, settings.File+".1"); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "c")
	content, _ = os.ReadFile(settings.File)
	expect(t, string(content), "Mar  5 13:04:09 mx postfix/master[42]: c\n")

	p := listen(t, settings.PostlogPath)
	l.Log(Info, "d")
	expect(t, p.next(), "Mar  5 13:04:09 mx postfix/master[42]: d")
}

func TestFullPostlogSocketDoesNotStopTheMaster(t *testing.T) {
	dir := shortDir(t)
	settings := postlogSettings(dir)
	p := listen(t, settings.PostlogPath)
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	defer l.Close()
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	filled := fill(t, p.path)
	l.Log(Info, "aside")
	content, err := os.ReadFile(settings.File)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, string(content), "Mar  5 13:04:09 mx postfix/master[42]: aside\n")
	for i := 0; i < filled; i++ {
		expect(t, p.next(), "filler")
	}
	l.Log(Info, "back")
	expect(t, p.next(), "Mar  5 13:04:09 mx postfix/master[42]: back")
}

// Whoever bound the socket may go, and another one come (Differs: D31).
func TestLinesForWhoHasGoneGoToTheFile(t *testing.T) {
	dir := shortDir(t)
	settings := postlogSettings(dir)
	p := listen(t, settings.PostlogPath)
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	defer l.Close()
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	p.close()
	l.Log(Info, "to the file")
	expectFile(t, settings.File, "to the file")
	p = listen(t, settings.PostlogPath)
	l.Log(Info, "there")
	expect(t, p.next(), stamp+"there")
	p.close()
	p = listen(t, settings.PostlogPath) // between two lines
	l.Log(Info, "there again")
	expect(t, p.next(), stamp+"there again")
	expectFile(t, settings.File, "to the file")
}

func TestServersHaveNoFallback(t *testing.T) {
	dir := shortDir(t)
	settings := postlogSettings(dir)
	origin := testOrigin(filepath.Join(dir, "log"))
	origin.Fallback = false
	l := New(origin, utc())
	defer l.Close()
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "lost")
	if _, err := os.Stat(settings.File); !os.IsNotExist(err) {
		t.Errorf("a server wrote the log file: %v", err)
	}
}

func TestFallbackFileThatCannotBeWritten(t *testing.T) {
	dir := shortDir(t)
	settings := postlogSettings(dir)
	if err := os.Mkdir(settings.File, 0o700); err != nil {
		t.Fatal(err)
	}
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	defer l.Close()
	want := "open logfile '" + settings.File + "': cannot open file: Is a directory"
	if err := l.Switch(settings); err == nil || err.Error() != want {
		t.Fatalf("got %v, want %q", err, want)
	}
	l.Log(Info, "kept")
	if err := l.Err(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	if err := os.Remove(settings.File); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "retried")
	if err := l.Err(); err != nil {
		t.Error(err)
	}
	expectFile(t, settings.File, "kept", "retried")
}

func TestFallbackNeverWaits(t *testing.T) {
	dir := shortDir(t)
	settings := postlogSettings(dir)
	if err := unix.Mkfifo(settings.File, 0o600); err != nil {
		t.Fatal(err)
	}
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	defer l.Close()
	want := "open logfile '" + settings.File + "': cannot open file: No such device or address"
	if err := l.Switch(settings); err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestFullDiskIsReported(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full")
	}
	dir := shortDir(t)
	settings := postlogSettings(dir)
	settings.File = "/dev/full"
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	defer l.Close()
	if err := l.Switch(settings); err != nil {
		t.Skipf("needs /dev/full to be writable: %v", err)
	}
	l.Log(Info, "x")
	want := "logfile '/dev/full' write error: No space left on device"
	if err := l.Err(); err == nil || err.Error() != want || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestClosedLogLosesLines(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	l.Close()
	l.Log(Info, "lost")
	r.empty()
	l.Close()
}

func TestZoneOfTheEnvironment(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), environment("TZ=EAT-3"))
	defer l.Close()
	l.Log(Info, "x")
	expect(t, r.next(), "<22>Mar  5 16:04:09 postfix/master[42]: x")
	l.SetZone("<-02>2", true)
	l.Log(Info, "x")
	expect(t, r.next(), "<22>Mar  5 11:04:09 postfix/master[42]: x")
}
