package fuzz

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// crafted writes seeds: sequences of events that no recording has: each way in which a
// listener cannot be opened, in which settings are impossible and in which a child
// sends nonsense, and services that come and go while their children live.
func crafted(t *testing.T) {
	const told = beginTold | beginCanonical | beginVerbose
	reload := []byte{stepSignal, byte(core.SIGHUP), stepLoad}
	service := func(kind, name byte) []byte { return []byte{kind, name, 1, 0, name} }
	load := func(services ...[]byte) []byte {
		return append([]byte{0, byte(len(services))}, slices.Concat(services...)...)
	}
	keep := func(name string, parts ...[]byte) {
		for _, target := range []string{"FuzzEvents", "FuzzEventsWithModel"} {
			keepSeed(t, target, "crafted-"+name, append([]byte{told, 5}, slices.Concat(parts...)...))
		}
	}
	none := slices.Concat([]byte{stepLoad}, load())
	one := slices.Concat([]byte{stepLoad}, load(service(0, 0)), []byte{stepAnswer, 0})
	for kind := range choiceTypes[:5] {
		var events []byte
		for step, errno := range []core.Errno{
			core.EADDRINUSE, core.EADDRNOTAVAIL, core.EISDIR, core.EACCES, core.EPERM, core.EMFILE, core.ENFILE, core.ENOENT,
			core.ENOTDIR, core.EROFS, core.ENOSPC, core.EBUSY, 200, 0, core.EADDRINUSE, core.ECONNREFUSED,
		} {
			events = slices.Concat(events, reload, load(service(byte(kind), 1)), []byte{stepFail, 0, byte(step), byte(errno)})
		}
		keep(fmt.Sprint("failures-", choiceTypes[kind]), none, events)
	}
	impossible := [][]byte{
		{5, 1, 1, 0, 1},
		{7, 1, 1, 0, 1},
		{0, 1, limitNegative, 0, 1},
		{0, 1, limitLeast, 0, 1},
		{0, 1, 1, 12, 1},
		{0, 1, 1, 13, 1},
		{0, 1, 1, 14, 1},
		{0, 1, 1, 11 << 4, 1},
		{0, 1, 1, 12 << 4, 1},
		{0, 1, 1, 14 << 4, 1},
		{3 << choiceEndpoints, 1, 1, 0, 0},
		{choiceOdd, 1, 1, 0, oddKind, 1},
		{choiceOdd, 1, 1, 0, oddBoth, 1},
		{choiceOdd, 1, 1, 0, oddNeither, 1},
		{1 | choiceOdd, 1, 1, 0, oddKind, 1},
	}
	var refused []byte
	for _, s := range impossible {
		refused = slices.Concat(refused, reload, load(s), reload, load(service(0, 1), service(0, 1)))
	}
	keep("impossible", one, refused)
	born := []byte{stepReady, 1, stepAnswer, 0, 0}
	nonsense := slices.Repeat([]byte{stepBytes, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3)
	nonsense = slices.Concat(nonsense, slices.Repeat([]byte{stepReport, 0, 7, stepForge, 0, 1, 0, 0}, 20))
	keep("nonsense", one, born, []byte{stepBytes, 0, 12, 101, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0}, nonsense, []byte{stepReport, 0, 0, stepReport, 0, 1},
		[]byte{stepClosed, 1, stepClosed, 1, stepTimer | 4<<4, stepStopped, 0, 19, stepStopped, 9, 19}, born, []byte{stepExit, 0, 11, 1})
	gone := slices.Concat(reload, load())
	back := slices.Concat(reload, load(service(0, 0)), []byte{stepAnswer, 0})
	keep("comes-and-goes", one, born, []byte{stepReport, 0, 0}, gone, back, gone, back, []byte{stepReady, 3, stepExit, 0, 15, 1, stepReady, 3, stepTimer})
	keep("born-late", one, []byte{stepReady, 1}, gone, []byte{stepTimer | 5<<4, stepAnswer, 0, 0, stepTimer | 5<<4, stepTimer | 5<<4, stepExit, 0, 9, 1})
	keep("not-born-late", one, []byte{stepReady, 1}, gone, back, []byte{stepFail, 0, 2, 11, stepReady, 2, stepFail, 0, 1, 24, stepTimer | 6<<4, stepReady, 2, stepFail, 0, 3, 2})
	keep("ends", one, born, []byte{stepSignal, byte(core.SIGTERM), stepTimer, stepReady, 1})
	waking := []byte{0, 0, 1, 6, 0}
	keep("end-of-time", []byte{stepLoad}, load(waking), []byte{stepAnswer, 0, stepTimer | passEnd<<4, stepReady, 1, stepFail, 0, 2, 11},
		[]byte{stepTimer | 1<<4, stepReady, 1, stepTimer | 1<<4, stepTimer | 1<<4, stepSignal, 1})
}
