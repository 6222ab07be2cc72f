// Package mastercf is the master.cf of a simulated world: entries as an operator writes
// them, the names and addresses that they can have, and the configuration that
// core/config would make of them.
package mastercf

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/options"
)

// Draft is one entry of master.cf as the operator wrote it.
type Draft struct {
	Present  bool
	Name     uint8 // which of the names
	Kind     core.ServiceType
	Public   bool  // public/ instead of private/
	Spelling bool  // the other spelling of the same inet service
	Address  uint8 // inet: which of the forms
	Limit    int32
	Wakeup   int32 // seconds
	IfUsed   bool
	Throttle int32 // seconds
	Args     uint8
	Program  bool // the other program of its name
}

// File is what is on disk.
type File struct {
	Entries [options.MaxEntries]Draft
	Order   [options.MaxEntries]uint8
	Clears  bool // a reload lifts throttles
	Bad     Badness
	Version uint32
}

// Badness is what is wrong with a file.
type Badness uint8

// What can be wrong.
const (
	Sound     Badness = iota
	Torn              // it cannot be read or does not parse
	Doubled           // two entries are one service; core/config would have refused it
	Shapeless         // a value that no service can have
	Elsewhere         // an address that no interface has
	Overlong          // a path that fits no socket
	Blocked           // a directory stands at the path
	Badnesses
)

// LongName is too long for the address of a socket.
var LongName = strings.Repeat("x", 200)

// Endpoints that nobody can listen on.
var (
	Zulu        = []core.Endpoint{{Path: "private/zulu"}}
	TooLong     = []core.Endpoint{{Path: "private/" + LongName}}
	Unreachable = []core.Endpoint{{Address: netip.MustParseAddrPort("192.0.2.1:25")}}
)

// nameTable has the names and addresses of every world; nobody changes them.
type nameTable struct {
	Inet      [options.MaxNames][InetIdentities]string
	spellings [options.MaxNames]string // other ones of the first of them
	private   [options.MaxNames]string
	Public    [options.MaxNames]string
	Paths     [options.MaxNames]string                           // of commands
	Others    [options.MaxNames]string                           // and other ones
	Endpoints [options.MaxNames * options.Places][]core.Endpoint // one each, to be shared
	both      [options.MaxNames][]core.Endpoint
	args      [4][]string
}

// LocalNames are the names of services that are no inet services.
var LocalNames = [options.MaxNames]string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot"}

// Names has the names and addresses of every world.
var Names = makeNames()

const firstPort = 10025

// inetForm is one way to write an inet entry. Two forms of one identity have
// other addresses: what a name means moved. Two identities may share one.
type inetForm struct {
	identity uint8
	place    int // the kernel address; both families with bothPlaces
	local    bool
	Sibling  uint8 // another form of the identity; itself: there is none
}

// Kernel addresses of one name.
const (
	privatePlace = iota
	publicPlace
	Any4Place
	any6Place
	loopbackPlace
	bothPlaces // no address: the two wildcards
)

// InetIdentities is how many inet services one name can be.
const InetIdentities = 4

// InetForms are the ways to write an inet entry.
var InetForms = [...]inetForm{
	{0, Any4Place, false, 1},
	{0, bothPlaces, false, 0},
	{1, loopbackPlace, true, 2},
	{2, Any4Place, false, 3},
	{3, Any4Place, false, 5},
	{3, any6Place, false, 4},
}

func makeNames() *nameTable {
	t := &nameTable{}
	for i := range options.MaxNames {
		port := uint16(firstPort + i)
		number := strconv.Itoa(int(port))
		t.Inet[i] = [InetIdentities]string{number, "127.0.0.1:" + number, "0.0.0.0:" + number, "host:" + number}
		t.spellings[i] = "port" + number
		t.private[i], t.Public[i] = "private/"+LocalNames[i], "public/"+LocalNames[i]
		t.Paths[i], t.Others[i] = "/d/"+LocalNames[i], "/d/new-"+LocalNames[i]
		any4 := core.Endpoint{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port)}
		any6 := core.Endpoint{Address: netip.AddrPortFrom(netip.IPv6Unspecified(), port)}
		own := [options.Places]core.Endpoint{
			{Path: t.private[i]},
			{Path: t.Public[i]},
			any4,
			any6,
			{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)},
		}
		for k := range own {
			t.Endpoints[i*options.Places+k] = []core.Endpoint{own[k]}
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

// Reachable turns a wildcard into an address that a client can ask for.
func Reachable(e core.Endpoint) core.Endpoint {
	switch a := e.Address; {
	case !a.IsValid() || !a.Addr().IsUnspecified():
		return e
	case a.Addr().Is4():
		return core.Endpoint{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())}
	default:
		return core.Endpoint{Address: netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())}
	}
}

