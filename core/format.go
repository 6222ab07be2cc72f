package core

import (
	"encoding/hex"
	"strconv"
)

// AppendText adds the event to dst as one line of a trace, without a newline:
// the kind, then the fields that the kind uses.
func (ev *Event) AppendText(dst []byte) []byte {
	f := line{b: append(dst, ev.Kind.String()...)}
	if ev.Kind < numEventKinds {
		f.uses = eventFields[ev.Kind]
	}
	f.number(fRequest, "request", int64(ev.Request))
	f.number(fService, "service", int64(ev.Service))
	f.number(fListener, "listener", int64(ev.Listener))
	f.number(fGeneration, "generation", int64(ev.Generation))
	f.number(fPID, "pid", int64(ev.PID))
	f.number(fSignal, "signal", int64(ev.Signal))
	f.number(fStep, "step", int64(ev.ListenStep))
	f.number(fStart, "start", int64(ev.StartStep))
	f.text(fStatus, "status", ev.Status.String())
	f.text(fErrno, "errno", ev.Errno.String())
	if f.uses&fBytes != 0 {
		f.text(fBytes, "bytes", hex.EncodeToString(ev.Bytes[:min(int(ev.N), len(ev.Bytes))]))
	}
	if f.uses&fConfig != 0 && ev.Config != nil {
		f.number(fConfig, "services", int64(len(ev.Config.Services)))
	}
	return f.b
}

// AppendText adds the action to dst as one line of a trace, without a newline.
// Equal texts mean equal duties.
func (a *Action) AppendText(dst []byte) []byte {
	if a.Kind == Log {
		dst = append(dst, "log "...)
		dst = append(dst, levelNames[a.Level]...)
		dst = append(dst, ": "...)
		return a.AppendMessage(dst)
	}
	f := line{b: append(dst, a.Kind.String()...)}
	if a.Kind < numActionKinds {
		f.uses = actionFields[a.Kind]
	}
	f.number(fRequest, "request", int64(a.Request))
	f.number(fService, "service", int64(a.Service))
	f.number(fListener, "listener", int64(a.Listener))
	f.number(fTo, "to", int64(a.To))
	f.number(fTo, "to-listener", int64(a.ToListener))
	f.number(fGeneration, "generation", int64(a.Generation))
	f.number(fPID, "pid", int64(a.PID))
	f.number(fSignal, "signal", int64(a.Signal))
	f.number(fNumber, "code", a.Number)
	if f.uses&fFlag != 0 && a.Flag {
		f.number(fFlag, flagNames[a.Kind], 1)
	}
	if f.uses&fEntry != 0 && a.Entry != nil {
		f.text(fEntry, "entry", a.Entry.Canonical+"/"+a.Entry.Type.String())
		if a.Kind == OpenListener && int(a.Listener) < len(a.Entry.Endpoints) {
			f.text(fEntry, "endpoint", a.Entry.Endpoints[a.Listener].String())
		}
		if a.Kind == StartChild {
			f.text(fEntry, "path", a.Entry.Path)
		}
	}
	return f.b
}

var flagNames = [numActionKinds]string{OpenListener: "displace", StartChild: "stress"}

var levelNames = [...]string{
	0: "none", LevelVerbose: "verbose", LevelInfo: "info", LevelWarning: "warning",
	LevelError: "error", LevelFatal: "fatal", LevelPanic: "panic",
}

// String gives the level's word.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "unknown"
}

// line builds one line of a trace from the fields that are in use.
type line struct {
	b    []byte
	uses field
}

func (l *line) key(f field, name string) bool {
	if l.uses&f == 0 {
		return false
	}
	l.b = append(l.b, ' ')
	l.b = append(l.b, name...)
	l.b = append(l.b, '=')
	return true
}

func (l *line) number(f field, name string, v int64) {
	if l.key(f, name) {
		l.b = strconv.AppendInt(l.b, v, 10)
	}
}

func (l *line) text(f field, name, v string) {
	if l.key(f, name) {
		l.b = strconv.AppendQuote(l.b, v)
	}
}
