package facts

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// A file at the path of a configuration file never makes the daemon hang, nor use
// excessive memory.
func TestHostileFilesAreRefusedWithoutReadingThemWhole(t *testing.T) {
	replace := func(make func(path string) error) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, make(path))
		}
	}
	link := func(target string) func(*testing.T, string) {
		return replace(func(path string) error { return os.Symlink(target, path) })
	}
	for _, c := range []struct {
		name   string
		damage func(*testing.T, string)
		want   string // empty: it is read
		memory uint64 // in MB
	}{
		{"sparse_file_of_10_GB", func(t *testing.T, path string) { must(t, os.Truncate(path, 10<<30)) }, "read @: File too large", 1},
		{"one_byte_too_many", func(t *testing.T, path string) { must(t, os.Truncate(path, maxFileSize+1)) }, "read @: File too large", 1},
		{"fifo", replace(func(path string) error { return unix.Mkfifo(path, 0o600) }), "read @, which is not a regular file", 1},
		{"directory", replace(func(path string) error { return os.Mkdir(path, 0o700) }), "read @: Is a directory", 1},
		{"endless_device", link("/dev/zero"), "read @: File too large", 512},
		{"null_device", link("/dev/null"), "", 1},
		{"dangling_link", link("nothing"), "open @: No such file or directory", 1},
		{"link_to_itself", link("main.cf"), "open @: Too many levels of symbolic links", 1},
		{"socket", replace(func(path string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}), "open @: No such device or address", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			// A socket needs a short path; the test's name would make it too long.
			dir, err := os.MkdirTemp("", "sm")
			must(t, err)
			defer os.RemoveAll(dir)
			l := &Loader{ConfigDirectory: dir, ProcessName: "master", Runner: &scripted{}}
			path := filepath.Join(dir, "main.cf")
			must(t, os.WriteFile(path, []byte(mainText), 0o600))
			c.damage(t, path)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			text, problem := new(Loader).readFile(path)
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > c.memory<<20 {
				t.Errorf("took %d bytes", took)
			}
			if c.want == "" {
				if problem != nil || len(text) > 0 {
					t.Errorf("%d bytes, %+v", len(text), problem)
				}
				return
			}
			want := strings.Replace(c.want, "@", path, 1)
			if problem == nil || problem.Severity != core.Error || problem.Text != want || problem.File != path || problem.Hint == "" {
				t.Fatalf("got %+v, want %s", problem, want)
			}
			_, ok := l.Load(nil)
			if ok {
				t.Error("accepted")
			}
		})
	}
}

// A writer that waits, or writes without end, must not delay us.
func TestFIFOWithAWriterIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "main.cf")
	must(t, unix.Mkfifo(path, 0o600))
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	if _, problem := new(Loader).readFile(path); problem == nil || !strings.HasSuffix(problem.Text, "not a regular file") {
		t.Errorf("got %+v", problem)
	}
	if f := firstLine(path); f.Problem == "" {
		t.Errorf("got %+v", f)
	}
}

func TestFileOfTheLargestSizeIsRead(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 64 MB")
	}
	path := filepath.Join(t.TempDir(), "main.cf")
	must(t, os.WriteFile(path, []byte("a = b"), 0o600))
	must(t, os.Truncate(path, maxFileSize))
	if text, problem := new(Loader).readFile(path); problem != nil || len(text) != maxFileSize {
		t.Errorf("%d bytes, %+v", len(text), problem)
	}
}
