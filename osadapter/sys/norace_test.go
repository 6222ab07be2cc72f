//go:build linux && !race

package sys

const raceDetector = false
