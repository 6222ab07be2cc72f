package core

import (
	"encoding/binary"
	"slices"
)

// action visits the fields of an action, in the order of its encoding.
func (w *fieldWalk) action(a *Action) {
	in := w.visit
	each(w, in&fService, &a.Service)
	each(w, in&fGeneration, &a.Generation)
	w.entry(in&fEntry, &a.Entry)
	each(w, in&fPID, &a.PID)
	each(w, in&fCode, &a.Code)
	each(w, in&fLevel, &a.Level)
	each(w, in&fSignal, &a.Signal)
	each(w, in&fStatus, &a.Status)
	each(w, in&fNumber, &a.Number)
	w.flag(in&fFlag, &a.Flag)
	each(w, in&fListener, &a.Listener)
	each(w, in&fRequest, &a.Request)
	w.config(in&fConfig, &a.Config)
	w.text(in&fText, &a.Text)
	each(w, in&fTo, &a.To)
	each(w, in&fToListener, &a.ToListener)
	each(w, in&fStep, &a.ListenStep)
	each(w, in&fStart, &a.StartStep)
	each(w, in&fErrno, &a.Errno)
}

// encodedFields are the fields that an encoded action may contain.
const encodedFields = allFields &^ fBytes

// AppendAction appends the action to dst, with every field that is not zero:
// equal bytes mean equal duties.
func (r *References) AppendAction(dst []byte, a *Action) []byte {
	var w fieldWalk
	w.b, w.refs, w.visit = dst, r, encodedFields
	number(&w.codec, &a.Kind)
	at := len(w.b)
	w.b = append(w.b, 0) // the set, if one byte is enough
	w.action(a)
	w.putSet(at)
	return w.b
}

// putSet writes the set of the following fields into the byte before them, and
// makes room if one byte is not enough.
func (w *fieldWalk) putSet(at int) {
	if w.met < 0x80 {
		w.b[at] = byte(w.met)
		return
	}
	var set [binary.MaxVarintLen32]byte
	n := binary.PutUvarint(set[:], uint64(w.met))
	w.b = slices.Insert(w.b, at, set[1:n]...)
	copy(w.b[at:], set[:n])
}

// MinActionSize is the minimum size of an encoded action in bytes.
const MinActionSize = 2

// ReadAction decodes one action from b. An accepted action encodes to the same
// bytes again and has a text.
func (r *References) ReadAction(b []byte) (a Action, rest []byte, err error) {
	var w fieldWalk
	w.b, w.reading, w.refs, w.dense, w.sparse = b, true, r, true, true
	var set uint64
	number(&w.codec, &a.Kind)
	w.uvarint(&set)
	if set&^uint64(encodedFields) != 0 {
		w.fail()
	}
	w.visit = field(set)
	w.action(&a)
	if w.err == nil && !a.hasText() {
		w.fail()
	}
	return a, w.b, w.err
}

// AppendText appends the action to dst as one line of a trace, without a
// newline. Equal texts mean equal duties.
func (a *Action) AppendText(dst []byte) []byte {
	if a.Kind == Log {
		dst = append(dst, "log "...)
		dst = append(dst, levelNames[a.Level]...)
		dst = append(dst, ": "...)
		return a.AppendMessage(dst)
	}
	w := fieldWalk{codec: codec{b: append(dst, a.Kind.String()...)}, task: taskTell, dense: true}
	if a.Kind >= numActionKinds {
		return w.b
	}
	uses := actionFields[a.Kind] &^ fConfig // the event that brought it shows it
	for _, f := range fieldNames {
		if w.visit, w.name = f.field&uses, f.name; w.visit == 0 {
			continue
		}
		if f.field == fFlag {
			w.name = flagNames[a.Kind]
		}
		w.action(a)
	}
	if uses&fEntry != 0 && a.Entry != nil {
		if a.Kind == OpenListener && int(a.Listener) < len(a.Entry.Endpoints) {
			w.tellText("endpoint", a.Entry.Endpoints[a.Listener].String())
		}
		if a.Kind == StartChild {
			w.tellText("path", a.Entry.Path)
		}
	}
	return w.b
}

// Hash adds the action to a hash. Of settings only the line in master.cf and the type
// count.
func (a *Action) Hash(h uint64) uint64 {
	w := fieldWalk{task: taskHash, visit: allFields, hash: mix(h, uint64(a.Kind))}
	w.action(a)
	return w.hash
}

var flagNames = [numActionKinds]string{OpenListener: "displace", StartChild: "stress"}

var levelNames = [...]string{
	0: "none", LevelVerbose: "verbose", LevelInfo: "info", LevelWarning: "warning",
	LevelError: "error", LevelFatal: "fatal", LevelPanic: "panic",
}

// String returns the level's word.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "unknown"
}

// textNeeds lists which of Entry, Config and Listener the text of each log line
// needs.
var textNeeds = [numLogCodes]field{
	LogStarted:          fConfig,
	LogReload:           fConfig,
	LogReloadRefused:    fConfig,
	LogListenFailed:     fEntry | fListener,
	LogListenRemedy:     fEntry | fConfig | fListener,
	LogExited:           fEntry,
	LogStopped:          fEntry,
	LogBadStartup:       fEntry,
	LogChannelFailed:    fEntry,
	LogExecFailed:       fEntry,
	LogLimit:            fEntry,
	LogPartialStatus:    fEntry,
	LogForeignStatus:    fEntry,
	LogMuted:            fEntry,
	LogWakeupFailed:     fEntry,
	LogWakeupTimeout:    fEntry,
	LogChannelClosed:    fEntry,
	LogRemovalKilled:    fEntry,
	LogSpawned:          fEntry,
	LogThrottling:       fEntry,
	LogThrottleReleased: fEntry,
	LogStarved:          fEntry,
}

// hasText reports whether AppendText works on a decoded action.
func (a *Action) hasText() bool {
	if a.Kind == ActionNone || a.Kind >= numActionKinds {
		return false
	}
	if a.Kind != Log {
		return true
	}
	if a.Code == LogNone || a.Code >= numLogCodes || int(a.Level) >= len(levelNames) {
		return false
	}
	needs := textNeeds[a.Code]
	switch {
	case needs&fEntry != 0 && (a.Entry == nil || a.Entry.Type >= numServiceTypes):
		return false
	case needs&fConfig != 0 && a.Config == nil:
		return false
	case needs&fListener != 0 && int(a.Listener) >= len(a.Entry.Endpoints):
		return false
	}
	return true
}
