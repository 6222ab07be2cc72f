//go:build linux && amd64

package faults

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

var (
	all      = flag.Bool("faults", false, "inject every fault, not a sample of them")
	outcomes = flag.Bool("outcomes", false, "print what came of each fault")
	every    = flag.Bool("every", false, "inject each error at each place")
	only     = flag.String("only", "", "inject only faults whose text contains this")
)

// binaries is the directory with what the tests build: master and servant.
var binaries string

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "launch":
		become()
		return
	case apartRole:
		flag.Parse()
		os.Exit(buildAndRun(m))
	}
	flag.Parse()
	if code, ok := apart(); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func buildAndRun(m *testing.M) int {
	dir := os.Getenv(directoryVariable)
	if err := errors.Join(os.Chmod(dir, 0o755), surround(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer theSyslog.close()
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", dir+"/", "../../../../cmd/master", "./servant")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building master and servant:", err)
		return 1
	}
	binaries = dir
	return m.Run()
}

// unable returns the reason why the tests cannot run here.
func unable() string {
	if os.Getuid() != 0 {
		return "answering the calls of a mail system needs root"
	}
	if os.Getenv(roleVariable) != apartRole {
		return "no process namespace is to be had here"
	}
	if _, _, err := accounts(); err != nil {
		return err.Error()
	}
	cmd, listener, err := launch("/bin/true", []string{"true"}, nil, []uint32{unix.SYS_SETSID})
	if err != nil {
		return "no filter that asks about system calls is to be had here: " + err.Error()
	}
	_ = cmd.Wait()
	_ = unix.Close(listener)
	return ""
}

// TestFaults injects one fault into each life.
func TestFaults(t *testing.T) {
	if reason := unable(); reason != "" {
		t.Skip(reason)
	}
	for _, options := range [][]string{nil, {"-w"}} {
		c := circumstances{options: options}
		r, err := rehearse(c)
		if err != nil {
			t.Fatalf("a life without a fault, options %v: %v", options, err)
		}
		plan := r.plan(options)
		if *outcomes {
			for _, p := range r.order {
				t.Logf("%s: %d times", p, r.counts[p])
			}
		}
		if !*all && *only == "" {
			plan = sample(plan)
		}
		t.Logf("options %v: %d faults", options, len(plan))
		tally := newTally()
		playAll(plan, r.descriptors, c, func(o outcome) {
			tally.add(o)
			if *outcomes {
				t.Logf("%s: %s: %s", o.fault, outcomeNames[o.kind], o.line)
			}
			if o.wrong != nil {
				t.Errorf("%v", o.wrong)
			}
		})
		t.Logf("options %v: %s", options, tally)
	}
}

// rehearsal is a life without a fault, which shows where it makes which calls.
type rehearsal struct {
	order       []place
	counts      map[place]int
	descriptors []string
}

func rehearse(c circumstances) (*rehearsal, error) {
	var every []string
	for name := range numbers {
		every = append(every, name)
	}
	slices.Sort(every)
	l, err := newLife(nil, every, c)
	if err != nil {
		return nil, err
	}
	defer l.system.close()
	err = l.until(undo)
	if err == nil {
		err = l.heal(nil)
	}
	l.watcher.mu.Lock()
	l.watcher.silent = false // the end is recorded, too
	l.watcher.mu.Unlock()
	if end := l.finish(); err == nil {
		err = end
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, l.everything())
	}
	return &rehearsal{l.watcher.order, l.watcher.counts, l.descriptors}, nil
}

// lastingFor is the duration of a lasting fault: several calls in a row.
const lastingFor = 200 * time.Millisecond

// kind is what a fault has in common with those of other places.
type kind struct {
	phase phase
	who   who
	call  string
}

