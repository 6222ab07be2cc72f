//go:build !linux

package osadapter

// awaitEnd returns at once: the loop does not run on this system (sys.Missing).
func awaitEnd(int) {}
