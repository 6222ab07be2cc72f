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
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// grace is how much longer than asked for a target may take, to gather what
// the corpus reaches, to make a finding small, and to end.
const grace = 2 * time.Minute

// result is the outcome of one target.
type result struct {
	target
	runs    int64         // how often it was called
	elapsed time.Duration // the engine's own time
	fresh   int64         // inputs that reached something new
	crasher string        // the file of the input that failed, from the root
	err     error         // nil: nothing was found
	said    []string      // what the program printed about its failure
}

var (
	progress = regexp.MustCompile(`^fuzz: elapsed: (\S+), execs: (\d+) \(\d+/sec\), new interesting: (\d+)`)
	written  = regexp.MustCompile(`Failing input written to (\S+)`)
	seeded   = regexp.MustCompile(`failure while testing seed corpus entry: (\S+)`)
)

// maxSaid bounds the lines of a failure that are kept.
const maxSaid = 200

// hear takes one line of the engine; told reports whether it is worth showing.
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
// corpus, with its part of the cores, and shows its progress.
func play(ctx context.Context, t target, p program, cores int, howLong time.Duration, shown *lines) (r result) {
	r.target = t
	limited, cancel := context.WithTimeoutCause(ctx, howLong+grace, errors.New("hangs"))
	defer cancel()
	c := exec.CommandContext(limited, p.path, "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzztime="+howLong.String(),
		"-test.fuzzminimizetime=20x", "-test.fuzzcachedir="+p.cache,
		"-test.parallel="+strconv.Itoa(cores))
	c.Dir = p.folder
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
				shown.write(t.name + ": " + strings.TrimPrefix(line, "fuzz: "))
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

// ranOut reports whether a target failed only because its time was over: when
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

// fuzz plays all targets, s.together of them at once.
func (s *settings) fuzz(ctx context.Context, out io.Writer) error {
	list, err := targets(s.root)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(t target) bool { return !s.only.MatchString(t.name) })
	if len(list) == 0 {
		return errors.New("no target has such a name")
	}
	dir, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	programs, err := s.build(ctx, list, dir)
	if err != nil {
		return err
	}
	shown, cores := &lines{to: out}, max(1, runtime.NumCPU()/s.together)
	results := make([]result, len(list))
	places := make(chan struct{}, s.together)
	var playing sync.WaitGroup
	for i, t := range list {
		places <- struct{}{}
		if ctx.Err() != nil {
			results = results[:i]
			break
		}
		playing.Add(1)
		go func() {
			defer playing.Done()
			shown.write("== " + t.name + " (" + t.folder + ")")
			results[i] = play(ctx, t, programs[t.folder], cores, s.time, shown)
			if results[i].err != nil {
				shown.write(results[i].said...)
			}
			<-places
		}()
	}
	playing.Wait()
	return summary(out, results)
}

// program plays the targets of one package: its file, the folder that it runs
// in, whose testdata has the corpus, and where new inputs are kept.
type program struct{ path, folder, cache string }

// build builds the program of each package that has a target in the list.
func (s *settings) build(ctx context.Context, list []target, dir string) (map[string]program, error) {
	programs := map[string]program{}
	for _, t := range list {
		if _, built := programs[t.folder]; built {
			continue
		}
		p := program{
			path:   filepath.Join(dir, strconv.Itoa(len(programs))),
			folder: filepath.Join(s.root, filepath.FromSlash(t.folder)),
		}
		if err := build(ctx, s.root, t.folder, p.path); err != nil {
			return nil, err
		}
		var err error
		if p.cache, err = cacheDirectory(ctx, s.root, t.folder); err != nil {
			return nil, err
		}
		programs[t.folder] = p
	}
	return programs, nil
}

// lines are written whole by targets that play at the same time.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) write(texts ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range texts {
		fmt.Fprintln(l.to, text)
	}
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
