package explore

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// World is the definition of a small world.
type World = layout.World

// Worlds are the small worlds that are explored, from the smallest on.
func Worlds() []World {
	reloads := []layout.Choice{layout.Same, layout.Lower, layout.Without, layout.Passed, layout.FIFO, layout.Lifting, layout.Rejected}
	second := core.Second
	return []World{
		{
			Name: "tiny", Story: "one service, two slots: the shortest races",
			Limits: []int32{2}, PIDs: 2, Clients: 1, Reloads: 1, Faults: 1, Kinds: layout.AllFaults, Choices: reloads, Removed: true,
			Throttle: 6 * second, Tick: 4 * second,
		},
		{
			Name: "single", Story: "one service, everything that can happen to it",
			Limits: []int32{3}, PIDs: 3, Clients: 2, Reloads: 1, Faults: 2, Kinds: layout.AllFaults, Choices: append(reloads, layout.Higher), Removed: true,
			Throttle: 6 * second, Tick: 4 * second,
		},
		{
			Name: "reloads", Story: "three hangups, also while another is answered",
			Limits: []int32{2}, PIDs: 2, Clients: 1, Reloads: 3, Faults: 1, Kinds: layout.FaultStart | layout.FaultCrash | layout.FaultListener, Choices: append(reloads, layout.Higher), Removed: true,
			Throttle: 6 * second, Tick: 4 * second,
		},
		{
			Name: "channels", Story: "ends of channels seen before ends of children, and without them",
			Limits: []int32{2}, PIDs: 2, Clients: 2, Reloads: 1, Faults: 2, Kinds: layout.FaultCrash | layout.FaultHangup | layout.FaultGossip, Choices: reloads, Removed: true, Hangups: true,
			Throttle: 6 * second, Tick: 4 * second,
		},
		{
			Name: "wakeups", Story: "wakeups against throttle, reload and removal",
			Limits: []int32{2}, PIDs: 2, Clients: 1, Reloads: 1, Faults: 1, Kinds: layout.FaultStart | layout.FaultCrash | layout.FaultListener, Choices: reloads,
			Wakeup: 60 * second, Throttle: 40 * second, Tick: 30 * second,
		},
		{
			Name: "stress", Story: "stress mode: the last slot cuts the others off",
			Limits: []int32{2}, PIDs: 3, Clients: 2, Reloads: 1, Faults: 1, Kinds: layout.FaultStart | layout.FaultCrash | layout.FaultLost, Choices: []layout.Choice{layout.Same, layout.Higher, layout.Without, layout.Lifting, layout.Rejected}, Removed: true,
			Stress: true, Throttle: 600 * second, Tick: 400 * second, Leap: 1001 * second,
		},
		{
			Name: "shutdown", Story: "the end at any moment, with a process group",
			Limits: []int32{2, 1}, PIDs: 2, Clients: 1, Reloads: 1, Faults: 1, Kinds: layout.FaultStart | layout.FaultCrash | layout.FaultHang, Choices: []layout.Choice{layout.Same, layout.Without, layout.FIFO, layout.Rejected}, Removed: true,
			Shutdown: true, Throttle: 6 * second, Tick: 4 * second,
		},
		{
			Name: "alone", Story: "the end at any moment, children told one by one",
			Limits: []int32{2, 1}, PIDs: 2, Clients: 1, Reloads: 1, Faults: 1, Kinds: layout.FaultStart | layout.FaultCrash, Choices: []layout.Choice{layout.Same, layout.Without, layout.FIFO, layout.Rejected}, Removed: true,
			Shutdown: true, Alone: true, Throttle: 6 * second, Tick: 4 * second,
		},
		{
			Name: "late", Story: "deadlines served late and together, and the time limit of -e among them",
			Limits: []int32{2}, PIDs: 2, Clients: 1, Reloads: 1, Faults: 2, Kinds: layout.FaultStart | layout.FaultCrash | layout.FaultHang | layout.FaultHangup, Choices: reloads, Removed: true,
			Exit: 14 * second, Late: true, Throttle: 6 * second, Tick: 4 * second,
		},
		{
			Name: "descriptors", Story: "two services, and descriptors for two children: whoever has one must leave the other its first",
			Limits: []int32{2, 2}, PIDs: 3, Clients: 2, Reloads: 1, Faults: 0, Choices: []layout.Choice{layout.Without}, Removed: true,
			Room: 2, Throttle: 6 * second, Tick: 4 * second,
		},
		{
			Name: "whole", Story: "two services, limits 3 and 2, three pids, two connections, one reload, two faults",
			Limits: []int32{3, 2}, PIDs: 3, Clients: 2, Reloads: 1, Faults: 2, Kinds: layout.AllFaults &^ layout.FaultHangup, Choices: reloads, Removed: true,
			Throttle: 6 * second, Tick: 4 * second,
		},
	}
}

// Named finds a world of Worlds.
func Named(name string) (World, bool) {
	for _, w := range Worlds() {
		if w.Name == name {
			return w, true
		}
	}
	return World{}, false
}
