package checks

import (
	"path"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// ConfigAsked: a configuration answers LoadConfig, once.
func ConfigAsked(b *account.Account, ev *core.Event) string {
	if ev.Kind != core.ConfigLoaded && ev.Kind != core.ConfigRejected || b.Reload.Unknown {
		return ""
	}
	if !b.Reload.Loading || ev.Request != b.LastLoad {
		return wrong("%v, request %d, answers no LoadConfig", ev.Kind, ev.Request)
	}
	return ""
}

// ListenerAsked: an answer names a listener that was asked for, once.
func ListenerAsked(b *account.Account, ev *core.Event) string {
	if ev.Kind != core.ListenerOpened && ev.Kind != core.ListenerFailed || b.Reload.Unknown {
		return ""
	}
	for i := range b.Reload.Opened {
		if o := &b.Reload.Opened[i]; o.Service.ID == ev.Service && o.Listener == ev.Listener && !o.Answered {
			return ""
		}
	}
	return wrong("%v, listener %d of service %d, answers no OpenListener", ev.Kind, ev.Listener, ev.Service)
}

// CommitDue: what comes into force is the configuration that was read last, when all its
// listeners are open, and once.
func CommitDue(b *account.Account, actions []core.Action) string {
	found := 0
	for i := range actions {
		if a := &actions[i]; a.Kind == core.ApplyConfig {
			if found++; found > 1 {
				return "a configuration is put in force twice"
			}
			if wrong := b.CommitReady(a); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func AnnouncedOnce(b *account.Account, _ *core.Action) string {
	if !b.Due.Starts {
		return wrong("announced in the middle of a life, at epoch %d", b.LastEpoch)
	}
	return ""
}

func OpenInReload(b *account.Account, a *core.Action) string {
	if !b.Reload.Opening && !b.Reload.Unknown || a.Entry == nil || int(a.Listener) >= len(a.Entry.Endpoints) || a.Service == 0 {
		return "a listener is opened outside of a reload, or for nobody"
	}
	return ""
}

func OpenFresh(b *account.Account, a *core.Action) string {
	if s := b.Service(a.Service); s != nil && s.Life != account.Opening {
		return wrong("service %d, which is there, opens a listener", a.Service)
	}
	return ""
}

// DisplacesOurs: what stands at a path is set aside if, and only if, it belongs to a
// service of ours.
func DisplacesOurs(b *account.Account, a *core.Action) string {
	if a.Entry == nil || int(a.Listener) >= len(a.Entry.Endpoints) {
		return ""
	}
	end, ours := a.Entry.Endpoints[a.Listener], false
	if end.Path == "" {
		return ""
	}
	for _, s := range b.InForce {
		ours = ours || s.At(end.Path)
	}
	if ours != a.Flag {
		return wrong("%s is opened with displacement %v, it belongs to a service of ours: %v", end.Path, a.Flag, ours)
	}
	return ""
}

func ListenerOpen(b *account.Account, a *core.Action) string {
	if s := b.Service(a.Service); (s == nil || int(a.Listener) >= len(s.Open) || !s.Open[a.Listener]) && !b.Reload.Unknown {
		return wrong("%v names listener %d of service %d, which is not open", a.Kind, a.Listener, a.Service)
	}
	return ""
}

func ListenerGoes(b *account.Account, a *core.Action) string {
	s := b.Service(a.Service)
	if s == nil || b.Reload.Unknown {
		return ""
	}
	o := b.Opened(a)
	switch a.Kind {
	case core.AbandonListener:
		if !b.Due.Unload || s.Life != account.Opening {
			return wrong("listener %d of service %d is abandoned", a.Listener, a.Service)
		}
	case core.CommitListener:
		if !b.Due.Commit || o == nil || o.Settled || !o.Displaces {
			if b.Whole {
				return wrong("listener %d of service %d is settled", a.Listener, a.Service)
			}
		}
	case core.CloseListener:
		if !b.Due.Commit || s.Life != account.Removed && s.Life != account.Gone {
			return wrong("service %d loses listener %d", a.Service, a.Listener)
		}
	}
	return ""
}

func MoveFits(b *account.Account, a *core.Action) string {
	from, to := b.Service(a.Service), b.Service(a.To)
	if from == nil {
		return ""
	}
	if !b.Due.Commit || from.Life != account.Removed && from.Life != account.Gone || to == nil || to.Added != b.LastEpoch {
		return wrong("listener %d of service %d goes to service %d", a.Listener, a.Service, a.To)
	}
	if int(a.Listener) >= len(from.Endpoints) || int(a.ToListener) >= len(to.Endpoints) ||
		from.Endpoints[a.Listener] != to.Endpoints[a.ToListener] || account.SocketKind(from.Entry.Type) != account.SocketKind(to.Entry.Type) {
		return wrong("listener %d of service %d does not fit service %d", a.Listener, a.Service, a.To)
	}
	return ""
}

func MovedOnce(b *account.Account, a *core.Action) string {
	if to := b.Service(a.To); to != nil && int(a.ToListener) < len(to.Open) && to.Open[a.ToListener] {
		return wrong("service %d gets listener %d twice", a.To, a.ToListener)
	}
	return ""
}

// ClientsKept: a client who waits in a listener that is closed must have nowhere else
// to go: the listener would have to be handed over to a service that just made a new
// one for the same address. Where services share a path, who has it counts for more.
func ClientsKept(b *account.Account, a *core.Action) string {
	s := b.Service(a.Service)
	if s == nil || int(a.Listener) >= len(s.Endpoints) {
		return ""
	}
	end := s.Endpoints[a.Listener]
	for i := range b.Reload.Opened {
		o := &b.Reload.Opened[i]
		if o.Open && o.Service.Endpoints[o.Listener] == end && account.SocketKind(o.Service.Entry.Type) == account.SocketKind(s.Entry.Type) && !disputed(b, s, end) {
			return wrong("service %d closes a listener though service %d made a new one for the same address: waiting clients are lost", a.Service, o.Service.ID)
		}
	}
	return ""
}

// disputed reports whether a listener of a removed service is at a path that a later
// service had taken from it, or that several new services want.
func disputed(b *account.Account, s *account.Service, end core.Endpoint) bool {
	if end.Path == "" {
		return false
	}
	rivals := 0
	for i := range b.Reload.Opened {
		o := &b.Reload.Opened[i]
		if at := o.Service.Endpoints[o.Listener].Path; at != "" && path.Clean(at) == path.Clean(end.Path) {
			rivals++
		}
	}
	later := false
	for _, other := range b.Before {
		later = later || other.ID > s.ID && other.At(end.Path)
	}
	return rivals > 1 || later
}

func LoadAsked(b *account.Account, a *core.Action) string {
	next := b.Due.Load || b.Reload.Maybe && (b.Due.Commit || b.Due.Unload)
	if (!next || b.Reload.Loading) && !b.Reload.Unknown {
		return "a configuration is loaded that nobody asked for"
	}
	return ""
}

// OldRetired: those who must be cut off in this step were.
func OldRetired(b *account.Account, _ *core.Event) string {
	if b.Due.Cuts != 0 {
		return wrong("%d old children were not retired", b.Due.Cuts)
	}
	return ""
}

// ReloadEnds: a transaction whose configuration is known waits for a listener, or it is
// over.
func ReloadEnds(b *account.Account, actions []core.Action) string {
	if r := &b.Reload; !r.Opening || r.Asked > 0 || b.Due.Unload || r.Unknown {
		return ""
	}
	for i := range actions {
		if k := actions[i].Kind; k == core.OpenListener || k == core.ApplyConfig || k == core.Exit {
			return ""
		}
	}
	return "a reload neither ends nor waits"
}

// NothingLeft: a refused configuration leaves nothing behind.
func NothingLeft(b *account.Account, _ *core.Event) string {
	if !b.Due.Unload || !b.Running {
		return ""
	}
	for i := range b.Reload.Opened {
		if o := &b.Reload.Opened[i]; o.Open && !o.Settled {
			return wrong("listener %d of service %d stays open after a refused reload", o.Listener, o.Service.ID)
		}
	}
	return ""
}

func DisplacedSettled(b *account.Account, _ *core.Event) string {
	if !b.Due.Commit {
		return ""
	}
	for i := range b.Reload.Opened {
		if o := &b.Reload.Opened[i]; o.Displaces && !o.Settled {
			return wrong("what listener %d of service %d displaced was not settled", o.Listener, o.Service.ID)
		}
	}
	return ""
}

func HangupHeeded(b *account.Account, _ *core.Event) string {
	if b.Due.Load {
		return "a hangup was lost"
	}
	return ""
}
