package laws

import (
	"bytes"
	"strconv"

	"github.com/stationmaster/stationmaster/core"
)

// line is one line of the log that a step must bring, as far as an operator sees it.
type line struct {
	code   core.LogCode
	entry  *core.ServiceConfig
	pid    core.PID
	status core.ExitStatus
	number int64 // a count, a signal, or what a message claims
	errno  core.Errno
	config *core.Config
	may    bool // it may be missing
	seen   bool
}

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

// expect notes a line that this step must bring, or may.
func (b *Book) expect(l line) { b.expected = append(b.expected, l) }

// verbose is expect for a line that only -v shows.
func (b *Book) verbose(l line) {
	if b.options.Verbose {
		b.expect(l)
	}
}

// logged judges a line: it must be one that is due, and show whom it is about.
func (b *Book) logged(a *core.Action) {
	if int(a.Code) >= len(lineLaws) || lineLaws[a.Code].law == "" {
		return // of a configuration or a listener
	}
	law := lineLaws[a.Code]
	if !b.looksAt(law.law) || !b.whole {
		return
	}
	b.said = a.AppendMessage(b.said[:0])
	for i := range b.expected {
		if l := &b.expected[i]; l.code == a.Code && !l.seen && l.shows(b.said) {
			l.seen = true
			if a.Level != law.level {
				b.breaks(law.law, wrong("line %d has level %d: %s", a.Code, a.Level, b.said))
			}
			return
		}
	}
	b.breaks(law.law, wrong("line %d is not due, or not in these words: %s", a.Code, b.said))
}

// linesComplete: what must be said was said.
func (b *Book) linesComplete() {
	for i := range b.expected {
		l := &b.expected[i]
		if law := lineLaws[l.code].law; !l.seen && !l.may && !b.due.adrift && b.whole && b.looksAt(law) {
			b.breaks(law, wrong("line %d is missing: pid %d, number %d", l.code, l.pid, l.number))
		}
	}
}

// shows reports whether a text is the line: word for word where the words are those of
// the original, and else with everything in it that tells whom it is about.
func (l *line) shows(text []byte) bool {
	t := phrase{rest: text, ok: true}
	switch l.code {
	case core.LogStarted:
		t.is("daemon started -- version ").is(l.config.MailVersion).is(", configuration ").is(l.config.ConfigDirectory)
	case core.LogReload:
		t.is("reload -- version ").is(l.config.MailVersion).is(", configuration ").is(l.config.ConfigDirectory)
	case core.LogTerminating:
		t.is("terminating on signal ").number(l.number)
	case core.LogExitTime:
		t.is("master exit time has arrived")
	case core.LogExited:
		t.is("process ").is(l.entry.Path).is(" pid ").number(int64(l.pid)).is(" ").status(l.status)
	case core.LogStopped:
		t.is("process ").is(l.entry.Path).is(" pid ").number(int64(l.pid)).is(" stopped by signal ").number(l.number)
	case core.LogBadStartup:
		t.is(l.entry.Path).is(": bad command startup -- throttling")
	case core.LogForkFailed:
		t.is("master_spawn: fork: ").is(l.errno.String()).is(" -- throttling")
	case core.LogLimit:
		t.is("service \"").is(l.entry.Name).is("\" (").is(l.entry.Canonical).is(") has reached its process limit \"").number(int64(l.entry.ProcessLimit)).
			is("\": new clients may experience noticeable delays")
	case core.LogLimitRemedy:
		t.is("to avoid this condition, increase the process count in master.cf or reduce the service time per client")
	case core.LogLimitHelp:
		t.is("see http://www.postfix.org/STRESS_README.html for examples of stress-adapting configuration settings")
	case core.LogPartialStatus:
		t.service(l.entry).is(": child (pid ").number(int64(l.pid)).is(") sent partial status update (").number(l.number).is(" bytes)")
	case core.LogUnknownStatus:
		t.is("master_status_event: ignoring unknown status: ").number(l.number).is(" allegedly from pid: ").number(int64(l.pid))
	case core.LogStaleStatus:
		t.is("ignoring status update from child pid ").number(int64(l.pid)).is(" generation ").number(l.number)
	case core.LogWakeupFailed:
		t.is("master_wakeup_timer_event: ").service(l.entry).is(": ").is(l.errno.String())
	case core.LogWakeupTimeout:
		t.is(trigger(l.entry.Type)).is("_trigger_event: read timeout for service ").is(l.entry.Canonical)
	case core.LogSpawned:
		t.is("spawn command ").is(l.entry.Path).is("; pid ").number(int64(l.pid))
	case core.LogThrottling:
		t.is("throttling command ").is(l.entry.Path)
	case core.LogThrottleReleased:
		t.is("throttle released for command ").is(l.entry.Path)
	default:
		return l.tells(text)
	}
	return t.ok && len(t.rest) == 0
}

// tells is shows for our own lines: their words may change, their facts may not.
func (l *line) tells(text []byte) bool {
	t := phrase{rest: text, ok: true}
	switch l.code {
	case core.LogReloadRefused:
		return t.has(l.config.ConfigDirectory)
	case core.LogChannelFailed:
		return t.has(l.entry.Path) && t.has(l.errno.String()) && t.has("throttling")
	case core.LogExecFailed:
		t.is("master_spawn: exec ").is(l.entry.Path).is(": ").is(l.errno.String())
		return t.ok && (len(t.rest) == 0 || l.errno == core.ETIMEDOUT)
	case core.LogForeignStatus:
		return t.hasService(l.entry) && t.hasNumber(int64(l.pid)) && t.hasNumber(l.number)
	case core.LogMuted:
		return t.hasService(l.entry) && t.hasNumber(int64(l.pid))
	case core.LogStranger:
		return t.hasNumber(int64(l.pid)) && t.hasStatus(l.status)
	case core.LogChannelClosed, core.LogRemovalKilled:
		return t.hasService(l.entry) && t.has(l.entry.Path) && t.hasNumber(int64(l.pid))
	case core.LogStarved:
		return t.hasService(l.entry) && t.hasNumber(l.number)
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
	if s&bySignal != 0 {
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
