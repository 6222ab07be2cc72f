//go:build !linux

package boot

// RelaxMonitor does nothing: only Linux has timers that may be late.
func RelaxMonitor() {}
