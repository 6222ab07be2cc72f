package sim

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// Bounds of every world.
const (
	maxNames   = 6            // names that services can have
	maxEntries = maxNames + 2 // entries of one master.cf; the last two share a name with another
	maxListen  = 2            // listeners of one service
	places     = 5            // kernel addresses of one name
	maxBacklog = 8
)

// draft is one entry of master.cf as the operator wrote it.
type draft struct {
	present  bool
	name     uint8 // which of the names
	kind     core.ServiceType
	public   bool  // public/ instead of private/
	spelling bool  // the other spelling of the same inet service
	address  uint8 // inet: which of the forms
	limit    int32
	wakeup   int32 // seconds
	ifUsed   bool
	throttle int32 // seconds
	args     uint8
	program  bool // the other program of its name
}

// file is what is on disk.
type file struct {
	entries [maxEntries]draft
	order   [maxEntries]uint8
	clears  bool // a reload lifts throttles
	bad     badness
	version uint32
}

// badness is what is wrong with a file.
type badness uint8

const (
	sound     badness = iota
	torn              // it cannot be read or does not parse
	doubled           // two entries are one service; core/config would have refused it
	shapeless         // a value that no service can have
	elsewhere         // an address that no interface has
	overlong          // a path that fits no socket
	blocked           // a directory stands at the path
	badnesses
)

// longName is too long for the address of a socket.
var longName = strings.Repeat("x", 200)

// spoil adds a service whose listener cannot be opened.
func (w *World) spoil(c *core.Config, bad badness) {
	w.stamp++
	s := core.ServiceConfig{
		Name: "zulu", Canonical: "private/zulu", Type: core.Unix, Line: w.stamp, LocalOnly: true, ProcessLimit: 1,
		Command: "zulu", Path: "/d/zulu", ThrottleDelay: core.Second, Backlog: 1, Owner: owner, SwitchIdentity: true,
		Endpoints: zulu,
	}
	switch bad {
	case elsewhere:
		s.Type, s.Name, s.Canonical, s.Endpoints = core.Inet, "192.0.2.1:25", "192.0.2.1:25", unreachable
	case overlong:
		s.Name, s.Canonical, s.Endpoints = longName, "private/"+longName, tooLong
	case blocked:
		if _, e := w.kernel.Lookup(zulu[0].Path); e != 0 {
			w.kernel.Put(zulu[0].Path, sys.Directory)
		}
	}
	c.Services = append(c.Services, s)
}

// Endpoints that nobody can listen on.
var (
	zulu        = []core.Endpoint{{Path: "private/zulu"}}
	tooLong     = []core.Endpoint{{Path: "private/" + longName}}
	unreachable = []core.Endpoint{{Address: netip.MustParseAddrPort("192.0.2.1:25")}}
)

// nameTable has the names and addresses of every world; nobody changes them.
type nameTable struct {
	inet      [maxNames][inetIdentities]string
	spellings [maxNames]string // other ones of the first of them
	private   [maxNames]string
	public    [maxNames]string
	paths     [maxNames]string                   // of commands
	others    [maxNames]string                   // and other ones
	endpoints [maxNames * places][]core.Endpoint // one each, to be shared
	both      [maxNames][]core.Endpoint
	args      [4][]string
}

var localNames = [maxNames]string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot"}

var names = makeNames()

const firstPort = 10025

// inetForm is one way to write an inet entry. Two forms of one identity have
// other addresses: what a name means moved. Two identities may share one.
type inetForm struct {
	identity uint8
	place    int // the kernel address; both families with bothPlaces
	local    bool
}

// Kernel addresses of one name.
const (
	privatePlace = iota
	publicPlace
	any4Place
	any6Place
	loopbackPlace
	bothPlaces // no address: the two wildcards
)

const inetIdentities = 4

var inetForms = [...]inetForm{
	{0, any4Place, false},
	{0, bothPlaces, false},
	{1, loopbackPlace, true},
	{2, any4Place, false},
	{3, any4Place, false},
	{3, any6Place, false},
}

