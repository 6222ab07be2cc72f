// Command demo starts bin/master with two small services in a temporary
// directory and shows what a master does: it starts servers on demand, limits
// their number, lets idle ones go, throttles one that fails, and reloads
// without losing a connection.
//
// Each line marked "ok" has been checked. If a check fails, or does not succeed
// in time, the demo stops with exit status 1 and names the check. It always
// stops the daemon and removes the directory, also on Ctrl-C. It needs neither
// root nor Postfix and listens on the loopback interface only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Exit statuses, besides 128+N for signal N.
const (
	statusFailed = 1
	statusUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

const usage = `usage: demo [-bin DIR] [-limit TIME]
Shows what a master does, with master and echo from DIR.
  -bin DIR     directory of the programs (default: the one demo is in)
  -limit TIME  fail if the demo takes longer than this (default 20s)
`

// run is the whole program. It returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	bin := f.String("bin", "", "")
	limit := f.Duration("limit", 20*time.Second, "")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		if _, err := io.WriteString(stdout, usage); err != nil {
			fmt.Fprintf(stderr, "demo: write the output: %v\n", err)
			return statusUsage
		}
		return 0
	}
	switch {
	case err != nil:
	case f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	case *limit <= 0:
		err = errors.New("-limit must be greater than 0")
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo: %v (demo -h lists the options)\n", err)
		return statusUsage
	}
	return perform(*bin, *limit, stdout, stderr)
}

// signalError is the reason why a signal ended the demo.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string { return "signal " + e.signal.String() }

// perform plays the demo and cleans up after it. It returns the exit status.
func perform(bin string, limit time.Duration, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	ctx, stop := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the demo exceeded its limit of %v", limit))
	defer stop()
	signals := make(chan os.Signal, 1)
	// SIGPIPE: nobody reads our output any more.
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	defer signal.Stop(signals)
	go func() {
		select {
		case s := <-signals:
			number, _ := s.(syscall.Signal)
			cancel(&signalError{number})
		case <-ctx.Done():
		}
	}()

	d := &demo{ctx: ctx, cancel: cancel, out: stdout, patience: limit / 2}
	d.station, d.err = newStation(bin)
	if d.err == nil {
		d.play()
	}
	if err := d.cleanUp(); err != nil {
		fmt.Fprintf(stderr, "demo: clean up: %v\n", err)
		d.fail(err)
	}
	var interrupted *signalError
	switch {
	case d.err == nil:
		return 0
	case errors.As(d.err, &interrupted):
		fmt.Fprintf(stderr, "demo: interrupted by %v; the daemon is stopped\n", interrupted)
		return 128 + int(interrupted.signal)
	}
	fmt.Fprintf(stderr, "demo: FAILED: %v\n", d.err)
	return statusFailed
}

// findPrograms returns the absolute path of the directory that holds master and
// echo: bin, or the directory of this program.
func findPrograms(bin string) (string, error) {
	if bin == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find the programs (name their directory with -bin): %w", err)
		}
		bin = filepath.Dir(self)
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return "", fmt.Errorf("find the programs: %w", err)
	}
	for _, name := range []string{"master", "echo"} {
		if _, err := exec.LookPath(filepath.Join(bin, name)); err != nil {
			return "", fmt.Errorf("%w; run \"make build\" first, or name the directory with -bin", err)
		}
	}
	return bin, nil
}
