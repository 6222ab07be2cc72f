package wire

import (
	"slices"
	"testing"
)

func TestOneListenerIsNotCounted(t *testing.T) {
	line := CommandLine{Command: "smtpd", Service: "smtpd", Transport: "inet", ProcessLimit: 5, Listeners: 1}
	if got := line.Argv(); slices.Contains(got, "-s") {
		t.Errorf("got %q", got)
	}
}

func TestCommandInTheRootHasItsBaseName(t *testing.T) {
	line := CommandLine{Command: "/echo", Service: "echo", Transport: "unix", ProcessLimit: 5}
	if got := line.Argv(); slices.Contains(got, "-n") {
		t.Errorf("got %q", got)
	}
	line.Command = "/"
	if got := line.Argv(); !slices.Contains(got, "-n") {
		t.Errorf("a slash alone is named echo: %q", got)
	}
}

func TestManyArgumentsAreAllPassedOn(t *testing.T) {
	args := slices.Repeat([]string{"-o", "a=b"}, 50)
	line := CommandLine{Command: "smtpd", Service: "smtpd", Transport: "inet", ProcessLimit: 5, Args: args}
	if got := line.Argv(); !slices.Equal(got[len(got)-len(args):], args) {
		t.Errorf("got %q", got)
	}
}
