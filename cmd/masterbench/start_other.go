//go:build !linux

package main

import (
	"errors"
	"os"
	"runtime"
)

func start(settings, []string, *os.File, *os.File) (int, error) {
	return 0, errors.New("needs Linux: namespaces and the figures in /proc are missing on " + runtime.GOOS)
}
