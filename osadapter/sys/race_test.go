//go:build linux && race

package sys

// raceDetector says that this test program allocates where the real one does not.
const raceDetector = true
