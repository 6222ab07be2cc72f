// Package config turns the text of main.cf and master.cf into a core.Config.
//
// It works in two stages. ParseMain and ParseMaster turn text into a syntax tree
// with positions, which prints back byte for byte. Evaluate and Resolve
// interpret the tree with the help of Facts: plain values that describe the
// system (accounts, hosts, ports, interface addresses). Missing facts are
// returned as Needs; an adapter looks them up and calls again. The package
// itself accesses no file, clock, resolver or environment: the same text with
// the same facts always has the same result.
//
// Every problem is a core.Diagnostic whose Text is the line that the original
// logs. All problems are collected; the first Error among them is the one that
// ends the original. Source: spec config, all sections.
package config

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
)

// Flags are the options of the master's command line that affect services.
type Flags struct {
	Foreground     bool // -d: children get -d
	Verbose        bool // -v: children get -v
	Debug          bool // -D: a missing or broken debugger_command is an error
	SwitchIdentity bool // the master runs as root and acts as mail_owner where the contract says so
}

// Override is one "-o name=value" of a server's command line. It replaces the
// text in main.cf before anything is evaluated.
type Override struct{ Name, Value string }

// Frozen holds the values of the running configuration that a reload must not
// change (spec config, 3.3). Create it with Parameters.Freeze at the start and
// pass it to every later Evaluate.
type Frozen struct {
	ConfigDirectory string
	QueueDirectory  string
	InetProtocols   string
	InetInterfaces  string
	IPv4, IPv6      bool         // the families in force
	Addresses       []netip.Addr // the addresses of inet_interfaces at the start
}

// EvaluateOptions control how Evaluate reads main.cf.
type EvaluateOptions struct {
	Overrides []Override
	Frozen    *Frozen   // nil at the start
	Own       *MainFile // parameters of stationmaster, see OwnPath; nil: there is no such file
}

// DefaultDirectory is the configuration directory when neither -c nor
// MAIL_CONFIG names one; both flavours have the same.
const DefaultDirectory = "/etc/postfix"

// MainPath returns the path of main.cf in a configuration directory.
func MainPath(directory string) string { return directory + "/main.cf" }

// OwnPath returns the path of the file with stationmaster's own parameters in a
// configuration directory. It has the form of main.cf and counts as if its
// entries were at the end of main.cf; it may contain only such parameters.
// Postfix's programs do not read it, so they do not warn about unused
// parameters.
func OwnPath(directory string) string { return directory + "/stationmaster.cf" }

// MasterPath returns the path of master.cf in a configuration directory.
func MasterPath(directory string) string { return directory + "/master.cf" }

// failed reports whether one of the diagnostics is an error.
func failed(list []core.Diagnostic) bool {
	for i := range list {
		if list[i].Severity == core.Error {
			return true
		}
	}
	return false
}
