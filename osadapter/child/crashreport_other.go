//go:build !linux || (!amd64 && !arm64)

package child

import "github.com/stationmaster/stationmaster/core"

// reportCrashes does nothing here: a panic in a goroutine that the server starts
// is not logged.
func (p *Process) reportCrashes(core.LogSettings, int) error { return nil }

// stopReportingCrashes does nothing here.
func stopReportingCrashes() {}
