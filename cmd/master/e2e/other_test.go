//go:build !linux

package e2e

import (
	"flag"
	"runtime"
	"testing"
)

var _ = flag.Bool("e2e", false, "run the end-to-end mail test (Linux only)")

func TestEndToEnd(t *testing.T) {
	t.Skip("the end-to-end mail test observes processes in /proc, which is Linux; this is " + runtime.GOOS)
}
