package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/stress"
	"github.com/stationmaster/stationmaster/sim/witness"
)

func runCommand() *cobra.Command {
	var c choice
	var text, names bool
	cmd := &cobra.Command{
		Use: "run -seed N | FILE", Short: "play one run: a seed, a tape, or a file written by stress or reduce", Args: atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if names {
				options.Each(func(name, what string) { fmt.Fprintf(cmd.OutOrStdout(), "%-16s %s\n", name, what) })
				return nil
			}
			p, err := c.choose(cmd, args)
			if err != nil {
				return err
			}
			return playOne(cmd, &p, text)
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&text, "text", false, "print the trace")
	cmd.Flags().BoolVar(&names, "options", false, "list the options of a world")
	return cmd
}

func playOne(cmd *cobra.Command, p *play, text bool) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "options: %s\n", p.options.String())
	var player stress.Player
	kept := &witness.Trace{}
	if text {
		kept = player.Trace()
	}
	r := p.run(&player, false)
	if text {
		if err := kept.WriteText(out); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d steps, %d events, %s simulated, hash %016x\n", r.Steps, r.Events, seconds(r.Simulated), r.Hash)
	if r.Failure == nil {
		fmt.Fprintln(out, "nothing broke")
		return nil
	}
	fmt.Fprintf(out, "%v\nagain: %s\n", r.Failure, p.command(r.Failure.Invariant))
	return errFound
}

func seconds(d core.Duration) string { return fmt.Sprintf("%.6f s", float64(d)/1e9) }
