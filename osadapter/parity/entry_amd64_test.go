//go:build linux

package parity

// entryFlag lets the actor look at what it was given before the Go runtime does.
const entryFlag = "-E main.entry"
