package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/sim/mutants"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/stress"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// The kinds of JSON lines.
const (
	kindFinding  = "finding"
	kindProgress = "progress"
	kindSummary  = "summary"
	kindCanary   = "canary"
)

// findingLine is one line of JSON for one finding.
type findingLine struct {
	Kind      string `json:"kind"`
	Version   string `json:"version"`
	Invariant string `json:"invariant"`
	Text      string `json:"text"`
	Seed      uint64 `json:"seed"`
	Changed   bool   `json:"changed"` // a changed tape under the seed's options
	Step      uint64 `json:"step"`
	Played    uint64 `json:"played"` // runs of this goroutine until then
	Options   string `json:"options"`
	Tape      string `json:"tape"`
	Command   string `json:"command"`
	Model     string `json:"model,omitempty"` // what the reference model says of the run
}

// summaryLine is the line of JSON at the end, and with kind progress those on
// the way.
type summaryLine struct {
	Kind      string         `json:"kind"`
	Version   string         `json:"version"`
	Shard     string         `json:"shard"`
	From      uint64         `json:"from"`
	Seeds     uint64         `json:"seeds"`
	Changed   uint64         `json:"changed"`
	Steps     uint64         `json:"steps"`
	Events    uint64         `json:"events"`
	Simulated float64        `json:"simulated_seconds"`
	Elapsed   float64        `json:"seconds"`
	Coverage  int            `json:"coverage"`
	Corpus    int            `json:"corpus"`
	Findings  uint64         `json:"findings"`
	Complete  bool           `json:"complete"` // every seed of the shard was played
	Broken    []stress.Count `json:"broken,omitempty"`
	Unmet     []string       `json:"unmet,omitempty"` // what no run met: dead code, or a world too tame
}

type stressOptions struct {
	from, seeds          uint64
	shard                string
	cores, findings      int
	first, fresh, json   bool
	unmet                bool
	sets                 []string
	modelEvery, journals uint64
	canary, only         string
}

const stressHelp = `Play seeds on all cores. Of the seeds S to S+N-1 the shard i/n plays S+i,
S+i+n, and so on. After each seed a changed tape of an earlier run that met
something new is played as well, unless -fresh is given.

In a Kubernetes Indexed Job the shard is JOB_COMPLETION_INDEX of COMPLETIONS.`

