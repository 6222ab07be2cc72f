package osadapter

import (
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/stuck"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

func ignoreTerm() { signal.Ignore(unix.SIGTERM) }

// station is a running loop with a directory of its own.
type station struct {
	t       testing.TB
	dir     string
	loop    *Loop
	machine *core.Machine
	clock   clock.Clock
	mu      sync.Mutex
	next    *core.Config // what the next load returns; nil: rejected
	lines   []string
	applied int
	ended   chan Ending
	once    sync.Once
}

func open(t testing.TB, c clock.Clock, services ...core.ServiceConfig) *station {
	t.Helper()
	return openWith(t, c, func(*station) {}, services...)
}

// openWith lets the test prepare the loop before it starts.
func openWith(t testing.TB, c clock.Clock, prepare func(*station), services ...core.ServiceConfig) *station {
	t.Helper()
	dir, err := os.MkdirTemp("", "sm") // short, for socket addresses
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "private"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := &station{t: t, dir: dir, clock: c, ended: make(chan Ending, 1)}
	s.machine = core.New(0, core.MachineOptions{})
	s.loop, err = NewLoop(s.machine, sys.Linux{}, Hooks{
		Log: func(level core.Level, text string) {
			s.mu.Lock()
			s.lines = append(s.lines, level.String()+": "+text)
			s.mu.Unlock()
		},
		Load: s.load,
		Apply: func(*core.Config) []string {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.applied++
			// The race detector would keep each server for a second at its exit.
			return []string{"TMPDIR=" + os.TempDir(), "GORACE=atexit_sleep_ms=0"}
		},
		Announce:          func() {},
		BeforeGroupSignal: func(core.Signal) { t.Error("a signal to the group of the tests") },
		CatchEnds:         func() { signal.Notify(s.loop.Signals(), unix.SIGCHLD) },
	}, c)
	if err != nil {
		t.Fatal(err)
	}
	prepare(s)
	booted := make(chan *Ending)
	go func() {
		runtime.LockOSThread()
		ending := s.loop.Boot(core.ConfigLoadedEvent(0, s.config(services...)))
		booted <- ending
		if ending != nil {
			s.ended <- *ending
			return
		}
		s.ended <- s.loop.Run()
	}()
	if ending := <-booted; ending != nil {
		t.Fatalf("does not start: %+v\n%s", ending, s.log())
	}
	t.Cleanup(s.close)
	return s
}

func (s *station) close() { s.once.Do(s.shut) }

// shut takes all services away, which ends the children, and stops the loop.
func (s *station) shut() {
	s.reload()
	eventually(s.t, "all children of the test are reaped", func() bool {
		return len(s.childProcesses()) == 0
	})
	s.loop.Stop()
	<-s.ended
	s.loop.driver.exec.close()
	sys.Linux{}.Close(s.loop.driver.waker)
}

func (s *station) childProcesses() []string {
	text, err := os.ReadFile("/proc/self/task/" + itoa(os.Getpid()) + "/children")
	if err != nil {
		s.t.Fatal(err)
	}
	all := strings.Fields(string(text))
	for _, task := range tasks(s.t) {
		text, err := os.ReadFile("/proc/self/task/" + task + "/children")
		if err == nil && task != itoa(os.Getpid()) {
			all = append(all, strings.Fields(string(text))...)
		}
	}
	return all
}

func tasks(t testing.TB) []string {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func itoa(n int) string { return utoa(uint64(n)) }

func (s *station) load(r core.Request) {
	s.mu.Lock()
	c := s.next
	s.mu.Unlock()
	go func() {
		if c == nil {
			s.loop.Post(core.ConfigRejectedEvent(r, &core.Config{Diagnostics: []core.Diagnostic{{Severity: core.Error, Text: "bad"}}}))
			return
		}
		s.loop.Post(core.ConfigLoadedEvent(r, c))
	}()
}

func (s *station) config(services ...core.ServiceConfig) *core.Config {
	for i := range services {
		for k, end := range services[i].Endpoints {
			if end.Path != "" && !strings.HasPrefix(end.Path, "/") {
				services[i].Endpoints[k].Path = filepath.Join(s.dir, end.Path)
			}
		}
	}
	return &core.Config{MailVersion: "v", ConfigDirectory: s.dir, Services: services}
}

// reload asks for the services and waits until they are in force.
func (s *station) reload(services ...core.ServiceConfig) {
	s.t.Helper()
	s.mu.Lock()
	s.next = s.config(services...)
	before := s.applied
	s.mu.Unlock()
	s.hangup()
	eventually(s.t, "the reload is accepted", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.applied > before
	})
}

func (s *station) hangup() { s.loop.signals <- unix.SIGHUP }

func (s *station) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func (s *station) path(name string) string { return filepath.Join(s.dir, "private", name) }

func local(name, behaviour string, limit int32) core.ServiceConfig {
	program, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return core.ServiceConfig{
		Name: name, Canonical: "private/" + name, Type: core.Unix, Line: 1, LocalOnly: true,
		Endpoints:    []core.Endpoint{{Path: "private/" + name}},
		ProcessLimit: limit, Command: name, Path: program, Args: []string{behaviour},
		ThrottleDelay: core.Second, Backlog: 128,
	}
}

func TestChildIsStartedOnDemandAndServes(t *testing.T) {
	s := open(t, clock.New(), local("a", "plain", 2))
	if n := len(s.childProcesses()); n != 0 {
		t.Fatalf("%d children before the first connection", n)
	}
	first := ask(t, "unix", s.path("a"))
	if second := ask(t, "unix", s.path("a")); second != first {
		t.Errorf("an idle child was not used again: %q, then %q", first, second)
	}
}

func TestBusyChildGetsCompanyUpToTheLimit(t *testing.T) {
	s := open(t, clock.New(), local("a", "busy", 2))
	var conns []net.Conn
	pids := map[int]bool{}
	for range 2 {
		c, err := net.Dial("unix", s.path("a"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
		pids[pidOf(t, line(t, c))] = true
	}
	if len(pids) != 2 {
		t.Fatalf("got %v", pids)
	}
	waiting, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	conns[0].Close() // a place is free
	if pid := pidOf(t, line(t, waiting)); !pids[pid] {
		t.Errorf("a third child %d served", pid)
	}
}

func TestReloadLetsBusyChildFinishAndServesAnew(t *testing.T) {
	s := open(t, clock.New(), local("a", "busy", 5))
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	old := pidOf(t, line(t, c))
	s.reload(local("a", "plain", 5))
	if answer := ask(t, "unix", s.path("a")); !strings.HasPrefix(answer, "plain") {
		t.Errorf("after the reload: %q", answer)
	}
	if unix.Kill(old, 0) != nil {
		t.Fatal("the busy child is gone")
	}
	c.Close()
	eventually(t, "the old child leaves after its session", func() bool { return unix.Kill(old, 0) == unix.ESRCH })
}

func TestRefusedReloadKeepsServing(t *testing.T) {
	s := open(t, clock.New(), local("a", "plain", 2))
	first := ask(t, "unix", s.path("a"))
	s.hangup() // the next configuration is none
	eventually(t, "the refusal is logged", func() bool { return strings.Contains(s.log(), "reload refused") })
	if again := ask(t, "unix", s.path("a")); again != first {
		t.Errorf("got %q, want %q", again, first)
	}
}

func TestRefusedListenerUndoesTheReload(t *testing.T) {
	s := open(t, clock.New(), local("a", "plain", 2))
	first := ask(t, "unix", s.path("a"))
	if err := os.Mkdir(s.path("c"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.next = s.config(local("a", "plain", 2), local("b", "plain", 1), local("c", "plain", 1))
	s.mu.Unlock()
	s.hangup()
	eventually(t, "the refusal is logged", func() bool { return strings.Contains(s.log(), "reload refused") })
	if !strings.Contains(s.log(), "there is a directory at this path") || !strings.Contains(s.log(), "c: Is a directory") {
		t.Errorf("log:\n%s", s.log())
	}
	if _, err := os.Lstat(s.path("b")); err == nil {
		t.Error("the new socket was left behind")
	}
	if again := ask(t, "unix", s.path("a")); again != first {
		t.Errorf("got %q, want %q", again, first)
	}
}

func TestCrashingChildIsThrottledAndTriedAgain(t *testing.T) {
	s := open(t, clock.New(), local("a", "crash", 1))
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	count := func() int { return strings.Count(s.log(), "bad command startup -- throttling") }
	eventually(t, "the first crash throttles", func() bool { return count() >= 1 })
	if n := strings.Count(s.log(), "exit status 3"); n != 1 {
		t.Errorf("%d starts before the throttle", n)
	}
	eventually(t, "it is tried again after the throttle time", func() bool { return count() >= 2 })
}

func TestMissingProgramIsThrottled(t *testing.T) {
	missing := local("a", "plain", 1)
	missing.Path = "/nonexistent/program"
	s := open(t, clock.New(), missing)
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the failure is told", func() bool {
		return strings.Contains(s.log(), "master_spawn: exec /nonexistent/program: No such file or directory") &&
			strings.Contains(s.log(), "/nonexistent/program: bad command startup -- throttling")
	})
}

// countedWaits counts how often the loop comes round.
type countedWaits struct {
	LoopKernel
	n *atomic.Int64
}

func (k countedWaits) PollWait(set sys.FD, buffer []sys.PollEvent, timeout core.Duration) (int, core.Errno) {
	k.n.Add(1)
	return k.LoopKernel.PollWait(set, buffer, timeout)
}

// Who has the listener can shut it down; its hangup would be reported for ever,
// though nobody wants to know.
func TestListenerThatAChildShutsDownDoesNotKeepUsBusy(t *testing.T) {
	var waits atomic.Int64
	s := openWith(t, clock.New(), func(s *station) {
		s.loop.k = countedWaits{s.loop.k, &waits}
	}, local("a", "shut", 1), local("b", "plain", 1))
	ask(t, "unix", s.path("a"))
	const line = "called shutdown() on listener "
	eventually(t, "the operator is told", func() bool { return strings.Contains(s.log(), line) })
	eventually(t, "the loop rests", func() bool {
		before := waits.Load()
		time.Sleep(50 * time.Millisecond)
		return waits.Load() == before
	})
	ask(t, "unix", s.path("b"))
	s.reload(local("a", "plain", 1), local("b", "plain", 1)) // its child is gone, and it is watched again
	ask(t, "unix", s.path("b"))
	if n := strings.Count(s.log(), line); n != 1 {
		t.Errorf("told %d times\n%s", n, s.log())
	}
}

func TestRemovedServiceRefusesAtOnceAndItsDeafChildIsKilled(t *testing.T) {
	mock := clock.NewMock()
	s := open(t, mock, local("a", "deaf", 1), local("b", "plain", 1))
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var pid string
	eventually(t, "the deaf child runs", func() bool {
		list := s.childProcesses()
		if len(list) == 1 {
			pid = list[0]
		}
		return len(list) == 1 && ignoresTerm(pid)
	})
	s.reload(local("b", "plain", 1))
	if _, err := net.Dial("unix", s.path("a")); err == nil {
		t.Error("the removed service accepts connections")
	}
	if _, err := os.Lstat(s.path("a")); err == nil {
		t.Error("the socket file was left")
	}
	if answer := ask(t, "unix", s.path("b")); !strings.HasPrefix(answer, "plain") {
		t.Errorf("the other service: %q", answer)
	}
	eventually(t, "the deaf child is killed when its time is over", func() bool {
		mock.Add(time.Second)
		s.loop.k.WakerWake(s.loop.driver.waker) // the wait itself goes by the real time
		return strings.Contains(s.log(), "sending SIGKILL")
	})
	if strings.Contains(s.log(), "killed by signal") {
		t.Errorf("our own signal is told as a crash:\n%s", s.log())
	}
}

func ignoresTerm(pid string) bool {
	text, _ := os.ReadFile("/proc/" + pid + "/status")
	for _, l := range strings.Split(string(text), "\n") {
		if mask, ok := strings.CutPrefix(l, "SigIgn:\t"); ok {
			return len(mask) > 4 && strings.ContainsAny(mask[len(mask)-4:len(mask)-3], "4567cdef")
		}
	}
	return false
}

func TestListenerMovesToServiceOfAnotherNameWithoutLoss(t *testing.T) {
	full := local("a", "busy", 1)
	s := open(t, clock.New(), full)
	busy, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	line(t, busy)
	waiting, err := net.Dial("unix", s.path("a")) // in the queue of the socket
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	pass := local("a", "plain", 1)
	pass.Type = core.Pass
	s.reload(pass)
	busy.Close()
	if answer := line(t, waiting); !strings.HasPrefix(answer, "plain") {
		t.Errorf("the waiting client got %q", answer)
	}
}

func TestWakeupReachesTheService(t *testing.T) {
	file := filepath.Join(t.TempDir(), "note")
	woken := local("a", "note:"+file, 1)
	woken.WakeupInterval = 3600 * core.Second
	s := open(t, clock.New(), woken)
	eventually(t, "the wakeup started a child that read it", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && string(text) == "W\x00"
	})
	if log := s.log(); strings.Contains(log, "warning") {
		t.Errorf("log:\n%s", log)
	}
}

// Connections through one-shot children, with reloads among them: every one
// is answered, and nothing is left of them.
func TestManyConnectionsDuringReloads(t *testing.T) {
	connections, reloads := 2000, 50
	if testing.Short() {
		connections, reloads = 300, 10
	}
	s := open(t, clock.New(), local("a", "oneshot", 20))
	ask(t, "unix", s.path("a"))
	eventually(t, "the first child is gone", func() bool { return len(s.childProcesses()) == 0 })
	before := descriptors(t)
	var clients sync.WaitGroup
	failed := make(chan string, connections)
	next := make(chan struct{}, connections)
	for range connections {
		next <- struct{}{}
	}
	close(next)
	for range 8 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			for range next {
				if got := tryAsk(s.path("a")); got != "" {
					failed <- got
				}
			}
		}()
	}
	for range reloads {
		s.reload(local("a", "oneshot", 20))
	}
	clients.Wait()
	close(failed)
	for f := range failed {
		t.Error(f)
	}
	eventually(t, "no child and no zombie is left", func() bool { return len(s.childProcesses()) == 0 })
	eventually(t, "no descriptor is left", func() bool { return descriptors(t) <= before })
	for _, word := range []string{"warning", "error", "fatal", "panic"} {
		if strings.Contains(s.log(), word) {
			t.Errorf("log:\n%s", s.log())
			break
		}
	}
}

