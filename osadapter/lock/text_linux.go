package lock

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// ErrorText returns the C library's text of an error number inside err, which
// operators and log analysers know (spec go-traps, G20). Other errors give
// their own text.
func ErrorText(err error) string {
	var number unix.Errno
	if errors.As(err, &number) {
		return core.Errno(number).String()
	}
	return err.Error()
}
