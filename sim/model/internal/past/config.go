package past

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// What the border only carries is read here once more from the specification: nothing
// of the machine's policy is asked.

// StressAware reports whether the children of a service get the stress argument
// (spec config, 5.7).
func StressAware(e *core.ServiceConfig) bool { return e.ProcessLimit > 1 && !e.LocalOnly }

// EndOf reads an exit status: the signal that ended the process, or 0, and whether it
// called exit with code 0.
func EndOf(s core.ExitStatus) (by core.Signal, well bool) {
	if s>>8&1 != 0 {
		return core.Signal(s & 0xff), false
	}
	return 0, s == 0
}

// Fault is what no master.cf can contain, and what the line about it must name.
type Fault struct {
	Service string
	About   string
}

// longestDelay is the longest time that a column of master.cf or a parameter can hold, in
// seconds (spec config, 3).
const longestDelay = 1<<31 - 1

// mostListeners is how many one service may have: their numbers must fit an event.
const mostListeners = 1024

// faultOf returns the first fault of a configuration, in file order, or nil
// (spec config, 5).
func faultOf(c *core.Config) *Fault {
	seen := make(map[Identity]bool)
	for i := range c.Services {
		s := &c.Services[i]
		about := faultIn(s)
		if about == "" && seen[IdentityOf(s)] {
			about = "two entries"
		}
		if about != "" {
			return &Fault{s.Name, about}
		}
		seen[IdentityOf(s)] = true
	}
	return nil
}

func faultIn(s *core.ServiceConfig) string {
	const short, long = core.Second, longestDelay * core.Second
	ends := len(s.Endpoints)
	switch {
	case s.Type != core.Inet && s.Type != core.Unix && s.Type != core.UnixDatagram && s.Type != core.FIFO && s.Type != core.Pass:
		return "transport"
	case ends == 0 || ends > mostListeners:
		return "listeners"
	case s.ProcessLimit < 0:
		return "process limit"
	case s.WakeupInterval != 0 && s.WakeupInterval < short:
		return "wakeup"
	case s.ThrottleDelay < short:
		return "throttle"
	case s.WakeupInterval > long || s.ThrottleDelay > long:
		return "delay"
	}
	for _, end := range s.Endpoints {
		onPath, onAddress := end.Path != "", end.Address.IsValid()
		if onPath == onAddress || onAddress != (s.Type == core.Inet) {
			return "listener"
		}
	}
	return ""
}

// Named reports whether a line names the service and the fault.
func (f *Fault) Named(text string) bool {
	return strings.Contains(text, "service "+f.Service+" ") && strings.Contains(text, f.About)
}

// Refused turns a configuration with a fault into what it comes to: a rejected one,
// whose last error is about that.
func Refused(ev core.Event) (core.Event, *Fault) {
	if ev.Kind != core.ConfigLoaded || ev.Config == nil {
		return ev, nil
	}
	f := faultOf(ev.Config)
	if f != nil {
		ev.Kind = core.ConfigRejected
	}
	return ev, f
}
