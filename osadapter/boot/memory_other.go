//go:build !linux

package boot

// dropImage does nothing: which pages are the program's is not known here.
func dropImage() {}
