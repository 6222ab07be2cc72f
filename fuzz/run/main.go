// Command run drives the fuzz targets of the module: it plays each for a time
// and sums up (fuzz), measures how much of core the committed inputs reach
// (cover), and plants weaknesses that the targets must find (selftest).
//
// It refuses to fuzz anything itself: that is done by the go command's own
// engine, in test programs that it builds once for each package. It runs from
// anywhere inside the module.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

const usage = `usage: run [flags] fuzz      play each target for -time, and sum up
       run [flags] cover     how much of core the committed inputs reach
       run [flags] selftest  plant weaknesses; the targets must find each
`

// settings are what the command line says.
type settings struct {
	time     time.Duration  // how long each target is played
	together int            // how many are played at once
	limit    time.Duration  // within which a planted weakness must be found
	only     *regexp.Regexp // the targets, or the weaknesses
	html     string         // where the report of cover goes; empty: nowhere
	floor    float64        // per cent of the statements of core
	root     string         // of the module
	command  string
}

func parse(args []string) (s settings, err error) {
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage)
		f.PrintDefaults()
	}
	f.DurationVar(&s.time, "time", 30*time.Second, "how long each target is played")
	f.IntVar(&s.together, "together", 1, "how many targets are played at once, each with its part of the cores")
	f.DurationVar(&s.limit, "limit", 2*time.Minute, "within which a planted weakness must be found")
	only := f.String("only", "", "a `regexp` of the targets, or of the weaknesses")
	f.StringVar(&s.html, "html", "", "the `file` for the report of cover")
	f.Float64Var(&s.floor, "floor", 95, "per `cent` of the statements of core that cover wants")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() != 1 {
		f.Usage()
		return s, errors.New("one command is wanted")
	}
	if s.together < 1 {
		return s, errors.New("-together: at least 1")
	}
	s.command = f.Arg(0)
	if s.only, err = regexp.Compile(*only); err != nil {
		return s, fmt.Errorf("-only: %w", err)
	}
	s.root, err = moduleRoot()
	return s, err
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
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	switch s.command {
	case "fuzz":
		return s.fuzz(ctx, os.Stdout)
	case "cover":
		return s.cover(ctx, os.Stdout)
	case "selftest":
		return s.selftest(ctx, os.Stdout)
	}
	return fmt.Errorf("unknown command %q", s.command)
}
