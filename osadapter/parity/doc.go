// Package parity holds the proof that cmd/master behaves as Postfix's master(8):
// the same scenarios are played against the installed original and against ours,
// what the outside can see is written down as text, and the texts are compared.
//
// It refuses to be anything but tests: a program gains nothing by importing it.
// What differs on purpose stands in docs/differences.md alone; a difference that
// is not there fails, and so does a row there that no scenario shows.
//
// What takes minutes (a wakeup that nobody ends, the end of stress, the second
// warning at a limit, our watchdog) is shown with the clock of the master alone
// turned forward; forks that fail are refused by a filter on system calls. Both
// are made for amd64 and skipped elsewhere. The original's watchdog goes by alarms
// instead, which a scenario sends. Not shown is the hundred seconds' limit of -w:
// the kernel counts them.
//
// Run it with make parity (root, Linux). Without an installed original, ours is
// held against what was recorded of the original, in testdata/original.
package parity
