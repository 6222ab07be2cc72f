package trace

import (
	"fmt"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// town is a machine with services and one busy child each.
type town struct {
	m    *core.Machine
	last core.Generation
	gens []core.Generation
	busy []bool
	x    uint32
}

func newTown(services int) *town {
	c := &core.Config{MailVersion: "3", ConfigDirectory: "/etc/postfix"}
	for i := range services {
		c.Services = append(c.Services, entry(fmt.Sprint("service", i), 0))
	}
	t := &town{m: core.New(0, core.MachineOptions{}), x: 1}
	t.m.Step(0, core.ConfigLoadedEvent(0, c))
	for i := range services {
		t.m.Step(0, core.ListenerOpenedEvent(core.ServiceID(i+1), 0))
	}
	for i := range services {
		t.m.Step(0, core.ListenerReadyEvent(core.ServiceID(i+1)))
		t.last++
		t.m.Step(0, core.ChildStartedEvent(core.ServiceID(i+1), t.last, core.PID(t.last)))
		t.gens, t.busy = append(t.gens, t.last), append(t.busy, false)
	}
	return t
}

// next is the report of some child.
func (t *town) next() core.Event {
	t.x = t.x*1664525 + 1013904223
	i := int(uint64(t.x) * uint64(len(t.gens)) >> 32)
	t.busy[i] = !t.busy[i]
	status := wire.Available
	if t.busy[i] {
		status = wire.Taken
	}
	var b [wire.StatusSize]byte
	message := wire.Message{PID: int32(t.gens[i]), Generation: uint32(t.gens[i]), Status: status}
	message.Append(b[:0])
	return core.StatusReceivedEvent(t.gens[i], b, len(b))
}

func TestRecordingAStepTakesNoMemory(t *testing.T) {
	town := newTown(40)
	ring := NewRing(town.m, 256<<10)
	now := core.Time(0)
	record := func() {
		now += 12345
		ev := town.next()
		ring.Event(now, 1_800_000_000_000_000_000+int64(now), &ev)
		ring.Actions(town.m.Step(now, ev))
	}
	for range 100000 {
		record() // until its buffers are grown and used again
	}
	if got := testing.AllocsPerRun(50000, record); got != 0 {
		t.Errorf("%v allocations a step", got)
	}
	if _, err := Replay(ring.AppendRecording(nil)); err != nil {
		t.Error(err)
	}
}

func BenchmarkRecord(b *testing.B) {
	for _, services := range []int{5, 40, 3000} {
		for _, recorded := range []bool{false, true} {
			name := fmt.Sprintf("services=%d/recorded=%v", services, recorded)
			b.Run(name, func(b *testing.B) {
				town := newTown(services)
				ring := NewRing(town.m, 256<<10)
				now := core.Time(0)
				b.ReportAllocs()
				for b.Loop() {
					now += 12345
					ev := town.next()
					if !recorded {
						town.m.Step(now, ev)
						continue
					}
					ring.Event(now, 1_800_000_000_000_000_000+int64(now), &ev)
					ring.Actions(town.m.Step(now, ev))
				}
				if recorded {
					b.ReportMetric(float64(ring.Len()), "ring-bytes")
				}
			})
		}
	}
}

func BenchmarkSnapshot(b *testing.B) {
	for _, services := range []int{40, 3000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			town := newTown(services)
			var refs core.References
			var buffer []byte
			b.ReportAllocs()
			for b.Loop() {
				buffer = town.m.AppendSnapshot(buffer[:0], &refs)
			}
			b.ReportMetric(float64(len(buffer)), "bytes")
		})
	}
}

func BenchmarkReplay(b *testing.B) {
	town := newTown(40)
	ring := NewRing(town.m, 1<<20)
	now := core.Time(0)
	for range 10000 {
		now += 12345
		ev := town.next()
		ring.Event(now, 1_800_000_000_000_000_000+int64(now), &ev)
		ring.Actions(town.m.Step(now, ev))
	}
	recording := ring.AppendRecording(nil)
	steps := 0
	for b.Loop() {
		n, err := Replay(recording)
		if err != nil {
			b.Fatal(err)
		}
		steps += n
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
}
