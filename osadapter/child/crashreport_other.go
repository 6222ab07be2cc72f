//go:build !linux || (!amd64 && !arm64)

package child

import "github.com/stationmaster/stationmaster/core"

// leaveLastWords does nothing here: a panic in a goroutine that the server starts
// is not logged.
func (p *Process) leaveLastWords(core.LogSettings, int) error { return nil }

// noLastWords does nothing here.
func noLastWords() {}
