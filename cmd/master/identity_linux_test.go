package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/logs"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// lostVariable marks a copy of this program that cannot become root again; its
// value is the path of the log.
const lostVariable = "STATIONMASTER_TEST_IDENTITY"

func init() {
	file := os.Getenv(lostVariable)
	if file == "" {
		return
	}
	d := &daemon{log: logs.New(logs.Origin{Process: "master", PID: os.Getpid(), Fallback: true}, syscall.Getenv)}
	if err := d.log.Switch(core.LogSettings{Name: "test", File: file, PostlogPath: file + ".nobody"}); err != nil {
		os.Exit(3)
	}
	defer d.recovered()
	panic(&sys.IdentityLost{Owner: core.Account{Name: "somebody"}, Errno: core.EAGAIN})
}

// A kernel that does not make us root again is no bug of ours: one line says so,
// and nothing else does.
func TestLostIdentityIsAFatalLine(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	must(t, err)
	file := filepath.Join(t.TempDir(), "log")
	command := exec.Command(program)
	command.Env = append(os.Environ(), lostVariable+"="+file, "LANG=C")
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	const want = "fatal: cannot become root again after acting as somebody: Resource temporarily unavailable"
	if len(lines) != 1 || !strings.HasSuffix(lines[0], want) {
		t.Errorf("log:\n%s\nwant one line: %s", text, want)
	}
}
