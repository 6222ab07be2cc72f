package witness

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

func TestTablesHaveRoomForEveryKind(t *testing.T) {
	if got := core.EventKind(lastEvent + 1).String(); got != "unknown" || lastEvent >= CoverKinds {
		t.Errorf("there is an event %q", got)
	}
	if got := core.ActionKind(lastAction + 1).String(); got != "unknown" || lastAction >= CoverKinds {
		t.Errorf("there is an action %q", got)
	}
	line := core.Action{Kind: core.Log, Code: core.LogCode(lastLine + 1)}
	if got := line.Message(); got[:7] != "unknown" || lastLine >= CoverCodes {
		t.Errorf("there is a line %q", got)
	}
	if int(core.StateStopping) >= CoverStates {
		t.Error("there are more states")
	}
}
