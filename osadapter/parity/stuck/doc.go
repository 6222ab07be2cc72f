// Package stuck makes programs that cannot be executed yet: files whose exec
// waits for a test, and a disk that never answers. It refuses to be anything but
// tests; it needs root, and skips where the kernel has no means for it.
package stuck
