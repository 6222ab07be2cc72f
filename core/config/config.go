// Package config turns the text of main.cf and master.cf into a core.Config.
//
// It works in two stages with a clear border. ParseMain and ParseMaster turn
// text into a syntax tree with positions that prints back byte for byte.
// Evaluate and Resolve give the tree a meaning, with Facts: plain values that
// say what the system knows (accounts, hosts, ports, interface addresses).
// What is still missing comes back as Needs; an adapter looks it up and calls
// again. The package refuses to ask anything itself: no file, clock, resolver
// or environment is touched here, and the same text with the same facts gives
// the same result.
//
// Every problem is a core.Diagnostic whose Text is the line that the original
// logs. All problems are collected; the first Error among them is the one on
// which the original dies. Source: spec config, all sections.
package config

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
)

// Flags are the options of the master's command line that shape services.
type Flags struct {
	Foreground     bool // -d: children get -d
	Verbose        bool // -v: children get -v
	Debug          bool // -D: a missing or broken debugger_command is an error
	SwitchIdentity bool // the master is root and acts as mail_owner where the contract says so
}

// Override is one "-o name=value" of a server's command line. It replaces what
// main.cf says before anything is evaluated.
type Override struct{ Name, Value string }

// Frozen are the values of the running configuration that a reload must not
// change (spec config, 3.3). Make it with Parameters.Freeze at the start and
// give it to every later Evaluate.
type Frozen struct {
	ConfigDirectory string
	QueueDirectory  string
	InetProtocols   string
	InetInterfaces  string
	IPv4, IPv6      bool         // the families in force
	Addresses       []netip.Addr // what inet_interfaces meant at the start
}

// EvaluateOptions control how Evaluate reads main.cf.
type EvaluateOptions struct {
	Overrides []Override
	Frozen    *Frozen   // nil at the start
	Own       *MainFile // parameters of our own, see OwnPath; nil: there is no such file
}

// MainPath is the path of main.cf in a configuration directory.
func MainPath(directory string) string { return directory + "/main.cf" }

// OwnPath is the path of the file with parameters of our own in a configuration
// directory. It has the form of main.cf, and what it says counts as if it stood
// at the end of main.cf; only such parameters may stand there. Postfix's programs
// do not read it, and so do not warn of parameters that nobody uses.
func OwnPath(directory string) string { return directory + "/stationmaster.cf" }

// MasterPath is the path of master.cf in a configuration directory.
func MasterPath(directory string) string { return directory + "/master.cf" }

// failed tells whether one of the diagnostics refuses the configuration.
func failed(list []core.Diagnostic) bool {
	for i := range list {
		if list[i].Severity == core.Error {
			return true
		}
	}
	return false
}