// tryAsk returns what went wrong, or nothing.
func tryAsk(path string) string {
	c, err := net.DialTimeout("unix", path, 20*time.Second)
	for err != nil && strings.Contains(err.Error(), "temporarily unavailable") {
		time.Sleep(time.Millisecond) // the queue of the socket is full
		c, err = net.DialTimeout("unix", path, 20*time.Second)
	}
	if err != nil {
		return "connect: " + err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	b := make([]byte, 64)
	if n, err := c.Read(b); n == 0 {
		return "read: " + err.Error()
	}
	return ""
}

func TestServicesAndChildrenCostNoGoroutine(t *testing.T) {
	count := func(services int) int {
		var list []core.ServiceConfig
		for i := range services {
			list = append(list, local("s"+itoa(i), "plain", 2))
		}
		s := open(t, clock.New(), list...)
		for i := range services {
			ask(t, "unix", s.path("s"+itoa(i)))
		}
		n := runtime.NumGoroutine()
		s.close()
		return n
	}
	if few, many := count(1), count(20); many > few {
		t.Errorf("%d goroutines with one service and child, %d with 20", few, many)
	}
}

// The machine takes a time before the last one for a bug and would end the process.
func TestClockThatGoesBackIsNoBug(t *testing.T) {
	mock := clock.NewMock()
	mock.Set(time.Unix(1000, 0))
	s := open(t, mock, local("a", "plain", 1))
	mock.Set(time.Unix(2000, 0))
	ask(t, "unix", s.path("a"))
	mock.Set(time.Unix(1500, 0))
	s.reload(local("a", "plain", 1))
	ask(t, "unix", s.path("a"))
}

func TestTimeGoesOnAfterTheClockWentBack(t *testing.T) {
	mock := clock.NewMock()
	mock.Set(time.Unix(1000, 0))
	l := &Loop{clock: mock, origin: mock.Now()}
	mock.Add(time.Hour)
	before := l.Now()
	mock.Set(time.Unix(0, 0))
	if now := l.Now(); now != before {
		t.Errorf("time went from %d to %d", before, now)
	}
	mock.Add(time.Second)
	if now := l.Now(); now != before.Add(core.Second) {
		t.Errorf("a second later it is %d, want %d", now, before.Add(core.Second))
	}
}

// hangs is a test of the watchdogs with a loop that hangs as prepare says, once
// release is there, until it is closed.
func hangs(t *testing.T, prepare func(s *station, release chan struct{}) (begin func())) {
	mock := clock.NewMock()
	hung, release := make(chan struct{}), make(chan struct{})
	var waits atomic.Int64
	var feeds atomic.Int64
	var begin func()
	s := openWith(t, mock, func(s *station) {
		s.loop.OnHang = func() { close(hung) }
		s.loop.Feed = func() { feeds.Add(1) }
		begin = prepare(s, release)
		s.loop.k = countedWaits{s.loop.k, &waits}
	}, local("a", "plain", 1))
	defer close(release)
	// The wait goes by the real time, so the end of a rest is played. The first wait
	// after now may follow a turn that began before now; the second does not.
	comesRound := func() {
		before := waits.Load()
		eventually(t, "the loop comes round", func() bool {
			s.loop.Wake()
			return waits.Load() > before+1
		})
	}
	comesRound()
	for range 10 {
		mock.Add(time.Duration(longestRest))
		comesRound()
	}
	select {
	case <-hung:
		t.Fatal("a resting loop was taken for a hung one")
	default:
	}
	if n := feeds.Load(); n != 11 {
		t.Errorf("the other watchdog was fed %d times, want 11", n)
	}
	for range 100 { // a busy loop costs nothing
		comesRound()
	}
	if n := feeds.Load(); n != 11 {
		t.Errorf("the other watchdog was fed %d times in no time", n-11)
	}
	begin()
	for range 2 {
		mock.Add(WatchdogInterval)
	}
	select {
	case <-hung:
		t.Error("two looks were taken for three")
	default:
	}
	mock.Add(WatchdogInterval)
	select {
	case <-hung:
	case <-time.After(20 * time.Second):
		t.Error("nobody notices")
	}
}

// A loop that does not come round is ended by the watchdog, wherever it hangs; one
// that waits for events is not.
func TestWatchdogTellsAHangFromARest(t *testing.T) {
	t.Run("in a turn", func(t *testing.T) {
		hangs(t, func(s *station, release chan struct{}) func() {
			there := make(chan struct{}, 2) // the end of the test loads as well
			load := s.loop.driver.exec.hooks.Load
			s.loop.driver.exec.hooks.Load = func(r core.Request) {
				there <- struct{}{}
				<-release
				load(r)
			}
			return func() { s.hangup(); <-there }
		})
	})
	t.Run("before the wait", func(t *testing.T) {
		hangs(t, func(s *station, release chan struct{}) func() {
			there := make(chan struct{})
			var armed atomic.Bool
			s.loop.driver.exec.hooks.Flush = func() bool { // in Wait, as all else before the wait
				if armed.CompareAndSwap(true, false) {
					close(there)
					<-release
				}
				return true
			}
			return func() { armed.Store(true); s.loop.Wake(); <-there }
		})
	})
	t.Run("in the wait", func(t *testing.T) {
		hangs(t, func(s *station, release chan struct{}) func() {
			k := &hungWait{LoopKernel: s.loop.k, there: make(chan struct{}), release: release}
			s.loop.k = k
			return func() { k.armed.Store(true); s.loop.Wake(); <-k.there }
		})
	})
}

// hungWait lets one wait hang.
type hungWait struct {
	LoopKernel
	armed          atomic.Bool
	there, release chan struct{}
}

func (k *hungWait) PollWait(set sys.FD, buffer []sys.PollEvent, timeout core.Duration) (int, core.Errno) {
	if k.armed.CompareAndSwap(true, false) {
		close(k.there)
		<-k.release
	}
	return k.LoopKernel.PollWait(set, buffer, timeout)
}

// The loop reaps everything; a program that is run beside it still gets its
// status, and is not taken for a stranger.
func TestCommandsRunBesideTheLoop(t *testing.T) {
	s := open(t, clock.New(), local("a", "oneshot", 5))
	for range 20 {
		ask(t, "unix", s.path("a"))
		out, exit, err := s.loop.Commands().Run([]string{"/bin/sh", "-c", "echo here; exit 3"}, 10*time.Second)
		if string(out) != "here\n" || exit != 3 || err != nil {
			t.Fatalf("got %q, %d, %v", out, exit, err)
		}
	}
	if log := s.log(); strings.Contains(log, "reaped process") {
		t.Errorf("log:\n%s", log)
	}
}

// numbWaker lets the first wake-ups be refused.
type numbWaker struct {
	LoopKernel
	refusals *atomic.Int32
}

func (k numbWaker) WakerWake(waker sys.FD) core.Errno {
	if k.refusals.Add(-1) >= 0 {
		return core.EINTR
	}
	return k.LoopKernel.WakerWake(waker)
}

// What was left for the loop is found, however often the wake-up is refused:
// nothing else happens meanwhile.
func TestRefusedWakeupIsSentLater(t *testing.T) {
	var refusals atomic.Int32
	s := openWith(t, clock.New(), func(s *station) {
		s.loop.k = numbWaker{s.loop.k, &refusals}
	}, local("a", "plain", 1))
	refusals.Store(5)
	s.hangup()
	eventually(t, "the reload", func() bool { return strings.Contains(s.log(), "reload -- version") })
}

func TestKeptLogLinesAreTriedAgain(t *testing.T) {
	tries := make(chan struct{}, 100)
	left := 3
	openWith(t, clock.New(), func(s *station) {
		s.loop.driver.exec.hooks.Flush = func() bool {
			tries <- struct{}{}
			left--
			return left <= 0
		}
	}, local("a", "plain", 1))
	for range 3 { // nothing else happens meanwhile
		select {
		case <-tries:
		case <-time.After(20 * time.Second):
			t.Fatal("kept lines were forgotten")
		}
	}
}

// A program that cannot be executed is nobody's child, though there was a process
// for a moment.
func TestCommandThatIsNotThereIsNoStranger(t *testing.T) {
	s := open(t, clock.New(), local("a", "plain", 1))
	ask(t, "unix", s.path("a")) // a child lives, so that ends are looked for
	for range 200 {
		if _, _, err := s.loop.Commands().Run([]string{"/bin/not-there"}, 10*time.Second); err == nil {
			t.Fatal("it was run")
		}
	}
	if log := s.log(); strings.Contains(log, "reaped process") {
		t.Errorf("log:\n%s", log)
	}
}

// A program of our own whose exec hangs stops neither the loop nor those who end
// meanwhile, and is reaped without a word.
func TestCommandThatIsNotExecuted(t *testing.T) {
	gate := stuck.NewGate(t, "/bin/true")
	s := open(t, clock.New(), local("a", "oneshot", 5))
	failed := make(chan error, 1)
	go func() {
		_, _, err := s.loop.Commands().Run([]string{gate.Path}, 300*time.Millisecond)
		failed <- err
	}()
	eventually(t, "the exec is held up", func() bool { return gate.Arrived() == 1 })
	for range 5 {
		ask(t, "unix", s.path("a"))
		runtime.GC()
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "its file system does not respond") {
		t.Errorf("%v", err)
	}
	s.reapsAll()
	if log := s.log(); strings.Contains(log, "reaped process") {
		t.Errorf("log:\n%s", log)
	}
}
