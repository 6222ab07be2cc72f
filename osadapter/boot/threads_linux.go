package boot

import (
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	taskDirectory = "/proc/self/task"
	slackName     = "timerslack_ns"
	// monitorSlack is as long as the monitor sleeps when it has nothing to do.
	monitorSlack = "10000000"
)

// RelaxMonitor lets each sleep of the runtime's monitor thread last up to 10 ms
// longer. The monitor wakes every 20 µs while there may be something to do, and a
// busy goroutine that is locked to its thread counts as something to do all the
// time: that takes a twentieth of the time of starting a child, and a third of a
// small reload. The monitor is the first thread that the runtime starts, before our
// program begins.
//
// It suits only processes in which nothing depends on the monitor waking it within
// a moment. That takes a second processor: with a single one, the monitor is what
// takes it from a thread that waits, and nothing is changed. Nor is it without the
// right to adjust threads (CAP_SYS_NICE). Threads that the monitor itself starts
// sleep like it; see ReserveThreads.
func RelaxMonitor() {
	if runtime.GOMAXPROCS(0) == 1 {
		return
	}
	threads, _, err := numbersIn(taskDirectory) // in the order of their starts
	if err != nil || len(threads) < 2 {
		return
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(threads[1])+"/"+slackName, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	_, _ = unix.Write(fd, []byte(monitorSlack))
	_ = unix.Close(fd)
}
