package sys

import "github.com/stationmaster/stationmaster/core"

// retryTries bounds Retry.
const retryTries = 3

// Retry calls call until it succeeds, at most retryTries times, and returns the last
// error. It is for calls whose failure the machine does not track, so that what they
// leave undone would stay undone. The call must be safe to repeat.
func Retry(call func() core.Errno) (e core.Errno) {
	for range retryTries {
		if e = call(); e == 0 {
			break
		}
	}
	return e
}
