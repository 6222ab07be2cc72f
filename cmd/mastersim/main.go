// Command mastersim plays the simulator of package sim from the command line:
// it searches seeds, plays one, explores small worlds to their end, replays
// journals of the daemon, shrinks what it found, draws it, and measures itself
// on wrong programs.
//
// It decides nothing about right and wrong; it plays, counts and shows.
//
// Exit statuses: 0 nothing was found, 1 something was found, 2 the command
// line is wrong, a file cannot be read, or a search was interrupted. Drawing
// finds nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
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

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	context.AfterFunc(ctx, cancel) // a second signal ends us at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// errFound ends a command that found something and has said so.
var errFound = errors.New("something was found")

// run is the whole program; it gives the exit status.
func run(ctx context.Context, args []string, out, complaints io.Writer) int {
	root := &cobra.Command{
		Use:           "mastersim",
		Short:         "play the master in a world that never was",
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
	root.SetOut(out)
	root.SetErr(complaints)
	root.SetArgs(doubleDashes(args))
	root.AddCommand(stressCommand(), runCommand(), exploreCommand(), replayCommand(), reduceCommand(), timelineCommand(), mutantsCommand())
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return exitClean
	case errors.Is(err, errFound):
		return exitFound
	default:
		fmt.Fprintln(complaints, "mastersim: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		return exitUsage
	}
}

// helpCommand is cobra's own, but that it knows what it does not know.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [command]", Short: "tell about a command",
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
