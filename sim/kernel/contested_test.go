package kernel

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// contested is a reload by which two new services want the path of a running
// one, and which cannot be had because of a third.
func contested(w *World) {
	w.Boot(configuration(service(core.Unix, "a", "cleanupd", 2), service(core.Pass, "b", "passd", 2)))
	w.Client(core.Unix, path("a"))
	w.Run(core.Second)
	w.Reload(configuration(
		service(core.Pass, "b", "passd", 2), service(core.UnixDatagram, "a", "postlogd", 1), service(core.FIFO, "a", "qmgrd", 1),
		inet("192.0.2.1:25", "moved", 1, "192.0.2.1:25"),
	))
	w.Run(core.Second)
	w.Client(core.Unix, path("a"))
	w.Run(core.Second)
	w.Reload(configuration(service(core.Pass, "b", "passd", 2), service(core.FIFO, "a", "qmgrd", 1)))
	w.Run(core.Second)
}

// TestContestedPathIsServed: with each pair of faults in such a reload and the
// next one, which can be had, everybody is served in the end, and nothing is
// left over.
func TestContestedPathIsServed(t *testing.T) {
	quiet := newTestWorld(nil)
	contested(quiet)
	judge(quiet)
	report(t, quiet)
	var all []Fault
	for _, c := range []Call{callPollAdd, callRename, callUnlink, callLstat, callAssume, callBind, callMkfifo, callChmod, callOpen} {
		for n := range quiet.kernel.calls[c] {
			f := Fault{Call: c, N: n, Errno: core.ENOMEM}
			all = append(all, f)
			f.Lasting = true
			all = append(all, f)
		}
	}
	pairs := 0
	for i, first := range all {
		for _, second := range all[i:] {
			if testing.Short() && (first.N+second.N)%7 != 0 {
				continue
			}
			pairs++
			w := newTestWorld(nil)
			w.kernel.Inject(first)
			w.kernel.Inject(second)
			contested(w)
			judge(w)
			report(t, w)
			if t.Failed() {
				t.Fatalf("with %s %d, lasting %v, and %s %d, lasting %v", first.Call, first.N, first.Lasting, second.Call, second.N, second.Lasting)
			}
		}
	}
	t.Logf("%d pairs of faults", pairs)
}
