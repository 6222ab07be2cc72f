// Package sim is the simulated world: virtual time, a kernel in memory, and in it the
// production osadapter.Driver with a real core.Machine, servers that are real
// core/child machines, their clients, and an operator. Everything around the daemon
// does its worst. A run returns the first broken property by its name, and the tape of
// choices that leads there.
//
// It has no descriptor, process or clock, no goroutine and no lock, and it ranges over
// no map. The same seed and options, or the same tape and options, give the same run
// everywhere. It does not judge the machine by the machine's own derivations: that is
// the business of sim/laws, which it asks at each step.
//
// Where to read: a world is made in layers, each a package with a type World that embeds
// the one below. From the lowest: internal/stage has time, choices and the kernel, with
// internal/agenda for what is to happen; internal/clients, internal/servers and
// internal/operator have those around the daemon, with internal/mastercf for the file that
// is edited and internal/contract for what a server must keep to; internal/judge finds
// fault with the daemon; internal/calm is the second phase. Here is the top: world.go takes
// from the agenda what is due and happen.go carries it out; daemon.go is what
// osadapter.Loop has around the driver; host.go is the world as its kernel sees it; run.go
// plays a seed or a tape, reduce.go makes a failing run small. What a world is told is
// sim/options, what a run leaves behind sim/witness.
package sim
