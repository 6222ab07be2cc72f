package main

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// lockRemedy returns what to do about a lock that was not obtained. The path is
// absolute; held describes a process that holds the lock.
func lockRemedy(err error, path, owner, held string) string {
	name := "lock file " + path
	var busy *lock.HeldError
	switch {
	case errors.As(err, &busy) && busy.Holder == 0:
		return name + " is held by another process, " + held
	case errors.As(err, &busy):
		return name + " is held by process " + itoa(busy.Holder) + ", " + held
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR):
		return "the directory of " + name + " is missing, or the file is a dangling symbolic link; create the directory, owned by " + owner + ", or remove the link"
	case errors.Is(err, unix.EROFS):
		return name + " is on a read-only file system; remount it writable"
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		return name + " cannot be written because the file system is full; free space"
	}
	return name + " must be a regular file owned by " + owner + ", mode 600, in a directory owned by " + owner +
		"; correct this, or remove it and start again"
}

// absolute returns the absolute path of a file of the queue directory.
func absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	directory, err := os.Getwd()
	if err != nil {
		return path
	}
	return directory + "/" + path
}
