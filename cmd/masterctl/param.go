package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

func (t *terminal) paramCommand(where func(*host) (string, error)) *cobra.Command {
	return &cobra.Command{
		Use: "param NAME...", Short: "print the expanded values of parameters",
		Long: `param prints the value of each parameter as a program of the mail system sees
it: from main.cf or the built-in default, with all macros expanded and every
blank kept, one value per line. A value that spans lines in main.cf is joined.

For an obsolete name that still works, standard error names its replacement.

Exit statuses: 0 all were printed; 1 a name is unknown, or a value cannot be
used: standard error has what the daemon would log; 2 main.cf cannot be read or
parsed, or the command line is wrong.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("missing parameter name; see masterctl param --help")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, names []string) error {
			directory, err := where(new(host))
			if err != nil {
				return err
			}
			return t.printParameters(load(host{}, directory), names)
		},
	}
}

// severe are the daemon's words for severities.
var severe = map[core.Severity]string{core.Warning: "warning: ", core.Error: "fatal: "}

// logged prints a diagnostic as the daemon logs it. Advice of our own is not
// logged.
func (t *terminal) logged(d *core.Diagnostic) {
	if word, ok := severe[d.Severity]; ok {
		fmt.Fprintln(t.err, "masterctl: "+word+printable(d.Text))
	}
}

func (t *terminal) printParameters(c *configuration, names []string) error {
	unreadable := c.parameters == nil
	for i := range c.diagnostics {
		if d := &c.diagnostics[i]; unreadable || ofSyntax(d, c.main.Path) || ofSyntax(d, config.OwnPath(c.directory)) {
			t.logged(d)
			if d.Severity == core.Error {
				if unreadable {
					fmt.Fprintln(t.err, "masterctl: "+printable(d.Hint))
				}
				return exitStatus(exitError)
			}
		}
	}
	catalog := known.New(c.parameters, c.master)
	failed := false
	for _, name := range names {
		text, found, err := catalog.Value(name)
		var problem *config.Problem
		switch {
		case errors.As(err, &problem):
			for i := range problem.Diagnostics {
				t.logged(&problem.Diagnostics[i])
			}
			failed = true
		case err != nil:
			return err
		case !found:
			fmt.Fprintln(t.err, "masterctl: "+printable("warning: "+name+": unknown parameter"+meant(name, catalog)))
			failed = true
		default:
			fmt.Fprintln(t.out, text)
			if now, ok := known.Renamed(name); ok {
				fmt.Fprintln(t.err, "masterctl: "+name+" is an old name: the parameter is "+now+" now, which takes its default from the old one")
			}
		}
	}
	if failed {
		return exitStatus(exitFound)
	}
	return nil
}

// meant returns the end of the line about an unknown name: similar names.
func meant(name string, catalog *known.Catalog) string {
	if near, ok := known.Closest(name, catalog.Names()); ok {
		return "; did you mean " + near + "?"
	}
	if service, ok := known.ServiceOf(name); ok {
		return "; no service \"" + service + "\" in master.cf has it"
	}
	return ""
}

// ofSyntax reports whether a diagnostic is about the syntax of main.cf, which every
// program reports that reads it; a bad value of a parameter is reported only by
// programs that use it.
func ofSyntax(d *core.Diagnostic, path string) bool {
	return strings.HasPrefix(d.Text, path+", line ") || strings.HasPrefix(d.Text, path+": logical line ")
}
