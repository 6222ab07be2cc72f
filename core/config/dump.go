package config

import (
	"strconv"

	"github.com/stationmaster/stationmaster/core"
)

// Bits of the line "flags:" (spec runtime, 16).
const (
	bitWakeupIfUsed = 4
	bitHostInName   = 8
	bitLocalOnly    = 16
)

// DumpService returns the lines of the verbose log about an accepted entry (spec
// runtime, 16, end), without line ends.
func DumpService(s *core.ServiceConfig) []string {
	bits := 0
	for _, b := range []struct {
		on  bool
		bit int
	}{{s.WakeupIfUsed, bitWakeupIfUsed}, {s.HostInName, bitHostInName}, {s.LocalOnly, bitLocalOnly}} {
		if b.on {
			bits |= b.bit
		}
	}
	lines := []string{
		"====start service entry",
		"flags: " + strconv.Itoa(bits),
		"name: " + s.Canonical,
		"type: " + s.Type.String(),
		"listen_fd_count: " + strconv.Itoa(len(s.Endpoints)),
		"wakeup: " + strconv.FormatInt(s.WakeupInterval.Seconds(), 10),
		"max_proc: " + strconv.Itoa(int(s.ProcessLimit)),
		"path: " + s.Path,
	}
	for i, arg := range s.Argv(len(s.Endpoints), false) {
		lines = append(lines, "arg["+strconv.Itoa(i)+"]: "+arg)
	}
	return append(lines,
		"avail_proc: 0",
		"total_proc: 0",
		"throttle_delay: "+strconv.FormatInt(s.ThrottleDelay.Seconds(), 10),
		"status_fd -1 -1",
		"children: 0x0",
		"next: 0x0",
		"====end service entry")
}
