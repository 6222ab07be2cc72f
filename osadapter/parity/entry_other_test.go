//go:build linux && !amd64

package parity

// entryFlag: on this processor the actor tells nothing of signals and limits.
const entryFlag = ""
