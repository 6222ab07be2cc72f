// Command masterctl reads a configuration as the daemon does and says what it
// means: whether it is correct, what each service becomes, what a parameter expands
// to, and how master.cf looks when formatted. It needs neither a running master nor
// root.
//
// It changes nothing except the file that "fmt -w" is told to write; it does not
// talk to a daemon and writes nothing to the mail log.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
	"github.com/stationmaster/stationmaster/osadapter/version"
)

// The exit statuses. The help of each command says what exitFound means for it.
const (
	exitClean = 0
	exitFound = 1 // check --strict: warnings; explain, param: no such name; fmt: not formatted
	exitError = 2 // the configuration has errors, a file cannot be used, the command line is wrong
)

// exitStatus ends a command that has printed everything.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func main() {
	t := &terminal{out: os.Stdout, err: os.Stderr, in: os.Stdin, environ: os.Getenv}
	t.colour = wantsColour(os.Stdout, os.Getenv)
	os.Exit(t.run(os.Args[1:]))
}

// terminal is what a command reads and writes.
type terminal struct {
	out     io.Writer
	err     io.Writer
	in      io.Reader
	environ func(string) string
	colour  bool
}

// run is the whole program; it returns the exit status.
func (t *terminal) run(args []string) int {
	buffered := bufio.NewWriter(t.out)
	t.out = buffered
	root := t.root()
	root.SetArgs(args)
	err := root.Execute()
	if problem := buffered.Flush(); problem != nil {
		err = fmt.Errorf("write the output: %w", problem)
	}
	var status exitStatus
	switch {
	case err == nil:
		return exitClean
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintln(t.err, "masterctl: "+printable(strings.ReplaceAll(err.Error(), "\n", "; ")))
	return exitError
}

func (t *terminal) root() *cobra.Command {
	var directory string
	root := &cobra.Command{
		Use:   "masterctl",
		Short: "check and explain main.cf and master.cf",
		Long: `masterctl reads main.cf and master.cf as the master does, reports mistakes and
explains the result. It needs neither a running master nor root.

Exit statuses: 0 success; 1 check --strict: warnings, explain and param: unknown
name or no value, fmt -l and -d: not formatted; 2 the configuration has errors,
a file cannot be used, or the command line is wrong.`,
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return noCommand(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetVersionTemplate("{{.Version}}")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", ".FlagUsagesWrapped 80 "))
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.PersistentFlags().VarP((*directoryFlag)(&directory), "config", "c",
		"the `directory` of main.cf and master.cf (default: $MAIL_CONFIG, or "+config.DefaultDirectory+")")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var number *strconv.NumError
		if errors.As(err, &number) && number.Func == "ParseBool" { // its text is about Go
			return fmt.Errorf("%suse it without a value, or with =true or =false; see %s --help", strings.TrimSuffix(err.Error(), number.Error()), cmd.CommandPath())
		}
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	root.SetHelpCommand(helpCommand())
	where := func(h *host) (string, error) { return h.directory(directory, t.environ) }
	root.AddCommand(t.checkCommand(where), t.explainCommand(where), t.paramCommand(where), t.fmtCommand(where), t.versionCommand())
	return root
}

// noCommand refuses a name that is no command.
func noCommand(root *cobra.Command, name string) error {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	return fmt.Errorf("unknown command %q%s; masterctl help lists the commands", name, didYouMean(name, names))
}

// helpCommand replaces cobra's own, which accepts any word.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "list the commands, or describe one",
		RunE: func(cmd *cobra.Command, args []string) error {
			about := cmd.Root()
			if len(args) > 1 {
				return fmt.Errorf("unexpected argument %q: help takes one command; see masterctl --help", args[1])
			}
			if len(args) == 1 {
				found, rest, err := about.Find(args)
				if err != nil || len(rest) > 0 {
					return noCommand(about, args[0])
				}
				about = found
			}
			about.InitDefaultHelpFlag()
			about.InitDefaultVersionFlag()
			return about.Help()
		},
	}
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q: %s takes none; see %s --help", args[0], cmd.Name(), cmd.CommandPath())
	}
	return nil
}

func (t *terminal) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version and the origin of the built-in defaults", Args: noArguments,
		Run: func(*cobra.Command, []string) { fmt.Fprint(t.out, versionText()) },
	}
}

func versionText() string {
	mail, _ := known.Default("mail_version")
	return fmt.Sprintf("%s\nreplaces the master of Postfix %s, with the defaults of %s\n", version.Text(), mail, config.Flavour())
}
