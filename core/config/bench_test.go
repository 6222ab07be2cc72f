package config

import (
	"bytes"
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// largeFiles is a configuration of every kind of service and value, in the
// shapes that real files have: comments, continuations, options in both
// spellings, references to references, conditions.
func largeFiles(services, parameters int) (main, master []byte) {
	m, s := bytes.NewBuffer(latin1(goodMain)), new(bytes.Buffer)
	m.WriteString("mydestination = $myhostname, localhost.$mydomain, $site_1\n")
	for i := range parameters - 8 {
		switch i % 4 {
		case 0:
			fmt.Fprintf(m, "# Site %d.\nsite_%d = plain text of site %d\n", i, i, i)
		case 1:
			fmt.Fprintf(m, "site_%d = ${site_%d?{$site_%d}:{none}}, $myhostname\n", i, i-1, i-1)
		case 2:
			fmt.Fprintf(m, "site_%d = hash:$config_directory/a,\n    hash:$config_directory/b\n", i)
		case 3:
			fmt.Fprintf(m, "site_%d = ${{$compatibility_level} >=level {3.6} ? {$site_%d} : {old}}\n", i, i-1)
		}
	}
	s.WriteString("# service type  private unpriv  chroot  wakeup  maxproc command + args\n")
	for i := range services {
		switch i % 5 {
		case 0:
			fmt.Fprintf(s, "127.%d.%d.1:10025 inet n - n - %d smtpd\n  -o smtpd_tls_security_level=encrypt\n"+
				"  -o { smtpd_client_restrictions = permit_mynetworks, reject }\n", i>>8&0x7f, i&0xff, i%50)
		case 1:
			fmt.Fprintf(s, "%d       inet  n       -       n       -       -       smtpd -o syslog_name=postfix/$service_name\n", 10000+i)
		case 2:
			fmt.Fprintf(s, "delivery-%d unix  n       n       n       -       10      pipe\n# by hand\n"+
				"  flags=DRhu user=vmail:vmail argv=/usr/bin/deliver -f ${sender} -d ${recipient}\n", i)
		case 3:
			fmt.Fprintf(s, "queue-%d    unix  n       -       n       300?    1       qmgr\n\n", i)
		case 4:
			fmt.Fprintf(s, "pass-%d     pass  -       -       n       -       -       smtpd\n", i)
		}
	}
	return m.Bytes(), s.Bytes()
}

// loadLarge reads both texts to the end.
func loadLarge(tb testing.TB, main, master []byte, facts *Facts) *core.Config {
	p := Evaluate(ParseMain("/v/config/main.cf", main), facts, EvaluateOptions{})
	r := Resolve(p, ParseMaster("/v/config/master.cf", master), facts, Flags{})
	if !r.OK {
		tb.Fatalf("refused: %+v", r.Config.Diagnostics)
	}
	return r.Config
}

// cpuTime is what the process has used so far, in nanoseconds: on a machine
// that others use too it says more than the time on the wall.
func cpuTime(tb testing.TB) int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return syscall.TimevalToNsec(used.Utime) + syscall.TimevalToNsec(used.Stime)
}

// liveHeap is what the heap holds after a collection.
func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first only makes what has finalizers free
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkLoad is the whole way from both texts to a core.Config, and what of
// the memory is still taken while that, and nothing else, is kept.
func BenchmarkLoad(b *testing.B) {
	for _, services := range []int{300, 3000, 30000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			main, master := largeFiles(services, 500)
			facts := vectorFacts()
			before := liveHeap()
			b.ReportAllocs()
			var kept *core.Config
			started := cpuTime(b)
			for b.Loop() {
				kept = loadLarge(b, main, master, facts)
			}
			cpu := float64(cpuTime(b)-started) / float64(b.N)
			if len(kept.Services) != services {
				b.Fatalf("%d services", len(kept.Services))
			}
			b.ReportMetric(cpu, "cpu-ns/op")
			b.ReportMetric(cpu/float64(services), "cpu-ns/service")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(services), "ns/service")
			b.ReportMetric(float64(liveHeap())-float64(before), "live-heap-bytes")
			b.ReportMetric(float64(len(main)+len(master)), "text-bytes")
			runtime.KeepAlive(kept)
			runtime.KeepAlive(main)
			runtime.KeepAlive(master)
		})
	}
}

// BenchmarkStages shows which part of the way costs what.
func BenchmarkStages(b *testing.B) {
	main, master := largeFiles(3000, 500)
	facts := vectorFacts()
	tree, services := ParseMain("/v/config/main.cf", main), ParseMaster("/v/config/master.cf", master)
	p := Evaluate(tree, facts, EvaluateOptions{})
	for _, stage := range []struct {
		name string
		run  func()
	}{
		{"parse-main", func() { ParseMain("/v/config/main.cf", main) }},
		{"evaluate", func() { Evaluate(tree, facts, EvaluateOptions{}) }},
		{"parse-master", func() { ParseMaster("/v/config/master.cf", master) }},
		{"resolve", func() { Resolve(p, services, facts, Flags{}) }},
	} {
		b.Run(stage.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				stage.run()
			}
		})
	}
}

// BenchmarkPlan compares two configurations of 3000 services, of which each
// tenth has another argument and each tenth is gone for a new one.
func BenchmarkPlan(b *testing.B) {
	main, master := largeFiles(3000, 500)
	running := loadLarge(b, main, master, vectorFacts())
	other := loadLarge(b, main, master, vectorFacts())
	for i := range other.Services {
		s := &other.Services[i]
		switch {
		case i%10 == 0:
			s.Args = append(s.Args, "-v")
		case i%10 == 5:
			s.Canonical += "-new"
		}
	}
	m := core.New(0, core.MachineOptions{})
	asked := append([]core.Action(nil), m.Step(0, core.ConfigLoadedEvent(0, running))...)
	for len(asked) > 0 { // the listeners, some of them after others
		a := asked[0]
		if asked = asked[1:]; a.Kind == core.OpenListener {
			asked = append(asked, m.Step(0, core.ListenerOpenedEvent(a.Service, a.Listener))...)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if p := m.Plan(other); len(p.Removed) != 300 {
			b.Fatalf("%d services are removed", len(p.Removed))
		}
	}
}

// Memory can be counted, where time cannot: a large configuration takes a third
// of what it may, and ten times as many services take ten times as much.
func TestLargeConfigurationTakesLittleMemory(t *testing.T) {
	takes := func(services int) (allocated, kept int64) {
		main, master := largeFiles(services, 500)
		facts := vectorFacts()
		var before, after runtime.MemStats
		start := liveHeap()
		runtime.ReadMemStats(&before)
		c := loadLarge(t, main, master, facts)
		runtime.ReadMemStats(&after)
		kept = int64(liveHeap()) - int64(start)
		runtime.KeepAlive(c)
		runtime.KeepAlive(main)
		runtime.KeepAlive(master)
		return int64(after.TotalAlloc - before.TotalAlloc), kept
	}
	allocated, kept := takes(3000)
	if allocated > 5<<20 || kept > 3<<19 {
		t.Errorf("3000 services took %d bytes and keep %d", allocated, kept)
	}
	if testing.Short() {
		return
	}
	if more, keptMore := takes(30000); more > 11*allocated || keptMore > 11*kept {
		t.Errorf("30000 services took %d bytes and keep %d; 3000 take %d and keep %d", more, keptMore, allocated, kept)
	}
}
