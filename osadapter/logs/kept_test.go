package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// mail is what syslog lines need.
var mail = core.LogSettings{Name: "postfix", Facility: mailFacility}

// drain reads what has come by now, but for what fill sent.
func (r *receiver) drain() (lines []string) {
	var buffer [8192]byte
	for {
		n, err := unix.Read(r.fd, buffer[:])
		if err != nil {
			return lines
		}
		if text := string(buffer[:n]); text != "filler" {
			_, text, _ = strings.Cut(text, "]: ")
			lines = append(lines, text)
		}
	}
}

// readLater begins to read after a while, and returns all lines up to the one that
// ends with last.
func (r *receiver) readLater(after time.Duration, last string) <-chan []string {
	done := make(chan []string, 1)
	go func() {
		time.Sleep(after)
		var lines []string
		for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
			lines = append(lines, r.drain()...)
			if len(lines) > 0 && strings.HasSuffix(lines[len(lines)-1], last) {
				break
			}
		}
		done <- lines
	}()
	return done
}

func numbered(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = "line " + strconv.Itoa(i)
	}
	return lines
}

func expectLines(t *testing.T, got, want []string) {
	t.Helper()
	expect(t, strings.Join(got, "\n"), strings.Join(want, "\n"))
}

func TestFullSyslogDelaysLinesInOrder(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	if err := l.Switch(mail); err != nil {
		t.Fatal(err)
	}
	fill(t, r.path)
	want := numbered(1000)
	for _, text := range want {
		l.Log(Info, text) // would hang here if it waited
	}
	if l.Flush() {
		t.Error("nothing is kept although the queue is full")
	}
	got := r.drain()
	for !l.Flush() {
		got = append(got, r.drain()...)
	}
	expectLines(t, append(got, r.drain()...), want)
	l.Log(Info, "next")
	expectLines(t, r.drain(), []string{"next"})
}

func TestWhatDoesNotFitIsToldOfAfterwards(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	if err := l.Switch(mail); err != nil {
		t.Fatal(err)
	}
	fill(t, r.path)
	text := strings.Repeat("x", maxText)
	fits := maxKept/(stampLength+len(l.tag)+maxText) + 1
	for range fits + 5 {
		l.Log(Info, text)
	}
	got := r.drain()
	for !l.Flush() {
		got = append(got, r.drain()...)
	}
	got = append(got, r.drain()...)
	if len(got) != fits+1 {
		t.Fatalf("%d lines, want %d", len(got), fits+1)
	}
	expect(t, got[fits], "warning: 5 log lines were lost: log socket '"+r.path+"': Resource temporarily unavailable")
}

// The start may say more than fits while the daemon is slow.
func TestStartWaitsForRoom(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	fill(t, r.path)
	l.route.kept.bytes = maxKept - 1
	want := []string{"first", "second", "third"}
	done := r.readLater(50*time.Millisecond, "third")
	for _, text := range want {
		l.Log(Info, text)
	}
	l.Settle()
	expectLines(t, <-done, want)
}

func TestEndWaitsForASlowDaemon(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	fill(t, r.path)
	want := append(numbered(100), "fatal: the reason")
	for _, text := range want[:100] {
		l.Log(Info, text)
	}
	l.Log(Fatal, "the reason")
	done := r.readLater(100*time.Millisecond, "the reason")
	l.Finish()
	if !l.idle() {
		t.Error("something is left at the end")
	}
	expectLines(t, <-done, want)
}

// A daemon that takes nothing for ever costs patience once, however many lines
// and however often the end is told.
func TestPatienceIsATotal(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	fill(t, r.path)
	l.ending, l.patience = true, 50*time.Millisecond
	for i := range 10 {
		l.Log(Info, "line "+strconv.Itoa(i))
		l.Finish()
	}
	if l.patience > 0 || l.patience < -10*time.Second {
		t.Errorf("%v of the patience is left", l.patience)
	}
}

func TestNobodyWaitsForADaemonThatIsNotThere(t *testing.T) {
	l := New(testOrigin(filepath.Join(shortDir(t), "log")), utc())
	defer l.Close()
	l.Log(Fatal, "the reason")
	l.Settle()
	if l.patience != patience {
		t.Error("the start waited")
	}
	l.Finish()
	if l.patience != patience {
		t.Error("the end waited")
	}
}

func TestEndWaitsForADaemonThatIsRestarted(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	l.Log(Info, "there")
	r.close()
	l.Log(Fatal, "the reason")
	next := listen(t, r.path+".next")
	time.AfterFunc(50*time.Millisecond, func() { _ = os.Rename(next.path, r.path) })
	l.Finish()
	expectLines(t, next.drain(), []string{"fatal: the reason"})
}

