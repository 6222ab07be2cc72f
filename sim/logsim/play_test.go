package logsim

import "testing"

func TestLogKeepsItsLaws(t *testing.T) { play(t, Play, 3000) }
