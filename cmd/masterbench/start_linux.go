package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

//go:embed c/child.c
var childSource []byte

//go:embed c/load.c
var loadSource []byte

// The programs in C.
const (
	childName = "child"
	loadName  = "load"
)

// workDirVariable is set for the copy of this program that runs in the namespaces, to
// the path of its directory.
const workDirVariable = "MASTERBENCH_DIRECTORY"

// start prepares the programs and runs the bench in namespaces, where it is called
// again.
func start(s settings, args []string, stdout, stderr *os.File) (int, error) {
	if workDir := os.Getenv(workDirVariable); workDir != "" {
		return 0, measure(s, workDir, stdout, stderr)
	}
	if os.Geteuid() != 0 {
		return 0, errors.New("must run as root, to start the original and to create namespaces")
	}
	arrived := make(chan os.Signal, 8)
	signal.Notify(arrived, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	workDir, err := os.MkdirTemp("", "mb")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(workDir) }()
	if err := prepare(&s, workDir, stderr); err != nil {
		return 0, err
	}
	if s.json == "" {
		s.json = os.DevNull
	}
	result, err := os.Create(s.json)
	if err != nil {
		return 0, err
	}
	defer result.Close()
	inner, err := enter(workDir, args, result, stdout, stderr)
	if err != nil {
		return 0, err
	}
	return await(inner, arrived)
}

// enter starts this program again, as process 1 of its namespaces.
func enter(workDir string, args []string, result, stdout, stderr *os.File) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	inner := exec.Command(self, args...)
	inner.Env = append(os.Environ(), workDirVariable+"="+workDir)
	inner.Stdout, inner.Stderr, inner.ExtraFiles = stdout, stderr, []*os.File{result}
	inner.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true, // a terminal's signals reach only us, and we end it
	}
	if err := inner.Start(); err != nil {
		return nil, fmt.Errorf("create namespaces: %w", err)
	}
	return inner, nil
}

// await waits for the end of the bench, or ends all its processes when a signal
// arrives.
func await(inner *exec.Cmd, arrived <-chan os.Signal) (int, error) {
	ended := make(chan error, 1)
	go func() { ended <- inner.Wait() }()
	select {
	case got := <-arrived:
		_ = inner.Process.Kill()
		<-ended
		number, _ := got.(syscall.Signal)
		return 128 + int(number), fmt.Errorf("ended early by signal %d (%v); all processes are stopped", int(number), got)
	case err := <-ended:
		if err == nil {
			return 0, nil
		}
		var status *exec.ExitError
		if errors.As(err, &status) && status.ExitCode() >= 0 {
			return status.ExitCode(), nil
		}
		return statusFailed, err
	}
}

// prepare puts the programs into the directory: the masters, the clients, the servers.
func prepare(s *settings, workDir string, progress io.Writer) error {
	fmt.Fprintln(progress, "masterbench: building")
	for name, source := range map[string][]byte{childName: childSource, loadName: loadSource} {
		if err := os.WriteFile(filepath.Join(workDir, name+".c"), source, 0o600); err != nil {
			return err
		}
	}
	if err := compile(workDir, childName, bareProgram...); err != nil {
		return err
	}
	if err := compile(workDir, loadName); err != nil {
		return err
	}
	if err := copyProgram(s.original, filepath.Join(workDir, string(original))); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	to := filepath.Join(workDir, string(ours))
	if s.ours == "" {
		beside, err := os.Executable()
		if err != nil {
			return err
		}
		beside = filepath.Join(filepath.Dir(beside), "master")
		if _, err := os.Stat(beside); err != nil {
			return build(to)
		}
		s.ours = beside
	}
	return copyProgram(s.ours, to)
}

// bareProgram are the compiler's options for a program without a C library.
var bareProgram = []string{"-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"}

func compile(workDir, name string, options ...string) error {
	compiler := exec.Command("gcc", append(append([]string{"-O2"}, options...), "-o", name, name+".c")...)
	compiler.Dir = workDir
	if text, err := compiler.CombinedOutput(); err != nil {
		return fmt.Errorf("needs a C compiler: gcc %s.c: %w\n%s", name, err, text)
	}
	return nil
}

// build builds our master as the Makefile does.
func build(to string) error {
	compiler := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w",
		"-o", to, "github.com/stationmaster/stationmaster/cmd/master")
	compiler.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := compiler.CombinedOutput(); err != nil {
		return fmt.Errorf("build our master (or name it with -ours): %w\n%s", err, text)
	}
	return nil
}

func copyProgram(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// output returns the output of a program without surrounding white space; "" if it
// fails.
func output(name string, args ...string) string {
	text, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
