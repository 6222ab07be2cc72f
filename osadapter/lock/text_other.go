//go:build !linux

package lock

// ErrorText returns the text of err. Error numbers of this system are not those of
// core.Errno, so its own texts are used.
func ErrorText(err error) string { return err.Error() }
