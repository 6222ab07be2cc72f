//go:build linux

package parity

// stillToShow are rows of docs/differences.md that no scenario shows yet. It is
// empty, and only ever fills while a row and its scenario are being written.
var stillToShow = []string{}
