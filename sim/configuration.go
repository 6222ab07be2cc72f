package sim

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
		if _, e := w.kernel.Lookup(mastercf.Zulu[0].Path); e != 0 {
			w.kernel.Put(mastercf.Zulu[0].Path, sys.Directory)
		}
	}
	c.Services = append(c.Services, s)
}

// drawDraft fills in an entry for the name.
func (w *World) drawDraft(d *mastercf.Draft, name uint8) {
	kinds := [8]core.ServiceType{core.Unix, core.Unix, core.Unix, core.Inet, core.Inet, core.Pass, core.FIFO, core.UnixDatagram}
	*d = mastercf.Draft{Present: true, Name: name}
	d.Kind = kinds[w.choose.Below(8, tape.Config)]
	d.Public = w.choose.Below(4, tape.Config) == 3
	d.Address = uint8(w.choose.Below(uint32(len(mastercf.InetForms)), tape.Config))
	d.Limit = int32(w.choose.Below(uint32(w.o.LimitMax)+1, tape.Config))
	if w.choose.Below(2, tape.Config) == 1 && w.o.WakeupS > 0 {
		d.Wakeup = 1 + int32(w.choose.Below(uint32(w.o.WakeupS), tape.Config))
		d.IfUsed = w.choose.Below(2, tape.Config) == 1
	}
	d.Throttle = 1 + int32(w.choose.Below(uint32(w.o.ThrottleS), tape.Config))
}

// drawFile writes the first configuration.
func (w *World) drawFile() {
	w.file = mastercf.File{}
	for i := range w.file.Order {
		w.file.Order[i] = uint8(i)
	}
	for i := range int(w.o.Services) {
		w.drawDraft(&w.file.Entries[i], uint8(i))
	}
	if w.o.EditType > 0 && w.choose.Below(4, tape.Config) == 3 {
		w.drawAlias(options.MaxNames)
	}
	w.file.Clears = w.choose.Chance(w.o.ClearThrottle, tape.Config)
}

// drawAlias adds an entry that has the name of another one but not its
// identity: a contradiction that master.cf allows.
func (w *World) drawAlias(at int) {
	d := &w.file.Entries[at]
	name := w.choose.Below(uint32(w.o.Services), tape.Config)
	w.drawDraft(d, uint8(name))
	if base := &w.file.Entries[name]; base.Kind != 0 && w.choose.Below(2, tape.Config) == 1 {
		d.Kind = base.Kind
	}
	if w.file.Clashes(at) {
		d.Present = false
	}
}

// torn returns some of them, the first error at least.
func (w *World) torn() []core.Diagnostic {
	return mastercf.TornDiagnostics[:1+2*w.choose.Below(uint32(len(mastercf.TornDiagnostics)+1)/2, tape.Config)]
}

// build turns the file into a configuration. ok is false when core/config
// would have refused it.
func (w *World) build(f *mastercf.File) (c *core.Config, ok bool) {
	if w.configure != nil {
		return w.configure()
	}
	c = w.configs.Next()
	c.ReloadClearsThrottle = f.Clears
	if f.Bad == mastercf.Torn {
		c.Diagnostics = w.torn()
		return c, false
	}
	for _, at := range f.Order {
		d := &f.Entries[at]
		if !d.Present {
			continue
		}
		c.Services = append(c.Services, core.ServiceConfig{})
		w.stamp++
		d.Resolve(&c.Services[len(c.Services)-1], w.stamp, w.o.Backlog)
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
