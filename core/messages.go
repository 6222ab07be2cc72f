package core

import "strconv"

// Level is the severity of a log line (spec runtime, 14.1).
type Level uint8

// The levels. Verbose lines are info lines that are logged only with -v.
const (
	LevelVerbose Level = iota + 1
	LevelInfo
	LevelWarning
	LevelError
	LevelFatal
	LevelPanic
)

// LogCode identifies one line of the log. Its level and text are defined here
// and nowhere else.
type LogCode uint8

// The log lines, in Postfix's wording where operators and log analysers expect
// it (spec runtime, 16).
const (
	LogNone LogCode = iota
	LogStarted
	LogReload
	LogTerminating
	LogExitTime
	LogDiagnostic
	LogReloadRefused
	LogListenFailed
	LogListenRemedy
	LogExited
	LogStopped
	LogBadStartup
	LogForkFailed
	LogChannelFailed
	LogExecFailed
	LogLimit
	LogLimitRemedy
	LogLimitHelp
	LogPartialStatus
	LogUnknownStatus
	LogStaleStatus
	LogForeignStatus
	LogMuted
	LogWakeupFailed
	LogWakeupTimeout
	LogStranger
	LogChannelClosed
	LogRemovalKilled
	LogSpawned
	LogThrottling
	LogThrottleReleased
	LogStarved
	numLogCodes
)

// logLevels maps each code to its level; LogDiagnostic and LogListenFailed carry
// their own.
var logLevels = [numLogCodes]Level{
	LogStarted:          LevelInfo,
	LogReload:           LevelInfo,
	LogTerminating:      LevelInfo,
	LogExitTime:         LevelInfo,
	LogDiagnostic:       LevelInfo,
	LogReloadRefused:    LevelWarning,
	LogListenFailed:     LevelFatal,
	LogListenRemedy:     LevelInfo,
	LogExited:           LevelWarning,
	LogStopped:          LevelWarning,
	LogBadStartup:       LevelWarning,
	LogForkFailed:       LevelWarning,
	LogChannelFailed:    LevelWarning,
	LogExecFailed:       LevelWarning,
	LogLimit:            LevelWarning,
	LogLimitRemedy:      LevelWarning,
	LogLimitHelp:        LevelWarning,
	LogPartialStatus:    LevelWarning,
	LogUnknownStatus:    LevelWarning,
	LogStaleStatus:      LevelInfo,
	LogForeignStatus:    LevelWarning,
	LogMuted:            LevelWarning,
	LogWakeupFailed:     LevelWarning,
	LogWakeupTimeout:    LevelWarning,
	LogStranger:         LevelInfo,
	LogChannelClosed:    LevelInfo,
	LogRemovalKilled:    LevelWarning,
	LogSpawned:          LevelVerbose,
	LogThrottling:       LevelVerbose,
	LogThrottleReleased: LevelVerbose,
	LogStarved:          LevelWarning,
}

// Message returns the text of a Log action without the level's prefix.
func (a *Action) Message() string { return string(a.AppendMessage(nil)) }

// AppendMessage appends the text of a Log action to dst.
func (a *Action) AppendMessage(dst []byte) []byte {
	m := message{dst}
	switch a.Code {
	case LogStarted:
		m.s("daemon started -- version ").s(a.Config.MailVersion).s(", configuration ").s(a.Config.ConfigDirectory)
	case LogReload:
		m.s("reload -- version ").s(a.Config.MailVersion).s(", configuration ").s(a.Config.ConfigDirectory)
	case LogTerminating:
		m.s("terminating on signal ").n(int64(a.Signal))
	case LogExitTime:
		m.s("master exit time has arrived")
	case LogDiagnostic:
		m.s(a.Text)
	case LogReloadRefused:
		m.s("reload refused: services keep their previous settings; new processes read the changed ").
			s(a.Config.ConfigDirectory).s(`/main.cf and may fail until the errors above are fixed; fix them and run "postfix reload"`)
	case LogListenFailed:
		m.listenFailed(a)
	case LogListenRemedy:
		m.s(a.Config.ConfigDirectory).s("/master.cf: line ").n(int64(a.Entry.Line)).s(": service ").quoted(a.Entry.Name).
			s(" cannot listen on ").s(a.Entry.Endpoints[a.Listener].String()).s("; ").s(listenRemedy(a.ListenStep, a.Entry.Owner, a.Errno))
	case LogExited:
		m.s("process ").s(a.Entry.Path).s(" pid ").n(int64(a.PID)).s(" ").s(a.Status.String())
	case LogStopped:
		m.s("process ").s(a.Entry.Path).s(" pid ").n(int64(a.PID)).s(" stopped by signal ").n(int64(a.Signal))
	case LogBadStartup:
		m.s(a.Entry.Path).s(": bad command startup -- throttling")
	case LogForkFailed:
		m.s("master_spawn: fork: ").s(a.Errno.String()).s(" -- throttling")
	case LogChannelFailed:
		m.s("master_spawn: no status channel for ").s(a.Entry.Path).s(" (").s(a.Errno.String()).s(") -- throttling")
	case LogExecFailed:
		m.s("master_spawn: exec ").s(a.Entry.Path).s(": ").s(a.Errno.String())
		if a.Errno == ETIMEDOUT {
			m.s(" -- the file system that holds the program does not respond; the process is killed, and clients wait until the file system responds and the throttle time is over")
		}
	default:
		return a.appendServiceMessage(dst)
	}
	return m.b
}

