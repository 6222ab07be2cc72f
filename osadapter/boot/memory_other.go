//go:build !linux

package boot

// dropImage does nothing: the pages of the program are not known here.
func dropImage() {}
