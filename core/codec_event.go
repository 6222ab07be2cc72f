package core

import "github.com/stationmaster/stationmaster/core/wire"

// AppendEvent adds the event to dst: its kind and the fields that the kind
// uses. The event is not changed.
func (r *References) AppendEvent(dst []byte, ev *Event) []byte {
	c := codec{b: dst}
	r.event(&c, ev)
	return c.b
}

// ReadEvent takes one event off b. Whatever is accepted is written as the same
// bytes again.
func (r *References) ReadEvent(b []byte) (ev Event, rest []byte, err error) {
	c := codec{b: b, reading: true}
	r.event(&c, &ev)
	return ev, c.b, c.err
}

func (r *References) event(c *codec, ev *Event) {
	number(c, &ev.Kind)
	if ev.Kind == EventNone || ev.Kind >= numEventKinds {
		if c.reading {
			c.fail()
		}
		return
	}
	uses := eventFields[ev.Kind]
	if uses&fService != 0 {
		number(c, &ev.Service)
	}
	if uses&fGeneration != 0 {
		number(c, &ev.Generation)
	}
	if uses&fRequest != 0 {
		number(c, &ev.Request)
	}
	if uses&fPID != 0 {
		number(c, &ev.PID)
	}
	if uses&fStatus != 0 {
		number(c, &ev.Status)
	}
	if uses&fSignal != 0 {
		number(c, &ev.Signal)
	}
	if uses&fListener != 0 {
		number(c, &ev.Listener)
	}
	if uses&fStep != 0 {
		number(c, &ev.ListenStep)
	}
	if uses&fStart != 0 {
		number(c, &ev.StartStep)
	}
	if uses&fErrno != 0 {
		number(c, &ev.Errno)
	}
	if uses&fBytes != 0 {
		c.statusBytes(ev)
	}
	if uses&fConfig != 0 {
		r.config(c, &ev.Config)
	}
}

// statusBytes walks what came over a status channel.
func (c *codec) statusBytes(ev *Event) {
	n := min(ev.N, wire.StatusSize)
	number(c, &n)
	if !c.reading {
		c.b = append(c.b, ev.Bytes[:n]...)
		return
	}
	if n > wire.StatusSize || int(n) > len(c.b) {
		c.fail()
		return
	}
	ev.N = n
	c.b = c.b[copy(ev.Bytes[:], c.b[:n]):]
}

// The fields of an action that are not zero, the usual ones first so that
// their set takes one byte.
const (
	hasService = 1 << iota
	hasGeneration
	hasEntry
	hasPID
	hasCode
	hasLevel
	hasSignal
	hasStatus
	hasNumber
	hasFlag
	hasListener
	hasRequest
	hasConfig
	hasText
	hasTo
	hasToListener
	hasStep
	hasStart
	hasErrno
)

// fields is the set of the fields that are not zero.
func (a *Action) fields() uint64 {
	return bit(a.Service != 0, hasService) |
		bit(a.Generation != 0, hasGeneration) |
		bit(a.Entry != nil, hasEntry) |
		bit(a.PID != 0, hasPID) |
		bit(a.Code != 0, hasCode) |
		bit(a.Level != 0, hasLevel) |
		bit(a.Signal != 0, hasSignal) |
		bit(a.Status != 0, hasStatus) |
		bit(a.Number != 0, hasNumber) |
		bit(a.Flag, hasFlag) |
		bit(a.Listener != 0, hasListener) |
		bit(a.Request != 0, hasRequest) |
		bit(a.Config != nil, hasConfig) |
		bit(a.Text != "", hasText) |
		bit(a.To != 0, hasTo) |
		bit(a.ToListener != 0, hasToListener) |
		bit(a.ListenStep != 0, hasStep) |
		bit(a.StartStep != 0, hasStart) |
		bit(a.Errno != 0, hasErrno)
}

func bit(there bool, b uint64) uint64 {
	if there {
		return b
	}
	return 0
}

