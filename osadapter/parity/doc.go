// Package parity holds the proof that cmd/master behaves as Postfix's master(8):
// the same scenarios are played against the installed original and against ours,
// what the outside can see is written down as text, and the texts are compared.
//
// It refuses to be anything but tests: a program gains nothing by importing it.
// What differs on purpose stands in docs/differences.md alone; a difference that
// is not there fails, and so does a row there that no scenario shows.
//
// Run it with make parity (root, Linux). Without an installed original, ours is
// held against what was recorded of the original, in testdata/original.
package parity
