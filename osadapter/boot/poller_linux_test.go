package boot

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func init() {
	// poller: no descriptor is left for those that the runtime opens.
	roles["poller"] = func() {
		next, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		must(err)
		must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(next), Max: uint64(next)}))
		must(syscall.Close(next))
		spare, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err == nil {
			say("there is room for %d", spare)
		}
		say("%v", NeutralizeRuntime())
		Pause(50 * time.Millisecond)
		os.Exit(7)
	}
}

// A shortage of descriptors ends a start with a line and exit status 1. Neither the
// start nor the pause before the end may reach the runtime's poller, which would
// crash.
func TestWantOfDescriptorsIsAnErrorOfTheStart(t *testing.T) {
	p := launch(t, "poller", "", nil)
	p.expect("epoll_create: Too many open files")
	if status := p.end(); status.ExitStatus() != 7 {
		t.Errorf("ended with %#x", status)
	}
}
