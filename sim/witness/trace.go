// Package witness keeps what a run of the simulated world leaves behind: its trace, one
// record for each event, action and happening, and the coverage that counts what runs
// have met.
package witness

import (
	"fmt"
	"io"
	"strconv"

	"github.com/stationmaster/stationmaster/core"
)

// RecordKind says what a Record is.
type RecordKind uint8

// The kinds of record.
const (
	RecordEvent  RecordKind = iota + 1 // Event went into the machine
	RecordAction                       // Action came out of it
	RecordWorld                        // Happened, in the world outside
	RecordBroken                       // the invariant of Text broke
)

// Record is one line of a run.
type Record struct {
	Kind       RecordKind
	Happened   Happened
	Step       uint64 // number of the event last delivered
	Now        core.Time
	Event      core.Event  // RecordEvent
	Action     core.Action // RecordAction
	Service    core.ServiceID
	Generation core.Generation
	PID        core.PID
	Client     int32 // number of a client, from 1
	Number     int64 // what Happened says
	Text       string
}

// Happened says what happened in the world.
type Happened uint8

// What happens outside the machine. The fields that count stand with each.
const (
	HappenedNothing  Happened = iota
	ClientCame                // Client, Service
	ClientRefused             // Service; 0: nobody listens there
	ClientAccepted            // Client, Service, Generation
	ClientServed              // Client, Generation
	ClientLost                // Client: its child died or its listener was shut
	ProcessForked             // Service, Generation, PID; Number is the Behaviour
	ServerReady               // Generation: it looks at its listeners
	ServerReports             // Generation; Number is the wire.Status
	ReportFails               // Generation: the channel is cut
	ProcessExited             // Generation, PID; Number is the core.ExitStatus
	ProcessStopped            // Generation, PID
	ProcessContinued          // Generation, PID
	ProcessSignaled           // Generation, PID; Number is the core.Signal
	ProcessReaped             // Generation, PID
	OperatorEdited            // Number is the version of the file
	OperatorReloads           //
	OperatorSignals           // Number is the core.Signal
	WakeupArrived             // Service
	TimeLeapt                 // Number is the core.Duration
	FaultsEnd                 // the second phase begins
	CalmStage                 // Number is the stage of the second phase
	ChannelCut                // Generation
	numHappened
)

var happenedNames = [numHappened]string{
	HappenedNothing: "nothing", ClientCame: "client comes", ClientRefused: "client is refused",
	ClientAccepted: "client is accepted", ClientServed: "client is served", ClientLost: "client is lost",
	ProcessForked: "process forked", ServerReady: "server is ready", ServerReports: "server reports",
	ReportFails: "report fails", ProcessExited: "process exits", ProcessStopped: "process is stopped",
	ProcessContinued: "process goes on", ProcessSignaled: "process gets signal", ProcessReaped: "process is reaped",
	OperatorEdited: "operator edits", OperatorReloads: "operator reloads", OperatorSignals: "operator signals",
	WakeupArrived: "wakeup arrives", TimeLeapt: "time leaps", FaultsEnd: "faults end", CalmStage: "calm stage",
	ChannelCut: "channel is cut",
}

// String returns the words of traces.
func (h Happened) String() string {
	if h < numHappened {
		return happenedNames[h]
	}
	return "unknown"
}

// Trace keeps the records of one run.
type Trace struct {
	Records []Record
	Limit   int // most records kept; 0: no limit. The last ones are kept.
}

// Add keeps one more record.
func (t *Trace) Add(r Record) {
	if t.Limit > 0 && len(t.Records) >= 2*t.Limit {
		t.Records = t.Records[:copy(t.Records, t.Records[len(t.Records)-t.Limit:])]
	}
	t.Records = append(t.Records, r)
}

// WriteText prints the trace, one line a record: events start with the time,
// actions are indented below them, the world outside stands after a dot.
func (t *Trace) WriteText(out io.Writer) error {
	var b []byte
	for i := range t.Records {
		b = append(t.Records[i].AppendText(b[:0]), '\n')
		if _, err := out.Write(b); err != nil {
			return fmt.Errorf("write trace: %w", err)
		}
	}
	return nil
}

// AppendText adds the record to dst as one line, without a newline.
func (r *Record) AppendText(dst []byte) []byte {
	switch r.Kind {
	case RecordEvent:
		dst = appendTime(dst, r.Now)
		dst = append(dst, " #"...)
		dst = strconv.AppendUint(dst, r.Step, 10)
		return r.Event.AppendText(append(dst, ' '))
	case RecordAction:
		dst = append(dst, "                  -> "...)
		return r.Action.AppendText(dst)
	case RecordBroken:
		dst = appendTime(dst, r.Now)
		return append(append(dst, " BROKEN "...), r.Text...)
	}
	dst = appendTime(dst, r.Now)
	dst = append(append(dst, " . "...), r.Happened.String()...)
	dst = appendField(dst, "service", int64(r.Service))
	dst = appendField(dst, "generation", int64(r.Generation))
	dst = appendField(dst, "pid", int64(r.PID))
	dst = appendField(dst, "client", int64(r.Client))
	switch r.Happened {
	case ProcessForked:
		dst = append(append(dst, " behaviour="...), Behaviour(r.Number).String()...)
	case ProcessExited:
		dst = append(append(dst, ' '), core.ExitStatus(r.Number).String()...)
	default:
		dst = appendField(dst, "number", r.Number)
	}
	return dst
}

func appendField(dst []byte, name string, v int64) []byte {
	if v == 0 {
		return dst
	}
	dst = append(append(append(dst, ' '), name...), '=')
	return strconv.AppendInt(dst, v, 10)
}

// appendTime writes seconds with six decimals, right-aligned.
func appendTime(dst []byte, t core.Time) []byte {
	us := int64(t) / int64(core.Microsecond)
	var digits [24]byte
	text := strconv.AppendInt(digits[:0], us/1_000_000, 10)
	for range 8 - len(text) {
		dst = append(dst, ' ')
	}
	dst = append(append(dst, text...), '.')
	for unit := int64(100_000); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+us/unit%10))
	}
	return dst
}
