//go:build linux

package parity

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	enabled  = flag.Bool("parity", false, "play the scenarios of the parity suite (root needed)")
	selftest = flag.Bool("selftest", false, "plant differences in our master and see that each is reported")
	record   = flag.Bool("record", false, "write what the installed original shows to testdata/original")
	verbose  = flag.Bool("observations", false, "print the observations of both sides of each scenario")
)

const (
	// masterVariable names the master to be compared, if it is not ours.
	masterVariable = "PARITY_MASTER"
	// originalVariable is "none" to use the recording although an original is
	// installed.
	originalVariable = "PARITY_ORIGINAL"
	// originalMaster is the path of the original on Debian.
	originalMaster = "/usr/lib/postfix/sbin/master"
	// roleVariable is set for a copy of the test program; its value says which role it plays.
	roleVariable = "PARITY_ROLE"
)

// binaries is the directory of what the tests build: master, actor, and the test
// program once more, as the keeper. That one is built without cgo: a process that
// is about to execute another program must not have a second runtime, with threads
// and an abort of its own.
var binaries string

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "keeper":
		keep()
		return
	case "launch":
		become()
		return
	}
	flag.Parse()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	if !*enabled && !*selftest {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "pab")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // masters are also started by users other than root
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binaries = dir
	for name, args := range map[string][]string{
		"actor":  {"build", "-ldflags", "-s -w " + entryFlag, "-o", filepath.Join(dir, "actor"), "./actor"},
		"master": {"build", "-ldflags", "-s -w", "-o", filepath.Join(dir, "master"), "../../../cmd/master"},
		"keeper": {"test", "-c", "-ldflags", "-s -w", "-o", filepath.Join(dir, "keeper"), "."},
	} {
		build := exec.Command("go", args...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n", name, err)
			return 1
		}
	}
	code := m.Run()
	if *record {
		if err := theRecording.save(); err != nil {
			fmt.Fprintln(os.Stderr, "writing the recording:", err)
			code = max(code, 1)
		}
	}
	if !theSummary.print(os.Stdout) {
		code = max(code, 1)
	}
	return code
}

// ourMaster returns the path of the program that is compared with the original.
func ourMaster() string {
	if path := os.Getenv(masterVariable); path != "" {
		return path
	}
	return filepath.Join(binaries, "master")
}

// must ends a role of the test program that cannot go on.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Getenv(roleVariable)+":", err)
		os.Exit(98)
	}
}
