package kernel

import (
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// gambler makes random days out of the dice of its world.
type gambler struct {
	w *World
	d *Dice
}

var gamblersNames = []string{"a", "b", "c", "d"}

// inetPlaces are names and addresses that overlap: a name can be at several
// addresses, and an address can go from one name to another.
var inetPlaces = [][]string{
	{"25", "0.0.0.0:25"},
	{"smtp", "0.0.0.0:25", "[::]:25"},
	{"localhost:25", "127.0.0.1:25"},
	{"587", "127.0.0.1:587", "[::1]:587"},
	{"submission", "127.0.0.1:587"},
}

func (g *gambler) config() *core.Config {
	c := configuration()
	seen, taken := map[string]bool{}, map[string]bool{}
	for range 1 + g.d.below(6) {
		var s core.ServiceConfig
		program := programs[g.d.below(uint32(len(programs)))]
		limit := int32(g.d.below(4))
		if g.d.chance(350) {
			p := inetPlaces[g.d.below(uint32(len(inetPlaces)))]
			s = inet(p[0], program, limit, p[1:]...)
		} else {
			types := []core.ServiceType{core.Unix, core.Pass, core.FIFO, core.UnixDatagram}
			s = service(types[g.d.below(4)], gamblersNames[g.d.below(4)], program, limit)
			if taken[s.Canonical] && !g.d.chance(100) {
				continue // two services on one path are a rare mistake
			}
			taken[s.Canonical] = true
		}
		if id := s.Canonical + "/" + s.Type.String(); seen[id] {
			continue
		} else {
			seen[id] = true
		}
		if g.d.chance(300) {
			s.WakeupInterval, s.WakeupIfUsed = core.Duration(10+g.d.below(100))*core.Second, g.d.chance(500)
		}
		c.Services = append(c.Services, s)
	}
	c.ReloadClearsThrottle = g.d.chance(200)
	return c
}

// contradict adds what cannot be had.
func (g *gambler) contradict(c *core.Config) {
	switch g.d.below(3) {
	case 0:
		g.w.kernel.Put("private/e", sys.Directory)
		c.Services = append(c.Services, service(core.Unix, "e", "moved", 1))
	case 1:
		c.Services = append(c.Services, inet("192.0.2.1:25", "moved", 1, "192.0.2.1:25"))
	default:
		c.Services = append(c.Services, service(core.Unix, strings.Repeat("x", 200), "moved", 1))
	}
}

func (g *gambler) program() Program {
	p := Program{Work: core.Duration(g.d.below(3000)) * core.Millisecond}
	if g.d.chance(200) {
		p.MaxUse = 1 + int(g.d.below(3))
	}
	if g.d.chance(300) {
		p.MaxIdle = core.Duration(1+g.d.below(30)) * core.Second
	}
	if g.d.chance(150) {
		p.Work = core.Duration(g.d.below(300)) * core.Second
	}
	p.DieEarly, p.DieBusy = g.d.chance(70), g.d.chance(70)
	p.DieStatus = []core.ExitStatus{core.ExitedWith(1), core.KilledBy(core.SIGSEGV), core.ExitedWith(75)}[g.d.below(3)]
	if g.d.chance(100) {
		p.Exec, p.DeadDisk = core.Duration(1+g.d.below(40))*core.Second/2, g.d.chance(500)
		if g.d.chance(300) {
			p.Exec *= 20 // many throttle times
		}
		p.ExecErrno = []core.Errno{0, 0, core.EIO}[g.d.below(3)]
	}
	p.Deaf, p.Silent, p.Liar, p.Closes = g.d.chance(100), g.d.chance(50), g.d.chance(100), g.d.chance(50)
	return p
}

func (g *gambler) client() {
	if places := g.w.listeners(); len(places) > 0 && g.d.chance(900) {
		p := places[g.d.below(uint32(len(places)))]
		g.w.Client(p.kind, p.to)
		return
	}
	g.w.Client(core.Unix, path(gamblersNames[g.d.below(4)]))
}

func (g *gambler) signal() {
	p := g.w.kernel.processes
	if len(p) > 0 {
		s := []core.Signal{core.SIGTERM, core.SIGKILL, core.SIGHUP, sigstop, sigcont, core.SIGSEGV}[g.d.below(6)]
		p[g.d.below(uint32(len(p)))].Signal(s)
	}
}

func (g *gambler) reload() {
	w := g.w
	switch n := g.d.below(10); {
	case n < 4:
		w.Reload(g.config())
	case n < 6:
		w.Reload(w.current)
	case n < 7:
		w.Reload(nil)
	default:
		c := g.config()
		g.contradict(c)
		w.Reload(c)
	}
}

// persistent are the calls that may fail for longer than anybody insists: the
// file system, the account, memory.
var persistent = []Call{
	callAssume, callBind, callListen, callMkfifo, callOpen, callChmod, callFchmod, callLstat, callFstat, callUnlink, callRename, callPollAdd,
}

// outage makes a call fail until the next outage, which is the end of it or
// another one.
func (g *gambler) outage() {
	k := g.w.kernel
	k.faults = nil
	if g.d.chance(700) {
		c := persistent[g.d.below(uint32(len(persistent)))]
		k.Inject(Fault{Call: c, N: k.calls[c] + int(g.d.below(8)), Errno: Errnos[c][g.d.below(uint32(len(Errnos[c])))], Lasting: true})
	}
}

func (g *gambler) move() {
	w, k := g.w, g.w.kernel
	switch n := g.d.below(100); {
	case n < 40:
		g.client()
	case n < 52:
		g.reload()
	case n < 62:
		k.SetProgram("/d/"+programs[g.d.below(uint32(len(programs)))], g.program())
	case n < 64:
		k.RemoveProgram("/d/" + programs[g.d.below(uint32(len(programs)))])
	case n < 70:
		g.signal()
	case n < 73:
		k.Limit = k.used() + int(g.d.below(6))
	case n < 76:
		k.Limit = 256
	case n < 79:
		k.SetFaultRate(g.d.below(2) * g.d.below(60))
	case n < 82:
		g.outage()
	}
	w.Run([]core.Duration{0, core.Millisecond, 100 * core.Millisecond, core.Second, 10 * core.Second, 70 * core.Second}[g.d.below(6)])
}

// gamble plays one random day and judges it.
func gamble(dice *Dice) *World {
	w := newTestWorld(dice)
	g := &gambler{w, w.dice}
	w.Boot(g.config())
	for n := 0; n < 60 && !w.ended(); n++ {
		g.move()
	}
	w.Mend()
	w.kernel.Limit = 256
	w.Run(core.Second)
	for _, p := range programs {
		w.kernel.SetProgram("/d/"+p, Program{})
	}
	if !w.ended() {
		w.Reload(g.config())
		w.Run(10 * core.Second)
		w.Serves(throttleDelay + 30*core.Second)
	}
	w.Stop()
	return w
}

var (
	days      = flag.Uint64("days", 1000, "how many random days of fixed seeds to play, from -from on")
	from      = flag.Uint64("from", 0, "seed of the first random day")
	freshDays = flag.Uint64("fresh", 1000, "how many random days of seeds that no run had before to play")
)

// reportedDays bounds the failing days that are told of with their log;
// listedDays those of which the seed alone is told. More of them are played for
// nothing.
const (
	reportedDays = 3
	listedDays   = 50
)

// TestRandomDays: whatever happens, the books are right after every list of
// actions, and when all is well again everybody is served. It goes on after a
// day that fails. A day can be played alone:
//
//	go test ./sim/kernel -run TestRandomDays -from SEED -days 1 -fresh 0
func TestRandomDays(t *testing.T) {
	fixed, fresh := *days, *freshDays
	if testing.Short() {
		fixed, fresh = fixed/10, fresh/10
	}
	base := rand.Uint64() >> 1 // the runtime seeds it
	if fresh > 0 {
		t.Logf("fresh seeds from %d on", base)
	}
	seed := func(n uint64) uint64 {
		if n < fixed {
			return *from + n
		}
		return base + n - fixed
	}
	var next, lines, calls, hits atomic.Uint64
	var mu sync.Mutex
	failed := map[uint64]*World{}
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := next.Add(1) - 1; n < fixed+fresh; n = next.Add(1) - 1 {
				w := gamble(NewDice(seed(n)))
				lines.Add(uint64(len(w.Log())))
				calls.Add(uint64(w.kernel.total))
				hits.Add(uint64(len(w.kernel.fired)))
				if len(w.Findings()) == 0 {
					continue
				}
				mu.Lock()
				failed[seed(n)] = w
				enough := len(failed) >= listedDays
				mu.Unlock()
				if enough {
					return
				}
			}
		})
	}
	all.Wait()
	for n, s := range slices.Sorted(maps.Keys(failed)) {
		t.Errorf("seed %d: %s; go test ./sim/kernel -run TestRandomDays -from %d -days 1 -fresh 0", s, failed[s].Findings()[0], s)
		if n < reportedDays {
			report(t, failed[s])
		}
	}
	t.Logf("%d days, %d calls, %d faults, %d lines", min(next.Load(), fixed+fresh), calls.Load(), hits.Load(), lines.Load())
}

