package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core/trace"
)

const replayHelp = `Run a journal of the daemon through a machine of its own. The actions must be
the same, byte by byte; the first step that differs is shown with both sides.`

func replayCommand() *cobra.Command {
	var text bool
	cmd := &cobra.Command{
		Use: "replay FILE", Short: "run a journal of the daemon again and compare", Long: replayHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("replay takes one file: a journal of the daemon")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return replay(cmd, args[0], text) },
	}
	cmd.Flags().BoolVar(&text, "text", false, "print the journal first")
	return cmd
}

func replay(cmd *cobra.Command, path string, text bool) error {
	recording, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if text {
		lines, err := trace.Text(recording)
		_, _ = out.Write(lines)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	steps, err := trace.Replay(recording)
	var (
		difference *trace.Difference
		state      *trace.StateDifference
		broken     *trace.Broken
	)
	switch {
	case err == nil:
		fmt.Fprintf(out, "%d steps, the same actions in each\n", steps)
		return nil
	case errors.As(err, &difference), errors.As(err, &state), errors.As(err, &broken):
		fmt.Fprintf(out, "%d steps gave the same\n%v\n", steps, err)
		return errFound
	}
	return fmt.Errorf("%s: after %d steps: %w", path, steps, err)
}
