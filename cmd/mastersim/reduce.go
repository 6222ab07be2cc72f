package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/sim"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/recorded"
	"github.com/stationmaster/stationmaster/sim/stress"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

type reduceOptions struct {
	choice choice
	runs   int
	write  string
	dir    string
	what   string
}

const reduceHelp = `Shrink a failing run to the fewest and smallest choices that still break the
same invariant, print its trace, and print the command that repeats it. With -write the
tape becomes a regression test.

From a journal of the daemon whose replay breaks or differs, delete the steps
that are not needed for that. With -write it is kept as NAME.journal.`

func reduceCommand() *cobra.Command {
	var o reduceOptions
	cmd := &cobra.Command{
		Use: "reduce -seed N | FILE", Short: "shrink a failing run", Long: reduceHelp, Args: atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.choice.flags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.runs, "runs", 20000, "most runs to try")
	f.StringVar(&o.write, "write", "", "keep the tape as a regression under this `name`")
	f.StringVar(&o.dir, "dir", filepath.Join("sim", "testdata"), "the `directory` for -write")
	f.StringVar(&o.what, "what", "", "for -write: what went wrong, one `line`")
	return cmd
}

func (o *reduceOptions) run(cmd *cobra.Command, args []string) error {
	if o.runs < 1 {
		return errors.New("-runs: at least one")
	}
	if o.write != "" && strings.ContainsAny(o.write, "/\\ \n") {
		return errors.New("-write: a name without blanks and slashes")
	}
	if len(args) == 1 {
		recording, _, err := readJournal(cmd, args[0])
		switch {
		case err == nil:
			return o.journal(cmd, args[0], recording)
		case !errors.Is(err, trace.ErrNoRecording):
			return err
		}
	}
	p, err := o.choice.choose(cmd, args)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	var player stress.Player
	r := p.run(&player, true)
	if r.Failure == nil {
		return errors.New("nothing broke in this run, so there is nothing to reduce")
	}
	fmt.Fprintf(out, "options: %s\n%v\n", p.options.String(), r.Failure)
	p.with.Add(r.Failure.Invariant)
	o.shrink(cmd, &p, &r)
	kept := player.Trace()
	small := p.run(&player, false)
	if small.Failure == nil {
		return errors.New("the tape does not repeat what the seed did; play the seed")
	}
	fmt.Fprintf(out, "%d choices, %d of them not zero, were %d\noptions: %s\ntape: %s\n", len(p.tape), notZero(p.tape), len(r.Tape), p.options.String(), tape.Format(p.tape))
	if err := kept.WriteText(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "again: %s\n", p.command(small.Failure.Invariant))
	if o.write != "" {
		if err := o.keep(cmd, &p, &small, kept); err != nil {
			return err
		}
	}
	return errFound
}

// journal shrinks a recording of the daemon.
func (o *reduceOptions) journal(cmd *cobra.Command, path string, recording []byte) error {
	show := newProgress(cmd.ErrOrStderr())
	small, err := recorded.Reduce(recording, o.runs, func(runs, steps int) {
		show.line(fmt.Sprintf("%d of at most %d runs, %d steps left", runs, o.runs, steps), float64(runs)/float64(o.runs))
	})
	show.clear()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text, err := trace.Text(small.Recording)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s\n%d steps, were %d\n%s", small.What, small.Steps, small.Before, text)
	if o.write == "" {
		fmt.Fprintf(out, "again: go run ./cmd/mastersim reduce %s\n", path)
		return errFound
	}
	kept := filepath.Join(o.dir, o.write+recordedEnding)
	if err := os.WriteFile(kept, small.Recording, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "kept in %s; go run ./cmd/mastersim replay %s plays it\n", kept, kept)
	return errFound
}

// recordedEnding is how names of reduced journals end.
const recordedEnding = ".journal"

// shrink looks for the smallest tape, and the fewest steps before the faults
// end.
func (o *reduceOptions) shrink(cmd *cobra.Command, p *play, r *sim.Result) {
	var player stress.Player
	show := newProgress(cmd.ErrOrStderr())
	defer show.clear()
	again := sim.Player{
		Tape: func(tape []uint16, options options.Options) *witness.Failure {
			if cmd.Context().Err() != nil {
				return nil // interrupted: what is left is as small as it got
			}
			return player.Tape(tape, options, p.with).Failure
		},
		Seed: func(seed uint64, options options.Options) ([]uint16, *witness.Failure) {
			if cmd.Context().Err() != nil {
				return nil, nil
			}
			r := player.Seed(seed, options, p.with, true)
			return r.Tape, r.Failure
		},
	}
	small := sim.ReduceWith(again, r.Tape, p.options, r.Failure.Invariant, o.runs, func(runs, cells int) {
		show.line(fmt.Sprintf("%d of at most %d runs, %d choices left", runs, o.runs, cells), float64(runs)/float64(o.runs))
	})
	p.tape, p.options, p.path = small.Tape, small.Options, ""
}

func notZero(tape []uint16) (n int) {
	for _, v := range tape {
		if v != 0 {
			n++
		}
	}
	return n
}

// keep writes the regression: the tape, and the trace for its readers.
func (o *reduceOptions) keep(cmd *cobra.Command, p *play, r *sim.Result, kept *witness.Trace) error {
	s := stress.Scenario{What: o.what, Invariant: r.Failure.Invariant, Options: p.options, Tape: p.tape, Reaches: reached(kept)}
	if s.What == "" {
		s.What, _, _ = strings.Cut(r.Failure.Text, "\n")
	}
	var text strings.Builder
	if err := kept.WriteText(&text); err != nil {
		return err
	}
	s.Trace = text.String()
	path := filepath.Join(o.dir, o.write+stress.Ending)
	if err := os.WriteFile(path, []byte(s.String()), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "kept in %s; go run ./cmd/mastersim run %s plays it\n", path, path)
	return nil
}

// reached is the line of the event at which it broke, as it stands in the
// trace.
func reached(kept *witness.Trace) string {
	for i := len(kept.Records) - 1; i >= 0; i-- {
		if r := &kept.Records[i]; r.Kind == witness.RecordEvent {
			return strings.TrimSpace(string(r.AppendText(nil)))
		}
	}
	return ""
}
