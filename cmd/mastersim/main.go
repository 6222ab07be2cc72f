// Command mastersim plays the simulator of package sim from the command line:
// it searches seeds, plays one, explores small worlds to their end, replays
// journals of the daemon, shrinks what it found, draws it, and measures itself
// on wrong programs.
//
// It decides nothing about right and wrong; it plays, counts and shows.
//
// Exit statuses: 0 nothing was found, 1 something was found, 2 the command
// line is wrong, a file cannot be read (by replay: to its end), the output
// cannot be written, or a search was interrupted. timeline has no exit status 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit statuses.
const (
	exitClean = 0
	exitFound = 1
	exitUsage = 2
)

const help = `mastersim runs the master in a simulated world. It searches seeds, plays one of
them, searches small worlds exhaustively, replays journals of the daemon, shrinks
and draws failing runs, and measures itself on programs with a planted mistake.

Exit statuses: 0 nothing was found; 1 something was found; 2 the command line is
wrong, a file cannot be read (by replay: to its end), the output cannot be
written, or a search was interrupted. timeline has no exit status 1.`

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	context.AfterFunc(ctx, cancel) // a second signal ends us at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// exitStatus ends a command that has already printed its output.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

const (
	errFound = exitStatus(exitFound) // something was found
	errCut   = exitStatus(exitUsage) // a journal breaks off; what is there was found right
)

// run is the whole program; it returns the exit status.
func run(ctx context.Context, args []string, out, complaints io.Writer) int {
	root := &cobra.Command{
		Use:           "mastersim",
		Short:         "run the master in a simulated world",
		Long:          help,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no command %q; mastersim help lists them", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(helpCommand())
	printed := &output{to: out}
	root.SetOut(printed)
	root.SetErr(complaints)
	root.SetFlagErrorFunc(wrongFlag)
	root.SetArgs(doubleDashes(args))
	root.AddCommand(stressCommand(), runCommand(), logsCommand(), exploreCommand(), replayCommand(), reduceCommand(), timelineCommand(), mutantsCommand())
	err := printed.verdict(root.ExecuteContext(ctx))
	var status exitStatus
	switch {
	case err == nil:
		return exitClean
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintln(complaints, "mastersim: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	return exitUsage
}

// wrongFlag says which value was wanted instead of which function of Go refused
// it, and where the flags are listed.
func wrongFlag(cmd *cobra.Command, err error) error {
	text := err.Error()
	var number *strconv.NumError
	if errors.As(err, &number) {
		wanted := map[string]string{"ParseUint": "a whole number, not below 0", "ParseInt": "a whole number", "ParseBool": "true or false"}[number.Func]
		if errors.Is(err, strconv.ErrRange) {
			wanted = "a smaller number"
		}
		text = strings.TrimSuffix(text, number.Error()) + "write " + wanted
	}
	return fmt.Errorf("%s; see %s -h", text, cmd.CommandPath())
}

// helpCommand is cobra's own, but that it knows what it does not know.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [command]", Short: "list the commands, or describe one",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			for _, c := range root.Commands() {
				if c.Name() == args[0] {
					return c.Help()
				}
			}
			return fmt.Errorf("there is no command %q; mastersim help lists them", args[0])
		},
	}
}

// doubleDashes lets long options have one dash, as those of the other programs
// here: -seed is --seed. No option has a short form but -h.
func doubleDashes(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if a == "--" {
			copy(out[i:], args[i:])
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] >= 'a' && a[1] <= 'z' {
			a = "-" + a
		}
		out[i] = a
	}
	return out
}
