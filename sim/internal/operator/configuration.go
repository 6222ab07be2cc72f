package operator

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// spoil adds a service whose listener cannot be opened.
func (w *World) spoil(c *core.Config, bad mastercf.Badness) {
	w.stamp++
	s := core.ServiceConfig{
		Name: "zulu", Canonical: "private/zulu", Type: core.Unix, Line: w.stamp, LocalOnly: true, ProcessLimit: 1,
		Command: "zulu", Path: "/d/zulu", ThrottleDelay: core.Second, Backlog: 1, Owner: mastercf.Owner, SwitchIdentity: true,
		Endpoints: mastercf.Zulu,
	}
	switch bad {
	case mastercf.Elsewhere:
		s.Type, s.Name, s.Canonical, s.Endpoints = core.Inet, "192.0.2.1:25", "192.0.2.1:25", mastercf.Unreachable
	case mastercf.Overlong:
		s.Name, s.Canonical, s.Endpoints = mastercf.LongName, "private/"+mastercf.LongName, mastercf.TooLong
	case mastercf.Blocked:
		if _, e := w.Kernel.Lookup(mastercf.Zulu[0].Path); e != 0 {
			w.Kernel.Put(mastercf.Zulu[0].Path, sys.Directory)
		}
	}
	c.Services = append(c.Services, s)
}

// drawDraft fills in an entry for the name.
func (w *World) drawDraft(d *mastercf.Draft, name uint8) {
	kinds := [8]core.ServiceType{core.Unix, core.Unix, core.Unix, core.Inet, core.Inet, core.Pass, core.FIFO, core.UnixDatagram}
	*d = mastercf.Draft{Present: true, Name: name}
	d.Kind = kinds[w.Choose.Below(8, tape.Config)]
	d.Public = w.Choose.Below(4, tape.Config) == 3
	d.Address = uint8(w.Choose.Below(uint32(len(mastercf.InetForms)), tape.Config))
	d.Limit = int32(w.Choose.Below(uint32(w.O.LimitMax)+1, tape.Config))
	if w.Choose.Below(2, tape.Config) == 1 && w.O.WakeupS > 0 {
		d.Wakeup = 1 + int32(w.Choose.Below(uint32(w.O.WakeupS), tape.Config))
		d.IfUsed = w.Choose.Below(2, tape.Config) == 1
	}
	d.Throttle = 1 + int32(w.Choose.Below(uint32(w.O.ThrottleS), tape.Config))
}

// DrawFile writes the first configuration.
func (w *World) DrawFile() {
	w.File = mastercf.File{}
	for i := range w.File.Order {
		w.File.Order[i] = uint8(i)
	}
	for i := range int(w.O.Services) {
		w.drawDraft(&w.File.Entries[i], uint8(i))
	}
	if w.O.EditType > 0 && w.Choose.Below(4, tape.Config) == 3 {
		w.drawAlias(options.MaxNames)
	}
	w.File.Clears = w.Choose.Chance(w.O.ClearThrottle, tape.Config)
}

// drawAlias adds an entry that has the name of another one but not its
// identity: a contradiction that master.cf allows.
func (w *World) drawAlias(at int) {
	d := &w.File.Entries[at]
	name := w.Choose.Below(uint32(w.O.Services), tape.Config)
	w.drawDraft(d, uint8(name))
	if base := &w.File.Entries[name]; base.Kind != 0 && w.Choose.Below(2, tape.Config) == 1 {
		d.Kind = base.Kind
	}
	if w.File.Clashes(at) {
		d.Present = false
	}
}

// Torn returns some of them, the first error at least.
func (w *World) Torn() []core.Diagnostic {
	return mastercf.TornDiagnostics[:1+2*w.Choose.Below(uint32(len(mastercf.TornDiagnostics)+1)/2, tape.Config)]
}

// Build turns the file into a configuration. ok is false when core/config
// would have refused it.
func (w *World) Build(f *mastercf.File) (c *core.Config, ok bool) {
	if w.Configure != nil {
		return w.Configure()
	}
	c = w.configs.Next()
	c.ReloadClearsThrottle = f.Clears
	if f.Bad == mastercf.Torn {
		c.Diagnostics = w.Torn()
		return c, false
	}
	for _, at := range f.Order {
		d := &f.Entries[at]
		if !d.Present {
			continue
		}
		c.Services = append(c.Services, core.ServiceConfig{})
		w.stamp++
		d.Resolve(&c.Services[len(c.Services)-1], w.stamp, w.O.Backlog)
	}
	switch {
	case len(c.Services) == 0:
	case f.Bad == mastercf.Doubled:
		c.Services = append(c.Services, c.Services[0])
	case f.Bad == mastercf.Shapeless:
		c.Services[len(c.Services)-1].ProcessLimit = -1
	case f.Bad >= mastercf.Elsewhere:
		w.spoil(c, f.Bad)
	}
	return c, true
}
