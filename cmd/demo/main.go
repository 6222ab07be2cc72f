// Command demo shows, in plain words and in under 20 seconds, what a master
// does: it starts bin/master with bin/echo as its one service in a private
// directory, connects to it, and tells what happens to the processes.
//
// Each thing that it tells it has checked: one that does not come true in time
// ends the demo with exit status 1 and a line that says what was awaited. On
// every way out (the end, a failure, Ctrl-C) it stops the daemon with all its
// processes and removes the directory. It needs no root, touches nothing
// outside its directory, listens on the loopback interface alone, and is no
// test of the daemon's finer points.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Exit statuses beside 128+N for signal N.
const (
	statusFailed = 1
	statusUsage  = 2
)

// endSignals end the demo early. SIGPIPE: nobody reads what it says any more.
var endSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE}

func main() {
	// The daemon is to end when this thread does; see becomeParent.
	runtime.LockOSThread()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// settings are what the command line says.
type settings struct {
	programs string        // absolute path of the directory with the programs
	patience time.Duration // for one thing to come true
	limit    time.Duration // for the whole demo
}

// run is the whole program; it gives the exit status.
func run(args []string, stdout *os.File, stderr io.Writer) int {
	s, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		if _, err := stdout.WriteString(usage); err != nil {
			fmt.Fprintf(stderr, "demo: write the output: %v\n", err)
			return statusUsage
		}
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo: %v (demo -h lists the options)\n", err)
		return statusUsage
	}
	arrived := make(chan os.Signal, len(endSignals))
	signal.Notify(arrived, endSignals...)
	defer signal.Stop(arrived)
	began := time.Now()
	d := newDemo(s, newPaper(stdout), arrived)
	err = d.tell()
	if cleanErr := d.cleanUp(); cleanErr != nil {
		fmt.Fprintf(stderr, "demo: clean up: %v\n", cleanErr)
		if err == nil {
			return statusFailed
		}
	}
	var interrupted *interruptedError
	switch {
	case err == nil:
		d.out.end(fmt.Sprintf("The demo is over after %.1f s: all of it came true, and nothing is left.",
			time.Since(began).Seconds()))
		return 0
	case errors.As(err, &interrupted):
		fmt.Fprintf(stderr, "demo: ended early by %v; the daemon is stopped\n", err)
		return 128 + int(interrupted.signal)
	default:
		fmt.Fprintf(stderr, "demo: FAILED: %v\n", err)
		return statusFailed
	}
}

const usage = `usage: demo [-bin DIR] [-patience TIME] [-limit TIME]
Shows an on-demand server come, serve and leave.
  -bin DIR        where master and echo are (default: where demo itself is)
  -patience TIME  how long one thing may take to come true (default 5s)
  -limit TIME     how long the whole demo may take (default 15s)
`

func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&s.programs, "bin", "", "")
	f.DurationVar(&s.patience, "patience", 5*time.Second, "")
	f.DurationVar(&s.limit, "limit", 15*time.Second, "")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	switch {
	case f.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case s.patience <= 0 || s.limit <= 0:
		return s, errors.New("-patience and -limit must be above 0")
	}
	if s.programs == "" {
		self, err := os.Executable()
		if err != nil {
			return s, fmt.Errorf("say with -bin where the programs are: %w", err)
		}
		s.programs = filepath.Dir(self)
	}
	var err error
	s.programs, err = filepath.Abs(s.programs)
	return s, err
}

// findPrograms checks that the programs are there before anything is made.
func (s *settings) findPrograms() error {
	var missing []string
	for _, name := range []string{"master", "echo"} {
		path := filepath.Join(s.programs, name)
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			missing = append(missing, path)
		case err != nil:
			return fmt.Errorf("look for the programs: %w", err)
		case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
			return fmt.Errorf("%s is not a program", path)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing: %s; run \"make build\" first, or name the directory with -bin",
			strings.Join(missing, ", "))
	}
	return nil
}