// identity returns what makes two entries the same service.
func (d *Draft) identity() (canonical string, kind core.ServiceType) {
	if d.Kind == core.Inet {
		return Names.Inet[d.Name][InetForms[d.Address].identity], d.Kind
	}
	if d.Public {
		return Names.Public[d.Name], d.Kind
	}
	return Names.private[d.Name], d.Kind
}

// Clashes reports whether another entry is the same service.
func (f *File) Clashes(at int) bool {
	name, kind := f.Entries[at].identity()
	for i := range f.Entries {
		if i == at || !f.Entries[i].Present {
			continue
		}
		if n, k := f.Entries[i].identity(); n == name && k == kind {
			return true
		}
	}
	return false
}

// endpoints returns what the entry listens on.
func (d *Draft) endpoints() []core.Endpoint {
	place := privatePlace
	switch {
	case d.Kind == core.Inet:
		place = InetForms[d.Address].place
	case d.Public:
		place = publicPlace
	}
	if place == bothPlaces {
		return Names.both[d.Name]
	}
	return Names.Endpoints[int(d.Name)*options.Places+place]
}

// Resolve returns the entry as core/config would. Line is a stamp: no two
// entries ever built in one run have the same.
func (d *Draft) Resolve(s *core.ServiceConfig, stamp, backlog int32) {
	canonical, kind := d.identity()
	*s = core.ServiceConfig{
		Name: LocalNames[d.Name], Canonical: canonical, Type: kind, Line: stamp,
		Endpoints: d.endpoints(), LocalOnly: true,
		WakeupInterval: core.Duration(d.Wakeup) * core.Second, WakeupIfUsed: d.IfUsed,
		ProcessLimit: d.Limit, Command: LocalNames[d.Name], Path: Names.Paths[d.Name],
		Args: Names.args[d.Args%uint8(len(Names.args))], ThrottleDelay: core.Duration(d.Throttle) * core.Second,
		Backlog: backlog, Unprivileged: d.Args&1 == 1, Owner: Owner, SwitchIdentity: true,
	}
	if d.Program {
		s.Command, s.Path = "new-"+LocalNames[d.Name], Names.Others[d.Name]
	}
	if kind == core.Inet {
		form := InetForms[d.Address]
		s.WindowSize = int32(d.Args&2) * 32768
		s.Name, s.LocalOnly, s.HostInName = canonical, form.local, form.identity > 0
		if d.Spelling && form.identity == 0 {
			s.Name = Names.spellings[d.Name]
		}
	}
}

// Arena keeps the configurations of one run for the next one. Within a
// run none is used twice: the machine owns what it was given.
type Arena struct {
	list []*core.Config
	Used int
}

// Next returns an empty configuration.
func (a *Arena) Next() *core.Config {
	if a.Used == len(a.list) {
		a.list = append(a.list, &core.Config{Services: make([]core.ServiceConfig, 0, options.MaxEntries+1)})
	}
	c := a.list[a.Used]
	a.Used++
	*c = core.Config{
		MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", QueueDirectory: "/var/spool/postfix",
		Services: c.Services[:0],
	}
	return c
}

// TornDiagnostics are what a file that cannot be read has to say: up to three errors, and
// what is no error between them.
var TornDiagnostics = []core.Diagnostic{
	{Severity: core.Error, File: "/etc/postfix/master.cf", Line: 1, Text: "bad transport type: tapes", Hint: "write unix"},
	{Severity: core.Warning, File: "/etc/postfix/main.cf", Line: 3, Text: "unused parameter: mymy"},
	{Severity: core.Error, File: "/etc/postfix/master.cf", Line: 7, Column: 4, Text: "invalid process limit: many"},
	{Severity: core.Info, Text: "nothing else"},
	{Severity: core.Error, Text: "no host name is known"},
}

// Owner makes and listens on everything but inet.
var Owner = core.Account{Name: "postfix", UID: 89, GID: 90}
