package lock

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// ErrorText returns the C library's text of the error number inside err, which
// operators and log analysers know (spec go-traps, G20), or the error's own text if
// there is no number.
func ErrorText(err error) string {
	var number unix.Errno
	if errors.As(err, &number) {
		return core.Errno(number).String()
	}
	return err.Error()
}
