package boot

import (
	"os"
	"testing"
)

func TestReservedThreadsStay(t *testing.T) {
	const n = 12
	ReserveThreads(n)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skipf("counting threads needs /proc: %v", err)
	}
	if len(tasks) < n {
		t.Errorf("%d threads, want %d or more", len(tasks), n)
	}
}
