package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/sim/stress"
	"github.com/stationmaster/stationmaster/sim/timeline"
)

const timelineHelp = `Draw one run, or a journal of the daemon, as one HTML file that needs nothing
else: mastersim timeline -seed 7 > t.html. Of a long run the last steps are
drawn; -from and -steps choose others.`

func timelineCommand() *cobra.Command {
	var c choice
	var text bool
	var from uint64
	var steps int
	cmd := &cobra.Command{
		Use: "timeline -seed N | FILE", Short: "draw a run or a journal", Long: timelineHelp, Args: atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if steps < 1 {
				return errors.New("-steps: at least one")
			}
			s, err := storyOf(cmd, &c, args)
			if err != nil {
				return err
			}
			s.Choose(from, steps)
			if text {
				return s.WriteText(cmd.OutOrStdout())
			}
			return s.WriteHTML(cmd.OutOrStdout())
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&text, "text", false, "columns for a terminal instead")
	cmd.Flags().Uint64Var(&from, "from", 0, "the first step to draw; 0: so that the last one is drawn")
	cmd.Flags().IntVar(&steps, "steps", 600, "most steps to draw")
	return cmd
}

// storyOf plays the run, or reads the journal.
func storyOf(cmd *cobra.Command, c *choice, args []string) (*timeline.Story, error) {
	if len(args) == 1 {
		recording, _, err := readJournal(cmd, args[0])
		switch {
		case err == nil:
			s, err := timeline.OfRecording(args[0], recording)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", args[0], err)
			}
			return s, nil
		case !errors.Is(err, trace.ErrNoRecording):
			return nil, err
		}
	}
	p, err := c.choose(cmd, args)
	if err != nil {
		return nil, err
	}
	var player stress.Player
	kept := player.Trace()
	r := p.run(&player, false)
	title := fmt.Sprintf("seed %d", p.seed)
	if len(args) == 1 {
		title = args[0]
	}
	s := timeline.OfTrace(title, player.Machine(), kept.Records)
	if r.Failure == nil {
		s.Again(p.command(""))
		return s, nil
	}
	s.Again(p.command(r.Failure.Invariant))
	if !s.Broken() {
		s.Break(r.Failure.Error())
	}
	return s, nil
}