func makeNames() *nameTable {
	t := &nameTable{}
	for i := range maxNames {
		port := uint16(firstPort + i)
		number := strconv.Itoa(int(port))
		t.inet[i] = [inetIdentities]string{number, "127.0.0.1:" + number, "0.0.0.0:" + number, "host:" + number}
		t.spellings[i] = "port" + number
		t.private[i], t.public[i] = "private/"+localNames[i], "public/"+localNames[i]
		t.paths[i], t.others[i] = "/d/"+localNames[i], "/d/new-"+localNames[i]
		any4 := core.Endpoint{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port)}
		any6 := core.Endpoint{Address: netip.AddrPortFrom(netip.IPv6Unspecified(), port)}
		own := [places]core.Endpoint{
			{Path: t.private[i]},
			{Path: t.public[i]},
			any4,
			any6,
			{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)},
		}
		for k := range own {
			t.endpoints[i*places+k] = []core.Endpoint{own[k]}
		}
		t.both[i] = []core.Endpoint{any4, any6}
	}
	for i := range t.args {
		for range i {
			t.args[i] = append(t.args[i], "-x"+strconv.Itoa(i))
		}
	}
	return t
}

// reachable turns a wildcard into an address that a client can ask for.
func reachable(e core.Endpoint) core.Endpoint {
	switch a := e.Address; {
	case !a.IsValid() || !a.Addr().IsUnspecified():
		return e
	case a.Addr().Is4():
		return core.Endpoint{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())}
	default:
		return core.Endpoint{Address: netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())}
	}
}

// drawDraft fills in an entry for the name.
func (w *World) drawDraft(d *draft, name uint8) {
	kinds := [8]core.ServiceType{core.Unix, core.Unix, core.Unix, core.Inet, core.Inet, core.Pass, core.FIFO, core.UnixDatagram}
	*d = draft{present: true, name: name}
	d.kind = kinds[w.choose.Below(8, tape.Config)]
	d.public = w.choose.Below(4, tape.Config) == 3
	d.address = uint8(w.choose.Below(uint32(len(inetForms)), tape.Config))
	d.limit = int32(w.choose.Below(uint32(w.o.LimitMax)+1, tape.Config))
	if w.choose.Below(2, tape.Config) == 1 && w.o.WakeupS > 0 {
		d.wakeup = 1 + int32(w.choose.Below(uint32(w.o.WakeupS), tape.Config))
		d.ifUsed = w.choose.Below(2, tape.Config) == 1
	}
	d.throttle = 1 + int32(w.choose.Below(uint32(w.o.ThrottleS), tape.Config))
}

// drawFile writes the first configuration.
func (w *World) drawFile() {
	w.file = file{}
	for i := range w.file.order {
		w.file.order[i] = uint8(i)
	}
	for i := range int(w.o.Services) {
		w.drawDraft(&w.file.entries[i], uint8(i))
	}
	if w.o.EditType > 0 && w.choose.Below(4, tape.Config) == 3 {
		w.drawAlias(maxNames)
	}
	w.file.clears = w.choose.Chance(w.o.ClearThrottle, tape.Config)
}

// drawAlias adds an entry that has the name of another one but not its
// identity: a contradiction that master.cf allows.
func (w *World) drawAlias(at int) {
	d := &w.file.entries[at]
	name := w.choose.Below(uint32(w.o.Services), tape.Config)
	w.drawDraft(d, uint8(name))
	if base := &w.file.entries[name]; base.kind != 0 && w.choose.Below(2, tape.Config) == 1 {
		d.kind = base.kind
	}
	if w.file.clashes(at) {
		d.present = false
	}
}

// identity returns what makes two entries the same service.
func (d *draft) identity() (canonical string, kind core.ServiceType) {
	if d.kind == core.Inet {
		return names.inet[d.name][inetForms[d.address].identity], d.kind
	}
	if d.public {
		return names.public[d.name], d.kind
	}
	return names.private[d.name], d.kind
}

// clashes reports whether another entry is the same service.
func (f *file) clashes(at int) bool {
	name, kind := f.entries[at].identity()
	for i := range f.entries {
		if i == at || !f.entries[i].present {
			continue
		}
		if n, k := f.entries[i].identity(); n == name && k == kind {
			return true
		}
	}
	return false
}