// appendServiceMessage appends the texts that concern one service.
func (a *Action) appendServiceMessage(dst []byte) []byte {
	m := message{dst}
	switch a.Code {
	case LogLimit:
		m.s("service ").quoted(a.Entry.Name).s(" (").s(a.Entry.Canonical).s(`) has reached its process limit "`).n(a.Number).
			s(`": new clients may experience noticeable delays`)
	case LogLimitRemedy:
		m.s("to avoid this condition, increase the process count in master.cf or reduce the service time per client")
	case LogLimitHelp:
		m.s("see http://www.postfix.org/STRESS_README.html for examples of stress-adapting configuration settings")
	case LogPartialStatus:
		m.s("service ").service(a.Entry).s(": child (pid ").n(int64(a.PID)).s(") sent partial status update (").n(a.Number).s(" bytes)")
	case LogUnknownStatus:
		m.s("master_status_event: ignoring unknown status: ").n(a.Number).s(" allegedly from pid: ").n(int64(a.PID))
	case LogStaleStatus:
		m.s("ignoring status update from child pid ").n(int64(a.PID)).s(" generation ").n(a.Number)
	case LogForeignStatus:
		m.s("service ").service(a.Entry).s(": child (pid ").n(int64(a.PID)).s(") sent a status update for pid ").n(a.Number).s(", ignored")
	case LogMuted:
		m.s("service ").service(a.Entry).s(": child (pid ").n(int64(a.PID)).s(") keeps sending bad status updates; no more of them are logged")
	case LogWakeupFailed:
		m.s("master_wakeup_timer_event: service ").service(a.Entry).s(": ").s(a.Errno.String())
	case LogWakeupTimeout:
		m.s(triggerNames[a.Entry.Type]).s("_trigger_event: read timeout for service ").s(a.Entry.Canonical)
	case LogStranger:
		m.s("reaped process ").n(int64(a.PID)).s(" (").s(a.Status.String()).s("), which this master did not start; ignored")
	case LogChannelClosed:
		m.s("process ").s(a.Entry.Path).s(" pid ").n(int64(a.PID)).
			s(" closed its status channel but is still running; it counts toward the process limit of service ").service(a.Entry).s(" until it exits")
	case LogRemovalKilled:
		m.s("service ").service(a.Entry).s(" was removed; its process ").s(a.Entry.Path).s(" pid ").n(int64(a.PID)).
			s(" is still alive ").n(removalGrace.Seconds()).s(" s after SIGTERM, sending SIGKILL")
	case LogSpawned:
		m.s("spawn command ").s(a.Entry.Path).s("; pid ").n(int64(a.PID))
	case LogThrottling:
		m.s("throttling command ").s(a.Entry.Path)
	case LogThrottleReleased:
		m.s("throttle released for command ").s(a.Entry.Path)
	case LogStarved:
		m.s("no descriptor is left for another process of service ").service(a.Entry).s("; ").n(a.Number).
			s(" processes are running, and one descriptor is reserved for each service without a process; clients wait until a process exits; " +
				"raise the hard limit on open files (ulimit -Hn)")
	default:
		m.s("unknown log code ").n(int64(a.Code))
	}
	return m.b
}

var triggerNames = [numServiceTypes]string{
	Inet: "inet", Unix: "unix", UnixDatagram: "unix", FIFO: "fifo", Pass: "pass",
}

// message builds a text without allocating more than its bytes.
type message struct{ b []byte }

func (m *message) s(text string) *message {
	m.b = append(m.b, text...)
	return m
}

func (m *message) n(v int64) *message {
	m.b = strconv.AppendInt(m.b, v, 10)
	return m
}

