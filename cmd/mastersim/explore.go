package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/sim/explore"
)

type exploreOptions struct {
	world  string
	depth  int
	states uint64
	memory uint64
	time   time.Duration
	proof  string
	list   bool
	json   bool
}

const exploreHelp = `Search every order of events of small worlds, breadth first, until each is
exhausted, a law is broken, or a bound is reached. A broken law is printed with
a shortest way to it.`

func exploreCommand() *cobra.Command {
	var o exploreOptions
	cmd := &cobra.Command{
		Use: "explore", Short: "search small worlds exhaustively", Long: exploreHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.world, "world", "", "only these worlds, by `name`, with commas between")
	f.IntVar(&o.depth, "depth", 0, "most moves from the start; 0: no bound")
	f.Uint64Var(&o.states, "states", 0, "most states of one world; 0: no bound")
	f.Uint64Var(&o.memory, "memory", 8000, "most megabytes for one world; 0: no bound")
	f.DurationVar(&o.time, "time", 10*time.Minute, "most time for one world; 0: no bound")
	f.StringVar(&o.proof, "proof", "", "write the results to this `file`, as docs/proof.md")
	f.BoolVar(&o.json, "json", false, "one line of JSON for each world")
	f.BoolVar(&o.list, "list", false, "list the worlds and their bounds")
	return cmd
}

func (o *exploreOptions) worlds() ([]explore.World, error) {
	if o.world == "" {
		return explore.Worlds(), nil
	}
	var chosen []explore.World
	for name := range strings.SplitSeq(o.world, ",") {
		w, ok := explore.Named(name)
		if !ok {
			return nil, fmt.Errorf("-world %s: there is none of this name; -list shows them", name)
		}
		chosen = append(chosen, w)
	}
	return chosen, nil
}

func (o *exploreOptions) run(cmd *cobra.Command) error {
	worlds, err := o.worlds()
	if err != nil {
		return err
	}
	if o.depth < 0 || o.time < 0 {
		return errors.New("-depth and -time: not below 0")
	}
	out := cmd.OutOrStdout()
	if o.list {
		for i := range worlds {
			fmt.Fprintf(out, "%-10s %s\n           %s\n", worlds[i].Name, worlds[i].Story, worlds[i].Bounds())
		}
		return nil
	}
	if o.proof != "" {
		if err := writable(o.proof); err != nil {
			return fmt.Errorf("-proof: %w", err)
		}
	}
	reports, broken := o.explore(cmd, worlds)
	if broken {
		return errFound
	}
	if cmd.Context().Err() != nil {
		return errors.New("interrupted; the rest was not explored")
	}
	if o.proof != "" {
		return os.WriteFile(o.proof, []byte(explore.Proof(reports, "make explore")), 0o644)
	}
	return nil
}

// explore goes through the worlds until a law is broken in one, or a signal
// interrupts it.
func (o *exploreOptions) explore(cmd *cobra.Command, worlds []explore.World) (reports []explore.Report, broken bool) {
	out := cmd.OutOrStdout()
	terminal := isTerminal(cmd.ErrOrStderr())
	show := explore.Printer(cmd.ErrOrStderr(), terminal)
	interrupted := func() bool { return cmd.Context().Err() != nil }
	for _, w := range worlds {
		if interrupted() {
			break
		}
		r := explore.Run(explore.Options{World: w, Depth: o.depth, States: o.states, Memory: o.memory << 20, Time: o.time, Stop: interrupted}, show)
		if terminal {
			fmt.Fprint(cmd.ErrOrStderr(), "\r\x1b[K")
		}
		if o.json {
			writeJSON(out, worldLineOf(&r))
		} else {
			fmt.Fprint(out, r.Text())
		}
		broken = broken || r.Violation != nil
		reports = append(reports, r)
	}
	return reports, broken
}

// worldLine is one line of JSON for one explored world.
type worldLine struct {
	Kind       string            `json:"kind"`
	Version    string            `json:"version"`
	World      string            `json:"world"`
	States     uint64            `json:"states"`
	Edges      uint64            `json:"edges"`
	Depth      int               `json:"depth"` // completed
	Complete   bool              `json:"complete"`
	Stopped    string            `json:"stopped,omitempty"` // by which bound
	Elapsed    float64           `json:"seconds"`
	Memory     uint64            `json:"bytes"`
	Situations map[string]uint64 `json:"situations"` // states of each
	Broken     string            `json:"broken,omitempty"`
	Way        string            `json:"way,omitempty"` // a shortest one to what is broken
}

func worldLineOf(r *explore.Report) worldLine {
	l := worldLine{
		Kind: "world", Version: version(), World: r.World.Name, States: r.States, Edges: r.Edges, Depth: r.Depth,
		Complete: r.Complete, Stopped: r.Stopped, Elapsed: r.Elapsed.Seconds(), Memory: r.Memory, Situations: map[string]uint64{},
	}
	for _, c := range r.Situations {
		l.Situations[c.Name] = c.States
	}
	if r.Violation != nil {
		l.Broken, l.Way = r.Violation.Law.Name, r.Violation.Text()
	}
	return l
}
