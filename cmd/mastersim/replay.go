package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/sim/recorded"
)

const replayHelp = `Run a journal of the daemon through a machine of its own. The actions must be
the same, byte by byte; the first step that differs is shown with both sides.

With -fork N it is real until step N and drawn from there on: -seeds futures of
it are played, of -steps steps each, and the reference model looks on. The
journal must begin with the daemon.

A journal whose end was not written, because a disk was full, is replayed as far
as its steps are whole. Exit statuses: 0 the same in every step (-fork: nothing
broke), 1 a step differs or breaks, 2 all whole steps are the same, but the
journal breaks off after them (not with -fork), or it cannot be read at all.`

func replayCommand() *cobra.Command {
	var text bool
	var o forkOptions
	cmd := &cobra.Command{
		Use: "replay FILE", Short: "run a journal of the daemon again and compare", Long: replayHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("replay takes one file: a journal of the daemon")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("fork") {
				return o.run(cmd, args[0], text)
			}
			return replay(cmd, args[0], text)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&text, "text", false, "print the journal first")
	f.IntVar(&o.at, "fork", 0, "draw what follows after this `step`")
	f.Uint64Var(&o.seed, "seed", 1, "with -fork: the first seed, `S`")
	f.Uint64Var(&o.seeds, "seeds", 1, "with -fork: how many seeds, `N`")
	f.IntVar(&o.steps, "steps", 500, "with -fork: most steps that are drawn")
	f.StringVar(&o.write, "write", "", "with -fork: keep the last journal in this `file`, to be replayed, reduced or drawn")
	return cmd
}

// forkOptions are those of a recording whose future is drawn.
type forkOptions struct {
	at, steps   int
	seed, seeds uint64
	write       string
}

func (o *forkOptions) run(cmd *cobra.Command, path string, text bool) error {
	switch {
	case text:
		return errors.New("-text and -fork: write the fork with -write, and print that")
	case o.at < 1 || o.steps < 1 || o.seeds < 1 || o.seed+o.seeds < o.seed:
		return errors.New("-fork, -steps and -seeds: at least 1; the last seed within 64 bits")
	}
	recording, _, err := readJournal(cmd, path)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	show := newProgress(cmd.ErrOrStderr())
	var f recorded.Forked
	drawn, done := 0, uint64(0)
	for ; done < o.seeds && f.Failure == nil && cmd.Context().Err() == nil; done++ {
		if f, err = recorded.Fork(recording, recorded.Options{At: o.at, Seed: o.seed + done, Steps: o.steps}); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		drawn += f.Drawn
		show.line(fmt.Sprintf("%d of %d seeds", done+1, o.seeds), float64(done+1)/float64(o.seeds))
	}
	show.clear()
	if o.write != "" && done > 0 {
		if err := os.WriteFile(o.write, f.Recording, 0o600); err != nil {
			return err
		}
	}
	if done > 0 && f.Real < o.at {
		remark(cmd, "%s has no %d whole steps: the fork is after step %d", path, o.at, f.Real)
	}
	model := "without"
	if f.Modelled {
		model = "with"
	}
	fmt.Fprintf(out, "%d real steps, %d futures of it with %d steps, %s the reference model\n", f.Real, done, drawn, model)
	if f.Failure == nil {
		fmt.Fprintln(out, "nothing broke")
		return nil
	}
	fmt.Fprintf(out, "%v\nagain: go run ./cmd/mastersim replay %s -fork %d -seed %d -steps %d -write fork.journal\n", f.Failure, path, o.at, o.seed+done-1, o.steps)
	return errFound
}

func replay(cmd *cobra.Command, path string, text bool) error {
	recording, cut, err := readJournal(cmd, path)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if text {
		lines, err := trace.Text(recording)
		_, _ = out.Write(lines)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	steps, err := trace.Replay(recording)
	var (
		difference *trace.Difference
		state      *trace.StateDifference
		broken     *trace.Broken
	)
	switch {
	case err == nil:
		fmt.Fprintf(out, "%d steps, the same actions in each\n", steps)
		if cut {
			return errCut
		}
		return nil
	case errors.As(err, &difference), errors.As(err, &state), errors.As(err, &broken):
		fmt.Fprintf(out, "%d steps gave the same\n%v\n", steps, err)
		return errFound
	}
	return fmt.Errorf("%s: after %d steps: %w", path, steps, err)
}
