package osadapter

import "golang.org/x/sys/unix"

// awaitEnd returns when the child has ended, and leaves its status to be reaped
// by the loop. SIGCHLD need not be caught. Should the loop have been faster, it
// returns at once, or when somebody else has ended who got the number.
func awaitEnd(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}
