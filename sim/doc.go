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
// Where to read: world.go is the schedule of everything that happens (internal/agenda);
// daemon.go is what osadapter.Loop has around the driver, the wait, the mailbox and
// whoever waits for the ends of children; host.go is the world as its kernel sees it.
// process.go, server.go, session.go and chatter.go are the children, client.go their
// clients, operator.go, scenario.go and configuration.go what people do with the file of
// internal/mastercf. conduct.go holds servers to internal/contract, targets.go is the
// production log and journal of the runs that have one, with the sockets and disks of
// sim/logsim, audit.go asks kernel/audit, calm.go is the second phase with the laws of
// liveness, coverage.go counts the meetings that runs must come to and leaves records for
// sim/witness, reduce.go makes a failing run small. What a world is told is sim/options.
package sim
