package fuzz

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// facts are those of a small system.
func facts() *config.Facts {
	addresses := func(list ...string) (h config.Host) {
		for _, a := range list {
			h.Addresses = append(h.Addresses, netip.MustParseAddr(a))
		}
		return h
	}
	f := &config.Facts{
		ConfigDirectory: "/c", ProcessName: "master", ProcessID: 4711, Hostname: "build.example.com",
		Users: map[string]config.User{
			"postfix": {Found: true, UID: 102, GID: 105}, "nobody": {Found: true, UID: 65534, GID: 65534}, "root": {Found: true},
			"twin": {Found: true, UID: 102, GID: 999}, "kin": {Found: true, UID: 500, GID: 105}, "lost": {Trouble: "the look-up timed out"},
		},
		Groups:     map[string]config.Group{"postfix": {Found: true, GID: 105}, "postdrop": {Found: true, GID: 106}, "root": {Found: true}},
		UserNames:  map[uint32]string{102: "postfix", 65534: "nobody", 0: "root"},
		GroupNames: map[uint32]string{105: "postfix", 106: "postdrop", 0: "root"},
		Hosts:      map[string]config.Host{"localhost": addresses("127.0.0.1", "::1"), "two.example": addresses("127.0.0.3", "127.0.0.2")},
		Ports: map[string]config.Port{
			"smtp": {Found: true, Number: 25}, "submission": {Found: true, Number: 587}, "pftest": {Found: true, Number: 10999},
		},
		FirstLines: map[string]config.File{"/etc/mailname": {Line: "mail.example.com"}},
	}
	for _, p := range []string{"127.0.0.1/8", "192.0.2.1/24", "::1/128", "2001:db8::1/64"} {
		f.Interfaces = append(f.Interfaces, netip.MustParsePrefix(p))
	}
	return f
}

// conditions are those under which two texts are read: another system, another command
// line, and the place of the other file in the list of those.
type conditions uint16

// The bits of what is unusual about the system and the command line.
const (
	systemShortName conditions = 1 << (3 + iota)
	systemNoInterfaces
	systemUnlistable
	systemNoIPv6
	systemNoIPv4
	systemDoubleNames
	systemPrivileged
	lineForeground
	lineVerbose
	lineDebug
	lineSwitch
	lineOverride
)

func (s conditions) beside(list []string) []byte { return []byte(list[int(s&7)%len(list)]) }

func (s conditions) flags() config.Flags {
	return config.Flags{
		Foreground: s&lineForeground != 0, Verbose: s&lineVerbose != 0, Debug: s&lineDebug != 0, SwitchIdentity: s&lineSwitch != 0,
	}
}

func (s conditions) overrides() []config.Override {
	if s&lineOverride == 0 {
		return nil
	}
	return []config.Override{{Name: "myhostname", Value: "over.example.net"}, {Name: "default_process_limit", Value: "$nothing"}}
}

// noFamily is EAFNOSUPPORT: address family not supported by protocol.
const noFamily core.Errno = 97

func (s conditions) facts() *config.Facts {
	f := facts()
	if s&systemShortName != 0 {
		f.Hostname = "build"
	}
	if s&systemNoInterfaces != 0 {
		f.Interfaces = nil
	}
	if s&systemUnlistable != 0 {
		f.Interfaces, f.InterfacesError = nil, core.EMFILE
	}
	if s&systemNoIPv6 != 0 {
		f.IPv6 = noFamily
	}
	if s&systemNoIPv4 != 0 {
		f.IPv4 = noFamily
	}
	if s&systemDoubleNames != 0 {
		f.UserNames[102], f.GroupNames[106] = "another", "another"
	}
	if s&systemPrivileged != 0 {
		f.Users["nobody"], f.Groups["postdrop"] = config.User{Found: true, UID: 7}, config.Group{Found: true}
		f.FirstLines["/etc/mailname"] = config.File{}
	}
	return f
}

// answer denies everything that the small system does not have.
func answer(f *config.Facts, n config.Needs) {
	for _, name := range n.Users {
		f.Users[name] = config.User{}
	}
	for _, name := range n.Groups {
		f.Groups[name] = config.Group{}
	}
	for _, uid := range n.UserIDs {
		f.UserNames[uid] = ""
	}
	for _, gid := range n.GroupIDs {
		f.GroupNames[gid] = ""
	}
	for _, name := range n.Hosts {
		f.Hosts[name] = config.Host{}
	}
	for _, name := range n.Ports {
		f.Ports[name] = config.Port{}
	}
	for _, path := range n.FirstLines {
		f.FirstLines[path] = config.File{Problem: "cannot open file: No such file or directory"}
	}
}

// maxRounds bounds how often answers may lead to new questions: a name to a number,
// and that to a name.
const maxRounds = 3