func stressCommand() *cobra.Command {
	var o stressOptions
	cmd := &cobra.Command{
		Use: "stress", Short: "play many seeds on all cores", Long: stressHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.Uint64Var(&o.from, "from", 1, "first seed, `S`")
	f.Uint64Var(&o.seeds, "seeds", 200000, "how many seeds, `N`, all shards together")
	f.StringVar(&o.shard, "shard", "", "play shard `i/n` only, i from 0 on")
	f.IntVar(&o.cores, "cores", 0, "goroutines; 0: one for each core")
	f.IntVar(&o.findings, "findings", 100, "end after so many findings; 0: never")
	f.BoolVar(&o.first, "first", false, "end after the first finding")
	f.BoolVar(&o.fresh, "fresh", false, "play no changed tapes")
	f.BoolVar(&o.json, "json", false, "one line of JSON for each finding, and one at the end")
	f.StringArrayVar(&o.sets, "set", nil, "pin an option: `name=value`; may be repeated")
	f.Uint64Var(&o.modelEvery, "model-every", 100, "run the reference model on every `N`th seed; 0: none")
	f.Uint64Var(&o.journals, "journal-every", 100, "record and replay every `N`th seed; 0: none")
	f.BoolVar(&o.unmet, "unmet", false, "at the end name what no run met; -json always does")
	f.StringVar(&o.only, "only", "", "look at this `invariant` only; to measure what it finds")
	f.StringVar(&o.canary, "canary", "", "first check that this `program`, known to be wrong, is found")
	return cmd
}

func (o *stressOptions) run(cmd *cobra.Command) error {
	if err := knownInvariant(o.only); err != nil {
		return err
	}
	s := stress.Settings{
		From: o.from, Seeds: o.seeds, Cores: o.cores, Mutate: !o.fresh,
		ModelEvery: o.modelEvery, JournalEvery: o.journals, Findings: o.findings, Only: o.only,
	}
	var err error
	if s.Shard, s.Shards, err = shard(o.shard, os.Getenv); err != nil {
		return err
	}
	if s.Pins, err = parsePins(o.sets); err != nil {
		return err
	}
	switch {
	case o.seeds == 0:
		return errors.New("-seeds: at least one")
	case o.from+o.seeds < o.from:
		return errors.New("-from and -seeds: the last seed is beyond 64 bits")
	case o.cores < 0 || o.findings < 0:
		return errors.New("-cores and -findings: not below 0")
	}
	if o.first {
		s.Findings = 1
	}
	if o.canary != "" {
		if err := o.hearCanary(cmd, s); err != nil {
			return err
		}
	}
	return o.play(cmd, s)
}

// knownInvariant refuses a name that nothing is reported by; empty is every
// one.
func knownInvariant(name string) error {
	names := append(slices.Clone(mutants.Invariants), stress.Guards...)
	if name == "" || slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("-only %s: there is no such invariant; there are %s", name, strings.Join(names, ", "))
}

func (o *stressOptions) play(cmd *cobra.Command, s stress.Settings) error {
	out := cmd.OutOrStdout()
	show := newProgress(cmd.ErrOrStderr())
	found := func(f stress.Finding) {
		show.clear()
		if o.json {
			writeJSON(out, lineOf(&f))
			return
		}
		usual := options.Usual()
		fmt.Fprintf(out, "options:%s\n%s broken in seed %d%s, step %d: %s\n  %s\n",
			strings.ReplaceAll(f.Options.Pins(usual), " -set", ""), f.Invariant, f.Seed, changedNote(f.Changed), f.Step, f.Text, again(&f))
		if f.Model != "" {
			fmt.Fprintf(out, "  the model says: %s\n", f.Model)
		}
	}
	progress := func(sum stress.Summary) { show.line(progressText(&s, &sum), shareDone(&s, &sum)) }
	sum := stress.Run(cmd.Context(), s, found, progress)
	show.clear()
	if o.json {
		writeJSON(out, summaryOf(kindSummary, &s, &sum))
	} else {
		fmt.Fprintln(out, summaryText(&s, &sum))
		if o.unmet {
			for _, name := range sum.Unmet {
				fmt.Fprintln(out, "  never met: "+name)
			}
		}
	}
	if sum.Findings > 0 {
		return errFound
	}
	return nil
}

// shortTape is how many choices a command for people may hold.
const shortTape = 60

func again(f *stress.Finding) string {
	if f.Changed && len(f.Tape) > shortTape {
		return fmt.Sprintf("with -json: a line that mastersim run and reduce take as a file, with its %d choices", len(f.Tape))
	}
	return f.Command()
}

func changedNote(changed bool) string {
	if changed {
		return " (a changed tape)"
	}
	return ""
}

func lineOf(f *stress.Finding) findingLine {
	return findingLine{
		Kind: kindFinding, Version: version(), Invariant: f.Invariant, Text: f.Text, Seed: f.Seed, Changed: f.Changed,
		Step: f.Step, Played: f.Played, Options: f.Options.String(), Tape: tape.Format(f.Tape), Command: f.Command(), Model: f.Model,
	}
}

func summaryOf(kind string, s *stress.Settings, sum *stress.Summary) summaryLine {
	return summaryLine{
		Kind: kind, Version: version(), Shard: fmt.Sprintf("%d/%d", s.Shard, s.Shards), From: s.From,
		Seeds: sum.Seeds, Changed: sum.Changed, Steps: sum.Steps, Events: sum.Events,
		Simulated: float64(sum.Simulated) / 1e9, Elapsed: sum.Elapsed.Seconds(),
		Coverage: sum.Coverage, Corpus: sum.Corpus, Findings: sum.Findings, Broken: sum.Broken,
		Complete: sum.Complete, Unmet: sum.Unmet,
	}
}

func progressText(s *stress.Settings, sum *stress.Summary) string {
	seconds := max(sum.Elapsed.Seconds(), 0.001)
	return fmt.Sprintf("%d of %d seeds, %.1f million steps, %.0f seeds/s, coverage %d, corpus %d, findings %d",
		sum.Seeds, mine(s), float64(sum.Steps)/1e6, float64(sum.Seeds)/seconds, sum.Coverage, sum.Corpus, sum.Findings)
}

// mine is how many seeds the shard has.
func mine(s *stress.Settings) uint64 {
	if s.Shard >= s.Seeds {
		return 0
	}
	return (s.Seeds-s.Shard-1)/s.Shards + 1
}

func shareDone(s *stress.Settings, sum *stress.Summary) float64 {
	return float64(sum.Seeds) / float64(max(1, mine(s)))
}

func summaryText(s *stress.Settings, sum *stress.Summary) string {
	text := fmt.Sprintf("%d seeds from %d (shard %d/%d), %d changed tapes, %d steps, %d events, %.3g simulated seconds, coverage %d, %d findings in %s",
		sum.Seeds, s.From, s.Shard, s.Shards, sum.Changed, sum.Steps, sum.Events, float64(sum.Simulated)/1e9, sum.Coverage, sum.Findings,
		sum.Elapsed.Round(time.Millisecond))
	if !sum.Complete {
		text += fmt.Sprintf(", ended before the %d seeds of this shard were played", mine(s))
	}
	for _, c := range sum.Broken {
		text += fmt.Sprintf("\n  %s: %d, soonest at step %d of seed %d", c.Invariant, c.Runs, c.Step, c.Seed)
	}
	return text
}

// shard reads i/n, or takes what a Kubernetes Indexed Job says.
func shard(text string, getenv func(string) string) (i, n uint64, err error) {
	if text == "" {
		index, completions := getenv("JOB_COMPLETION_INDEX"), getenv("COMPLETIONS")
		switch {
		case index == "" && completions == "":
			return 0, 1, nil
		case index == "" || completions == "":
			return 0, 0, errors.New("JOB_COMPLETION_INDEX and COMPLETIONS: both or none")
		}
		text = index + "/" + completions
	}
	first, second, ok := strings.Cut(text, "/")
	i, err = strconv.ParseUint(first, 10, 32)
	if err == nil {
		n, err = strconv.ParseUint(second, 10, 32)
	}
	if !ok || err != nil || i >= n {
		return 0, 0, fmt.Errorf("shard %q: write i/n, with i from 0 to n-1", text)
	}
	return i, n, nil
}

// canarySeeds is within how many seeds of a shard a canary must be found.
const canarySeeds = 1000

// hearCanary plays a program that is known to be wrong. When that is not found
// out, this shard could find nothing, and says so.
func (o *stressOptions) hearCanary(cmd *cobra.Command, s stress.Settings) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), 10*time.Minute)
	defer cancel()
	canary := exec.CommandContext(ctx, o.canary, "stress", "-fresh", "-first", "-json",
		"-from", strconv.FormatUint(s.From, 10), "-seeds", strconv.FormatUint(canarySeeds*s.Shards, 10),
		"-shard", fmt.Sprintf("%d/%d", s.Shard, s.Shards))
	var said, complaints bytes.Buffer
	canary.Stdout, canary.Stderr = &said, &complaints
	err := canary.Run()
	exit := (*exec.ExitError)(nil)
	if errors.As(err, &exit) && exit.ExitCode() == exitFound {
		return nil
	}
	if err != nil {
		if words := strings.TrimSpace(complaints.String()); words != "" {
			err = fmt.Errorf("%w: %s", err, words)
		}
		return fmt.Errorf("canary %s: %w", o.canary, err)
	}
	text := fmt.Sprintf("this shard is broken: its canary lived through %d seeds", canarySeeds)
	if o.json {
		writeJSON(cmd.OutOrStdout(), map[string]any{"kind": kindCanary, "version": version(), "shard": fmt.Sprintf("%d/%d", s.Shard, s.Shards), "text": text})
	} else {
		fmt.Fprintln(cmd.OutOrStdout(), text)
	}
	return errFound
}

func writeJSON(out io.Writer, v any) {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err) // only plain structs come here
	}
	_, _ = out.Write(append(line, '\n'))
}

// version is the revision that the program was built from, as far as known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	return revision + changed
}
