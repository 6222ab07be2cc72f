package kernel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// A service without a process limit and with more clients than descriptors: every
// other service gets its process at once, nobody is throttled, and in the end all
// are served.
func TestGreedyServiceLeavesEveryOtherAProcess(t *testing.T) {
	var more []core.ServiceConfig
	for i := range 40 {
		more = append(more, service(core.Unix, fmt.Sprint("s", i), "flushd", 1))
	}
	for _, files := range []int{160, 140} {
		w := newTestWorld(nil)
		w.Kernel().Limit = files
		w.Kernel().SetProgram("/d/cleanupd", Program{Work: 5 * core.Second, MaxIdle: 10 * core.Second})
		w.Boot(stock(more...))
		w.Run(core.Second)
		var greedy []*Client
		for range 400 {
			greedy = append(greedy, w.Client(core.Unix, path("cleanup")))
		}
		w.Run(core.Second)
		if !w.Logged("no descriptor is left for another process of service cleanup(private/cleanup)") {
			t.Errorf("%d files: nothing was said", files)
		}
		others := []*Client{
			w.Client(core.Inet, address("127.0.0.1:25")), w.Client(core.Pass, path("smtpd")),
			w.Client(core.UnixDatagram, path("postlog")), w.Client(core.Unix, path("flush")),
		}
		for _, s := range more {
			others = append(others, w.Client(core.Unix, path(s.Name)))
		}
		for _, other := range others {
			if !w.RunUntil(core.Second, func() bool { return other.State == Served }) {
				t.Errorf("%d files: a client of %s is %v", files, other.To, other.State)
			}
		}
		served := func() bool {
			for _, c := range greedy {
				if c.State != Served {
					return false
				}
			}
			return true
		}
		if !w.RunUntil(400*5*core.Second, served) {
			t.Errorf("%d files: clients still wait", files)
		}
		told := 0
		for _, line := range w.Log() {
			if strings.Contains(line.Text, "throttling") {
				t.Errorf("%d files: %s", files, line.Text)
			}
			if strings.Contains(line.Text, "no descriptor is left") {
				told++
			}
		}
		if most := 1 + int(w.Now().Sub(Start)/(1000*core.Second)); told > most {
			t.Errorf("%d files: told %d times, %d would do", files, told, most)
		}
		if found := w.Findings(); len(found) > 0 {
			t.Errorf("%d files: %s", files, strings.Join(found, "\n"))
		}
	}
}
