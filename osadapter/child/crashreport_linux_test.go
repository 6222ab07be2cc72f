//go:build amd64 || arm64

package child

import (
	"debug/elf"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crash makes a server do something fatal in a goroutine of its own, and returns
// the contents of the log file.
func crash(t *testing.T, what string, args ...string) (p *server, log string) {
	t.Helper()
	s, file := newSiteWithFile(t)
	l, address := s.listenUnix("x")
	p = s.start("careless", []*os.File{l}, append([]string{"-l", "-t", "unix"}, args...)...)
	if _, err := dial(t, address).Write([]byte(what + "\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatal("the server lives on")
	}
	content, _ := os.ReadFile(file)
	return p, string(content)
}

func TestPanicOfAForeignGoroutineIsLogged(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"", "-u", "-u -c"} {
		if args != "" && os.Geteuid() != 0 {
			continue // there are no privileges to drop
		}
		p, log := crash(t, "panic", strings.Fields(args)...)
		if strings.Contains(args, "-c") && !isStatic(t) { // the jail contains no loader
			if !strings.Contains(log, "warning: a panic in a goroutine that this server starts will not be logged; a dynamically linked program") {
				t.Errorf("%q: log\n%s", args, log)
			}
			continue
		}
		if code := p.cmd.ProcessState.ExitCode(); code != 2 {
			t.Errorf("%q: exit status %d, want that of a panic", args, code)
		}
		lines := strings.Split(strings.TrimSpace(log), "\n")
		if len(lines) != 1+maxCalls || !strings.HasSuffix(lines[0], "]: panic: lost my way") {
			t.Fatalf("%q: log\n%s", args, log)
		}
		for _, line := range lines[1:] {
			if !strings.Contains(line, " mail postfix/testd[") || !strings.Contains(line, "]: at ") || !strings.Contains(line, "child.getLost (") || !strings.Contains(line, "/servers_test.go:") {
				t.Errorf("%q: line %q", args, line)
			}
		}
	}
}

// isStatic reports whether this program needs no other file to be executed.
func isStatic(t *testing.T) bool {
	t.Helper()
	program, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}

func TestLoaderIsSeen(t *testing.T) {
	t.Parallel()
	if needsLoader() == isStatic(t) {
		t.Errorf("needs a loader: %v, is linked statically: %v", needsLoader(), isStatic(t))
	}
}

func TestFaultOfAForeignGoroutineIsLogged(t *testing.T) {
	t.Parallel()
	_, log := crash(t, "fault")
	_, calls, found := strings.Cut(log, "]: panic: runtime error: invalid memory address or nil pointer dereference; [signal SIGSEGV: ")
	if first := strings.Split(calls+"\n", "\n")[1]; !found || !strings.Contains(first, "]: at ") || !strings.Contains(first, "child.misread (") ||
		!strings.Contains(calls, "]: started by github.com/stationmaster/stationmaster/osadapter/child.beCareless (") {
		t.Errorf("log\n%s", log)
	}
}

func TestPanicOfManyLinesIsOneLine(t *testing.T) {
	t.Parallel()
	if _, log := crash(t, "lines"); !strings.Contains(log, "]: panic: first; second; third\n") {
		t.Errorf("log\n%s", log)
	}
}

func TestAbortFromOutsideIsNoPanic(t *testing.T) {
	t.Parallel()
	p, log := crash(t, "abort")
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGABRT || log != "" {
		t.Errorf("ended with %v, log %q", p.cmd.ProcessState, log)
	}
}

func TestPanicThatTheLibraryRecoversIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s, file := newSiteWithFile(t)
	l, address := s.listenUnix("x")
	p := s.start("panicking", []*os.File{l}, "-l", "-t", "unix")
	dial(t, address)
	p.wantExit(2)
	content, _ := os.ReadFile(file)
	if n := strings.Count(string(content), "]: panic: "); n != 1 {
		t.Errorf("%d times:\n%s", n, content)
	}
}

func TestReportHasWhatItNeedsOfTheLog(t *testing.T) {
	want := reportSettings{process: "p", toStderr: true}
	want.log.Name, want.log.Facility, want.log.File, want.log.PostlogPath = "n", 23, "/f", "/q/public/postlog"
	want.log.Hostname, want.log.AllowUnicode = "h", true
	if got, ok := parseReport(want.argv()); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, ok, want)
	}
	if _, ok := parseReport([]string{"smtpd", "-t", "inet"}); ok {
		t.Error("the command line of a master is taken for that of a report")
	}
}

func TestZoneSurvivesAJail(t *testing.T) {
	for offset, want := range map[int]string{0: "<X>-00:00:00", 3600: "<X>-01:00:00", -12600: "<X>+03:30:00", 20700: "<X>-05:45:00"} {
		if got := currentZone(time.Now().In(time.FixedZone("X", offset))); got != want {
			t.Errorf("%d s: got %s, want %s", offset, got, want)
		}
	}
}

func TestCrashIsParsed(t *testing.T) {
	for text, want := range map[string]struct {
		cause string
		calls []string
	}{
		"":             {"", nil},
		"panic: alone": {"alone", nil},
		"panic: a [recovered]\n\tpanic: b\n\ngoroutine 1 [running]:\nmain.f(...)\n\t/x/f.go:1\nmain.main()\n\t/x/f.go:2 +0x1d fp=0x1\n\ngoroutine 2 [idle]:\nmain.g()\n\t/x/g.go:3\n": {
			"a [recovered]; panic: b", []string{"at main.f (/x/f.go:1)", "at main.main (/x/f.go:2)"},
		},
		"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 gp=0x1 m=nil [select]:\nruntime.gopark(0x1)\n\t/go/proc.go:1 +0x1\nruntime.selectgo()\n\t/go/select.go:2\nmain.main()\n\t/x/f.go:2 +0x1d\nruntime.main()\n\t/go/proc.go:3\n": {
			"fatal error: all goroutines are asleep - deadlock!", []string{"at main.main (/x/f.go:2)"},
		},
		"panic: x\n\ngoroutine 7 [running]:\nmain.h(0x1)\n\t/x/h.go:1\ncreated by main.main in goroutine 1\n\t/x/h.go:9 +0x1\n": {
			"x", []string{"at main.h (/x/h.go:1)", "started by main.main (/x/h.go:9)"},
		},
		"panic: cut\n\ngoroutine 7 [running]:\nmain.h(0x1": {"cut", nil},
	} {
		cause, calls := parseCrash(text)
		if cause != want.cause || !slices.Equal(calls, want.calls) {
			t.Errorf("%q:\n got %q, %q\nwant %q, %q", text, cause, calls, want.cause, want.calls)
		}
	}
}
