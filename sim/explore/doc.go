// Package explore goes through every order of events of small worlds around
// the unchanged core.Machine: breadth first, each situation once, so that what
// it finds first is a shortest way to it. A world has a few services, process
// slots, client connections, reloads and faults; everything that can happen
// next is tried next.
//
// It refuses to guess: no randomness, no sampling, no goroutine. Two runs with
// the same options visit the same situations in the same order. The clock is
// read for the limit on time and for the rate, never for a decision of a
// world. It shares no rule with the core: package laws judges each step of the
// machine by itself, internal/edges holds the machine against its world, and rest.go
// looks for a way to rest.
//
// How it is fast: situations of the machine are few compared with situations
// of the world. Each is kept once, as core.Canon writes it; what one event
// makes of it is computed and checked once, by restoring the machine and
// stepping it, and is looked up from then on.
package explore
