//go:build linux && amd64

package faults

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A full process table must not end the daemon, whatever the machine: from the line
// "daemon started" on it gets no more threads, and it requests none, through storms
// of reloads, of which some look up an unknown name, with clients all the time. The
// runtime ends a process that cannot create a thread.
func TestFaultsOfAFullProcessTable(t *testing.T) {
	if reason := unable(); reason != "" {
		t.Skip(reason)
	}
	processors, rounds, services := []int{64}, 1, 1000
	if *all {
		processors, rounds, services = []int{1, 2, 4, 8, 16, 32, 64}, 5, 1000
	}
	for _, n := range processors {
		t.Run(fmt.Sprintf("%d processors", n), func(t *testing.T) {
			l, err := preparedLife()
			if err != nil {
				t.Fatal(err)
			}
			defer l.system.close()
			l.watcher.processors = n
			l.more = []uint32{unix.SYS_SCHED_GETAFFINITY, unix.SYS_MADVISE}
			l.current = many(services)
			err = l.crowded(rounds)
			if err != nil {
				t.Errorf("%v\n%s", err, l.everything())
			}
			l.watcher.mu.Lock()
			refused := l.watcher.threads
			l.watcher.mu.Unlock()
			tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", l.watcher.process()))
			t.Logf("%d threads", len(tasks))
			if refused > 0 {
				t.Errorf("it wanted %d threads more", refused)
			}
			if err := l.finish(); err != nil {
				t.Error(err)
			}
		})
	}
}

// many returns the services of the first configuration and n more.
func many(n int) []service {
	services := slices.Clone(first)
	for i := range n {
		services = append(services, service{name: "many" + strconv.Itoa(i), kind: "unix"})
	}
	return services
}

// crowded plays a life in a full process table.
func (l *life) crowded(rounds int) error {
	services := l.current
	if err := l.system.configure(services); err != nil {
		return err
	}
	if err := l.begin([]string{"fork"}); err != nil {
		return err
	}
	if err := l.await("daemon started", func() bool { return l.says("daemon started") }); err != nil {
		return err
	}
	l.watcher.mu.Lock()
	l.watcher.full = true
	l.watcher.mu.Unlock()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = l.system.talk("unix", l.system.path("q/private/x"), false) // a storm may come between
				}
			}
		})
	}
	err := l.storms(rounds, services)
	close(stop)
	clients.Wait()
	if err != nil {
		return err
	}
	settled := l.watcher.timesSettled()
	if err := l.reload(services); err != nil {
		return err
	}
	// The last collection comes when the daemon has rested.
	if err := l.await("memory is given back", func() bool { return l.watcher.timesSettled() > settled }); err != nil {
		return err
	}
	return l.serveAll()
}

// timesSettled returns how often the daemon has released pages of its program.
func (w *watcher) timesSettled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settled
}

// storms sends reloads faster than they can be done, with services that come and
// go.
func (l *life) storms(rounds int, services []service) error {
	const hangups = 40
	unknown := slices.Concat(first, []service{{name: "no-such-port", kind: "inet"}})
	for round := range rounds {
		for n := range hangups {
			next := [][]service{services, first, unknown}[(round+n)%3]
			if err := l.system.configure(next); err != nil {
				return err
			}
			if l.over() || unix.Kill(l.watcher.process(), unix.SIGHUP) != nil {
				return errGone
			}
			time.Sleep(time.Duration(n%5) * 3 * time.Millisecond) // the pace of the storm
		}
		refused := strings.Count(l.system.log(), refusedText)
		if err := l.system.configure(unknown); err != nil {
			return err
		}
		_ = unix.Kill(l.watcher.process(), unix.SIGHUP)
		if err := l.await("a reload is refused", func() bool { return strings.Count(l.system.log(), refusedText) > refused }); err != nil {
			return err
		}
	}
	return nil
}

// showProcessors answers the daemon's sched_getaffinity with the configured number
// of processors, and returns the size of that answer; 0 leaves the call to the
// kernel.
func (w *watcher) showProcessors(n *notification) int64 {
	if w.processors == 0 || n.nr != unix.SYS_SCHED_GETAFFINITY {
		return 0
	}
	w.mu.Lock()
	caller := w.identify(int(n.tid))
	w.mu.Unlock()
	if caller != daemon {
		return 0
	}
	mask := uint64(math.MaxUint64) >> (64 - w.processors)
	size := int(unsafe.Sizeof(mask))
	local := []unix.Iovec{{Base: (*byte)(unsafe.Pointer(&mask)), Len: uint64(size)}}
	remote := []unix.RemoteIovec{{Base: uintptr(n.args[2]), Len: size}}
	if _, err := unix.ProcessVMWritev(int(n.tid), local, remote, 0); err != nil {
		return 0
	}
	return int64(size)
}
