// Package core decides what a process manager does. Machine is one pure state
// machine: events go in, actions come out. It keeps the services of a
// configuration and their children, and decides which listeners are watched, when
// a process is started, which service is throttled, when a wakeup is due, and how
// a reload and the end proceed.
//
// The package refuses to act: it has no clock, no I/O, no goroutine, no randomness,
// and no output that depends on the order of a map. The same sequence of (now,
// event) returns the same actions everywhere, which is why a run can be recorded,
// replayed, simulated and searched.
//
// # Usage
//
// An adapter owns the machine and carries out what it says:
//
//	m := core.New(now, core.MachineOptions{GroupLeader: true})
//	for {
//		ev := wait(m.Deadline())           // the world: a client, a report, a timer
//		for _, a := range m.Step(now, ev) { // valid until the next Step
//			carryOut(a)
//		}
//	}
//
// The first event is ConfigLoaded or ConfigRejected with Request 0. Then:
//
//   - Each OpenListener is answered by one ListenerOpened or ListenerFailed, each
//     StartChild by one ChildStarted or ChildStartFailed, each LoadConfig by one
//     ConfigLoaded or ConfigRejected, and each WakeService by one WakeupSent or
//     WakeupFailed. Any other event may come before the answer.
//   - The reports of a child come before its end, and nothing of it comes after.
//   - Deadline returns when the machine next wants a TimerExpired. The machine has
//     its own timers; none is cancelled from outside.
//   - After Exit the process ends the way that it says.
//
// osadapter does this over the kernel, sim over a simulated one. View shows the
// state, Snapshot and Restore keep it, and Check verifies what must always hold.
//
// The rules themselves are in docs/spec (runtime, and design for those that are
// ours); testdata/*.trace has them as stories.
package core
