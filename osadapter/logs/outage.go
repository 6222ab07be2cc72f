package logs

import (
	"strconv"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// outage counts the lines that were lost since one last went through.
type outage struct {
	lines  int
	reason error // of the first of them
}

// lose counts one line.
func (o *outage) lose(reason error) {
	if o.lines == 0 {
		o.reason = reason
	}
	o.lines++
}

func (o *outage) text() string {
	what := " log lines were lost: "
	if o.lines == 1 {
		what = " log line was lost: "
	}
	return strconv.Itoa(o.lines) + what + o.reason.Error()
}

// fileError says that the log file cannot be opened or written.
type fileError struct {
	text string
	err  error
}

func (e *fileError) Error() string { return e.text }
func (e *fileError) Unwrap() error { return e.err }

// socketError says what is wrong with a socket that takes lines.
type socketError struct {
	path string
	err  error
}

func (e *socketError) Error() string { return "log socket '" + e.path + "': " + lock.ErrorText(e.err) }
func (e *socketError) Unwrap() error { return e.err }
