package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A bench is one run of this program inside its namespaces.
type bench struct {
	settings
	workDir  string
	progress io.Writer
	accounts accounts
	log      *syslog
	sides    []side
	binaries map[side]string
	began    time.Time

	samples      samples
	yardsticks   []yardstick
	notes        []string
	stations     []*station // of the current measurement
	stationCount int
}

// A stage measures the metrics whose names begin with its name.
type stage struct {
	id   string
	run  func(b *bench, of side) error // one round of one master
	once func(b *bench) error          // instead of run: all masters at the same time
}

// openFiles is the hard limit for the masters, if we may raise it.
const openFiles = 32768

// measure runs the bench.
func measure(s settings, workDir string, stdout, stderr io.Writer) error {
	b := &bench{
		settings: s, workDir: workDir, progress: stderr, began: time.Now(), samples: samples{},
		sides: []side{ours},
	}
	if err := b.settleIn(); err != nil {
		return err
	}
	failure := b.runStages()
	if failure != nil {
		b.notes = append(b.notes, "ended early: "+failure.Error())
		if last := b.log.last(); last != "" {
			failure = fmt.Errorf("%w\nlog:\n%s", failure, last)
		}
	}
	if err := b.tell(stdout); err != nil {
		return err
	}
	return failure
}

// tell prints the results, also if the bench ended early.
func (b *bench) tell(stdout io.Writer) error {
	b.samples.derive()
	r := &report{
		System: b.system(), Rounds: b.rounds, Quick: b.quick, Seconds: time.Since(b.began).Seconds(),
		Yardsticks: b.yardsticks, Notes: b.notes,
		Results: b.samples.results(func(id string) bool { return b.only == nil || b.only.MatchString(id) }),
	}
	stages, ratios := noise(b.yardsticks)
	for i, stage := range stages {
		r.Notes = append(r.Notes, fmt.Sprintf("noisy: in stage %s the yardsticks differ by a factor of %.2f", stage, ratios[i]))
	}
	if err := r.writeText(stdout); err != nil {
		return err
	}
	result := os.NewFile(3, "the JSON file")
	defer result.Close()
	return r.writeJSON(result)
}

func (b *bench) settleIn() error {
	workDir, note, err := furnish(b.workDir)
	if err != nil {
		return err
	}
	b.workDir = workDir
	b.binaries = map[side]string{ours: filepath.Join(workDir, string(ours)), original: filepath.Join(workDir, string(original))}
	if note != "" {
		b.notes = append(b.notes, note)
	}
	if b.accounts, err = findAccounts(); err != nil {
		return err
	}
	if b.log, err = newSyslog("/dev/log"); err != nil {
		return err
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	// A usual soft limit. It must be set explicitly: until it is, the runtime
	// restores the limit that we were started with in our children.
	hard := max(files.Max, openFiles)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1024, Max: hard}); err != nil {
		b.notes = append(b.notes, fmt.Sprintf("the hard limit on files stays at %d: %v", files.Max, err))
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1024, Max: files.Max}); err != nil {
			return err
		}
	}
	if _, err := os.Stat(b.binaries[original]); err != nil {
		b.notes = append(b.notes, "no original to compare with at "+b.original)
		return nil
	}
	b.sides = append(b.sides, original)
	return nil
}

func (b *bench) runStages() error {
	var wanted []stage
	for _, s := range stages() {
		if b.wants(s.id) {
			wanted = append(wanted, s)
		}
	}
	for k, s := range wanted {
		say := func(what string) {
			fmt.Fprintf(b.progress, "stage %d of %d, %s: %s (%.0f s)\n", k+1, len(wanted), strings.TrimSuffix(s.id, "/"), what,
				time.Since(b.began).Seconds())
		}
		if s.once != nil {
			say("all at once")
			if err := b.runOnce(s); err != nil {
				return fmt.Errorf("stage %s: %w", s.id, err)
			}
			continue
		}
		for round := range b.rounds {
			if b.late(round) {
				b.notes = append(b.notes, fmt.Sprintf("late: stage %s has %s only", s.id, plural(round, "round")))
				break
			}
			for _, of := range b.sides {
				t, err := b.measureYardstick(s.id, of, round)
				if err != nil {
					return err
				}
				say(fmt.Sprintf("round %d of %d, %s, yardstick %.0f µs", round+1, b.rounds, of, t))
				if err := b.runOnce(stage{id: s.id, once: func(b *bench) error { return s.run(b, of) }}); err != nil {
					return fmt.Errorf("stage %s, %s: %w", s.id, of, err)
				}
			}
		}
	}
	return nil
}

// late reports whether a round other than the first must be skipped, so that the
// run stays within its time on a busy machine.
func (b *bench) late(round int) bool {
	const budget, usualRounds = 330 * time.Second, 3
	return round > 0 && time.Since(b.began) > budget*time.Duration(max(b.rounds, usualRounds))/usualRounds
}

// runOnce runs one measurement and cleans up after it.
func (b *bench) runOnce(s stage) error {
	b.log.forget()
	err := s.once(b)
	if complaint := b.complaint(); complaint != nil {
		return complaint
	}
	if err != nil {
		return err
	}
	return b.clear()
}

// complaint returns an error if a child or a master has complained during this
// measurement.
func (b *bench) complaint() error {
	for _, s := range b.stations {
		if err := s.check(); err != nil {
			return err
		}
	}
	return b.log.check()
}

// clear ends what the measurement started and removes its files.
func (b *bench) clear() error {
	if err := endOthers(); err != nil {
		return err
	}
	for _, s := range b.stations {
		if err := os.RemoveAll(s.dir); err != nil {
			return err
		}
	}
	b.stations = nil
	return nil
}

// measureYardstick measures vfork, exec and wait of the smallest program.
func (b *bench) measureYardstick(stage string, of side, round int) (float64, error) {
	w, err := b.load(b.workDir, "yardstick", filepath.Join(b.workDir, childName), "300")
	if err != nil {
		return 0, err
	}
	b.yardsticks = append(b.yardsticks, yardstick{stage, of, round + 1, w["median_us"]})
	return w["median_us"], nil
}

func (b *bench) system() map[string]string {
	m := map[string]string{
		"processors": fmt.Sprint(runtime.NumCPU()), "architecture": runtime.GOARCH, "go": runtime.Version(),
		"date": b.began.UTC().Format(time.RFC3339),
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m["kernel"] = unix.ByteSliceToString(name.Release[:])
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m["load at the end"] = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	if line, _, _ := strings.Cut(output("gcc", "--version"), "\n"); line != "" {
		m["gcc"] = line
	}
	if len(b.sides) > 1 {
		m["original"] = output("postconf", "-dh", "mail_version")
	}
	return m
}

// shorter returns the usual time, or the shorter one for quick runs.
func (b *bench) shorter(usual, quick time.Duration) time.Duration {
	if b.quick {
		return quick
	}
	return usual
}
