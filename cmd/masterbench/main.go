// Command masterbench compares our master with the installed original: how fast
// they start servers, process reports, start, reload and reap, what that costs, and
// what they cost while nothing happens.
//
// It measures both in turn in one run, in private directories on a file system in
// memory, with the same clients and the same servers. These are small C programs in
// the directory c, which the bench compiles, so that neither a Go runtime nor a C
// library is measured. The servers check what the master passed to them; the bench
// fails if they complain or if a master logs a warning. Before each measurement a
// yardstick (vfork, exec, wait) shows how fast the machine is at that moment.
//
// Everything runs in namespaces (processes, mounts, network), so that the kernel
// ends all processes and removes all files however the bench ends. It needs Linux,
// root and a C compiler. It does not touch the mail system of the machine, says
// nothing about other loads than those it names, and does not test behaviour.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
)

// Exit statuses, besides 128+N for signal N.
const (
	statusFailed = 1
	statusUsage  = 2
)

func main() {
	runtime.LockOSThread() // the processes in the namespaces end when this thread does
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// settings are the values of the options.
type settings struct {
	ours, original string         // paths of the masters
	only           *regexp.Regexp // metrics to measure, by name; nil: all
	json           string         // path of a file, "": none
	quick          bool           // one round, shorter measurements
	rounds         int
	list           bool // only list the metrics
}

const usage = `usage: masterbench [-quick] [-rounds N] [-only REGEXP] [-json FILE] [-list]
                   [-ours PATH] [-original PATH]
Compares the speed of our master with the original's, in under 8 minutes.
  -quick          one round and shorter measurements, in under 90 seconds
  -rounds N       measure each master N times, alternating (default 3)
  -only REGEXP    measure only the metrics whose names match
  -list           list the metrics and exit
  -json FILE      also write all figures to FILE
  -ours PATH      our master (default: in the directory of this program, else built)
  -original PATH  the original (default /usr/lib/postfix/sbin/master);
                  if it does not exist, only ours is measured
`

const defaultOriginal = "/usr/lib/postfix/sbin/master"

func parse(args []string) (settings, error) {
	var s settings
	var only string
	f := flag.NewFlagSet("masterbench", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.BoolVar(&s.quick, "quick", false, "")
	f.BoolVar(&s.list, "list", false, "")
	f.IntVar(&s.rounds, "rounds", 0, "")
	f.StringVar(&only, "only", "", "")
	f.StringVar(&s.json, "json", "", "")
	f.StringVar(&s.ours, "ours", "", "")
	f.StringVar(&s.original, "original", defaultOriginal, "")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	switch {
	case f.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case s.rounds < 0 || s.rounds > 100:
		return s, errors.New("-rounds must be 1 to 100")
	case s.rounds == 0 && s.quick:
		s.rounds = 1
	case s.rounds == 0:
		s.rounds = 3
	}
	if only != "" {
		var err error
		if s.only, err = regexp.Compile(only); err != nil {
			return s, fmt.Errorf("-only: %w", err)
		}
		if !s.wants("") {
			return s, fmt.Errorf("-only: no metric matches %q; masterbench -list lists them", only)
		}
	}
	return s, nil
}

// run is the whole program; it returns the exit status.
func run(args []string, stdout, stderr *os.File) int {
	s, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return tell(usage, stdout, stderr)
	case err != nil:
		fmt.Fprintf(stderr, "masterbench: %v (masterbench -h lists the options)\n", err)
		return statusUsage
	case s.list:
		var list strings.Builder
		for _, m := range metrics {
			fmt.Fprintf(&list, "%-24s %s\n", m.id, m.name)
		}
		return tell(list.String(), stdout, stderr)
	}
	status, err := start(s, args, stdout, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "masterbench: %v\n", err)
		status = max(status, statusFailed)
	}
	return status
}

// tell prints a text, and returns the exit status.
func tell(text string, stdout, stderr io.Writer) int {
	if _, err := io.WriteString(stdout, text); err != nil {
		fmt.Fprintf(stderr, "masterbench: write the output: %v\n", err)
		return statusUsage
	}
	return 0
}
