//go:build !linux

// Command servant is the server of the fault tests; they need Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "servant: the fault tests need Linux")
	os.Exit(1)
}