func TestFlushGivesUpHopeOnly(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	r.close()
	l.Log(Info, "kept")
	if l.Flush() {
		t.Error("no try is wanted for a daemon that may be restarted")
	}
	l.hopeless = time.Now()
	if !l.Flush() {
		t.Error("tries are wanted for ever though no daemon is there")
	}
	r = listen(t, r.path)
	l.again = time.Now()
	if !l.Flush() {
		t.Error("a turn of the loop does not look for the daemon")
	}
	expectLines(t, r.drain(), []string{"kept"})
}

// TestSlowDaemonGetsItsLinesAfterASwitch goes from syslog to a file and back while
// the daemon is stopped.
func TestSlowDaemonGetsItsLinesAfterASwitch(t *testing.T) {
	dir := shortDir(t)
	r := listen(t, filepath.Join(dir, "log"))
	l := New(testOrigin(r.path), utc())
	defer l.Close()
	if err := l.Switch(mail); err != nil {
		t.Fatal(err)
	}
	fill(t, r.path)
	l.Log(Info, "one")
	l.Log(Info, "two")
	settings := postlogSettings(dir)
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "three")
	expectFile(t, settings.File, "three")
	if l.Flush() {
		t.Error("nothing is kept although the daemon took nothing")
	}
	other := mail
	other.Facility = 16
	if err := l.Switch(other); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "four")
	r.drain()
	for !l.Flush() {
		time.Sleep(time.Millisecond)
	}
	expectLines(t, r.drain(), []string{"one", "two", "four"})
}

// givenUp returns a log whose syslog daemon took nothing, so that the line "one" is
// kept for it, and that has moved to a log file with "two".
func givenUp(t *testing.T) (l *Log, daemon *receiver, file string) {
	t.Helper()
	dir := shortDir(t)
	daemon = listen(t, filepath.Join(dir, "log"))
	l = New(testOrigin(daemon.path), utc())
	t.Cleanup(l.Close)
	fill(t, daemon.path)
	l.Log(Info, "one")
	settings := postlogSettings(dir)
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "two")
	return l, daemon, settings.File
}

func TestSlowDaemonThatIsGivenUpIsServedInTheEnd(t *testing.T) {
	l, r, file := givenUp(t)
	done := r.readLater(50*time.Millisecond, "one")
	l.Finish()
	expectLines(t, <-done, []string{"one"})
	expectFile(t, file, "two")
}

// A daemon that was given up and takes nothing to the last leaves its lines to the
// log file.
func TestLogFileHasInTheEndWhatSyslogDidNotTake(t *testing.T) {
	l, _, file := givenUp(t)
	l.ending, l.patience = true, 50*time.Millisecond
	l.Finish()
	expectFile(t, file, "two", "one")
}

func TestLinesBeforeMainCfGoToItsLogFile(t *testing.T) {
	dir := shortDir(t)
	settings := postlogSettings(dir)
	l := New(testOrigin(filepath.Join(dir, "log")), utc("POSTLOG_SERVICE="+settings.PostlogPath, "POSTLOG_HOSTNAME=mx"))
	defer l.Close()
	l.Log(Warning, "before")
	l.Configure(settings)
	expectFile(t, settings.File, "warning: before")
	l.Log(Fatal, "after")
	expectFile(t, settings.File, "warning: before", "fatal: after")
}

func TestSocketOfTheEnvironmentTakesLinesBeforeTheFile(t *testing.T) {
	dir := shortDir(t)
	settings := postlogSettings(dir)
	p := listen(t, settings.PostlogPath)
	l := New(testOrigin(filepath.Join(dir, "log")), utc("POSTLOG_SERVICE="+p.path, "POSTLOG_HOSTNAME=mx"))
	defer l.Close()
	l.Log(Info, "one")
	l.Configure(settings)
	l.Log(Info, "two")
	expect(t, p.next(), stamp+"one")
	expect(t, p.next(), stamp+"two")
	if _, err := os.Stat(settings.File); !os.IsNotExist(err) {
		t.Errorf("the file was made without need: %v", err)
	}
}

// Of a start that ends before anybody knows where lines go, or whose log file
// cannot be opened, the lines go to syslog.
func TestSyslogTakesWhatTheFileDoesNot(t *testing.T) {
	for _, row := range []struct {
		name      string
		configure bool
		file      string
	}{
		{"main.cf was not read", false, ""},
		{"it names no log file", true, ""},
		{"its log file cannot be opened", true, "/nonexistent/maillog"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := shortDir(t)
			r := listen(t, filepath.Join(dir, "log"))
			settings := postlogSettings(dir)
			settings.File = row.file
			l := New(testOrigin(r.path), utc("POSTLOG_SERVICE="+settings.PostlogPath))
			defer l.Close()
			l.Log(Warning, "one")
			if row.configure {
				l.Configure(settings)
			}
			l.Log(Fatal, "two")
			l.Finish()
			expect(t, r.next(), "<20>Mar  5 13:04:09 postfix/master[42]: warning: one")
			expect(t, r.next(), "<18>Mar  5 13:04:09 postfix/master[42]: fatal: two")
			r.empty()
		})
	}
}

