package boot

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	// image: what a start does, up to the clean image.
	roles["image"] = func() {
		s := Enter()
		_, err := RaiseOpenFiles()
		must(err)
		if !s.Clean {
			CloseInherited()
			must(CleanImage(os.Args, os.Environ()))
		}
		for _, name := range steeringVariables {
			if _, present := os.LookupEnv(name); present {
				say("the image was steered by %s", name)
			}
		}
		must(NeutralizeRuntime())
		must(DefaultSignals())
		child("/bin/cat", "/proc/self/status")
		child("/usr/bin/env")
		child("/bin/sh", "-c", `for n in /proc/self/fd/*; do echo "$n"; done`)
		comm, err := os.ReadFile("/proc/self/comm")
		must(err)
		say("%s %s %d", os.Args[0], strings.TrimSpace(string(comm)), os.Getpid())
		status, err := os.ReadFile("/proc/self/status")
		must(err)
		say("%s", field(strings.Split(string(status), "\n"), "FDSize"))
	}
	roles["image-blocked"] = func() { blocked("image") }
	roles["enter"] = func() {
		s := Enter()
		say("%v %v", s.Clean, s.Ready != nil)
		s.Ready.Announce()
		_, present := os.LookupEnv(startVariable)
		say("%v", present)
	}

	// wait: the parent's side of -w; its last argument is the daemon's role.
	roles["wait"] = func() {
		must(os.Setenv("GOGC", "off"))
		must(os.Setenv(roleVariable, os.Getenv("BOOT_TEST_DAEMON")))
		w, err := Detach(os.Args, os.Environ())
		must(err)
		limit := ReadyLimit
		if text := os.Getenv("BOOT_TEST_LIMIT"); text != "" {
			limit, err = time.ParseDuration(text)
			must(err)
		}
		err = w.Wait(limit)
		var late *WaitError
		say("pid %d", w.PID())
		say("error %v, late %v, alive %v", err, errors.As(err, &late), unix.Kill(w.PID(), 0) == nil)
	}
	roles["daemon"] = func() {
		s := Enter()
		_, gogc := os.LookupEnv("GOGC")
		say("clean %v ready %v gogc %v %s", s.Clean, s.Ready != nil, gogc, os.Args[0])
		CloseInherited()
		must(NewSession())
		child("/bin/sh", "-c", `for n in /proc/self/fd/*; do echo "$n"; done; echo "start=$STATIONMASTER_START"`)
		s.Ready.Announce()
		s.Ready.Announce()
		os.Exit(0)
	}
	roles["wait-blocked"] = func() { blocked("wait") }
	roles["daemon-image"] = func() {
		s := Enter()
		must(DefaultSignals())
		child("/bin/cat", "/proc/self/status")
		status, err := os.ReadFile("/proc/self/status")
		must(err)
		say("%s", field(strings.Split(string(status), "\n"), "FDSize"))
		s.Ready.Announce()
		os.Exit(0)
	}
	roles["daemon-fails"] = func() {
		Enter()
		os.Exit(1)
	}
	roles["daemon-crashes"] = func() {
		Enter()
		DieBySignal(syscall.SIGKILL)
	}
	roles["daemon-hangs"] = func() { Enter() }
}

// asMaster makes the test program run under the name and path of a daemon.
func asMaster(t *testing.T) func(*exec.Cmd) {
	link := filepath.Join(t.TempDir(), "master")
	target, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	return func(cmd *exec.Cmd) { cmd.Path, cmd.Args[0] = link, link }
}

