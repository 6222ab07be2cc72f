package laws

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// lineLaw says of a line which law it belongs to, and how it weighs (spec runtime,
// 14.1 and 16).
type lineLaw struct {
	law   string
	level core.Level
}

// lineLaws have the lines whose reason the account knows. What is wrong with a
// configuration, and what cannot be opened, is judged by the reference model.
var lineLaws = [...]lineLaw{
	core.LogStarted:          {"S8", core.LevelInfo},
	core.LogReload:           {"L8", core.LevelInfo},
	core.LogTerminating:      {"L5", core.LevelInfo},
	core.LogExitTime:         {"L5", core.LevelInfo},
	core.LogReloadRefused:    {"S8", core.LevelWarning},
	core.LogExited:           {"S7", core.LevelWarning},
	core.LogStopped:          {"S6", core.LevelWarning},
	core.LogBadStartup:       {"S7", core.LevelWarning},
	core.LogForkFailed:       {"S7", core.LevelWarning},
	core.LogChannelFailed:    {"S7", core.LevelWarning},
	core.LogExecFailed:       {"S7", core.LevelWarning},
	core.LogLimit:            {"S11", core.LevelWarning},
	core.LogLimitRemedy:      {"S11", core.LevelWarning},
	core.LogLimitHelp:        {"S11", core.LevelWarning},
	core.LogPartialStatus:    {"S6", core.LevelWarning},
	core.LogUnknownStatus:    {"S6", core.LevelWarning},
	core.LogStaleStatus:      {"S6", core.LevelInfo},
	core.LogForeignStatus:    {"S6", core.LevelWarning},
	core.LogMuted:            {"S11", core.LevelWarning},
	core.LogWakeupFailed:     {"L6", core.LevelWarning},
	core.LogWakeupTimeout:    {"L6", core.LevelWarning},
	core.LogStranger:         {"S6", core.LevelInfo},
	core.LogChannelClosed:    {"S11", core.LevelInfo},
	core.LogRemovalKilled:    {"L3", core.LevelWarning},
	core.LogSpawned:          {"S4", core.LevelVerbose},
	core.LogThrottling:       {"S7", core.LevelVerbose},
	core.LogThrottleReleased: {"S7", core.LevelVerbose},
	core.LogStarved:          {"S13", core.LevelWarning},
}

// logged judges a line: it must be one that is due, and show whom it is about.
func (b *Book) logged(a *core.Action) {
	if int(a.Code) >= len(lineLaws) || lineLaws[a.Code].law == "" {
		return // of a configuration or a listener
	}
	law := lineLaws[a.Code]
	if !b.looksAt(law.law) || !b.Whole {
		return
	}
	b.said = a.AppendMessage(b.said[:0])
	for i := range b.Expected {
		if l := &b.Expected[i]; l.Code == a.Code && !l.Seen && shows(l, b.said) {
			l.Seen = true
			if a.Level != law.level {
				b.breaks(law.law, fmt.Sprintf("line %d has level %d: %s", a.Code, a.Level, b.said))
			}
			return
		}
	}
	b.breaks(law.law, fmt.Sprintf("line %d is not due, or not in these words: %s", a.Code, b.said))
}

// linesComplete: what must be said was said.
func (b *Book) linesComplete() {
	for i := range b.Expected {
		l := &b.Expected[i]
		if law := lineLaws[l.Code].law; !l.Seen && !l.May && !b.Due.Adrift && b.Whole && b.looksAt(law) {
			b.breaks(law, fmt.Sprintf("line %d is missing: pid %d, number %d", l.Code, l.PID, l.Number))
		}
	}
}

// shows reports whether a text is the line: word for word where the words are those of
// the original, and otherwise with everything in it that identifies its subject.
func shows(l *account.Line, text []byte) bool {
	t := phrase{rest: text, ok: true}
	switch l.Code {
	case core.LogStarted:
		t.is("daemon started -- version ").is(l.Config.MailVersion).is(", configuration ").is(l.Config.ConfigDirectory)
	case core.LogReload:
		t.is("reload -- version ").is(l.Config.MailVersion).is(", configuration ").is(l.Config.ConfigDirectory)
	case core.LogTerminating:
		t.is("terminating on signal ").number(l.Number)
	case core.LogExitTime:
		t.is("master exit time has arrived")
	case core.LogExited:
		t.is("process ").is(l.Entry.Path).is(" pid ").number(int64(l.PID)).is(" ").status(l.Status)
	case core.LogStopped:
		t.is("process ").is(l.Entry.Path).is(" pid ").number(int64(l.PID)).is(" stopped by signal ").number(l.Number)
	case core.LogBadStartup:
		t.is(l.Entry.Path).is(": bad command startup -- throttling")
	case core.LogForkFailed:
		t.is("master_spawn: fork: ").is(l.Errno.String()).is(" -- throttling")
	case core.LogLimit:
		t.is("service \"").is(l.Entry.Name).is("\" (").is(l.Entry.Canonical).is(") has reached its process limit \"").number(int64(l.Entry.ProcessLimit)).
			is("\": new clients may experience noticeable delays")
	case core.LogLimitRemedy:
		t.is("to avoid this condition, increase the process count in master.cf or reduce the service time per client")
	case core.LogLimitHelp:
		t.is("see http://www.postfix.org/STRESS_README.html for examples of stress-adapting configuration settings")
	case core.LogPartialStatus:
		t.service(l.Entry).is(": child (pid ").number(int64(l.PID)).is(") sent partial status update (").number(l.Number).is(" bytes)")
	case core.LogUnknownStatus:
		t.is("master_status_event: ignoring unknown status: ").number(l.Number).is(" allegedly from pid: ").number(int64(l.PID))
	case core.LogStaleStatus:
		t.is("ignoring status update from child pid ").number(int64(l.PID)).is(" generation ").number(l.Number)
	case core.LogWakeupFailed:
		t.is("master_wakeup_timer_event: ").service(l.Entry).is(": ").is(l.Errno.String())
	case core.LogWakeupTimeout:
		t.is(trigger(l.Entry.Type)).is("_trigger_event: read timeout for service ").is(l.Entry.Canonical)
	case core.LogSpawned:
		t.is("spawn command ").is(l.Entry.Path).is("; pid ").number(int64(l.PID))
	case core.LogThrottling:
		t.is("throttling command ").is(l.Entry.Path)
	case core.LogThrottleReleased:
		t.is("throttle released for command ").is(l.Entry.Path)
	default:
		return tells(l, text)
	}
	return t.ok && len(t.rest) == 0
}

