package boot

import (
	"strconv"
	"syscall"
)

// fewOpenFiles is the limit below which the original warns.
const fewOpenFiles = 256

// RaiseOpenFiles raises the soft limit on open files to the hard one and returns
// the limit in force. It sets the limit even if it is that high already: the Go
// runtime raises it on its own and would restore the old one in every child (spec
// go-traps, G1).
func RaiseOpenFiles() (limit uint64, err error) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return 0, &failure{"get the limit on open files", err}
	}
	raised := now
	raised.Cur = raised.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err == nil {
		return uint64(raised.Cur), nil
	}
	// Some systems report a hard limit that they do not grant.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return uint64(now.Cur), &failure{"set the limit on open files", err}
	}
	return uint64(now.Cur), nil
}

// OpenFilesWarning returns the warning about a low limit, or "" if the limit is
// high enough.
func OpenFilesWarning(limit uint64) string {
	if limit >= fewOpenFiles {
		return ""
	}
	return "could allocate space for only " + strconv.FormatUint(limit, 10) + " open files"
}
