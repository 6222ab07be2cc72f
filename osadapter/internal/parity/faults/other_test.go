//go:build !linux || !amd64

package faults

import "testing"

func TestFaults(t *testing.T) {
	t.Skip("calls are made to fail by Linux's seccomp, with the numbers of amd64")
}