// tells is shows for our own lines: their words may change, their facts may not.
func tells(l *account.Line, text []byte) bool {
	t := phrase{rest: text, ok: true}
	switch l.Code {
	case core.LogReloadRefused:
		return t.has(l.Config.ConfigDirectory)
	case core.LogChannelFailed:
		return t.has(l.Entry.Path) && t.has(l.Errno.String()) && t.has("throttling")
	case core.LogExecFailed:
		t.is("master_spawn: exec ").is(l.Entry.Path).is(": ").is(l.Errno.String())
		return t.ok && (len(t.rest) == 0 || l.Errno == core.ETIMEDOUT)
	case core.LogForeignStatus:
		return t.hasService(l.Entry) && t.hasNumber(int64(l.PID)) && t.hasNumber(l.Number)
	case core.LogMuted:
		return t.hasService(l.Entry) && t.hasNumber(int64(l.PID))
	case core.LogStranger:
		return t.hasNumber(int64(l.PID)) && t.hasStatus(l.Status)
	case core.LogChannelClosed, core.LogRemovalKilled:
		return t.hasService(l.Entry) && t.has(l.Entry.Path) && t.hasNumber(int64(l.PID))
	case core.LogStarved:
		return t.hasService(l.Entry) && t.hasNumber(l.Number)
	}
	return false
}

// trigger is the original's word for how a service is woken.
func trigger(t core.ServiceType) string {
	switch t {
	case core.Inet:
		return "inet"
	case core.FIFO:
		return "fifo"
	case core.Pass:
		return "pass"
	}
	return "unix"
}

// phrase reads a text from its beginning, word by word, or looks for words in it.
type phrase struct {
	rest []byte
	ok   bool
}

func (t *phrase) is(words string) *phrase {
	if len(t.rest) >= len(words) && string(t.rest[:len(words)]) == words {
		t.rest = t.rest[len(words):]
	} else {
		t.ok = false
	}
	return t
}

func (t *phrase) number(n int64) *phrase {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	if bytes.HasPrefix(t.rest, text) {
		t.rest = t.rest[len(text):]
	} else {
		t.ok = false
	}
	return t
}

// service is the original's way to name one.
func (t *phrase) service(e *core.ServiceConfig) *phrase {
	return t.is("service ").is(e.Name).is("(").is(e.Canonical).is(")")
}

func (t *phrase) status(s core.ExitStatus) *phrase {
	if s&account.BySignal != 0 {
		return t.is("killed by signal ").number(int64(uint8(s)))
	}
	return t.is("exit status ").number(int64(uint8(s)))
}

// whole reports whether what lies between two places of the text is no part of a
// longer word or number.
func whole(text []byte, from, to int) bool {
	return (from == 0 || !wordly(text[from-1])) && (to == len(text) || !wordly(text[to]))
}

func wordly(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-'
}

func (t *phrase) has(words string) bool {
	for i := range t.rest {
		x := phrase{t.rest[i:], true}
		if x.is(words); x.ok && whole(t.rest, i, len(t.rest)-len(x.rest)) {
			return true
		}
	}
	return false
}

func (t *phrase) hasNumber(n int64) bool {
	for i := range t.rest {
		x := phrase{t.rest[i:], true}
		if x.number(n); x.ok && whole(t.rest, i, len(t.rest)-len(x.rest)) {
			return true
		}
	}
	return false
}

func (t *phrase) hasStatus(s core.ExitStatus) bool {
	for i := range t.rest {
		x := phrase{t.rest[i:], true}
		if x.status(s); x.ok && whole(t.rest, i, len(t.rest)-len(x.rest)) {
			return true
		}
	}
	return false
}

func (t *phrase) hasService(e *core.ServiceConfig) bool {
	for i := range t.rest {
		x := phrase{t.rest[i:], true}
		if x.is(e.Name).is("(").is(e.Canonical).is(")"); x.ok && whole(t.rest, i, len(t.rest)-len(x.rest)) {
			return true
		}
	}
	return false
}
