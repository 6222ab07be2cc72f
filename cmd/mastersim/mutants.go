package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/sim/mutants"
)

type mutantsOptions struct {
	root  string
	seeds uint64
	names string
	only  string
	cores int
	limit time.Duration
	build string
	out   string
	list  bool
	alone bool
	json  bool
	table string

	modelEvery, journals uint64
}

const mutantsHelp = `Build every wrong program of the bank and count how many seeds pass until it is
noticed. Needs the go command and the sources; touches no source.

With -build NAME -out FILE it only builds one: a canary for stress -canary.`

func mutantsCommand() *cobra.Command {
	var o mutantsOptions
	cmd := &cobra.Command{
		Use: "mutants", Short: "measure the simulator on wrong programs", Long: mutantsHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.root, "root", "", "the root of the module; empty: found from here upwards")
	f.Uint64Var(&o.seeds, "seeds", 10000, "most seeds for each")
	f.StringVar(&o.names, "names", "", "only mutants whose names contain one of these, with commas between")
	f.StringVar(&o.only, "only", "", "let only this `invariant` find; mutants that name another as finder are left out")
	f.IntVar(&o.cores, "cores", 0, "mutants at once; 0: one for each core")
	f.DurationVar(&o.limit, "limit", 5*time.Minute, "most time for one; what hangs counts as found")
	f.StringVar(&o.build, "build", "", "only build the mutant of this `name`")
	f.StringVar(&o.out, "out", "", "for -build: the `file` that the program goes to")
	f.Uint64Var(&o.modelEvery, "model-every", 100, "run the reference model on every `N`th seed; 0: none")
	f.Uint64Var(&o.journals, "journal-every", 100, "record and replay every `N`th seed; 0: none")
	f.BoolVar(&o.list, "list", false, "list the bank")
	f.BoolVar(&o.alone, "alone", false, "also see that each invariant finds a mutant with the others switched off")
	f.BoolVar(&o.json, "json", false, "one line of JSON for each mutant")
	f.StringVar(&o.table, "table", "", "also write the page of the results, docs/mutants-table.md, to this `file`")
	return cmd
}

func (o *mutantsOptions) run(cmd *cobra.Command) error {
	if err := knownInvariant(o.only); err != nil {
		return err
	}
	root, err := moduleRoot(o.root)
	if err != nil {
		return err
	}
	bank, err := mutants.Bank(root)
	if err != nil {
		return err
	}
	switch {
	case o.build != "":
		return o.buildOne(cmd, root, bank)
	case o.seeds == 0 || o.cores < 0 || o.limit < 0:
		return errors.New("-seeds, -cores and -limit: -seeds at least 1, the others not below 0")
	}
	if bank = o.chosen(bank); len(bank) == 0 {
		return errors.New("no mutant of the bank is meant")
	}
	out := cmd.OutOrStdout()
	if o.list {
		for i := range bank {
			fmt.Fprintf(out, "%-44s %s\n", bank[i].Name, bank[i].What)
		}
		return nil
	}
	if o.table != "" {
		if err := writable(o.table); err != nil {
			return fmt.Errorf("-table: %w", err)
		}
	}
	var together *mutants.Together
	if len(bank) >= worthwhile {
		dir, err := os.MkdirTemp("", "mutants")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if together, err = mutants.BuildTogether(cmd.Context(), root, bank, dir); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d mutants are in one program, the others are built alone\n", together.Len(), len(bank))
	}
	control := o.hunt(cmd, root, together, []mutants.Mutant{mutants.Control()}, nil)[0]
	if control.Err != nil {
		return control.Err
	}
	if control.Found {
		return fmt.Errorf("seed %d finds the right program already: %s: %s", control.Seed, control.Invariant, control.Text)
	}
	var alone *mutants.Alone
	if o.alone {
		alone = &mutants.Alone{}
	}
	outcomes := o.hunt(cmd, root, together, bank, alone)
	if o.table != "" {
		if err := os.WriteFile(o.table, []byte(mutants.Page(outcomes, o.seeds, alone)), 0o644); err != nil {
			return err
		}
	}
	summary, allFound := mutants.Summary(outcomes, o.seeds)
	fmt.Fprintln(out, summary)
	if !allFound {
		err = errFound
	}
	if alone != nil {
		fmt.Fprint(out, alone.String())
		if len(alone.Missing()) > 0 {
			err = errFound
		}
	}
	return err
}

