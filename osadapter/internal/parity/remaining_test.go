//go:build linux

package parity

// stillToShow lists rows of docs/differences.md that no scenario shows yet. It is
// empty except while a row and its scenario are being written.
var stillToShow = []string{}