// ours is a postlog socket that this process has, as the master has it, and its
// log.
func ours(t *testing.T) (*Log, *receiver, core.LogSettings) {
	t.Helper()
	dir := shortDir(t)
	settings := postlogSettings(dir)
	p := listen(t, settings.PostlogPath)
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	t.Cleanup(l.Close)
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	return l, p, settings
}

func TestLogFileGetsWhatNobodyReads(t *testing.T) {
	l, p, settings := ours(t)
	l.PostlogSocket(p.fd, false)
	l.Log(Info, "one")
	stranger, err := real.Connect(p.path, Datagram)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(stranger)
	say := func(text string) {
		t.Helper()
		if _, err := real.Write(stranger, []byte(stamp+text)); err != nil {
			t.Fatal(err)
		}
	}
	say("a stranger's\nline")
	l.PostlogSocket(p.fd, true)
	l.Flush()
	expectFile(t, settings.File, "one", "a stranger's?line")
	l.Log(Info, "two")
	say("three")
	if l.Flush() {
		t.Error("nobody wants to look again though the socket is not read")
	}
	say("four")
	l.Log(Info, "five")
	expectFile(t, settings.File, "one", "a stranger's?line", "two", "three", "four", "five")
	p.empty()
	l.PostlogSocket(p.fd, false)
	l.Log(Info, "six")
	expect(t, p.next(), stamp+"six")
	if !l.Flush() {
		t.Error("another look is wanted though somebody reads the socket")
	}
}

// What nobody reads stays in the socket while the file does not take it.
func TestNothingIsTakenOutForAFileThatIsFull(t *testing.T) {
	l, p, settings := ours(t)
	l.PostlogSocket(p.fd, false)
	for i := range 3 {
		l.Log(Info, "line "+strconv.Itoa(i))
	}
	if err := os.Mkdir(settings.File, 0o700); err != nil {
		t.Fatal(err)
	}
	l.PostlogSocket(p.fd, true)
	l.Flush()
	if err := l.Err(); err == nil {
		t.Error("no error of the file")
	}
	fd, err := real.Connect(p.path, Datagram)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := real.Write(fd, []byte(stamp+"line 3")); err != nil {
		t.Fatal(err)
	}
	l.Flush()
	if err := os.Remove(settings.File); err != nil {
		t.Fatal(err)
	}
	if err := l.Retry(); err != nil {
		t.Fatal(err)
	}
	expectFile(t, settings.File, "line 0", "line 1", "line 2", "line 3")
}

func TestEndWritesWhatPostlogdDidNotRead(t *testing.T) {
	l, p, settings := ours(t)
	l.PostlogSocket(p.fd, false)
	l.Log(Info, "terminating")
	l.Finish()
	expectFile(t, settings.File, "terminating")
}

// postlogd opens the file anew after a reload, so a socket that takes lines is not
// enough (Differs: D20).
func TestSwitchLooksAtTheFileBehindTheSocket(t *testing.T) {
	l, p, settings := ours(t)
	dir := filepath.Dir(settings.File)
	if err := os.Symlink(filepath.Join(dir, "nothing"), filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, why := range map[string]string{
		"missing/maillog": "cannot create file exclusively: No such file or directory",
		"dangling":        "cannot open file: No such file or directory",
		"directory":       "cannot open file: Is a directory",
	} {
		bad := settings
		bad.File = filepath.Join(dir, name)
		want := fmt.Sprintf("open logfile '%s': %s", bad.File, why)
		if err := l.Switch(bad); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	l.PostlogSocket(p.fd, true)
	l.Log(Info, "where it was")
	expectFile(t, settings.File, "where it was")
	l.PostlogSocket(p.fd, false)
	good := settings
	good.File = filepath.Join(dir, "good")
	if err := l.Switch(good); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(good.File); !os.IsNotExist(err) {
		t.Errorf("the file was made without need: %v", err)
	}
}

// The number of a descriptor that was closed may be that of something else.
func TestNothingIsTakenOutOfAnotherSocket(t *testing.T) {
	l, p, settings := ours(t)
	other := listen(t, filepath.Join(filepath.Dir(settings.File), "other"))
	fd, err := real.Connect(other.path, Datagram)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := real.Write(fd, []byte("not for the log")); err != nil {
		t.Fatal(err)
	}
	l.PostlogSocket(other.fd, true)
	l.Finish()
	expect(t, other.next(), "not for the log")
	p.empty()
}

// A server has no loop that looks after its log.
func TestLogOfAServerTriesAgainByItself(t *testing.T) {
	r := listen(t, filepath.Join(shortDir(t), "log"))
	origin := testOrigin(r.path)
	origin.Alone = true
	l := New(origin, utc())
	defer l.Close()
	fill(t, r.path)
	l.Log(Info, "one")
	l.Log(Info, "two")
	expectLines(t, <-r.readLater(0, "two"), []string{"one", "two"})
}
