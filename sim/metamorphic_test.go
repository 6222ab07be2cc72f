package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
)

// The laws here compare two machines that live through the same story in two
// tellings: other names, another order, other times. A story speaks of
// services and children by their places, never by numbers of the machine.

const storyServices = 3

// storyConfig is one configuration of a story: who is in it, and how.
type storyConfig struct {
	there  [storyServices]bool
	limit  [storyServices]int32
	wakeup [storyServices]int32
	clears bool
}

type storyStep struct {
	what    int // below
	service int
	child   int
	config  storyConfig
	span    core.Duration
	status  core.ExitStatus
}

const (
	storyReady = iota
	storyStarted
	storyFailed
	storyTaken
	storyAvailable
	storyExit
	storyWait
	storyReload
	storySignal
	storyKinds
)

func drawStory(t *rapid.T) (first storyConfig, steps []storyStep) {
	config := func() (c storyConfig) {
		for i := range storyServices {
			c.there[i] = rapid.IntRange(0, 3).Draw(t, "there") > 0
			c.limit[i] = rapid.Int32Range(0, 3).Draw(t, "limit")
			c.wakeup[i] = rapid.Int32Range(0, 1).Draw(t, "wakeup") * 7
		}
		c.clears = rapid.Bool().Draw(t, "clears")
		return c
	}
	first = config()
	statuses := []core.ExitStatus{0, core.ExitedWith(1), core.KilledBy(core.SIGTERM)}
	for range rapid.IntRange(1, 50).Draw(t, "steps") {
		s := storyStep{
			what:    rapid.IntRange(0, storyKinds-2).Draw(t, "what"),
			service: rapid.IntRange(0, storyServices-1).Draw(t, "service"),
			child:   rapid.IntRange(0, 2).Draw(t, "child"),
			status:  rapid.SampledFrom(statuses).Draw(t, "status"),
		}
		switch s.what {
		case storyReload:
			s.config = config()
		case storyWait:
			s.span = core.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * core.Second
		}
		steps = append(steps, s)
	}
	return first, steps
}

// telling is how a story is told to a machine.
type telling struct {
	order  []int // of the services in the configuration
	prefix string
	extra  bool // a service that the story does not know
	shift  core.Time
	twice  bool // each reload comes as two equal ones
	apart  int  // each reload comes as two: bits of the services that change with the first; 0: as one
}

type narrator struct {
	telling
	m        *core.Machine
	now      core.Time
	queue    []core.Event
	ids      [storyServices]core.ServiceID
	pending  [storyServices]core.Generation
	living   [storyServices][]core.Generation
	owner    [storyServices][]core.Generation // all children ever, in order
	next     storyConfig
	file     storyConfig // in force
	projects [storyServices][]string
	standing []string // who is watched and who lives, after each step of the story
}

func (n *narrator) config(c storyConfig) *core.Config {
	f := &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", ReloadClearsThrottle: c.clears}
	if n.extra {
		f.Services = append(f.Services, storyEntry(n.prefix+"extra", 9, 2, 0))
	}
	for _, i := range n.order {
		if c.there[i] {
			f.Services = append(f.Services, storyEntry(n.prefix+mastercf.LocalNames[i], i, c.limit[i], c.wakeup[i]))
		}
	}
	return f
}

// storyEntry: the second service is an inet service, which knows stress mode.
func storyEntry(name string, i int, limit, wakeup int32) core.ServiceConfig {
	s := core.ServiceConfig{
		Name: name, Canonical: "private/" + name, Type: core.Unix, LocalOnly: true, Line: int32(i),
		Endpoints: []core.Endpoint{{Path: "private/" + name}}, ProcessLimit: limit, Path: "/d/" + name,
		ThrottleDelay: 10 * core.Second, WakeupInterval: core.Duration(wakeup) * core.Second,
	}
	if i == 1 {
		s.Type, s.Canonical, s.LocalOnly, s.Endpoints = core.Inet, name+":25", false, mastercf.Names.Endpoints[mastercf.Any4Place]
	}
	return s
}

// say steps an event and all that it brings.
func (n *narrator) say(ev core.Event) {
	n.queue = append(n.queue, ev)
	for len(n.queue) > 0 {
		ev := n.queue[0]
		n.queue = n.queue[1:]
		actions := n.m.Step(n.now+n.shift, ev)
		for i := range actions {
			n.answer(&actions[i])
		}
		v := n.m.View()
		for i := range storyServices {
			n.ids[i] = 0
			for k := range v.Services {
				if s := &v.Services[k]; s.Name == n.prefix+mastercf.LocalNames[i] && s.State != core.StateStopping {
					n.ids[i] = s.ID
				}
			}
		}
	}
}

