package config

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Facts describe the system as plain values. A name that is absent from a map
// was not looked up yet and is listed in Needs; a name that does not exist is
// present with Found false (or an empty list).
type Facts struct {
	ConfigDirectory string // absolute (Differs: Q23, Q41, not read again from the environment)
	ProcessName     string // $process_name: the name under which the process was started
	ProcessID       int32  // $process_id
	Hostname        string // gethostname(2)

	// IPv4 and IPv6 are 0 if the kernel supports the family, otherwise the error
	// of socket(2).
	IPv4, IPv6 core.Errno
	// Interfaces are the addresses of the interfaces that are up, with their
	// prefix lengths, in the kernel's order.
	Interfaces []netip.Prefix
	// InterfacesError is the error of listing them; 0: none.
	InterfacesError core.Errno

	Users      map[string]User   // by name
	Groups     map[string]Group  // by name
	UserNames  map[uint32]string // first user with the identity; empty: none
	GroupNames map[uint32]string // first group with the identity; empty: none
	Hosts      map[string]Host   // by name as written; numeric addresses are never looked up
	Ports      map[string]Port   // TCP services by name
	FirstLines map[string]File   // the first line of a file, for Debian's myorigin = /path
}

// User is the result of looking up a user name.
type User struct {
	Found    bool
	UID, GID uint32
	Trouble  string // why the look-up itself failed, for the hint; may be empty
}

// Group is the result of looking up a group name.
type Group struct {
	Found   bool
	GID     uint32
	Trouble string
}

// Host is the result of looking up a host name: its addresses in the resolver's
// order, empty if there is no such host.
type Host struct {
	Addresses []netip.Addr
	Trouble   string
}

// Port is the result of looking up a TCP service name.
type Port struct {
	Found   bool
	Number  uint16
	Trouble string
}

// File is the result of reading a file.
type File struct {
	Line    string // the first line, without its end
	Problem string // why it is unusable, such as "cannot open file: Permission denied"
}

// Needs lists what must be looked up before a result is final. Every list is
// sorted and free of duplicates.
type Needs struct {
	Users      []string
	Groups     []string
	UserIDs    []uint32
	GroupIDs   []uint32
	Hosts      []string
	Ports      []string
	FirstLines []string
}

// Empty reports whether nothing must be looked up.
func (n *Needs) Empty() bool {
	return len(n.Users)+len(n.Groups)+len(n.UserIDs)+len(n.GroupIDs)+len(n.Hosts)+len(n.Ports)+len(n.FirstLines) == 0
}

// inquiry answers from Facts and records the names that are missing. The second
// result of its methods reports whether the fact is known. Names are copied:
// facts outlive the text that mentions them.
type inquiry struct {
	facts *Facts
	needs Needs
}

func (q *inquiry) user(name string) (User, bool) {
	u, ok := q.facts.Users[name]
	if !ok {
		q.needs.Users = append(q.needs.Users, strings.Clone(name))
	}
	return u, ok
}

func (q *inquiry) group(name string) (Group, bool) {
	g, ok := q.facts.Groups[name]
	if !ok {
		q.needs.Groups = append(q.needs.Groups, strings.Clone(name))
	}
	return g, ok
}

func (q *inquiry) userName(uid uint32) (string, bool) {
	name, ok := q.facts.UserNames[uid]
	if !ok {
		q.needs.UserIDs = append(q.needs.UserIDs, uid)
	}
	return name, ok
}

func (q *inquiry) groupName(gid uint32) (string, bool) {
	name, ok := q.facts.GroupNames[gid]
	if !ok {
		q.needs.GroupIDs = append(q.needs.GroupIDs, gid)
	}
	return name, ok
}

func (q *inquiry) host(name string) (Host, bool) {
	h, ok := q.facts.Hosts[name]
	if !ok {
		q.needs.Hosts = append(q.needs.Hosts, strings.Clone(name))
	}
	return h, ok
}

func (q *inquiry) port(name string) (Port, bool) {
	p, ok := q.facts.Ports[name]
	if !ok {
		q.needs.Ports = append(q.needs.Ports, strings.Clone(name))
	}
	return p, ok
}

func (q *inquiry) firstLine(path string) (File, bool) {
	f, ok := q.facts.FirstLines[path]
	if !ok {
		q.needs.FirstLines = append(q.needs.FirstLines, strings.Clone(path))
	}
	return f, ok
}

// open returns what must still be looked up, sorted and without duplicates.
func (q *inquiry) open() Needs {
	n := q.needs
	for _, list := range []*[]string{&n.Users, &n.Groups, &n.Hosts, &n.Ports, &n.FirstLines} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	for _, list := range []*[]uint32{&n.UserIDs, &n.GroupIDs} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return n
}
