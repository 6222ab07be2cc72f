package sys

import "github.com/stationmaster/stationmaster/core"

// insistTries bounds Insist.
const insistTries = 3

// Insist makes a call again when it fails, a few times in all, and returns the
// last answer. It is for a call whose failure nobody can answer to: what it
// leaves undone would stay undone for good. The call must be one that may be
// made twice.
func Insist(call func() core.Errno) (e core.Errno) {
	for range insistTries {
		if e = call(); e == 0 {
			break
		}
	}
	return e
}