func TestCleanImage(t *testing.T) {
	for _, role := range []string{"image", "image-blocked"} {
		t.Run(role, func(t *testing.T) {
			prepare := asMaster(t)
			p := launch(t, role, "", func(cmd *exec.Cmd) {
				prepare(cmd)
				cmd.Env = append(cmd.Env, "GODEBUG=madvdontneed=0", "GOGC=off", "GOMEMLIMIT=1GiB",
					"GOTRACEBACK=none", "GOMAXPROCS=1", "OTHER=kept")
				null, err := os.Open(os.DevNull)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { null.Close() })
				cmd.ExtraFiles = []*os.File{null, null}
			})
			pid := p.cmd.Process.Pid
			status := p.block()
			for _, text := range status {
				if strings.HasPrefix(text, "the image") {
					t.Error(text)
				}
			}
			expectCleanSignals(t, status)
			environ := p.block()
			for _, entry := range environ {
				name, _, _ := strings.Cut(entry, "=")
				if slices.Contains(steeringVariables, name) || name == startVariable {
					t.Errorf("children see %s", entry)
				}
			}
			if value, _ := Variable(environ, "OTHER"); value != "kept" {
				t.Error("OTHER is gone")
			}
			// The shell opens descriptor 3 to read the directory.
			if open := strings.Join(p.block(), " "); open != "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2" &&
				open != "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3" {
				t.Errorf("children have %s", open)
			}
			name := p.cmd.Args[0]
			p.expect(fmt.Sprintf("%s master %d", name, pid))
			if size, err := strconv.Atoi(p.line()); err != nil || size < tableSize {
				t.Errorf("the descriptor table has %d places (%v)", size, err)
			}
		})
	}
}

func TestPrivateVariableIsBelievedOnlyIfOurs(t *testing.T) {
	for value, want := range map[string]string{
		"clean": "true false", "": "false false", "ready=0": "false false", "ready=-1": "false false",
		"ready=x": "false false", "ready=77": "false false", "ready=3": "false false", "ready=4": "true true",
	} {
		p := launch(t, "enter", "", func(cmd *exec.Cmd) {
			cmd.Env = append(cmd.Env, startVariable+"="+value)
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { null.Close(); r.Close(); w.Close() })
			cmd.ExtraFiles = []*os.File{null, w} // 3 is no pipe, 4 is
		})
		if got := p.line(); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
		p.expect("false")
		p.end()
	}
	p := launch(t, "enter", "", nil)
	p.expect("false false")
}

func TestWaitEndsWhenTheDaemonIsUp(t *testing.T) {
	prepare := asMaster(t)
	p := launch(t, "wait", "", func(cmd *exec.Cmd) {
		prepare(cmd)
		cmd.Env = append(cmd.Env, "BOOT_TEST_DAEMON=daemon")
	})
	p.expect("clean true ready true gogc false " + p.cmd.Args[0])
	block := p.block()
	for _, text := range block {
		switch text {
		case "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "start=":
		case "/proc/self/fd/3": // the shell's own, see above
			if len(block) > 5 {
				t.Errorf("children have too much: %q", block)
			}
		default:
			t.Errorf("children see %q", text)
		}
	}
	p.line()
	if got := p.line(); !strings.HasPrefix(got, "error <nil>, late false") {
		t.Errorf("got %q", got)
	}
}

func TestDaemonThatIsWaitedForStartsClean(t *testing.T) {
	for _, role := range []string{"wait", "wait-blocked"} {
		p := launch(t, role, "", func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "BOOT_TEST_DAEMON=daemon-image") })
		expectCleanSignals(t, p.block())
		if size, err := strconv.Atoi(p.line()); err != nil || size < tableSize {
			t.Errorf("%s: the descriptor table has %d places (%v), want %d", role, size, err, tableSize)
		}
		p.line()
		if got := p.line(); !strings.HasPrefix(got, "error <nil>") {
			t.Errorf("%s: got %q", role, got)
		}
	}
}

func TestWaitReportsDaemonThatEnds(t *testing.T) {
	for _, daemon := range []string{"daemon-fails", "daemon-crashes"} {
		p := launch(t, "wait", "", func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "BOOT_TEST_DAEMON="+daemon) })
		p.line()
		if got := p.line(); !strings.HasPrefix(got, "error daemon initialization failure -- see logs for details, late false") {
			t.Errorf("%s: got %q", daemon, got)
		}
	}
}

func TestWaitKillsDaemonThatIsLate(t *testing.T) {
	p := launch(t, "wait", "", func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "BOOT_TEST_DAEMON=daemon-hangs", "BOOT_TEST_LIMIT=300ms")
	})
	p.line()
	p.expect("error Connection timed out while waiting for daemon initialization, late true, alive false")
}
