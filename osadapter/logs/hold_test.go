package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// heldLog is a log without a postlog socket whose file is held open.
func heldLog(t *testing.T) (l *Log, path string) {
	t.Helper()
	dir := shortDir(t)
	path = filepath.Join(dir, "file")
	l = New(testOrigin(dir+"/nobody"), utc())
	t.Cleanup(l.Close)
	if err := l.Switch(core.LogSettings{Name: "postfix", File: path, PostlogPath: dir + "/nobody", Hostname: "h"}); err != nil {
		t.Fatal(err)
	}
	if fd, err := l.Hold(); fd < 0 || err != nil {
		t.Fatalf("descriptor %d, %v", fd, err)
	}
	return l, path
}

func TestHeldFileTakesLinesWhereItCannotBeOpened(t *testing.T) {
	l, path := heldLog(t)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // so that opening the path fails for root, too
		t.Fatal(err)
	}
	l.Log(Info, "one")
	l.Log(Warning, "two")
	content, err := os.ReadFile(path + ".1")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, string(content), "Mar  5 13:04:09 h postfix/master[42]: one\nMar  5 13:04:09 h postfix/master[42]: warning: two\n")
}

func TestHeldFileThatWasRemovedLosesNothingSilently(t *testing.T) {
	l, path := heldLog(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "gone")
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "was removed") {
		t.Errorf("the log says %v of a line that nobody can read", err)
	}
}

func TestNothingIsHeldWithoutALogFile(t *testing.T) {
	dir := shortDir(t)
	for _, file := range []string{"", stdoutPath} {
		l := New(testOrigin(dir+"/nobody"), utc())
		if err := l.Switch(core.LogSettings{File: file, PostlogPath: dir + "/nobody"}); err != nil {
			t.Fatal(err)
		}
		if fd, err := l.Hold(); fd != -1 || err != nil {
			t.Errorf("%q: descriptor %d, %v", file, fd, err)
		}
		l.Close()
	}
}
