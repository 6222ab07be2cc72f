//go:build !linux

package main

import (
	"errors"
	"os"
	"runtime"
)

func start(settings, []string, *os.File, *os.File) (int, error) {
	return 0, errors.New("needs Linux: there are no namespaces and no /proc on " + runtime.GOOS)
}
