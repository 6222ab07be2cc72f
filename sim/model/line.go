package model

import "github.com/stationmaster/stationmaster/core"

// levels gives the weight of each line (spec runtime, 14.1 and 16; differences
// for those that the original does not have). Diagnostics and failed listeners
// weigh as their case says.
var levels = map[core.LogCode]core.Level{
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

// line is the part of a Log action that its rule fixes; zero fields count too,
// except that of means any entry when it is nil.
type line struct {
	code   core.LogCode
	of     *service
	pid    core.PID
	number int64
	errno  core.Errno
	signal core.Signal
	status core.ExitStatus
}

// match compares what the text of the code shows. The entry may be the one that
// a child was started from or the one in force: the specification tells only
// one path for both.
func (l line) match(a *core.Action) bool {
	if a.Code != l.code || a.Level != levels[l.code] || a.PID != l.pid || numbered[l.code] && a.Number != l.number ||
		a.Errno != l.errno || a.Signal != l.signal || a.Status != l.status {
		return false
	}
	return l.of == nil || a.Entry != nil && identityOf(a.Entry) == l.of.identity()
}

func (l line) service() core.ServiceID {
	if l.of == nil {
		return 0
	}
	return l.of.id
}

// mustLog demands one line.
func (o *observation) mustLog(rule, what string, l line) {
	o.must(rule, l.service(), core.Log, what, l.match)
}

// mayLog allows one line.
func (o *observation) mayLog(rule, what string, l line) {
	o.may(rule, l.service(), core.Log, what, l.match)
}

// verbose demands a line that only -v shows.
func (o *observation) verbose(what string, l line) {
	if o.before.flags.Verbose {
		o.mustLog(ruleVerbose, what, l)
	}
}