// AppendAction adds the action to dst, with every field that is not zero:
// equal bytes mean equal duties.
func (r *References) AppendAction(dst []byte, a *Action) []byte {
	c := codec{b: dst}
	r.action(&c, a, a.fields())
	return c.b
}

// MinActionSize is the least that an action takes, in bytes.
const MinActionSize = 2

// ReadAction takes one action off b. Whatever is accepted is written as the
// same bytes again and has a text.
func (r *References) ReadAction(b []byte) (a Action, rest []byte, err error) {
	c := codec{b: b, reading: true}
	r.action(&c, &a, 0)
	if c.err == nil && !a.hasText() {
		c.fail()
	}
	return a, c.b, c.err
}

func (r *References) action(c *codec, a *Action, set uint64) {
	number(c, &a.Kind)
	c.uvarint(&set)
	optional(c, set&hasService, &a.Service)
	optional(c, set&hasGeneration, &a.Generation)
	if set&hasEntry != 0 {
		r.entry(c, &a.Entry)
	}
	optional(c, set&hasPID, &a.PID)
	optional(c, set&hasCode, &a.Code)
	optional(c, set&hasLevel, &a.Level)
	optional(c, set&hasSignal, &a.Signal)
	optional(c, set&hasStatus, &a.Status)
	optional(c, set&hasNumber, &a.Number)
	a.Flag = set&hasFlag != 0
	optional(c, set&hasListener, &a.Listener)
	optional(c, set&hasRequest, &a.Request)
	if set&hasConfig != 0 {
		r.config(c, &a.Config)
	}
	if set&hasText != 0 {
		c.string(&a.Text)
	}
	optional(c, set&hasTo, &a.To)
	optional(c, set&hasToListener, &a.ToListener)
	optional(c, set&hasStep, &a.ListenStep)
	optional(c, set&hasStart, &a.StartStep)
	optional(c, set&hasErrno, &a.Errno)
	if c.reading && a.fields() != set {
		c.fail()
	}
}

func optional[T integer](c *codec, there uint64, v *T) {
	if there != 0 {
		number(c, v)
	}
}

// textNeeds says which of Entry, Config and Listener the text of each line of
// the log needs.
var textNeeds = [numLogCodes]uint64{
	LogStarted:          hasConfig,
	LogReload:           hasConfig,
	LogReloadRefused:    hasConfig,
	LogListenFailed:     hasEntry | hasListener,
	LogListenRemedy:     hasEntry | hasConfig | hasListener,
	LogExited:           hasEntry,
	LogStopped:          hasEntry,
	LogBadStartup:       hasEntry,
	LogChannelFailed:    hasEntry,
	LogExecFailed:       hasEntry,
	LogLimit:            hasEntry,
	LogPartialStatus:    hasEntry,
	LogForeignStatus:    hasEntry,
	LogMuted:            hasEntry,
	LogWakeupFailed:     hasEntry,
	LogWakeupTimeout:    hasEntry,
	LogChannelClosed:    hasEntry,
	LogRemovalKilled:    hasEntry,
	LogSpawned:          hasEntry,
	LogThrottling:       hasEntry,
	LogThrottleReleased: hasEntry,
	LogStarved:          hasEntry,
}

// hasText tells whether AppendText works on an action that was read.
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
	case needs&hasEntry != 0 && (a.Entry == nil || a.Entry.Type >= numServiceTypes):
		return false
	case needs&hasConfig != 0 && a.Config == nil:
		return false
	case needs&hasListener != 0 && int(a.Listener) >= len(a.Entry.Endpoints):
		return false
	}
	return true
}

// AppendOptions adds the options to dst.
func AppendOptions(dst []byte, o MachineOptions) []byte {
	c := codec{b: dst}
	c.options(&o, false)
	return c.b
}

// ReadOptions takes options off b, those of the format before if old. Whatever is
// accepted in the present one is written as the same bytes again.
func ReadOptions(b []byte, old bool) (o MachineOptions, rest []byte, err error) {
	c := codec{b: b, reading: true}
	c.options(&o, old)
	return o, c.b, c.err
}
