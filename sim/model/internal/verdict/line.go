package verdict

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
)

// Levels returns the weight of each line (spec runtime, 14.1 and 16; differences
// for those that the original does not have). Diagnostics and failed listeners
// weigh as their case says.
var Levels = map[core.LogCode]core.Level{
	core.LogStarted: core.LevelInfo, core.LogReload: core.LevelInfo, core.LogTerminating: core.LevelInfo,
	core.LogExitTime: core.LevelInfo, core.LogReloadRefused: core.LevelWarning, core.LogListenRemedy: core.LevelInfo,
	core.LogExited: core.LevelWarning, core.LogStopped: core.LevelWarning, core.LogBadStartup: core.LevelWarning,
	core.LogForkFailed: core.LevelWarning, core.LogChannelFailed: core.LevelWarning, core.LogExecFailed: core.LevelWarning,
	core.LogLimit: core.LevelWarning, core.LogLimitRemedy: core.LevelWarning, core.LogLimitHelp: core.LevelWarning,
	core.LogPartialStatus: core.LevelWarning, core.LogUnknownStatus: core.LevelWarning,
	core.LogStaleStatus: core.LevelInfo, core.LogForeignStatus: core.LevelWarning, core.LogMuted: core.LevelWarning,
	core.LogWakeupFailed: core.LevelWarning, core.LogWakeupTimeout: core.LevelWarning,
	core.LogStranger: core.LevelInfo, core.LogChannelClosed: core.LevelInfo, core.LogRemovalKilled: core.LevelWarning,
	core.LogSpawned: core.LevelVerbose, core.LogThrottling: core.LevelVerbose, core.LogThrottleReleased: core.LevelVerbose,
	core.LogStarved: core.LevelWarning,
}

// numbered are the lines whose text shows the number of the action.
var numbered = map[core.LogCode]bool{
	core.LogLimit: true, core.LogPartialStatus: true, core.LogUnknownStatus: true,
	core.LogStaleStatus: true, core.LogForeignStatus: true, core.LogStarved: true,
}

// Line is the part of a Log action that its rule fixes; zero fields count too,
// except that of means any entry when it is nil.
type Line struct {
	Code   core.LogCode
	Of     *past.Service
	Pid    core.PID
	Number int64
	Errno  core.Errno
	Signal core.Signal
	Status core.ExitStatus
}

// Match compares what the text of the code shows. The entry may be the one that
// a child was started from or the one in force: the specification tells only
// one path for both.
func (l Line) Match(a *core.Action) bool {
	if a.Code != l.Code || a.Level != Levels[l.Code] || a.PID != l.Pid || numbered[l.Code] && a.Number != l.Number ||
		a.Errno != l.Errno || a.Signal != l.Signal || a.Status != l.Status {
		return false
	}
	return l.Of == nil || a.Entry != nil && past.IdentityOf(a.Entry) == l.Of.Identity()
}

func (l Line) service() core.ServiceID {
	if l.Of == nil {
		return 0
	}
	return l.Of.Id
}

// MustLog demands one line.
func (o *Observation) MustLog(rule, what string, l Line) {
	o.Must(rule, l.service(), core.Log, what, l.Match)
}

// MayLog allows one line.
func (o *Observation) MayLog(rule, what string, l Line) {
	o.May(rule, l.service(), core.Log, what, l.Match)
}

// Verbose demands a line that only -v shows.
func (o *Observation) Verbose(what string, l Line) {
	if o.Before.Flags.Verbose {
		o.MustLog(RuleVerbose, what, l)
	}
}
