// Package stuck creates programs that cannot be executed yet: files whose exec
// waits for a test, and a disk that never answers. It is for tests only; it needs
// root, and skips if the kernel lacks what it needs.
package stuck
