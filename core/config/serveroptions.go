package config

import "strings"

// ServerOption is one option with which a service's own arguments override a
// parameter of its server.
type ServerOption struct {
	Name, Value string // as given, macros unexpanded
	Arg         int    // the number of the argument that holds the value, from 0
}

// Options of a server that take a value, and those that take none (spec child,
// 3).
const (
	serverValues = "imnorst"
	serverFlags  = "cdDlSuvVz"
)

// ServerOptions finds the parameters that a service's own arguments override:
// "-o name=value", and "-i" and "-m" for max_idle and max_use. As the servers
// do, it stops at the first argument that is no option. What is malformed is
// left out: the server refuses it.
func ServerOptions(args []string) (list []ServerOption) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' {
			return list
		}
		at := 1
		for at < len(arg) && strings.IndexByte(serverFlags, arg[at]) >= 0 {
			at++
		}
		if at == len(arg) {
			continue
		}
		letter, value := arg[at], arg[at+1:]
		if strings.IndexByte(serverValues, letter) < 0 {
			return list
		}
		if value == "" {
			if i++; i == len(args) {
				return list
			}
			value = args[i]
		}
		switch letter {
		case 'o':
			name, text, fault := splitNameValue(value)
			if fault == "" {
				list = append(list, ServerOption{value[name.start:name.end], value[text.start:text.end], i})
			}
		case 'i':
			list = append(list, ServerOption{"max_idle", value, i})
		case 'm':
			list = append(list, ServerOption{"max_use", value, i})
		}
	}
	return list
}
