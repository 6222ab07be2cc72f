// Command run drives the fuzz targets of the module: it runs each for a time and
// prints a summary (fuzz), measures how much of core the committed inputs reach
// (cover), and plants weaknesses that the targets must find (selftest).
//
// The fuzzing itself is done by the go command's engine, in test programs that run
// builds once for each package. It can be run anywhere inside the module.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const usage = `usage: run [flags] fuzz      play each target for -time, and sum up
       run [flags] cover     how much of core the committed inputs reach
       run [flags] selftest  plant weaknesses; the targets must find each
`

// commands are the commands by name.
var commands = map[string]func(*settings, context.Context, io.Writer) error{
	"fuzz": (*settings).fuzz, "cover": (*settings).cover, "selftest": (*settings).selftest,
}

// The exit statuses other than 0.
const (
	statusFailed = 1 // a target or the work on it failed
	statusUsage  = 2 // the command line is wrong, or its help cannot be written
)

// settings are the values of the command line.
type settings struct {
	time     time.Duration  // how long each target is played
	together int            // how many are played at once
	limit    time.Duration  // within which a planted weakness must be found
	only     *regexp.Regexp // the targets, or the weaknesses
	html     string         // the file for cover's report; empty: none
	floor    float64        // per cent of the statements of core
	root     string         // of the module
	command  string
}

// parse reads the command line. help describes all flags; it is there with
// an error, too.
func parse(args []string) (s settings, help string, err error) {
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.DurationVar(&s.time, "time", 30*time.Second, "how long each target is played")
	f.IntVar(&s.together, "together", 1, "how many targets are played at once, each with its part of the cores")
	f.DurationVar(&s.limit, "limit", 2*time.Minute, "within which a planted weakness must be found")
	only := f.String("only", "", "a `regexp` of the targets, or of the weaknesses")
	f.StringVar(&s.html, "html", "", "the `file` for the report of cover")
	f.Float64Var(&s.floor, "floor", 95, "`percent` of the statements of core that cover wants")
	err = f.Parse(args)
	var all strings.Builder
	f.SetOutput(&all)
	f.PrintDefaults()
	help = usage + all.String()
	if err != nil {
		return s, help, err
	}
	if f.NArg() != 1 {
		return s, help, errors.New("one command is wanted, after the flags")
	}
	if s.together < 1 {
		return s, help, errors.New("-together: at least 1")
	}
	s.command = f.Arg(0)
	if commands[s.command] == nil {
		return s, help, fmt.Errorf("there is no command %q", s.command)
	}
	if s.only, err = regexp.Compile(*only); err != nil {
		return s, help, fmt.Errorf("-only: %w", err)
	}
	return s, help, nil
}

// moduleRoot is the nearest directory upwards with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod here or above")
		}
		dir = up
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program; it returns the exit status.
func run(ctx context.Context, args []string, out, complaints io.Writer) int {
	s, help, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		if _, err := io.WriteString(out, help); err != nil {
			fmt.Fprintf(complaints, "run: write the output: %v\n", err)
			return statusUsage
		}
		return 0
	case err != nil:
		fmt.Fprintf(complaints, "run: %v\n%s       run -h tells the flags\n", err, usage)
		return statusUsage
	}
	if s.root, err = moduleRoot(); err == nil {
		err = commands[s.command](&s, ctx, out)
	}
	if err != nil {
		fmt.Fprintf(complaints, "run: %v\n", err)
		return statusFailed
	}
	return 0
}
