// Package faults makes system calls of a real, running cmd/master fail, one in each
// life of a daemon: each pair of call and errno, at each place of its use, from the
// first descriptor to the last signal. Afterwards the daemon serves as before, or
// it has ended with one clear line.
//
// It contains only tests: a program gains nothing by importing it. A filter of the
// kernel (seccomp) asks the tests about each call of interest, and they let it pass
// or return an error instead. Nothing in the daemon knows about it.
//
// The errors of a call are those of sim/kernel, where every occurrence of every
// call fails over a kernel in memory; these tests show that the real one is no
// different. Close is left alone: an error instead of it would leave the descriptor
// open, which no kernel does.
//
// A call can also be left without an answer: an exec that hangs.
//
// Run all of it with make faults (root, Linux on amd64); go test plays a sample.
package faults
