// Package parity contains the tests that cmd/master behaves as Postfix's master(8):
// the same scenarios are played against the installed original and against ours,
// what is visible from outside is written down as text, and the texts are compared.
//
// It contains only tests: a program gains nothing by importing it. Intended
// differences are listed in docs/differences.md only; a difference that is not
// there fails, and so does a row there that no scenario shows.
//
// What takes minutes (a wakeup that is never answered, the end of stress, the
// second warning at a limit, our watchdog) is shown by turning forward the clock of
// the master only; forks fail by a filter on system calls. Both exist for amd64 and
// are skipped elsewhere. The original's watchdog uses alarms, which a scenario
// sends. The limit of a hundred seconds of -w is not shown: the kernel counts them.
//
// Run it with make parity (root, Linux). Without an installed original, ours is
// compared with what was recorded of the original, in testdata/original.
package parity
