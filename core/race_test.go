//go:build race

package core

// raceDetector: the detector's own allocations are counted with ours.
const raceDetector = true