// plan returns the faults. For each kind of call in each phase, every place where
// it is made fails, at some of its occurrences, and every error that it may return
// occurs; with -every, each error at each of them. One of each kind lasts, with
// another error in each phase.
func (r *rehearsal) plan(options []string) []*fault {
	var kinds []kind
	calls := map[kind][]*fault{}
	for _, p := range r.order {
		if len(options) > 0 && !onlyWith(p) {
			continue
		}
		k := kind{p.phase, p.who, p.call}
		if calls[k] == nil {
			kinds = append(kinds, k)
		}
		for _, n := range occurrences(r.counts[p]) {
			calls[k] = append(calls[k], &fault{place: p, n: n})
		}
	}
	var plan []*fault
	for i, k := range kinds {
		list := calls[k]
		rounds := 0
		for _, f := range list {
			rounds = max(rounds, len(errnosAt(f.place)))
		}
		if !*every {
			rounds = (rounds + len(list) - 1) / len(list)
		}
		for round := range rounds {
			for at, f := range list {
				if table := errnosAt(f.place); len(table) > 0 {
					plan = append(plan, &fault{place: f.place, n: f.n, errno: table[(at+round*len(list))%len(table)]})
				}
			}
		}
		if table := errnosAt(list[0].place); len(table) > 0 && k.call != "epoll-wait" {
			plan = append(plan, &fault{place: list[0].place, errno: table[i%len(table)], lasting: lastingFor})
		}
	}
	return slices.DeleteFunc(plan, func(f *fault) bool { return !strings.Contains(f.String(), *only) })
}

// occurrences returns some of a call's occurrences at a place where it is made this
// often: the first, one in the middle, and more where many different things look
// the same.
func occurrences(times int) []int {
	const many = 8
	switch {
	case times >= many:
		return []int{0, times / 4, times / 2, times * 3 / 4}
	case times > 1:
		return []int{0, times / 2}
	}
	return []int{0}
}

// onlyWith reports whether the place exists only when the daemon is started with
// -w: the others are tried without it.
func onlyWith(p place) bool {
	return p.phase <= boot && (p.who != daemon || p.label == "pipe")
}

// sample returns one fault of each kind of call, with another error each.
func sample(plan []*fault) []*fault {
	var taken []*fault
	byCall := map[string][]*fault{}
	var calls []string
	for _, f := range plan {
		if byCall[f.place.call] == nil {
			calls = append(calls, f.place.call)
		}
		byCall[f.place.call] = append(byCall[f.place.call], f)
	}
	for i, call := range calls {
		list := byCall[call]
		taken = append(taken, list[i*7%len(list)])
	}
	return taken
}

// lives is the number of daemons that live at the same time: most of them wait.
const lives = 12

// playAll plays the plan; done is called for one outcome at a time.
func playAll(plan []*fault, healthy []string, c circumstances, done func(outcome)) {
	queue := make(chan *fault)
	results := make(chan outcome)
	var players sync.WaitGroup
	for range lives {
		players.Go(func() {
			for f := range queue {
				results <- try(f, healthy, c)
			}
		})
	}
	go func() {
		for _, f := range plan {
			queue <- f
		}
		close(queue)
		players.Wait()
		close(results)
	}()
	for o := range results {
		done(o)
	}
}

// tally counts outcomes.
type tally struct {
	pairs  map[string]map[core.Errno]bool
	places map[place]bool
	kinds  [len(outcomeNames)]int
	wrong  int
}

func newTally() *tally {
	return &tally{pairs: map[string]map[core.Errno]bool{}, places: map[place]bool{}}
}

func (y *tally) add(o outcome) {
	y.kinds[o.kind]++
	if o.wrong != nil {
		y.wrong++
	}
	if o.kind == unmet {
		return
	}
	call := o.fault.place.call
	if y.pairs[call] == nil {
		y.pairs[call] = map[core.Errno]bool{}
	}
	y.pairs[call][o.fault.errno] = true
	y.places[o.fault.place] = true
}

func (y *tally) String() string {
	pairs, faults := 0, 0
	for _, errors := range y.pairs {
		pairs += len(errors)
	}
	var parts []string
	for kind, n := range y.kinds {
		faults += n
		parts = append(parts, fmt.Sprintf("%d %s", n, outcomeNames[kind]))
	}
	return fmt.Sprintf("%d faults: %d pairs of call and error, %d calls at %d places; %s; %d wrong",
		faults, pairs, len(y.pairs), len(y.places), strings.Join(parts, ", "), y.wrong)
}

// TestEveryCallHasErrorsAndNumbers checks that the two tables agree.
func TestEveryCallHasErrorsAndNumbers(t *testing.T) {
	for name := range numbers {
		if len(errnos[name]) == 0 {
			t.Errorf("%s can give no error", name)
		}
	}
	for name := range errnos {
		if len(numbers[name]) == 0 {
			t.Errorf("%s has no number", name)
		}
	}
}
