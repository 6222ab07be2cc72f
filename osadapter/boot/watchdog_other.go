//go:build !linux

package boot

// InstallWatchdog does nothing: the daemon does not run on this system.
func InstallWatchdog() error { return nil }

// FeedWatchdog does nothing here.
func FeedWatchdog() {}
