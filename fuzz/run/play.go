package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// grace is how much longer than asked for a target may take, to gather what
// the corpus reaches, to make a finding small, and to end.
const grace = 2 * time.Minute

// result is what came of playing one target.
type result struct {
	target
	runs    int64         // how often it was called
	elapsed time.Duration // the engine's own time
	fresh   int64         // inputs that reached something new
	crasher string        // the file of the input that failed, from the root
	err     error         // nil: nothing was found
	said    []string      // what the program said of its failure
}

var (
	progress = regexp.MustCompile(`^fuzz: elapsed: (\S+), execs: (\d+) \(\d+/sec\), new interesting: (\d+)`)
	written  = regexp.MustCompile(`Failing input written to (\S+)`)
	seeded   = regexp.MustCompile(`failure while testing seed corpus entry: (\S+)`)
)

// maxSaid bounds the lines of a failure that are kept.
const maxSaid = 200

// hear takes one line of the engine; told says whether it is worth showing.
func (r *result) hear(line string) (told bool) {
	if m := progress.FindStringSubmatch(line); m != nil {
		if elapsed, err := time.ParseDuration(m[1]); err == nil {
			r.elapsed = elapsed
		}
		r.runs, _ = strconv.ParseInt(m[2], 10, 64)
		r.fresh, _ = strconv.ParseInt(m[3], 10, 64)
		return true
	}
	if m := written.FindStringSubmatch(line); m != nil {
		r.crasher = r.folder + "/" + m[1]
	}
	if m := seeded.FindStringSubmatch(line); m != nil {
		r.crasher = r.folder + "/testdata/fuzz/" + m[1]
	}
	if !strings.HasPrefix(line, "fuzz: ") && line != "PASS" && len(r.said) < maxSaid {
		r.said = append(r.said, line)
	}
	return false
}

// rate is the runs in a second.
func (r *result) rate() float64 {
	if r.elapsed <= 0 {
		return 0
	}
	return float64(r.runs) / r.elapsed.Seconds()
}

// verdict is one word, or where the finding is.
func (r *result) verdict() string {
	switch {
	case r.err == nil && r.runs == 0:
		return "ok, but the corpus took all the time"
	case r.err == nil:
		return "ok"
	case r.crasher != "":
		return "FAILED: " + r.crasher
	}
	return "FAILED: " + r.err.Error()
}

// play runs one target in the folder of its package, whose testdata has the
// corpus, and shows its progress.
func play(ctx context.Context, t target, program, folder, cache string, howLong time.Duration, progress io.Writer) (r result) {
	r.target = t
	limited, cancel := context.WithTimeoutCause(ctx, howLong+grace, errors.New("hangs"))
	defer cancel()
	c := exec.CommandContext(limited, program, "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzztime="+howLong.String(),
		"-test.fuzzminimizetime=20x", "-test.fuzzcachedir="+cache)
	c.Dir = folder
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // it ends its own processes
	c.WaitDelay = 10 * time.Second
	out, in := io.Pipe()
	c.Stdout, c.Stderr = in, in
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if line = strings.TrimSuffix(line, "\n"); line != "" && r.hear(line) {
				fmt.Fprintln(progress, line)
			}
			if err != nil {
				return
			}
		}
	}()
	err := c.Run()
	_ = in.Close()
	<-heard
	r.err = err
	if cause := context.Cause(limited); cause != nil {
		r.err = cause
	} else if err != nil && r.ranOut(howLong) {
		r.err = nil
	}
	return r
}

// ranOut tells whether a target failed of nothing but the end of its time: when
// a run is under way then, the engine now and then calls that a failure, says
// "context deadline exceeded", and writes no input.
func (r *result) ranOut(howLong time.Duration) bool {
	late := false
	for _, line := range r.said {
		switch line = strings.TrimSpace(line); {
		case line == context.DeadlineExceeded.Error():
			late = true
		case line != "FAIL" && !strings.HasPrefix(line, "--- FAIL: "+r.name+" ("):
			return false
		}
	}
	return late && r.crasher == "" && r.elapsed >= howLong.Truncate(time.Second)
}

// fuzz plays all targets, one after the other.
func (s *settings) fuzz(ctx context.Context, out io.Writer) error {
	list, err := targets(s.root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var results []result
	built, cache := "", ""
	program := filepath.Join(dir, "test")
	for _, t := range list {
		if !s.only.MatchString(t.name) {
			continue
		}
		if built != t.folder {
			if err := build(ctx, s.root, t.folder, program); err != nil {
				return err
			}
			if cache, err = cacheDirectory(ctx, s.root, t.folder); err != nil {
				return err
			}
			built = t.folder
		}
		fmt.Fprintf(out, "== %s (%s)\n", t.name, t.folder)
		r := play(ctx, t, program, filepath.Join(s.root, filepath.FromSlash(t.folder)), cache, s.time, out)
		if r.err != nil {
			fmt.Fprintln(out, strings.Join(r.said, "\n"))
		}
		results = append(results, r)
		if ctx.Err() != nil {
			break
		}
	}
	if len(results) == 0 {
		return errors.New("no target has such a name")
	}
	return summary(out, results)
}

// summary prints the table; the error says how many targets failed.
func summary(out io.Writer, results []result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\npackage\ttarget\truns\truns/s\tnew inputs\tresult")
	failed := 0
	for i := range results {
		r := &results[i]
		if r.err != nil {
			failed++
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%.0f\t%d\t%s\n", r.folder, r.name, r.runs, r.rate(), r.fresh, r.verdict())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d targets failed; go test -run 'NAME/INPUT' repeats an input", failed, len(results))
	}
	return nil
}
