//go:build !linux

// Command actor is the scripted server of the parity suite; it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "actor: what a process was given is read from Linux's /proc")
	os.Exit(1)
}
