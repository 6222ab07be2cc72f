// Package operator is the layer of a simulated world that has an operator: who edits
// master.cf, reloads, sends signals, lets calls fail, and plays the aimed scenarios. The
// daemon loads what the operator wrote.
package operator

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/servers"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// World is the world with an operator and the file that they edit.
type World struct {
	servers.World
	File    mastercf.File
	Loading mastercf.File // what LoadConfig reads, with request
	Loaded  *core.Config  // what it answered last
	request core.Request
	configs mastercf.Arena
	stamp   int32
	// configure, in tests, is what is on disk, instead of the file.
	Configure func() (c *core.Config, ok bool)
}

// Reset begins a run.
func (w *World) Reset(o options.Options) {
	w.World.Reset(o)
	w.configs.Used, w.stamp, w.request, w.Loaded = 0, 0, 0, nil
}

// BeginLoad reads the file now or when the answer is due.
func (w *World) BeginLoad(r core.Request) {
	w.request, w.Loading = r, w.File
	w.Calm.Loads++
	if w.Choose.Below(2, tape.Load) == 0 {
		w.Loading.Version = 0 // at the answer
	}
	w.After(w.Choose.Delay(core.Duration(w.O.LoadDelayMS)*core.Millisecond, tape.Load), agenda.LoadAnswered, 0, 0)
}

// AnswerLoad answers the daemon with the configuration that it asked for.
func (w *World) AnswerLoad() {
	f := &w.Loading
	if f.Version == 0 {
		*f = w.File
	}
	c, ok := w.Build(f)
	w.Loaded = c
	ev := core.ConfigLoadedEvent(w.request, c)
	if !ok || w.Choose.Chance(w.O.LoadFail, tape.Load) {
		c.Diagnostics = w.Torn()
		ev = core.ConfigRejectedEvent(w.request, c)
	}
	w.Daemon.Box.Mail.Events = append(w.Daemon.Box.Mail.Events, ev)
	w.Wake()
}
