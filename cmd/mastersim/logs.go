package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/sim/logsim"
)

type logsOptions struct {
	from, seeds uint64
	first, json bool
}

const logsHelp = `Play the log and the journal of the daemon on a simulated system: syslog daemons
that stop, die and come back, postlogd, and disks that are full, slow, broken or
silent. Each seed is one day of the log and one of the journal.`

func logsCommand() *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use: "logs", Short: "play the log and the journal", Long: logsHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.Uint64Var(&o.from, "from", 1, "first seed, `S`")
	f.Uint64Var(&o.seeds, "seeds", 2000, "how many seeds, `N`")
	f.BoolVar(&o.first, "first", false, "end after the first finding")
	f.BoolVar(&o.json, "json", false, "one line of JSON for each finding, and one at the end")
	return cmd
}

// logsResult is a line of JSON, as of stress.
type logsResult struct {
	Kind      string   `json:"kind"`
	Invariant string   `json:"invariant,omitempty"`
	Text      string   `json:"text,omitempty"`
	Seed      uint64   `json:"seed,omitempty"`
	Played    uint64   `json:"played,omitempty"`
	Seeds     uint64   `json:"seeds,omitempty"`
	Findings  int      `json:"findings"`
	Story     []string `json:"-"`
}

// run plays the seeds.
func (o *logsOptions) run(cmd *cobra.Command) error {
	findings, played := 0, uint64(0)
	for played < o.seeds && (findings == 0 || !o.first) && cmd.Context().Err() == nil {
		seed := o.from + played
		played++
		for _, world := range []struct {
			name string
			play func(seed uint64, story bool) (findings, told []string)
		}{{"log", logsim.Play}, {"journal", logsim.PlayJournal}} {
			broken, _ := world.play(seed, false)
			if len(broken) == 0 {
				continue
			}
			findings++
			r := logsResult{Kind: "finding", Invariant: world.name, Text: broken[0], Seed: seed, Played: played}
			if !o.json {
				_, r.Story = world.play(seed, true)
			}
			if err := o.tell(cmd, &r); err != nil {
				return err
			}
		}
	}
	if err := o.tell(cmd, &logsResult{Kind: "summary", Seeds: played, Findings: findings}); err != nil {
		return err
	}
	switch {
	case findings > 0:
		return errFound
	case cmd.Context().Err() != nil:
		return cmd.Context().Err()
	}
	return nil
}

// tell prints a finding or the summary.
func (o *logsOptions) tell(cmd *cobra.Command, r *logsResult) error {
	out := cmd.OutOrStdout()
	switch {
	case o.json:
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return fmt.Errorf("write the output: %w", err)
		}
	case r.Kind == "summary":
		fmt.Fprintf(out, "%d seeds, %d findings\n", r.Seeds, r.Findings)
	default:
		for _, line := range r.Story {
			fmt.Fprintln(out, line)
		}
		fmt.Fprintf(out, "seed %d: %s: %s\n", r.Seed, r.Invariant, r.Text)
	}
	return nil
}