func (m *message) quoted(text string) *message { return m.s(`"`).s(text).s(`"`) }

func (m *message) service(e *ServiceConfig) *message {
	return m.s(e.Name).s("(").s(e.Canonical).s(")")
}

// listenFailed appends the original's fatal line for each step (spec runtime,
// 6).
func (m *message) listenFailed(a *Action) {
	end := a.Entry.Endpoints[a.Listener]
	prefix := ""
	switch a.Entry.Type {
	case FIFO:
		prefix = "fifo_listen: "
	case UnixDatagram:
		prefix = "unix_dgram_listen: "
	}
	switch a.ListenStep {
	case StepName:
		m.s(prefix).s("unix-domain name too long: ").s(end.Path)
		return
	case StepSocket:
		m.s("socket: ")
	case StepOption:
		m.s("setsockopt: ")
	case StepRemove:
		if a.Entry.Type != FIFO {
			prefix = ""
		}
		m.s(prefix).s("remove ").s(end.Path).s(": ")
	case StepAside:
		m.s("cannot rename ").s(end.Path).s(" aside to free the path for another service (").s(a.Errno.String()).s(")")
		return
	case StepBind:
		if end.Path != "" {
			m.s("bind: ").s(end.Path).s(": ")
		} else {
			m.s("bind ").s(end.Address.Addr().String()).s(" port ").n(int64(end.Address.Port())).s(": ")
		}
	case StepMode:
		if a.Entry.Type == FIFO {
			m.s("fifo_listen: fchmod ").s(end.Path).s(": ")
		} else {
			m.s("chmod socket ").s(end.Path).s(": ")
		}
	case StepListen:
		m.s("listen: ")
	case StepCreate:
		m.s("fifo_listen: create fifo ").s(end.Path).s(": ")
	case StepOpen:
		m.s(prefix).s("open ").s(end.Path).s(": ")
	case StepStat:
		m.s(prefix).s("fstat ").s(end.Path).s(": ")
	case StepNotFIFO:
		m.s("fifo_listen: ").s(end.Path).s(" is not a fifo")
		return
	case StepGroup, StepGroups, StepUser:
		m.s(IdentityFailure(a.ListenStep, a.Entry.Owner, a.Errno))
		return
	default:
		m.s("cannot watch ").s(end.String()).s(" for clients (").s(a.Errno.String()).s(")")
		return
	}
	m.s(a.Errno.String())
}

// IdentityFailure returns the original's line for an identity that could not be
// set: step is StepGroup, StepGroups or StepUser.
func IdentityFailure(step ListenStep, owner Account, e Errno) string {
	call, id := "setegid", owner.GID
	switch step {
	case StepGroups:
		call = "setgroups"
	case StepUser:
		call, id = "seteuid", owner.UID
	}
	m := message{}
	return string(m.s("set_eugid: ").s(call).s("(").n(int64(id)).s("): ").s(e.String()).b)
}

// IdentityRemedy returns what to do about it.
func IdentityRemedy(step ListenStep, owner Account) string {
	capability := "CAP_SETGID"
	if step == StepUser {
		capability = "CAP_SETUID"
	}
	return "master must be able to act as " + owner.Name + "; give it the capability " + capability +
		" (CapabilityBoundingSet= of its unit, --cap-add of its container), and in a user namespace map the user and group of " + owner.Name
}

// listenRemedy returns what to do about a listener that could not be opened.
func listenRemedy(step ListenStep, owner Account, e Errno) string {
	switch {
	case step == StepGroup || step == StepGroups || step == StepUser:
		return IdentityRemedy(step, owner)
	case step == StepName:
		return "the path does not fit a socket address (107 bytes); shorten the service name"
	case e == EADDRINUSE:
		return "another program holds this address; stop it or change the entry"
	case e == EADDRNOTAVAIL:
		return "no local interface has this address; correct the host or bring up the interface first"
	case e == EISDIR:
		return "there is a directory at this path; remove it or rename the service"
	case e == EACCES || e == EPERM:
		return "permission denied; the directory must be writable by mail_owner, and ports below 1024 need root"
	case e == EMFILE || e == ENFILE:
		return "no descriptors are left; raise the limit on open files (ulimit -n) and start again"
	case e == ENOENT || e == ENOTDIR:
		return "the directory is missing; create it (postfix set-permissions, or mkdir public private)"
	case e == EROFS || e == ENOSPC:
		return "the file system is full or read-only; free space or remount it writable"
	}
	return "correct the entry or remove the cause of this error"
}