// TestDrawnDays is the same with choices that rapid draws and, when they break
// something, shrinks to few.
func TestDrawnDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := gamble(Drawn(func(n uint32) uint32 { return rapid.Uint32Range(0, n-1).Draw(t, "choice") }))
		if f := w.Findings(); len(f) > 0 {
			t.Fatalf("%s\n%s", strings.Join(f, "\n"), logText(w))
		}
	})
}

// Dice that panic end the world with their panic; it is none of the daemon's.
func TestSpentDiceAreNoFinding(t *testing.T) {
	type spent struct{}
	left := 2000
	defer func() {
		if _, ok := recover().(spent); !ok {
			t.Error("the panic of the dice was swallowed")
		}
	}()
	gamble(Drawn(func(n uint32) uint32 {
		if left--; left < 0 {
			panic(spent{})
		}
		return n - 1
	}))
}

func TestSameSeedSameDay(t *testing.T) {
	sum := func() uint64 {
		h := fnv.New64a()
		for seed := range uint64(20) {
			w := gamble(NewDice(seed))
			fmt.Fprint(h, w.kernel.calls, w.now, w.kernel.fired, w.Log())
		}
		return h.Sum64()
	}
	if a, b := sum(), sum(); a != b {
		t.Errorf("%x and %x", a, b)
	}
}
