package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/sim"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/stress"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// choice is which run a command is about: a seed, a tape under the options of
// a seed, or a file that holds one.
type choice struct {
	seed uint64
	tape string
	sets []string
	with stress.Beside

	given bool // the seed
}

func (c *choice) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Uint64Var(&c.seed, "seed", 0, "the run of seed `N`")
	f.StringVar(&c.tape, "tape", "", "play this `tape` of choices under the seed's options")
	f.StringArrayVar(&c.sets, "set", nil, "pin an option: `name=value`; may be repeated")
	f.BoolVar(&c.with.Model, "model", false, "also run the reference model")
	f.BoolVar(&c.with.Journal, "journal", false, "record the run, replay the recording, and compare")
}

// play is a run that was chosen.
type play struct {
	seed    uint64
	options options.Options
	tape    []uint16 // nil: the seed's own
	with    stress.Beside
	path    string // of the file that it is, as it stands there; or empty
}

// choose reads what the command line says; args holds at most the name of a
// file.
func (c *choice) choose(cmd *cobra.Command, args []string) (play, error) {
	c.given = cmd.Flags().Changed("seed")
	pins, err := parsePins(c.sets)
	if err != nil {
		return play{}, err
	}
	switch {
	case len(args) == 1 && (c.given || c.tape != ""):
		return play{}, errors.New("a file, or -seed and -tape, not both")
	case len(args) == 1:
		return c.fromFile(args[0], pins)
	case !c.given:
		return play{}, errors.New("-seed N or a file says which run is meant")
	}
	p := play{seed: c.seed, with: c.with}
	if p.options, err = stress.Options(c.seed, pins); err != nil {
		return p, err
	}
	if cmd.Flags().Changed("tape") {
		if p.tape, err = tape.Parse(c.tape); err != nil {
			return p, err
		}
		if p.tape == nil {
			p.tape = []uint16{}
		}
	}
	return p, nil
}

func (c *choice) fromFile(path string, pins []stress.Pin) (play, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return play{}, err
	}
	p := play{with: c.with}
	if len(pins) == 0 {
		p.path = path
	}
	if strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		err = p.fromFinding(text)
	} else {
		var s stress.Scenario
		if s, err = stress.ParseScenario(string(text)); err == nil {
			p.options, p.tape = s.Options, s.Tape
			p.with.Add(s.Invariant)
		}
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	for _, pin := range pins {
		if err := p.options.Set(pin.Name, pin.Value); err != nil {
			return p, err
		}
	}
	return p, nil
}

// fromFinding reads the first finding among the JSON lines of stress.
func (p *play) fromFinding(text []byte) error {
	for line := range strings.Lines(string(text)) {
		var f findingLine
		if json.Unmarshal([]byte(line), &f) != nil || f.Kind != kindFinding {
			continue
		}
		s, err := stress.ParseScenario("options: " + f.Options + "\ntape: " + f.Tape + "\n")
		if err != nil {
			return err
		}
		p.seed, p.options, p.tape = f.Seed, s.Options, s.Tape
		p.with.Add(f.Invariant)
		return nil
	}
	return errors.New("no line of it is a finding")
}

// run plays it. record returns the tape of a seed.
func (p *play) run(player *stress.Player, record bool) sim.Result {
	if p.tape != nil {
		r := player.Tape(p.tape, p.options, p.with)
		r.Seed, r.Tape = p.seed, p.tape
		return r
	}
	return player.Seed(p.seed, p.options, p.with, record)
}

// command is how the run that broke the invariant, if any, is repeated.
func (p *play) command(invariant string) string {
	if p.path != "" {
		return "go run ./cmd/mastersim run " + p.path
	}
	f := stress.Finding{Seed: p.seed, Options: p.options, Invariant: invariant, Tape: p.tape, Changed: p.tape != nil}
	return f.Command()
}

func parsePins(sets []string) ([]stress.Pin, error) {
	pins := make([]stress.Pin, 0, len(sets))
	for _, s := range sets {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("-set %s: write name=value", s)
		}
		pins = append(pins, stress.Pin{Name: name, Value: value})
	}
	_, err := stress.Options(0, pins)
	return pins, err
}

// noArgs and oneFile are the operands that commands take.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("nothing is expected after the options, not %q", args[0])
	}
	return nil
}

func atMostOneFile(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("one file at a time, not also %q", args[1])
	}
	return nil
}
