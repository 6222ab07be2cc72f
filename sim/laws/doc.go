// Package laws is the law book: what must hold of a master, whatever happens to
// it. Each law stands once, with its words, in the table of law.go; the functions
// that check it are named there and stand in internal/checks.
//
// A Book keeps an account of one machine (internal/account) from the events that it was given and the
// actions that it answered with, and from nothing else. It never asks the machine
// what it thinks: where machine and account disagree, a law is broken. The rules by
// which the account is kept are taken from the specification, not from package core.
//
// The random world shows every step to a book (Step) and now and then the whole
// machine (Sweep). The explorer, which knows situations of a machine and not its
// past, lets a book take over a situation from a view (Adopt) and then shows it one
// step. The second phase of a random run, when faults are off, asks for bounds
// (rest.go).
//
// Package laws imports core and core/wire: the words of the border that it shares
// with the machine. It does no I/O, keeps no time, and takes no memory in the steady
// state.
package laws
