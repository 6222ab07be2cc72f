package lock

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test program runs itself again as a process that holds a lock.
const (
	roleVariable = "LOCK_TEST_ROLE"
	pathVariable = "LOCK_TEST_PATH"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "acquire":
		l, err := Acquire(os.Getenv(pathVariable))
		if err == nil {
			err = l.Record(os.Getpid())
		}
		reportAndWait(err)
	case "acquire-and-leave-child":
		l, err := Acquire(os.Getenv(pathVariable))
		if err == nil {
			err = l.Record(os.Getpid())
		}
		child := exec.Command("/bin/cat")
		child.Stdin = os.Stdin
		if err == nil {
			err = child.Start()
		}
		report(err)
		os.Exit(0) // the child keeps standard input open
	case "accept":
		a, err := OpenAccept(os.Getenv(pathVariable))
		if err == nil {
			err = a.Lock()
		}
		reportAndWait(err)
	}
}

func report(err error) {
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("held\n")
}

func reportAndWait(err error) {
	report(err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

type process struct {
	*exec.Cmd
	input io.WriteCloser
	lines *bufio.Reader
}

// start runs a role, which ends when its standard input is closed.
func start(t *testing.T, role, path string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path, "GORACE=atexit_sleep_ms=0")
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
	p := &process{cmd, input, bufio.NewReader(output)}
	t.Cleanup(p.stop)
	return p
}

func (p *process) stop() {
	if p.input != nil {
		p.input.Close()
		_ = p.Wait()
		p.input = nil
	}
}

func (p *process) held(t *testing.T) {
	t.Helper()
	if line, err := p.lines.ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q (%v)", line, err)
	}
}

func TestAcquireMakesPrivateFileAndRecordsPID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.pid")
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if content, _ := os.ReadFile(path); len(content) != 0 {
		t.Errorf("the lock alone wrote %q", content)
	}
	if err := l.Record(1234); err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat(" ", 28) + "1234\n"
	if content, _ := os.ReadFile(path); string(content) != want {
		t.Errorf("got %q, want %q", content, want)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	flags, err := unix.FcntlInt(uintptr(l.fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v: children would keep the lock", flags, err)
	}
}

func TestRecordDoesNotCutTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.pid")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Record(7); err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat(" ", 31) + "7\n" + strings.Repeat("x", 7)
	if content, _ := os.ReadFile(path); string(content) != want {
		t.Errorf("got %q, want %q", content, want)
	}
}

func TestRecordNamesFileThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.pid")
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	want := "cannot update lock file " + path + ": Bad file descriptor"
	if err := l.Record(7); err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestSecondProcessIsToldWhoHoldsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.pid")
	other := start(t, "acquire", path)
	other.held(t)

	_, err := Acquire(path)
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("got %v", err)
	}
	want := "open lock file " + path + ": unable to set exclusive lock: Resource temporarily unavailable"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if held.Holder != other.Process.Pid {
		t.Errorf("holder %d, want %d", held.Holder, other.Process.Pid)
	}
	if held.Holder != other.Process.Pid {
		t.Errorf("holder %d, want %d", held.Holder, other.Process.Pid)
	}
	if busy, err := Test(path); !busy || err != nil {
		t.Errorf("Test gave %v, %v while the lock is held", busy, err)
	}

	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.stop()
	if busy, err := Test(path); busy || err != nil {
		t.Errorf("Test gave %v, %v after the holder died", busy, err)
	}
	l, err := Acquire(path)
	if err != nil {
		t.Fatalf("the lock outlived its process: %v", err)
	}
	l.Close()
}

func TestLockIsNotKeptByChildren(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.pid")
	other := start(t, "acquire-and-leave-child", path)
	other.held(t)
	if _, err := other.Process.Wait(); err != nil {
		t.Fatal(err)
	}
	if busy, err := Test(path); busy || err != nil {
		t.Errorf("Test gave %v, %v while only a child of the holder lives", busy, err)
	}
}

func TestHolderIsReadFromWhatIsThere(t *testing.T) {
	for content, want := range map[string]int{
		"": 0, "\n": 0, "12\n": 12, strings.Repeat(" ", 28) + "4321\n": 4321,
		"-5\n": 0, "0\n": 0, "99999999999\n": 0, "x\n": 0, strings.Repeat(" ", 40): 0,
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		fd, err := SafeOpen(path, unix.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := holder(fd); got != want {
			t.Errorf("%q: got %d, want %d", content, got, want)
		}
		unix.Close(fd)
	}
}

func TestTestLeavesTheFileAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "master.pid")
	if busy, err := Test(path); busy || err != nil {
		t.Errorf("a missing file gave %v, %v", busy, err)
	}
	if busy, err := Test(filepath.Join(dir, "missing", "master.pid")); busy || err != nil {
		t.Errorf("a missing directory gave %v, %v", busy, err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the test made the file: %v", err)
	}
	if err := os.WriteFile(path, []byte("garbage"), 0o640); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(path)
	if busy, err := Test(path); busy || err != nil {
		t.Errorf("a stale file gave %v, %v", busy, err)
	}
	after, _ := os.Stat(path)
	if content, _ := os.ReadFile(path); string(content) != "garbage" || !before.ModTime().Equal(after.ModTime()) || before.Mode() != after.Mode() {
		t.Errorf("the test changed the file: %q %v", content, after)
	}
}

// TestUnsafeFiles covers every reason of the rules. Ownership by root can only be
// tested as root.
func TestNoDirectoryIsNoLock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file + "/master.pid", file + "-missing/master.pid"} {
		if held, err := Test(path); held || err != nil {
			t.Errorf("%s: got %v, %v", path, held, err)
		}
	}
}

func TestFIFOLocksLikeAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Record(12); err != nil {
		t.Error(err)
	}
}

func TestUnsafeFiles(t *testing.T) {
	asRoot := os.Getuid() == 0
	for _, row := range []struct {
		name  string
		root  bool
		build func(t *testing.T, path string)
		want  string // after "open lock file PATH: "; empty: accepted
	}{
		{"missing", false, func(*testing.T, string) {}, ""},
		{
			"directory", false, func(t *testing.T, path string) { check(t, os.Mkdir(path, 0o700)) },
			"cannot open file: Is a directory",
		},
		{"two_links", false, func(t *testing.T, path string) {
			check(t, os.WriteFile(path+".a", nil, 0o600))
			check(t, os.Link(path+".a", path))
		}, "file has 2 hard links"},
		{
			"dangling_symlink", false, func(t *testing.T, path string) { check(t, os.Symlink("nowhere", path)) },
			"cannot open file: No such file or directory",
		},
		{"symlink_in_directory_of_others", false, func(t *testing.T, path string) {
			check(t, os.WriteFile(path+".a", nil, 0o600))
			check(t, os.Symlink(path+".a", path))
			check(t, os.Chmod(filepath.Dir(path), 0o777))
		}, "file is a symbolic link"},
		{"symlink_in_directory_of_group", false, func(t *testing.T, path string) {
			check(t, os.WriteFile(path+".a", nil, 0o600))
			check(t, os.Symlink(path+".a", path))
			check(t, os.Chmod(filepath.Dir(path), 0o770))
		}, "file is a symbolic link"},
		{"symlink_of_root", true, func(t *testing.T, path string) {
			check(t, os.WriteFile(path+".a", nil, 0o600))
			check(t, os.Symlink(path+".a", path))
			check(t, os.Chmod(filepath.Dir(path), 0o755))
		}, ""},
		{"symlink_of_another", true, func(t *testing.T, path string) {
			check(t, os.WriteFile(path+".a", nil, 0o600))
			check(t, os.Symlink(path+".a", path))
			check(t, os.Lchown(path, 1, 1))
			check(t, os.Chmod(filepath.Dir(path), 0o755))
		}, "file is a symbolic link"},
		{"symlink_in_directory_of_another", true, func(t *testing.T, path string) {
			check(t, os.WriteFile(path+".a", nil, 0o600))
			check(t, os.Symlink(path+".a", path))
			check(t, os.Chown(filepath.Dir(path), 1, 1))
		}, "file is a symbolic link"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.root && !asRoot {
				t.Skip("needs root: files owned by root and by others")
			}
			path := filepath.Join(t.TempDir(), "master.pid")
			row.build(t, path)
			l, err := Acquire(path)
			if err == nil {
				l.Close()
			}
			if row.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := "open lock file " + path + ": " + row.want
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSafeOpenReasons(t *testing.T) {
	dir := t.TempDir()
	if _, err := SafeOpen(dir, unix.O_RDONLY, 0); err == nil || err.Error() != "file is a directory" {
		t.Errorf("a directory opened for reading: %v", err)
	}
	_, err := SafeOpen(filepath.Join(dir, "no", "file"), unix.O_CREAT|unix.O_WRONLY, 0o600)
	if want := "cannot create file exclusively: No such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	if !errors.Is(err, unix.ENOENT) {
		t.Errorf("the error number is lost in %v", err)
	}
	if _, err := SafeOpen(filepath.Join(dir, "f"), unix.O_CREAT|unix.O_RDWR|unix.O_TRUNC, 0o600); err == nil {
		t.Error("O_TRUNC was accepted")
	}
	if _, err := SafeOpen(filepath.Join(dir, "f"), unix.O_CREAT|unix.O_RDWR|unix.O_EXCL, 0o600); err == nil {
		t.Error("O_EXCL was accepted")
	}
}

// TestReplacedFileIsNoticed opens one file and passes the rules another.
func TestReplacedFileIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	check(t, os.WriteFile(path, nil, 0o600))
	fd, err := SafeOpen(path, unix.O_RDWR, 0)
	check(t, err)
	defer unix.Close(fd)
	check(t, os.Rename(path, path+".old"))
	check(t, os.WriteFile(path, nil, 0o600))
	if err := inspect(path, fd); err != errChanged {
		t.Errorf("got %v, want %v", err, errChanged)
	}
	check(t, os.Remove(path))
	if err := inspect(path, fd); !errors.Is(err, errChanged) {
		t.Errorf("got %v, want %v", err, errChanged)
	}
}

func TestAcceptLockPassesFromProcessToProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inet.echo")
	first := start(t, "accept", path)
	first.held(t)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}

	a, err := OpenAccept(path)
	check(t, err)
	defer a.Close()
	got := make(chan error, 1)
	go func() { got <- a.Lock() }()
	select {
	case err := <-got:
		t.Fatalf("the lock was had twice (%v)", err)
	case <-time.After(50 * time.Millisecond): // only shows that it waits
	}
	first.stop()
	select {
	case err := <-got:
		check(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the lock was not passed on")
	}

	second := start(t, "accept", path)
	check(t, a.Unlock())
	second.held(t)
}

func TestDirectoryOf(t *testing.T) {
	for path, want := range map[string]string{"a": ".", "/a": "/", "/a/b": "/a", "pid/x": "pid", "/a/b/": "/a"} {
		if got := directoryOf(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}
