package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/sim"
	"github.com/stationmaster/stationmaster/sim/stress"
)

type reduceOptions struct {
	choice choice
	runs   int
	write  string
	dir    string
	what   string
}

const reduceHelp = `Shrink a failing run to the fewest and smallest choices that still break the
same invariant, print its trace, and say how it is repeated. With -write the
tape becomes a regression test.`

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
	fmt.Fprintf(out, "%v\n", r.Failure)
	o.shrink(cmd, &p, &r)
	kept := player.Trace()
	small := p.run(&player, false)
	if small.Failure == nil {
		return errors.New("the tape does not repeat what the seed did; play the seed")
	}
	fmt.Fprintf(out, "%d choices, %d of them not zero, were %d\noptions: %s\ntape: %s\n", len(p.tape), notZero(p.tape), len(r.Tape), p.options.String(), sim.FormatTape(p.tape))
	if err := kept.WriteText(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "again: %s\n", p.command(small.Failure.Invariant))
	if o.write != "" {
		if err := o.keep(cmd, &p, &small); err != nil {
			return err
		}
	}
	return errFound
}

// shrink looks for the smallest tape, and the fewest steps before the faults
// end.
func (o *reduceOptions) shrink(cmd *cobra.Command, p *play, r *sim.Result) {
	p.tape = r.Tape
	if stress.Reports(r.Failure.Invariant) {
		fmt.Fprintf(cmd.ErrOrStderr(), "mastersim: %s is not looked at by the reducer; the tape stays as it is\n", r.Failure.Invariant)
		return
	}
	show := newProgress(cmd.ErrOrStderr())
	defer show.clear()
	small := sim.ReduceRun(r.Tape, p.options, r.Failure.Invariant, o.runs, func(runs, cells int) {
		show.line(fmt.Sprintf("%d runs, %d choices left", runs, cells), float64(runs)/float64(o.runs))
	})
	p.tape, p.options = small.Tape, small.Options
}

func notZero(tape []uint16) (n int) {
	for _, v := range tape {
		if v != 0 {
			n++
		}
	}
	return n
}

func (o *reduceOptions) keep(cmd *cobra.Command, p *play, r *sim.Result) error {
	s := stress.Scenario{What: o.what, Invariant: r.Failure.Invariant, Options: p.options, Tape: p.tape}
	if s.What == "" {
		s.What, _, _ = strings.Cut(r.Failure.Text, "\n")
	}
	path := filepath.Join(o.dir, o.write+stress.Ending)
	if err := os.WriteFile(path, []byte(s.String()), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "kept in %s; go run ./cmd/mastersim run %s plays it\n", path, path)
	return nil
}
