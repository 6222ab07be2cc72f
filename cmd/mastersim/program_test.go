package main

import (
	"errors"
	"os/exec"
	"testing"
)

// program runs another build of this program.
func program(path string) func(t *testing.T, args ...string) (status int, out string) {
	return func(t *testing.T, args ...string) (int, string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), path, args...).Output()
		exit := (*exec.ExitError)(nil)
		switch {
		case errors.As(err, &exit):
			return exit.ExitCode(), string(out)
		case err != nil:
			t.Fatal(err)
		}
		return 0, string(out)
	}
}
