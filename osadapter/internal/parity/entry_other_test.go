//go:build linux && !amd64

package parity

// entryFlag is empty: on this processor the actor does not report signals and
// limits.
const entryFlag = ""
