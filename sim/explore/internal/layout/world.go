package layout

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Bounds of every world; the layout of a state depends on them.
const (
	maxNames    = 2 // services that a configuration can name
	MaxChildren = 6 // processes, and starts that are asked for
	MaxPlaces   = 6 // services of the machine: active, removed, being opened
	MaxWakeups  = 3
	maxQueue    = 2 // reports in a status channel before the child blocks
)

// Fault is one kind of thing that goes wrong. Each occurrence counts against
// World.Faults.
type Fault uint16

// The kinds of fault.
const (
	FaultStart    Fault = 1 << iota // a start fails: fork, exec or the channel
	FaultCrash                      // a child exits with status 1, before or after its first use
	FaultKill                       // a child is killed with SIGTERM from outside
	FaultLost                       // what is queued in a channel is lost at the cut
	FaultPartial                    // a report arrives in part and is lost
	FaultTwice                      // a report arrives twice
	FaultGossip                     // a child reports with a stale generation, a foreign pid, nonsense
	FaultStop                       // a child is stopped, and goes on later
	FaultReady                      // a readiness is told that is no more
	FaultStranger                   // a process is reaped that is not ours
	FaultListener                   // a listener cannot be opened
	FaultHangup                     // a child closes its status channel and lives on
	FaultHang                       // a child does nothing any more, and ignores SIGTERM

	AllFaults = FaultHang<<1 - 1
)

var FaultWords = []string{
	"failed start", "crash", "kill by a stranger", "reports lost at the cut", "partial report", "doubled report",
	"false report", "stopped child", "stale readiness", "stranger reaped", "failed listener", "channel closed early", "hung child",
}

// Choice is a configuration that a reload may find.
type Choice uint8

// The configurations that a reload may find.
const (
	Same     Choice = iota // both services as at the start
	Lower                  // the first service with limit 1
	Higher                 // the first service with limit 3
	Without                // the first service is gone
	Passed                 // the first service is of type pass, on the same path
	FIFO                   // the first service is a fifo, on the same path
	Lifting                // as Same, and reloads lift throttles
	Rejected               // cannot be read
	NumChoices
)

var ChoiceWords = [NumChoices]string{
	Same: "same", Lower: "limit 1", Higher: "limit 3", Without: "first service removed",
	Passed: "type changed, socket kept", FIFO: "type changed, new file", Lifting: "reload lifts throttles", Rejected: "refused",
}

// World is the definition of a small world.
type World struct {
	Name     string
	Story    string        // what it is for, in a line
	Limits   []int32       // one service for each: its process limit
	PIDs     int           // processes that can be there at once
	Clients  int           // connections that can be there at once
	Reloads  int           // hangups
	Faults   int           // how many
	Kinds    Fault         // of which kinds
	Choices  []Choice      // what a reload may find
	Removed  bool          // a second root: the first service was just removed, one child of it lives
	Hangups  bool          // the end of a channel may be seen before the end of its child
	Shutdown bool          // SIGTERM at any moment
	Alone    bool          // the master leads no process group
	Wakeup   core.Duration // of the first service; 0: none
	Stress   bool          // services on inet, which know stress mode
	Throttle core.Duration // ThrottleDelay
	Tick     core.Duration // time passes in such steps, or to the next deadline
	Exit     core.Duration // the time limit of -e; 0: none
	Late     bool          // a deadline may be served a step late, together with others
	Room     uint32        // descriptors for children, beside those of the listeners; 0: no matter how many
	Leap     core.Duration // with no deadline time may pass by this; 0: it need not
}

// Bounds describes what the world has, in words.
func (w *World) Bounds() string {
	limits := make([]string, len(w.Limits))
	for i, l := range w.Limits {
		limits[i] = fmt.Sprint(l)
	}
	text := fmt.Sprintf("services %d (limit %s), pids %d, connections %d, reloads %d, faults %d",
		len(w.Limits), strings.Join(limits, " and "), w.PIDs, w.Clients, w.Reloads, w.Faults)
	if w.Wakeup > 0 {
		text += fmt.Sprintf(", a wakeup every %d s", w.Wakeup.Seconds())
	}
	if w.Stress {
		text += ", stress mode"
	}
	if w.Shutdown {
		text += ", a shutdown"
	}
	if w.Exit > 0 {
		text += fmt.Sprintf(", the end after %d s", w.Exit.Seconds())
	}
	if w.Late {
		text += ", late deadlines"
	}
	if w.Room > 0 {
		text += fmt.Sprintf(", descriptors for %d children", w.Room)
	}
	return text + fmt.Sprintf(", throttle time %d s, time in steps of %d s", w.Throttle.Seconds(), w.Tick.Seconds())
}

// Fits reports what the layout of a state cannot hold.
func (w *World) Fits() error {
	switch {
	case len(w.Limits) < 1 || len(w.Limits) > maxNames:
		return fmt.Errorf("world %s: one or two services", w.Name)
	case w.PIDs < 1 || w.PIDs > 3 || w.Clients < 1 || w.Clients > 2 || w.Reloads < 0 || w.Reloads > 3 || w.Faults < 0 || w.Faults > 3:
		return fmt.Errorf("world %s: at most three pids, two connections, three reloads, three faults", w.Name)
	case w.Reloads > 0 && len(w.Choices) == 0, w.Throttle < core.Second, w.Tick < core.Second:
		return fmt.Errorf("world %s: a reload finds something, and times are whole seconds", w.Name)
	}
	return nil
}

// names of the services, as readers see them.
var SlotNames = [maxNames]string{"alpha", "beta"}

// service returns the entry of one name.
func (w *World) service(slot int) core.ServiceConfig {
	name := SlotNames[slot]
	s := core.ServiceConfig{
		Name: name, Canonical: "private/" + name, Type: core.Unix, Line: int32(slot + 1), LocalOnly: true,
		Endpoints:    []core.Endpoint{{Path: "private/" + name}},
		ProcessLimit: w.Limits[slot], Command: name + "d", Path: "/d/" + name + "d", ThrottleDelay: w.Throttle,
	}
	if w.Stress {
		s.Type, s.LocalOnly, s.Canonical = core.Inet, false, fmt.Sprint(10000+slot)
		s.Endpoints = []core.Endpoint{{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(10000+slot))}}
	}
	if slot == 0 {
		s.WakeupInterval = w.Wakeup
	}
	return s
}

// Config returns the configuration that a choice stands for; Rejected holds
// nothing but a diagnostic.
func (w *World) Config(choice Choice) *core.Config {
	c := &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix"}
	if choice == Rejected {
		c.Diagnostics = []core.Diagnostic{{Severity: core.Error, Text: "bad", Hint: "good"}}
		return c
	}
	for slot := range w.Limits {
		s := w.service(slot)
		if slot == 0 {
			switch choice {
			case Lower:
				s.ProcessLimit = 1
			case Higher:
				s.ProcessLimit = 3
			case Without:
				continue
			case Passed:
				s.Type = core.Pass
			case FIFO:
				s.Type = core.FIFO
			}
		}
		c.Services = append(c.Services, s)
	}
	c.ReloadClearsThrottle = choice == Lifting
	return c
}
