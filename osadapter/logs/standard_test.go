package logs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// run starts the test program in a role under a shell that prepares descriptors.
func run(t *testing.T, role, shell string, more ...string) string {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", shell, "sh", os.Args[0])
	cmd.Env = append(os.Environ(), append(more, roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return string(output)
}

// roleStandard closes 0, 1 and 2 itself, because the runtime opens them when
// they are closed at its start, and tells through the exit status what the log
// put there. The runtime takes descriptors of its own with its first timer, which the
// daemon has by then.
func roleStandard() {
	time.Sleep(time.Nanosecond)
	for fd := 0; fd < 3; fd++ {
		unix.Close(fd)
	}
	dir := os.Getenv("LOGS_TEST_DIR")
	l := New(testOrigin(dir+"/log"), environment("TZ=:/etc/localtime"))
	_ = l.Switch(postlogSettings(dir))
	l.Log(Info, "x")
	_ = l.Switch(core.LogSettings{Name: "postfix"})
	l.Log(Info, "x")
	for fd := 0; fd < 3; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			os.Exit(10 + fd)
		}
	}
	os.Exit(0)
}

func TestLogNeverTakesStandardDescriptors(t *testing.T) {
	dir := shortDir(t)
	r := listen(t, filepath.Join(dir, "log"))
	run(t, "standard", `"$1"`, "LOGS_TEST_DIR="+dir)
	if !strings.HasSuffix(r.next(), ": x") {
		t.Error("no line")
	}
}

func roleStderr() {
	origin := testOrigin("/nonexistent/log")
	origin.Stderr = true
	l := New(origin, environment())
	if l.stderr < 0 {
		os.Stdout.WriteString("no copy\n")
		os.Exit(0)
	}
	l.Log(Info, "i")
	l.Log(Warning, "w")
	l.Log(Fatal, "usage\n: x")
	// The copy is private: the process may lose its own.
	null, _ := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	_ = unix.Dup2(null, 2)
	l.Log(Error, "e")
	l.Started()
	l.Log(Fatal, "after the start")
	if l.stderr != -1 {
		os.Exit(1)
	}
	os.Exit(0)
}

func TestErrorsOfTheStartGoToStderr(t *testing.T) {
	expect(t, run(t, "stderr", `exec "$1"`), "master: i\nmaster: warning: w\nmaster: fatal: usage?: x\nmaster: error: e\n")
	file := filepath.Join(t.TempDir(), "f")
	run(t, "stderr", `exec "$1" 2>"`+file+`"`)
	content, _ := os.ReadFile(file)
	expect(t, string(content), "master: i\nmaster: warning: w\nmaster: fatal: usage?: x\nmaster: error: e\n")
}

func TestStderrThatIsClosedOrNullIsLeftAlone(t *testing.T) {
	expect(t, run(t, "stderr", `exec "$1" 2>/dev/null`), "no copy\n")
	expect(t, run(t, "stderr", `exec "$1" 2>&-`), "no copy\n")
}

func TestStuckReaderOfStderrIsNotWaitedFor(t *testing.T) {
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	line := strings.Repeat("x", maxText)
	for i := 0; i < 1000; i++ { // more than any pipe holds
		_ = writeIfReady(real, ends[1], line)
	}
}

func roleStdout() {
	l := New(testOrigin("/nonexistent/log"), environment("TZ=UTC0"))
	settings := postlogSettings("/nonexistent")
	settings.File = "/dev/stdout"
	if err := l.Switch(settings); err != nil {
		os.Exit(1)
	}
	l.Log(Info, "x")
	if l.Err() != nil {
		os.Exit(2)
	}
	os.Exit(0)
}

func TestLogFileMayBeStandardOutput(t *testing.T) {
	expect(t, run(t, "stdout", `"$1" | cat`), "Mar  5 13:04:09 mx postfix/master[42]: x\n")
}

// roleStdoutBeside writes beside a process that opened the file by its name, as
// postlogd does.
func roleStdoutBeside() {
	l := New(testOrigin("/nonexistent/log"), environment("TZ=UTC0"))
	settings := postlogSettings("/nonexistent")
	settings.File = "/dev/stdout"
	if err := l.Switch(settings); err != nil {
		os.Exit(1)
	}
	postlogd, err := os.OpenFile("/dev/stdout", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		os.Exit(2)
	}
	if _, err := postlogd.WriteString("a line of postlogd\n"); err != nil {
		os.Exit(3)
	}
	l.Log(Info, "x")
	os.Exit(0)
}

func TestLinesOnStandardOutputOverwriteNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	run(t, "stdout beside", `"$1" >"`+file+`"`)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, string(content), "a line of postlogd\nMar  5 13:04:09 mx postfix/master[42]: x\n")
}
