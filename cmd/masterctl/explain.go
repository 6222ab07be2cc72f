package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

func (t *terminal) explainCommand(where func(*host) (string, error)) *cobra.Command {
	var other host
	var machine bool
	cmd := &cobra.Command{
		Use: "explain [SERVICE...]", Short: "show the settings of each service, and where they come from",
		Long: `explain shows what each entry of master.cf means: its identity, where it
listens, the command line of its processes, limits and wakeups, and for each
value the file, line and column that it comes from. A SERVICE is a name, or
name/type as for postconf -M, where * matches any; without one, all services are
shown. explain assumes that root starts the master.

Exit statuses: 0 success; 1 there is no such service; 2 the configuration has
errors; masterctl check shows them.`,
		RunE: func(_ *cobra.Command, names []string) error {
			directory, err := where(&other)
			if err != nil {
				return err
			}
			return t.explain(load(other, directory), names, machine)
		},
	}
	other.flags(cmd)
	cmd.Flags().BoolVar(&machine, "json", false, "print each service as a JSON object on a line of its own")
	return cmd
}

func (t *terminal) explain(c *configuration, names []string, machine bool) error {
	if !c.accepted {
		for i := range c.diagnostics {
			if d := &c.diagnostics[i]; d.Severity == core.Error || count(c.diagnostics, core.Error) == 0 {
				(&terminal{out: t.err}).printDiagnostic(c, d)
			}
		}
		return errors.New("the configuration has errors, so there is nothing to explain; run masterctl check")
	}
	c.diagnostics = c.advised()
	chosen, missing := c.choose(names)
	first := true
	for _, e := range chosen {
		x := c.explanation(e)
		if machine {
			if err := t.printJSON(x.object()); err != nil {
				return err
			}
			continue
		}
		if !first {
			fmt.Fprintln(t.out)
		}
		first = false
		t.printExplanation(c, x)
	}
	if d, some := c.unknown(); some {
		fmt.Fprintln(t.err, "masterctl: "+printable(d.Text))
	}
	for _, name := range missing {
		fmt.Fprintf(t.err, "masterctl: there is no service %q in %s%s\n", printable(name), printable(c.master.Path), didYouMean(name, c.names(name)))
	}
	if len(missing) > 0 {
		return exitStatus(exitFound)
	}
	return nil
}

// entry is an entry of master.cf with its service.
type entry struct {
	*config.MasterEntry
	service  *core.ServiceConfig // nil: none
	disabled []config.Origin     // why there is no service; empty: a later entry replaces it
}

func (e *entry) name() string { return e.Fields[config.ColumnName].Text }
func (e *entry) kind() string { return e.Fields[config.ColumnType].Text }

// entries returns the entries of an accepted master.cf in file order.
func (c *configuration) entries() (list []entry) {
	byLine := make(map[int32]*core.ServiceConfig, len(c.resolved.Services))
	for i := range c.resolved.Services {
		byLine[c.resolved.Services[i].Line] = &c.resolved.Services[i]
	}
	for i := range c.master.Entries {
		e := entry{MasterEntry: &c.master.Entries[i]}
		if e.service = byLine[e.Line]; e.service == nil {
			if len(e.Fields) <= config.ColumnType {
				continue // nothing precedes a NUL byte
			}
			if e.skipped() {
				continue
			}
			e.disabled, _ = c.parameters.Disabled(e.MasterEntry)
		}
		list = append(list, e)
	}
	return list
}

// skipped reports whether an entry is ignored because it starts with a blank.
func (e *entry) skipped() bool {
	name := e.Fields[config.ColumnName]
	return e.At(name).Column > 1 || name.Text[0] == '\v' || name.Text[0] == '\f'
}

// choose returns the requested entries, in file order, each once.
func (c *configuration) choose(names []string) (chosen []entry, missing []string) {
	list := c.entries()
	if len(names) == 0 {
		return list, nil
	}
	wanted := make([]bool, len(list))
	mark := func(meant func(*entry) bool) (found bool) {
		for i := range list {
			if meant(&list[i]) {
				wanted[i], found = true, true
			}
		}
		return found
	}
	for _, name := range names {
		found := mark(func(e *entry) bool { return e.matches(name) }) ||
			mark(func(e *entry) bool { return e.service != nil && e.service.Canonical == name }) // as in log lines
		if !found {
			missing = append(missing, name)
		}
	}
	for i, yes := range wanted {
		if yes {
			chosen = append(chosen, list[i])
		}
	}
	return chosen, missing
}

// matches reports whether a pattern "name" or "name/type" matches the entry; each
// part can be "*".
func (e *entry) matches(pattern string) bool {
	if pattern == e.name() || pattern == "*" {
		return true
	}
	slash := strings.LastIndexByte(pattern, '/')
	if slash < 0 {
		return false
	}
	name, kind := pattern[:slash], pattern[slash+1:]
	return (name == "*" || name == e.name()) && (kind == "*" || kind == e.kind())
}

// names returns the possible names, in the form of the requested one.
func (c *configuration) names(asked string) (list []string) {
	for _, e := range c.entries() {
		if strings.IndexByte(asked, '/') >= 0 {
			list = append(list, e.name()+"/"+e.kind())
		} else {
			list = append(list, e.name())
		}
	}
	return list
}
