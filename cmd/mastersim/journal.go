package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/sim/recorded"
)

// readJournal returns a journal of the daemon. Of one that breaks off it returns
// the whole steps, says so on standard error, and cut is true. The error wraps
// trace.ErrNoRecording for a file that is something else.
func readJournal(cmd *cobra.Command, path string) (recording []byte, cut bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	recording, where, err := recorded.Whole(text)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	if where != nil {
		remark(cmd, "%s %v", path, where)
	}
	return recording, where != nil, nil
}
