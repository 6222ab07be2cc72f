package past

import "github.com/stationmaster/stationmaster/core"

// Flags are what the command line decides for the whole life of a machine
// (spec runtime, 1).
type Flags struct {
	InitMode    bool          // -i: the end is exit code 0, strangers are reaped silently
	GroupLeader bool          // a signal to our process group reaches our children
	Verbose     bool          // -v: verbose lines are demanded; without it they are refused
	ExitSet     bool          // -e was given
	ExitAfter   core.Duration // with ExitSet: the end comes after this span
	Descriptors uint32        // listeners and children may hold so many together; 0: no matter how many
}
