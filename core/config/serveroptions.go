package config

import "strings"

// ServerArgument is one argument of a service as its server reads it: an option
// that sets a parameter, another option, or an argument after the options.
type ServerArgument struct {
	Letter byte   // of the option; 0: not an option
	Option int    // index of the argument that has the letter
	Arg    int    // index of the argument that holds the value
	Start  int    // where the value begins in that argument
	Text   string // the value of an option that takes one; else the argument
	Name   string // the parameter that the option sets; empty: none
	Value  string // its value, macros unexpanded
	Fault  string // why the server exits here; empty: it does not
}

// ServerOption is one option with which a service's own arguments override a
// parameter of its server.
type ServerOption struct {
	Name, Value string // as written, macros unexpanded
	Arg         int    // index of the argument that holds the value
}

// Options of a server that take a value, and options that do not (spec child, 3).
const (
	serverValues = "imnorst"
	serverFlags  = "cdDlSuvVz"
)

// Faults of options. Those of name=value have the original's words instead.
const (
	UnknownOption = "unknown option"
	MissingValue  = "missing value"
)

// ServerArguments parses the arguments of a service as servers do: options up to
// the first other argument, or up to "--". The list ends at the first fault.
func ServerArguments(args []string) (list []ServerArgument) {
	i := 0
	for i < len(args) && len(args[i]) > 1 && args[i][0] == '-' {
		if args[i] == "--" {
			i++
			break
		}
		option, more := serverOption(args, i)
		list = append(list, option...)
		if n := len(list); n > 0 && list[n-1].Fault != "" {
			return list
		}
		i += more
	}
	for ; i < len(args); i++ {
		list = append(list, ServerArgument{Option: i, Arg: i, Text: args[i]})
	}
	return list
}

// serverOption parses the options of one argument: letters without a value, then
// optionally one with a value. more is the number of arguments they use.
func serverOption(args []string, i int) (list []ServerArgument, more int) {
	arg := args[i]
	for at := 1; at < len(arg); at++ {
		a := ServerArgument{Letter: arg[at], Option: i, Arg: i, Text: arg}
		if strings.IndexByte(serverFlags, a.Letter) >= 0 {
			list = append(list, a)
			continue
		}
		if strings.IndexByte(serverValues, a.Letter) < 0 {
			a.Fault = UnknownOption
			return append(list, a), 1
		}
		more = 1
		if a.Start, a.Text = at+1, arg[at+1:]; a.Text == "" {
			if i+1 == len(args) {
				a.Fault = MissingValue
				return append(list, a), 1
			}
			a.Arg, a.Start, a.Text, more = i+1, 0, args[i+1], 2
		}
		a.override()
		return append(list, a), more
	}
	return list, 1
}

// override sets the parameter that an option with a value overrides.
func (a *ServerArgument) override() {
	switch a.Letter {
	case 'o':
		name, text, fault := splitNameValue(a.Text)
		if a.Fault = fault; fault == "" {
			a.Name, a.Value = a.Text[name.start:name.end], a.Text[text.start:text.end]
		}
	case 'i':
		a.Name, a.Value = "max_idle", a.Text
	case 'm':
		a.Name, a.Value = "max_use", a.Text
	}
}

// ServerOptions returns the parameters that a service's own arguments override:
// "-o name=value", and "-i" and "-m" for max_idle and max_use. It ends at an
// option that the server refuses.
func ServerOptions(args []string) (list []ServerOption) {
	for _, a := range ServerArguments(args) {
		if a.Name != "" {
			list = append(list, ServerOption{a.Name, a.Value, a.Arg})
		}
	}
	return list
}