// endpoints returns what the entry listens on.
func (d *draft) endpoints() []core.Endpoint {
	place := privatePlace
	switch {
	case d.kind == core.Inet:
		place = inetForms[d.address].place
	case d.public:
		place = publicPlace
	}
	if place == bothPlaces {
		return names.both[d.name]
	}
	return names.endpoints[int(d.name)*places+place]
}

// resolve returns the entry as core/config would. Line is a stamp: no two
// entries ever built in one run have the same.
func (d *draft) resolve(s *core.ServiceConfig, stamp, backlog int32) {
	canonical, kind := d.identity()
	*s = core.ServiceConfig{
		Name: localNames[d.name], Canonical: canonical, Type: kind, Line: stamp,
		Endpoints: d.endpoints(), LocalOnly: true,
		WakeupInterval: core.Duration(d.wakeup) * core.Second, WakeupIfUsed: d.ifUsed,
		ProcessLimit: d.limit, Command: localNames[d.name], Path: names.paths[d.name],
		Args: names.args[d.args%uint8(len(names.args))], ThrottleDelay: core.Duration(d.throttle) * core.Second,
		Backlog: backlog, Unprivileged: d.args&1 == 1, Owner: owner, SwitchIdentity: true,
	}
	if d.program {
		s.Command, s.Path = "new-"+localNames[d.name], names.others[d.name]
	}
	if kind == core.Inet {
		form := inetForms[d.address]
		s.WindowSize = int32(d.args&2) * 32768
		s.Name, s.LocalOnly, s.HostInName = canonical, form.local, form.identity > 0
		if d.spelling && form.identity == 0 {
			s.Name = names.spellings[d.name]
		}
	}
}

// configArena keeps the configurations of one run for the next one. Within a
// run none is used twice: the machine owns what it was given.
type configArena struct {
	list []*core.Config
	used int
}

func (a *configArena) next() *core.Config {
	if a.used == len(a.list) {
		a.list = append(a.list, &core.Config{Services: make([]core.ServiceConfig, 0, maxEntries+1)})
	}
	c := a.list[a.used]
	a.used++
	*c = core.Config{
		MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", QueueDirectory: "/var/spool/postfix",
		Services: c.Services[:0],
	}
	return c
}

// tornDiagnostics are what a file that cannot be read has to say: up to three errors, and
// what is no error between them.
var tornDiagnostics = []core.Diagnostic{
	{Severity: core.Error, File: "/etc/postfix/master.cf", Line: 1, Text: "bad transport type: tapes", Hint: "write unix"},
	{Severity: core.Warning, File: "/etc/postfix/main.cf", Line: 3, Text: "unused parameter: mymy"},
	{Severity: core.Error, File: "/etc/postfix/master.cf", Line: 7, Column: 4, Text: "invalid process limit: many"},
	{Severity: core.Info, Text: "nothing else"},
	{Severity: core.Error, Text: "no host name is known"},
}

// torn returns some of them, the first error at least.
func (w *World) torn() []core.Diagnostic {
	return tornDiagnostics[:1+2*w.choose.Below(uint32(len(tornDiagnostics)+1)/2, tape.Config)]
}

// build turns the file into a configuration. ok is false when core/config
// would have refused it.
func (w *World) build(f *file) (c *core.Config, ok bool) {
	if w.configure != nil {
		return w.configure()
	}
	c = w.configs.next()
	c.ReloadClearsThrottle = f.clears
	if f.bad == torn {
		c.Diagnostics = w.torn()
		return c, false
	}
	for _, at := range f.order {
		d := &f.entries[at]
		if !d.present {
			continue
		}
		c.Services = append(c.Services, core.ServiceConfig{})
		w.stamp++
		d.resolve(&c.Services[len(c.Services)-1], w.stamp, w.o.Backlog)
	}
	switch {
	case len(c.Services) == 0:
	case f.bad == doubled:
		c.Services = append(c.Services, c.Services[0])
	case f.bad == shapeless:
		c.Services[len(c.Services)-1].ProcessLimit = -1
	case f.bad >= elsewhere:
		w.spoil(c, f.bad)
	}
	return c, true
}