// worthwhile is how many mutants it takes to build them together rather than alone.
const worthwhile = 4

func (o *mutantsOptions) buildOne(cmd *cobra.Command, root string, bank []mutants.Mutant) error {
	if o.out == "" {
		return errors.New("-build: -out says where the program goes")
	}
	out, err := filepath.Abs(o.out)
	if err != nil {
		return err
	}
	for i := range bank {
		if bank[i].Name == o.build {
			return mutants.Build(cmd.Context(), root, &bank[i], out)
		}
	}
	return fmt.Errorf("-build %s: there is no such mutant; -list shows them", o.build)
}

func (o *mutantsOptions) chosen(bank []mutants.Mutant) []mutants.Mutant {
	var chosen []mutants.Mutant
	for _, m := range bank {
		if o.only != "" && m.Finder != "" && m.Finder != o.only {
			continue
		}
		named := o.names == ""
		for name := range strings.SplitSeq(o.names, ",") {
			named = named || name != "" && strings.Contains(m.Name, name)
		}
		if named {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// hunt goes through the bank, several at once, and prints each as it is known.
func (o *mutantsOptions) hunt(cmd *cobra.Command, root string, together *mutants.Together, bank []mutants.Mutant, alone *mutants.Alone) []mutants.Outcome {
	h := mutants.Hunt{Root: root, Together: together, Seeds: o.seeds, Limit: o.limit, Only: o.only, Alone: alone, ModelEvery: o.modelEvery, JournalEvery: o.journals}
	cores := o.cores
	if cores == 0 {
		cores = runtime.NumCPU()
	}
	show := newProgress(cmd.ErrOrStderr())
	outcomes := make([]mutants.Outcome, len(bank))
	next := make(chan int)
	var told sync.Mutex
	done := 0
	var hunters sync.WaitGroup
	for range cores {
		hunters.Go(func() {
			for i := range next {
				outcomes[i] = h.Run(cmd.Context(), bank[i])
				told.Lock()
				done++
				show.clear()
				o.print(cmd.OutOrStdout(), &outcomes[i])
				show.line(fmt.Sprintf("%d of %d mutants", done, len(bank)), float64(done)/float64(len(bank)))
				told.Unlock()
			}
		})
	}
	feed(cmd.Context(), len(bank), next)
	hunters.Wait()
	show.clear()
	return outcomes
}

func feed(ctx context.Context, n int, next chan<- int) {
	defer close(next)
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			return
		}
	}
}

func (o *mutantsOptions) print(out io.Writer, r *mutants.Outcome) {
	if o.json {
		writeJSON(out, map[string]any{
			"kind": "mutant", "name": r.Mutant.Name, "found": r.Found, "invariant": r.Invariant, "played": r.Played,
			"seed": r.Seed, "seconds": r.Elapsed.Seconds(), "text": r.Text, "error": errorText(r.Err),
		})
		return
	}
	fmt.Fprintln(out, r.String())
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// moduleRoot finds the directory of go.mod from here upwards.
func moduleRoot(given string) (string, error) {
	dir, err := filepath.Abs(given)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		switch {
		case given != "":
			return "", fmt.Errorf("-root: %s is not the root of the module: there is no go.mod", dir)
		case at == filepath.Dir(at):
			return "", fmt.Errorf("there is no go.mod in %s or above it: say with -root where the sources are", dir)
		}
	}
}