// answer answers what an action asks, and writes it down for its service.
func (n *narrator) answer(a *core.Action) {
	switch a.Kind {
	case core.LoadConfig:
		n.queue = append(n.queue, core.ConfigLoadedEvent(a.Request, n.config(n.next)))
	case core.OpenListener:
		n.queue = append(n.queue, core.ListenerOpenedEvent(a.Service, a.Listener))
	case core.WakeService:
		n.queue = append(n.queue, core.WakeupSentEvent(a.Request), core.WakeupClosedEvent(a.Request))
		n.write(n.of(a.Entry), a.Kind.String())
	case core.StartChild:
		i := n.of(a.Entry)
		if i >= 0 {
			n.pending[i] = a.Generation
			n.owner[i] = append(n.owner[i], a.Generation)
		}
		n.write(i, fmt.Sprint(a.Kind, a.Flag))
	case core.WatchListener, core.IgnoreListener, core.CloseListener:
		for i := range storyServices {
			if n.ids[i] == a.Service {
				n.write(i, a.Kind.String())
			}
		}
	case core.RetireChild, core.SignalChild:
		for i := range storyServices {
			if k := slices.Index(n.owner[i], a.Generation); k >= 0 {
				n.write(i, fmt.Sprint(a.Kind, " child ", k, " signal ", a.Signal))
			}
		}
	case core.Log:
		if a.Entry != nil {
			n.write(n.of(a.Entry), fmt.Sprint("line ", a.Code, " ", a.Status))
		}
	}
}

// of gives the place of an entry in the story, or -1.
func (n *narrator) of(e *core.ServiceConfig) int {
	for i := range storyServices {
		if e.Name == n.prefix+mastercf.LocalNames[i] {
			return i
		}
	}
	return -1
}

func (n *narrator) write(i int, text string) {
	if i >= 0 {
		n.projects[i] = append(n.projects[i], fmt.Sprintf("%d: %s", n.now, text))
	}
}

func (n *narrator) tell(first storyConfig, steps []storyStep) {
	n.now = 1000
	n.m = core.New(n.now+n.shift, core.MachineOptions{Strict: true, Verbose: true, GroupLeader: false})
	n.say(core.ConfigLoadedEvent(0, n.config(first)))
	n.file = first
	for _, s := range steps {
		n.step(s)
		n.stand()
	}
}

// stand writes down how the services of the story stand.
func (n *narrator) stand() {
	text := ""
	v := n.m.View()
	for i := range storyServices {
		for k := range v.Services {
			if s := &v.Services[k]; s.Name == n.prefix+mastercf.LocalNames[i] {
				text += fmt.Sprintf("%d: %v, watched %v, %d children, %d idle, limit %d; ", i, s.State, s.Watching, s.Total, s.Idle, s.Limit)
			}
		}
	}
	n.standing = append(n.standing, text)
}

// reload brings a configuration, or first a part of what it changes.
func (n *narrator) reload(c storyConfig) {
	if n.apart > 0 {
		n.next = n.file
		for i := range storyServices {
			if n.apart>>i&1 == 1 {
				n.next.there[i], n.next.limit[i], n.next.wakeup[i] = c.there[i], c.limit[i], c.wakeup[i]
			}
		}
		n.next.clears = false // who goes with the second would be released before
		n.say(core.SignalReceivedEvent(core.SIGHUP))
	}
	n.next, n.file = c, c
	n.say(core.SignalReceivedEvent(core.SIGHUP))
	if n.twice {
		n.say(core.SignalReceivedEvent(core.SIGHUP))
	}
}

func (n *narrator) step(s storyStep) {
	i := s.service
	child := core.Generation(0)
	if len(n.living[i]) > 0 {
		child = n.living[i][s.child%len(n.living[i])]
	}
	switch s.what {
	case storyReady:
		if n.ids[i] != 0 {
			n.say(core.ListenerReadyEvent(n.ids[i]))
		}
	case storyStarted, storyFailed:
		g := n.pending[i]
		if g == 0 {
			return
		}
		n.pending[i] = 0
		if s.what == storyFailed {
			n.say(core.ChildStartFailedEvent(n.ids[i], g, core.StartFork, core.EAGAIN))
			return
		}
		n.living[i] = append(n.living[i], g)
		n.say(core.ChildStartedEvent(n.ids[i], g, core.PID(g)+100))
	case storyTaken, storyAvailable:
		if child != 0 {
			m := wire.Message{PID: int32(child) + 100, Generation: uint32(child), Status: wire.Status(s.what - storyTaken)}
			n.say(core.StatusReceivedEvent(child, [wire.StatusSize]byte(m.Append(nil)), wire.StatusSize))
		}
	case storyExit:
		if child != 0 {
			n.living[i] = slices.DeleteFunc(n.living[i], func(g core.Generation) bool { return g == child })
			n.say(core.ChildExitedEvent(child, core.PID(child)+100, s.status))
		}
	case storyWait:
		end := n.now.Add(s.span)
		for {
			when, ok := n.m.Deadline()
			if !ok || when-n.shift > end {
				break
			}
			n.now = max(n.now, when-n.shift)
			n.say(core.TimerExpiredEvent())
		}
		n.now = end
	case storyReload:
		n.reload(s.config)
	}
}

