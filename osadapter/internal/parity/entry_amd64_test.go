//go:build linux

package parity

// entryFlag makes the actor record what it was given before the Go runtime starts.
const entryFlag = "-E main.entry"
