package osadapter

import "golang.org/x/sys/unix"

// hasEnded reports whether a process can be reaped, or was reaped: then the answer is
// about nobody, or about who got the number, and does no harm.
func hasEnded(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err != nil || info.Signo != 0
}
