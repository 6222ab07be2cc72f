package main

import (
	"errors"
	"strconv"
	"syscall"
)

func itoa(n int) string { return strconv.Itoa(n) }

// errnoOf returns the error number inside an error of package os.
func errnoOf(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}