func plainly() telling { return telling{order: []int{0, 1, 2}} }

// tellBoth tells one story in two ways and compares what came of it.
func tellBoth(t *testing.T, how func(*rapid.T) telling, compare func(t *rapid.T, a, b *narrator)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		first, steps := drawStory(t)
		a, b := &narrator{telling: plainly()}, &narrator{telling: how(t)}
		a.tell(first, steps)
		b.tell(first, steps)
		compare(t, a, b)
	})
}

func sameProjects(t *rapid.T, a, b *narrator) {
	for i := range storyServices {
		if x, y := strings.Join(a.projects[i], "\n"), strings.Join(b.projects[i], "\n"); x != y {
			t.Fatalf("service %d:\n%s\n\nin the other telling:\n%s", i, x, y)
		}
	}
}

func TestTheOrderOfServicesMeansNothing(t *testing.T) {
	tellBoth(t, func(t *rapid.T) telling {
		return telling{order: rapid.Permutation([]int{0, 1, 2}).Draw(t, "order")}
	}, sameProjects)
}

func TestTheNamesOfServicesMeanNothing(t *testing.T) {
	tellBoth(t, func(*rapid.T) telling { return telling{order: []int{0, 1, 2}, prefix: "other-"} }, sameProjects)
}

func TestAnUnrelatedServiceChangesNothing(t *testing.T) {
	tellBoth(t, func(*rapid.T) telling { return telling{order: []int{0, 1, 2}, extra: true} }, sameProjects)
}

func TestTheOriginOfTimeMeansNothing(t *testing.T) {
	tellBoth(t, func(t *rapid.T) telling {
		return telling{order: []int{0, 1, 2}, shift: core.Time(rapid.Int64Range(0, 1<<60).Draw(t, "shift"))}
	}, sameProjects)
}

// Two equal reloads leave every service as one does; only the wakeups that a
// reload sends come twice.
func TestTwoEqualReloadsAreLikeOne(t *testing.T) {
	tellBoth(t, func(*rapid.T) telling { return telling{order: []int{0, 1, 2}, twice: true} }, func(t *rapid.T, a, b *narrator) {
		for i := range storyServices {
			x, y := withoutWakeups(a.projects[i]), withoutWakeups(b.projects[i])
			if x != y {
				t.Fatalf("service %d:\n%s\n\nwith each reload twice:\n%s", i, x, y)
			}
		}
	})
}

func withoutWakeups(lines []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return strings.Contains(line, core.WakeService.String())
	}), "\n")
}

// A reload that brings two changes is like two reloads that bring one each.
// What passes between the two at one instant does not count: a listener that
// is watched and ignored again, the wakeups of the first, and the warning that
// the limit is reached as long as the first is in force.
func TestAReloadInTwoPartsIsLikeOne(t *testing.T) {
	tellBoth(t, func(t *rapid.T) telling {
		return telling{order: []int{0, 1, 2}, apart: 1 + rapid.IntRange(0, 5).Draw(t, "first")}
	}, func(t *rapid.T, a, b *narrator) {
		for i := range storyServices {
			x, y := withoutWatches(withoutWakeups(a.projects[i])), withoutWatches(withoutWakeups(b.projects[i]))
			if x != y {
				t.Fatalf("service %d:\n%s\n\nwith each reload in two parts:\n%s", i, x, y)
			}
		}
		for i := range a.standing {
			if a.standing[i] != b.standing[i] {
				t.Fatalf("after step %d: %s\nwith each reload in two parts: %s", i+1, a.standing[i], b.standing[i])
			}
		}
	})
}

// withoutWatches sorts besides: what happens at one instant comes in another
// order when it comes in two parts.
func withoutWatches(text string) string {
	passing := []string{core.WatchListener.String(), core.IgnoreListener.String()}
	for _, code := range []core.LogCode{core.LogLimit, core.LogLimitRemedy, core.LogLimitHelp} {
		passing = append(passing, fmt.Sprint("line ", code, " "))
	}
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		return slices.ContainsFunc(passing, func(part string) bool { return strings.Contains(line, part) })
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
