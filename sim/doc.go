// Package sim is a world that never was: virtual time, a fake kernel, clients,
// servers that are real core/child machines, and an operator, in which one
// production core.Machine runs unchanged while everything around it does its
// worst. Whoever plays a run gets the first broken property by its name, and
// the tape of choices that leads there.
//
// It refuses to be the real thing: it has no descriptor, process or clock, no
// goroutine and no lock, and it ranges over no map. The same seed and options,
// or the same tape and options, give the same run everywhere. It does not know
// how the machine comes to its decisions: the invariants are kept in a book of
// their own (book.go), written from events and actions alone.
//
// Where to read: world.go is the loop, perform.go the adapter that carries
// actions out, process.go and server.go the children, operator.go and
// configuration.go what people do, book.go and judge.go the safety invariants S1
// to S13, calm.go the liveness laws L1 to L9, situation.go the meetings that
// runs must come to, reduce.go how a failing run is made small.
package sim
