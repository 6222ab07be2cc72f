// Package options has the knobs of a simulated world: what each means, the values of a
// seed, and the options as text.
package options

import (
	"fmt"
	"strconv"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// Bounds of every world.
const (
	MaxNames   = 6            // names that services can have
	MaxEntries = MaxNames + 2 // entries of one master.cf; the last two share a name with another
	MaxListen  = 2            // listeners of one service
	Places     = 5            // kernel addresses of one name
	maxBacklog = 8
)

// Patterns of arrival.
const (
	Steady int32 = iota
	Bursts
	Flood
	numPatterns
)

// Aimed scenarios, besides the uniform noise.
const (
	NoScenario      int32 = iota
	StopHalf              // stop half of the children one by one, reload, continue them in another order
	ThrottleAndLift       // fill up to the limit, let one die unused, lift the limit by reload, within a second
	RemoveAndReturn       // remove a service while its children are busy, bring it back while they die
	Hammer                // three reloads within the load of one
	Undone                // reloads that replace services and are refused, while the file system fails
	Hang                  // every program hangs, each start until it is given up
	Windows               // stress and the silence after a warning end, to the microsecond, and begin again
	Farewell              // children end at the same moment as the daemon, cut off or not
	numScenarios
)

// Options are the knobs of a world. Rates are in permille, spans in the unit
// that their name says; what 0 means stands in Table. Draw returns those of
// a seed; every one can be pinned with Set.
type Options struct {
	Steps, Calm                                           int32
	Services, LimitMax, PIDs, Backlog, Channel            int32
	LoadDelayMS, ExecLate, ExecMS, DeadDisk               int32
	ForkFail, ChannelFail, ExecFail, OpenFail, LoadFail   int32
	CallFail, AskFail, Outage, FewFiles, SweepRefused     int32
	Between, Late, Network, Early, Remains, Batch, Kept   int32
	ArrivalMS, ArrivalPattern, ArriveAtExit               int32
	ServiceMS, BootMS, MaxIdleMS, MaxUse                  int32
	Concurrent, AcceptLock, MaxClients, RetireMS          int32
	SlowStart, DieEarly, ExitEarly, DieBusy, Silent       int32
	TakenFirst, Liar, Garbage, Drain, DeafTerm, DeafCut   int32
	Hog, Closer, SlowTerm, DieIdle, Mute, NoProgram       int32
	StatusSplit, StatusTwice, StatusDelayUS               int32
	KillChild, StopChild, OperatorMS                      int32
	EditService, EditLimit, EditRemove, EditType, EditBad int32
	Twice, OddSignal, Shutdown                            int32
	Spurious, ReadyDelayUS, ReapDelayUS, TimerUS          int32
	Leap, Stranger                                        int32
	WakeupS, WakeupFail, WakeupHang                       int32
	ThrottleS, ClearThrottle                              int32
	Scenario, Leader, InitMode, ExitAfterS, Verbose       int32
	Twin, OrderEqual, Sweep, Near                         int32
	Descriptors, Files, Logs, Journal                     int32
}

// Row is one option.
type Row struct {
	Name      string
	Field     func(*Options) *int32
	Low, High int32
	what      string
}

// Table has every option's name, bounds and meaning, in the order in
// which reports print them.
var Table = [...]Row{
	{"steps", func(o *Options) *int32 { return &o.Steps }, 1, 1 << 30, "things that happen before the faults end"},
	{"calm", func(o *Options) *int32 { return &o.Calm }, 0, 1, "check liveness after the faults"},
	{"services", func(o *Options) *int32 { return &o.Services }, 1, MaxNames, "names of services"},
	{"limit_max", func(o *Options) *int32 { return &o.LimitMax }, 1, 64, "highest process limit"},
	{"pids", func(o *Options) *int32 { return &o.PIDs }, 1, kernel.MaxProcesses, "process identities there are"},
	{"backlog", func(o *Options) *int32 { return &o.Backlog }, 1, maxBacklog, "clients that may wait in a listener"},
	{"channel", func(o *Options) *int32 { return &o.Channel }, 1, 1000, "messages that a status channel holds"},
	{"load_delay_ms", func(o *Options) *int32 { return &o.LoadDelayMS }, 0, 1 << 20, "until a configuration is read"},
	{"exec_late", func(o *Options) *int32 { return &o.ExecLate }, 0, 1000, "starts whose program is executed late"},
	{"exec_ms", func(o *Options) *int32 { return &o.ExecMS }, 0, 1 << 20, "until such a program is executed"},
	{"dead_disk", func(o *Options) *int32 { return &o.DeadDisk }, 0, 1000, "of these, processes that nobody can kill meanwhile"},
	{"fork_fail", func(o *Options) *int32 { return &o.ForkFail }, 0, 1000, "starts that fail at fork"},
	{"channel_fail", func(o *Options) *int32 { return &o.ChannelFail }, 0, 1000, "starts that fail at the status channel"},
	{"exec_fail", func(o *Options) *int32 { return &o.ExecFail }, 0, 1000, "starts that fail at exec"},
	{"open_fail", func(o *Options) *int32 { return &o.OpenFail }, 0, 1000, "listeners that cannot be had"},
	{"load_fail", func(o *Options) *int32 { return &o.LoadFail }, 0, 1000, "configurations that cannot be read"},
	{"call_fail", func(o *Options) *int32 { return &o.CallFail }, 0, 1000, "system calls of the daemon that fail"},
	{"ask_fail", func(o *Options) *int32 { return &o.AskFail }, 0, 1000, "questions who ended, and changes of the poll set, that fail"},
	{"outage", func(o *Options) *int32 { return &o.Outage }, 0, 1000, "operator's acts that begin or end an outage of one call"},
	{"few_files", func(o *Options) *int32 { return &o.FewFiles }, 0, 1000, "operator's acts that change the limit on open files"},
	{"sweep_refused", func(o *Options) *int32 { return &o.SweepRefused }, 0, 1000, "sweeps for dead children that have to wait for a program that is being started"},
	{"between", func(o *Options) *int32 { return &o.Between }, 0, 1000, "system calls before which others run"},
	{"late", func(o *Options) *int32 { return &o.Late }, 0, 1000, "readiness that is reported one wait late"},
	{"network", func(o *Options) *int32 { return &o.Network }, 0, 1000, "waits that leave an inet connection undecided"},
	{"early", func(o *Options) *int32 { return &o.Early }, 0, 1000, "questions for a child that is about to end"},
	{"remains", func(o *Options) *int32 { return &o.Remains }, 0, 1000, "failed starts that leave a process"},
	{"batch", func(o *Options) *int32 { return &o.Batch }, 1, 64, "events that one wait reports at most"},
	{"kept", func(o *Options) *int32 { return &o.Kept }, 0, 1000, "waits before which log lines are kept that nobody takes yet"},
	{"arrival_ms", func(o *Options) *int32 { return &o.ArrivalMS }, 0, 1 << 20, "mean span between clients; 0: none come"},
	{"arrival_pattern", func(o *Options) *int32 { return &o.ArrivalPattern }, 0, numPatterns - 1, "steady, bursts, flood"},
	{"arrive_at_exit", func(o *Options) *int32 { return &o.ArriveAtExit }, 0, 1000, "exits at whose very moment a client comes"},
	{"service_ms", func(o *Options) *int32 { return &o.ServiceMS }, 0, 1 << 20, "longest session"},
	{"boot_ms", func(o *Options) *int32 { return &o.BootMS }, 0, 1 << 20, "until a server looks at its listeners"},
	{"max_idle_ms", func(o *Options) *int32 { return &o.MaxIdleMS }, 0, 1 << 20, "max_idle of servers; 0: for ever"},
	{"max_use", func(o *Options) *int32 { return &o.MaxUse }, 0, 1 << 20, "max_use of servers; 0: no limit"},
	{"concurrent", func(o *Options) *int32 { return &o.Concurrent }, 0, 1000, "servers of many clients at once"},
	{"accept_lock", func(o *Options) *int32 { return &o.AcceptLock }, 0, 1000, "servers that take the accept lock"},
	{"max_clients", func(o *Options) *int32 { return &o.MaxClients }, 0, 64, "clients that a concurrent server serves at once; 0: no limit"},
	{"retire_ms", func(o *Options) *int32 { return &o.RetireMS }, 0, 1 << 30, "age at which servers leave; 0: never"},
	{"slow_start", func(o *Options) *int32 { return &o.SlowStart }, 0, 1000, "children slow to first use"},
	{"die_early", func(o *Options) *int32 { return &o.DieEarly }, 0, 1000, "children that die before first use"},
	{"exit_early", func(o *Options) *int32 { return &o.ExitEarly }, 0, 1000, "children that exit 0 before first use"},
	{"die_busy", func(o *Options) *int32 { return &o.DieBusy }, 0, 1000, "children that die in a session"},
	{"silent", func(o *Options) *int32 { return &o.Silent }, 0, 1000, "children that never accept or report"},
	{"taken_first", func(o *Options) *int32 { return &o.TakenFirst }, 0, 1000, "children that report taken before they accept"},
	{"liar", func(o *Options) *int32 { return &o.Liar }, 0, 1000, "children whose messages lie"},
	{"garbage", func(o *Options) *int32 { return &o.Garbage }, 0, 1000, "children that write nonsense"},
	{"drain", func(o *Options) *int32 { return &o.Drain }, 0, 1000, "children that fork and leave"},
	{"deaf_term", func(o *Options) *int32 { return &o.DeafTerm }, 0, 1000, "children that ignore SIGTERM"},
	{"deaf_cut", func(o *Options) *int32 { return &o.DeafCut }, 0, 1000, "children that ignore the closed status channel"},
	{"hog", func(o *Options) *int32 { return &o.Hog }, 0, 1000, "children that hold a client for hours"},
	{"closer", func(o *Options) *int32 { return &o.Closer }, 0, 1000, "children that close the status channel and live on"},
	{"slow_term", func(o *Options) *int32 { return &o.SlowTerm }, 0, 1000, "children that take time over SIGTERM"},
	{"die_idle", func(o *Options) *int32 { return &o.DieIdle }, 0, 1000, "children that die after their work, with no client"},
	{"mute", func(o *Options) *int32 { return &o.Mute }, 0, 1000, "children that serve and never report"},
	{"no_program", func(o *Options) *int32 { return &o.NoProgram }, 0, 1000, "children whose program is missing: exit 1 after a second"},
	{"status_split", func(o *Options) *int32 { return &o.StatusSplit }, 0, 1000, "messages cut at some byte"},
	{"status_twice", func(o *Options) *int32 { return &o.StatusTwice }, 0, 1000, "messages sent twice"},
	{"status_delay_us", func(o *Options) *int32 { return &o.StatusDelayUS }, 0, 1 << 30, "until a message is read"},
	{"kill_child", func(o *Options) *int32 { return &o.KillChild }, 0, 1000, "operator's acts that kill a child"},
	{"stop_child", func(o *Options) *int32 { return &o.StopChild }, 0, 1000, "operator's acts that stop a child for a while"},
	{"operator_ms", func(o *Options) *int32 { return &o.OperatorMS }, 0, 1 << 20, "mean span between the operator's acts; 0: none"},
	{"edit_service", func(o *Options) *int32 { return &o.EditService }, 0, 1000, "reloads after changed arguments, wakeup or order"},
	{"edit_limit", func(o *Options) *int32 { return &o.EditLimit }, 0, 1000, "reloads after a changed limit"},
	{"edit_remove", func(o *Options) *int32 { return &o.EditRemove }, 0, 1000, "reloads after an entry went or came back"},
	{"edit_type", func(o *Options) *int32 { return &o.EditType }, 0, 1000, "reloads after a changed type, privacy or address"},
	{"edit_bad", func(o *Options) *int32 { return &o.EditBad }, 0, 1000, "reloads of a contradictory configuration"},
	{"twice", func(o *Options) *int32 { return &o.Twice }, 0, 1000, "hangups that come twice"},
	{"odd_signal", func(o *Options) *int32 { return &o.OddSignal }, 0, 1000, "operator's acts that send another signal"},
	{"shutdown", func(o *Options) *int32 { return &o.Shutdown }, 0, 1000, "operator's acts that end the master"},
	{"spurious", func(o *Options) *int32 { return &o.Spurious }, 0, 1000, "waits that report what is not ready"},
	{"ready_delay_us", func(o *Options) *int32 { return &o.ReadyDelayUS }, 0, 1 << 30, "until the daemon comes round when something is ready"},
	{"reap_delay_us", func(o *Options) *int32 { return &o.ReapDelayUS }, 0, 1 << 30, "until a dead child is noticed of which no channel tells"},
	{"timer_us", func(o *Options) *int32 { return &o.TimerUS }, 0, 1 << 30, "how late a timer may be"},
	{"leap", func(o *Options) *int32 { return &o.Leap }, 0, 1000, "operator's acts at which time leaps by up to hours"},
	{"stranger", func(o *Options) *int32 { return &o.Stranger }, 0, 1000, "reaped processes nobody started"},
	{"wakeup_s", func(o *Options) *int32 { return &o.WakeupS }, 0, 1 << 16, "longest wakeup interval; 0: none"},
	{"wakeup_fail", func(o *Options) *int32 { return &o.WakeupFail }, 0, 1000, "wakeups that fail"},
	{"wakeup_hang", func(o *Options) *int32 { return &o.WakeupHang }, 0, 1000, "wakeups that stay without answer"},
	{"throttle_s", func(o *Options) *int32 { return &o.ThrottleS }, 1, 1 << 16, "longest throttle delay"},
	{"clear_throttle", func(o *Options) *int32 { return &o.ClearThrottle }, 0, 1000, "configurations in which a reload lifts throttles"},
	{"scenario", func(o *Options) *int32 { return &o.Scenario }, 0, numScenarios - 1, "an aimed scenario on top; 0: none"},
	{"leader", func(o *Options) *int32 { return &o.Leader }, 0, 1, "the master leads its process group"},
	{"init_mode", func(o *Options) *int32 { return &o.InitMode }, 0, 1, "the master is process 1"},
	{"exit_after_s", func(o *Options) *int32 { return &o.ExitAfterS }, 0, 1 << 20, "-e, plus one; 0: not given"},
	{"verbose", func(o *Options) *int32 { return &o.Verbose }, 0, 1, "-v"},
	{"twin", func(o *Options) *int32 { return &o.Twin }, 0, 1 << 30, "step from which a second machine runs along; 1: from the start"},
	{"order_equal", func(o *Options) *int32 { return &o.OrderEqual }, 0, 1, "of two things at one instant, or of one and a timer, either may be first"},
	{"near", func(o *Options) *int32 { return &o.Near }, 0, 1000, "instants that are drawn next to the moment at which a time is over"},
	{"sweep", func(o *Options) *int32 { return &o.Sweep }, 1, 1 << 30, "steps between full checks"},
	{"descriptors", func(o *Options) *int32 { return &o.Descriptors }, 0, 1 << 20, "that listeners and children may hold together; 0: no matter how many"},
	{"files", func(o *Options) *int32 { return &o.Files }, 0, 1 << 20, "files that the daemon may have open, and knows; 0: more than it needs"},
	{"logs", func(o *Options) *int32 { return &o.Logs }, 0, 1, "lines go through the log of production, to syslog, postlog and files that have trouble"},
	{"journal", func(o *Options) *int32 { return &o.Journal }, 0, 1, "steps are written to a journal, whose disk has trouble"},
}

// Usual are the options of a tame world: five services, good children, no
// fault, no operator.
func Usual() Options {
	return Options{
		Steps: 500, Calm: 1, Services: 5, LimitMax: 4, PIDs: 16, Backlog: 4, Channel: 4, LoadDelayMS: 20, Batch: 64,
		ArrivalMS: 40, ServiceMS: 300, BootMS: 10, MaxIdleMS: 2000, MaxUse: 5,
		StatusDelayUS: 200, ReadyDelayUS: 200, ReapDelayUS: 500,
		ThrottleS: 5, Leader: 1, Sweep: 64,
	}
}

// targetsEvery is one in how many seeds has a log, and one in how many a journal: they
// take more time than all the rest.
const targetsEvery = 8

// Draw returns the options of a seed. Faults are first drawn to be possible at
// all, then get wild weights. One seed in eight has no faults, one in eight is
// tiny, one in sixteen has a storm of reloads.
func Draw(seed uint64) Options {
	rng := tape.NewPCG(seed, 0x09710)
	o := Usual()
	pick := func(list ...int32) int32 { return list[rng.Below(uint32(len(list)))] }
	calm, tiny, storm := rng.Below(8) == 0, rng.Below(8) == 0, rng.Below(16) == 0
	o.Steps = pick(200, 400, 500, 500, 800)
	o.Services = 1 + int32(rng.Below(MaxNames))
	o.LimitMax = pick(1, 2, 3, 4, 8)
	o.PIDs = pick(4, 8, 16, 16, 32)
	o.Backlog = pick(1, 2, 4, maxBacklog)
	o.Channel = pick(4, 1, 300, 300)
	o.ArrivalMS = pick(0, 1, 1, 5, 5, 20, 20, 40, 40, 200, 200, 1000)
	o.ArrivalPattern = int32(rng.Below(uint32(numPatterns)))
	o.OperatorMS = pick(10, 50, 200, 1000, 5000)
	o.Leader = pick(1, 1, 1, 0)
	o.InitMode = pick(0, 0, 0, 1)
	o.Verbose = pick(0, 1)
	o.OrderEqual = pick(0, 1)
	o.Twin = pick(0, 0, 0, 0, 0, 0, 1, 100)
	o.Batch = pick(64, 64, 64, 1, 2, 5)
	o.Near = pick(0, 0, 50, 300)
	o.ThrottleS = pick(1, 2, 5, 60)
	o.WakeupS = pick(0, 0, 1, 5, 60)
	o.drawServers(pick)
	o.drawSpans(&rng, pick)
	// What an operator does is no fault.
	for _, rate := range []*int32{&o.EditService, &o.EditLimit, &o.EditRemove, &o.EditType, &o.ClearThrottle, &o.ArriveAtExit, &o.Twice} {
		*rate = pick(0, 0, 50, 200, 600)
	}
	if !calm {
		o.drawFaults(&rng, pick)
	}
	if tiny {
		o.Services, o.LimitMax, o.PIDs, o.Backlog, o.MaxUse = 1, 1, 2, 1, 1
		o.Steps = pick(50, 100, 200)
	}
	if few := tape.NewPCG(seed, 0xf11e5); few.Below(4) == 0 {
		o.Descriptors = o.Services + int32(few.Below(uint32(3*o.Services+2)))
	}
	if few := tape.NewPCG(seed, 0xf17e5); few.Below(6) == 0 { // a service without limit takes what it can get
		o.Files, o.PIDs, o.Descriptors = 50+int32(few.Below(40)), kernel.MaxProcesses, 0
	}
	if target := tape.NewPCG(seed, 0x106); !tiny {
		if target.Below(targetsEvery) == 0 {
			o.Logs = 1
		}
		if target.Below(targetsEvery) == 0 {
			o.Journal = 1
		}
	}
	if storm {
		o.OperatorMS, o.EditRemove, o.EditType, o.EditLimit, o.Twice = pick(1, 3, 10), 400, 200, 200, 300
	}
	return o
}

// drawServers draws every setting of a server.
func (o *Options) drawServers(pick func(...int32) int32) {
	o.ServiceMS = pick(1, 20, 300, 300, 3000, 30000)
	o.BootMS = pick(0, 1, 10, 200)
	o.MaxIdleMS = pick(0, 20, 200, 2000, 20000, 100000)
	o.MaxUse = pick(0, 1, 2, 5, 100)
	o.Concurrent = pick(0, 0, 200, 500, 1000)
	o.MaxClients = pick(0, 1, 2, 2, 4)
	o.RetireMS = pick(0, 0, 0, 20, 500, 5000, 60000)
	o.AcceptLock = pick(0, 500, 1000)
}

func (o *Options) drawSpans(rng *tape.PCG, pick func(...int32) int32) {
	for _, span := range []*int32{&o.StatusDelayUS, &o.ReadyDelayUS, &o.ReapDelayUS} {
		*span = pick(0, 100, 500, 5000, 100000)
	}
	o.LoadDelayMS = pick(0, 1, 20, 500, 8000)
	o.TimerUS = pick(0, 0, 100, 100000)
	if rng.Below(3) == 0 {
		o.Scenario = int32(rng.Below(uint32(numScenarios)))
	}
	if rng.Below(24) == 0 {
		o.ExitAfterS = 1 + int32(rng.Below(60))
	}
	o.ExecMS = pick(1, 20, 20, 1000, 9000, 40000)
}

func (o *Options) drawFaults(rng *tape.PCG, pick func(...int32) int32) {
	possible := func(rates ...*int32) {
		for _, rate := range rates {
			if rng.Below(3) == 0 {
				*rate = pick(2, 10, 50, 200, 500)
			}
		}
	}
	possible(&o.ForkFail, &o.ChannelFail, &o.ExecFail, &o.OpenFail, &o.LoadFail, &o.ExecLate, &o.Remains)
	possible(&o.EditBad, &o.OddSignal, &o.KillChild, &o.StopChild, &o.Leap, &o.Stranger, &o.FewFiles, &o.Outage)
	possible(&o.SlowStart, &o.DieEarly, &o.ExitEarly, &o.DieBusy, &o.Silent, &o.TakenFirst, &o.Liar)
	possible(&o.Garbage, &o.Drain, &o.DeafTerm, &o.DeafCut, &o.Hog, &o.Closer, &o.SlowTerm)
	possible(&o.DieIdle, &o.Mute, &o.NoProgram, &o.SweepRefused, &o.AskFail)
	possible(&o.StatusSplit, &o.StatusTwice, &o.Spurious, &o.WakeupFail, &o.WakeupHang)
	possible(&o.Between, &o.Late, &o.Network, &o.Early, &o.Kept)
	if rng.Below(4) == 0 {
		o.CallFail = pick(1, 2, 5, 20)
	}
	if o.ExecLate > 0 {
		o.DeadDisk = pick(0, 0, 300)
	}
	if n := rng.Below(8); n == 0 || n < 4 && o.ExecLate > 0 { // an end with a start under way is rare
		o.Shutdown = pick(2, 20, 100)
	}
}

// Set pins the option of that name.
func (o *Options) Set(name, value string) error {
	for i := range Table {
		row := &Table[i]
		if row.Name != name {
			continue
		}
		v, err := strconv.ParseInt(value, 10, 32)
		if err != nil || int32(v) < row.Low || int32(v) > row.High {
			return fmt.Errorf("option %s: %q is not a number from %d to %d", name, value, row.Low, row.High)
		}
		*row.Field(o) = int32(v)
		return nil
	}
	return fmt.Errorf("option %s: there is none of this name", name)
}

// Get returns the option of that name; ok is false when there is none.
func (o *Options) Get(name string) (value int32, ok bool) {
	for i := range Table {
		if Table[i].Name == name {
			return *Table[i].Field(o), true
		}
	}
	return 0, false
}

// Each calls each with every option, in the order of reports, and its meaning.
func Each(each func(name, what string)) {
	for i := range Table {
		each(Table[i].Name, Table[i].what)
	}
}

// String lists every option as name=value, in the order of the table.
func (o *Options) String() string {
	var b []byte
	for i := range Table {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(append(b, Table[i].Name...), '=')
		b = strconv.AppendInt(b, int64(*Table[i].Field(o)), 10)
	}
	return string(b)
}

// Pins returns "-set name=value" for every option in which o differs from base.
func (o *Options) Pins(base Options) string {
	var b []byte
	for i := range Table {
		row := &Table[i]
		if v := *row.Field(o); v != *row.Field(&base) {
			b = append(append(append(b, " -set "...), row.Name...), '=')
			b = strconv.AppendInt(b, int64(v), 10)
		}
	}
	return string(b)
}

// Machine returns what the command line of the simulated master says.
func (o *Options) Machine() core.MachineOptions {
	m := core.MachineOptions{
		Strict: true, InitMode: o.InitMode == 1, GroupLeader: o.Leader == 1, Verbose: o.Verbose == 1,
		Descriptors: uint32(o.Descriptors),
	}
	if o.Files > 0 {
		m.Descriptors = osadapter.Descriptors(uint64(o.Files))
	}
	if o.ExitAfterS > 0 {
		m.ExitSet, m.ExitAfter = true, core.Duration(o.ExitAfterS-1)*core.Second
	}
	return m
}

// Odds are those of the kernel.
func (o *Options) Odds() fault.Odds {
	return fault.Odds{
		Fault: o.CallFail, Channel: o.ChannelFail, Question: o.AskFail, Between: o.Between, Late: o.Late, Spurious: o.Spurious,
		Network: o.Network, Early: o.Early, Remains: o.Remains,
	}
}

// Spans of the second phase, in milliseconds.
const (
	QuietServiceMS = 20   // longest session
	QuietIdleMS    = 2000 // max_idle of servers
)

// Quiet returns the options of the second phase: nothing fails, everything is
// prompt, nobody comes but whom the laws send.
func (o Options) Quiet() Options {
	q := Usual()
	q.Services, q.LimitMax, q.PIDs, q.Backlog = o.Services, o.LimitMax, o.PIDs, o.Backlog
	q.Channel = o.Channel
	q.ArrivalMS, q.OperatorMS = 0, 0
	q.LoadDelayMS = 2
	q.ServiceMS, q.BootMS, q.MaxIdleMS, q.MaxUse = QuietServiceMS, 1, QuietIdleMS, o.MaxUse
	q.Concurrent, q.AcceptLock, q.MaxClients = o.Concurrent, o.AcceptLock, o.MaxClients
	q.StatusDelayUS, q.ReadyDelayUS, q.ReapDelayUS = 50, 50, 50
	q.Files = o.Files
	q.Sweep, q.Batch = o.Sweep, o.Batch
	return q
}
