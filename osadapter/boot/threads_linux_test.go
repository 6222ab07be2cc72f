package boot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func init() {
	roles["processors"] = func() {
		must(NeutralizeRuntime())
		say("%d", runtime.GOMAXPROCS(0))
	}
	roles["relax"] = func() {
		runtime.LockOSThread()
		ReserveThreads(3)
		RelaxMonitor()
		child("/bin/cat", "/proc/self/"+slackName)
	}
	roles["relax-without-right"] = func() {
		must(syscall.Setuid(1))
		roles["relax"]()
	}
	roles["relax-on-one-processor"] = func() {
		runtime.GOMAXPROCS(1)
		roles["relax"]()
	}
}

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

// More would need a thread each, at any time.
func TestFewProcessorsAreUsed(t *testing.T) {
	p := launch(t, "processors", "", func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "GOMAXPROCS=64") })
	p.expect(strconv.Itoa(min(Processors, runtime.NumCPU())))
}

func TestMonitorAloneIsRelaxed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: to change other threads takes a right")
	}
	if runtime.NumCPU() == 1 {
		t.Skip("needs two processors: with one the monitor is left alone")
	}
	for role, relaxed := range map[string]bool{
		"relax": true, "relax-without-right": false, "relax-on-one-processor": false,
	} {
		p := launch(t, role, "", nil)
		if got := p.block(); len(got) != 1 || got[0] == monitorSlack {
			t.Errorf("%s: a child has a slack of %q", role, got)
		}
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		resting := 0
		for _, task := range tasks {
			text, err := os.ReadFile("/proc/" + filepath.Base(task) + "/" + slackName)
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(string(text)) == monitorSlack {
				resting++
			}
		}
		if len(tasks) < 4 || (resting > 0) != relaxed || resting > len(tasks)/2 { // those that it starts rest as well
			t.Errorf("%s: %d of %d threads rest", role, resting, len(tasks))
		}
	}
}
