package osadapter

import (
	"math"

	"github.com/stationmaster/stationmaster/core"
)

// ownDescriptors are for the log, the locks, the poll set, the runtime, a start or
// a reload under way, wakeups that their receivers have not closed, and their like. Where few files may be open it is half of
// them: we have about fourteen open before there is any service.
const ownDescriptors = 40

// usualLimit is what default_process_limit is by default: a service without a
// process limit should be able to have as many processes.
const usualLimit = 100

// Descriptors is how many of the files that may be open are left for listeners and
// children, for core.MachineOptions; 0: unlimited.
func Descriptors(openFiles uint64) uint32 {
	left := openFiles - own(openFiles)
	if left > math.MaxInt32 {
		return 0
	}
	return uint32(left)
}

// own returns how many of the files that may be open are for the master itself.
func own(openFiles uint64) uint64 { return min(ownDescriptors, openFiles/2) }

// DescriptorWarning says in time that a process limit can never be reached because
// too few files may be open, empty if each can. A listener and a child cost one
// each, and one is kept for each other service (see core.MachineOptions). A limit that
// only cannot be reached together with others is no reason to warn: no machine is
// made for all limits at once.
func DescriptorWarning(openFiles uint64, c *core.Config) string {
	left := int64(Descriptors(openFiles))
	if left == 0 {
		return ""
	}
	var highest int64
	var worst *core.ServiceConfig
	for i := range c.Services {
		s := &c.Services[i]
		left -= int64(len(s.Endpoints))
		limit := int64(s.ProcessLimit)
		if limit == 0 {
			limit = usualLimit
		}
		if limit > highest {
			highest, worst = limit, s
		}
	}
	reach := left - int64(len(c.Services)-1)
	if worst == nil || reach >= highest {
		return ""
	}
	wanted := "although its process limit is " + utoa(uint64(highest))
	if worst.ProcessLimit == 0 {
		wanted = "although it has no process limit"
	}
	return "service " + worst.Name + " (" + worst.Canonical + ") can have at most " + utoa(uint64(max(reach, 1))) + " processes " + wanted +
		", because only " + utoa(openFiles) + " files may be open; raise the hard limit on open files (ulimit -Hn) to " +
		utoa(openFiles+uint64(highest-reach)) + " or more, or lower the process limits in " + c.ConfigDirectory + "/master.cf"
}
