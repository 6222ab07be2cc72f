package boot

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Environment variables that the master sets for its children (spec runtime, 5).
const (
	configVariable   = "MAIL_CONFIG"
	logtagVariable   = "MAIL_LOGTAG"
	postlogVariable  = "POSTLOG_SERVICE"
	hostnameVariable = "POSTLOG_HOSTNAME"
)

// FilterEnvironment returns the environment that import_environment leaves of
// environ: an item with a value sets the variable, an item without one keeps it if
// it exists, everything else is dropped, and later items win. The result has each
// name once, in the order of the items. No name of an item may contain "=", as none
// in main.cf does. The time is proportional to the sum of both lists, not to their
// product.
//
// The result contains MAIL_CONFIG = configDirectory unless that is empty, which
// means that the compiled-in default is in force. Differs: Q41, it is kept even if
// the items do not list it.
func FilterEnvironment(items []core.EnvironmentItem, environ []string, configDirectory string) []string {
	there := make(map[string]string, len(environ)) // whole entries, by name
	for _, entry := range environ {
		name, _, named := strings.Cut(entry, "=")
		if _, twice := there[name]; named && !twice {
			there[name] = entry // the first one counts, as in getenv
		}
	}
	var result []string
	places := make(map[string]int, len(items)+1) // indexes into result
	put := func(name, entry string) {
		if at, twice := places[name]; twice {
			result[at] = entry
			return
		}
		places[name] = len(result)
		result = append(result, entry)
	}
	for _, item := range items {
		if item.Set {
			put(item.Name, item.Name+"="+item.Value)
		} else if entry, present := there[item.Name]; present {
			put(item.Name, entry)
		}
	}
	if configDirectory != "" {
		put(configVariable, configVariable+"="+configDirectory)
	}
	return result
}

// ExportTag adds MAIL_LOGTAG, with which children log until they have read main.cf.
// At start it is added before the filter, which may drop it, and then again at
// every reload.
func ExportTag(environ []string, log core.LogSettings) []string {
	return SetVariable(environ, logtagVariable, log.Name)
}

// ExportPostlog adds the variables that lead children to the postlog socket, or
// removes them if the log does not go there. It is called when the log is switched,
// after the filter, which therefore does not apply.
func ExportPostlog(environ []string, log core.LogSettings) []string {
	if log.File == "" {
		return removeVariable(removeVariable(environ, postlogVariable), hostnameVariable)
	}
	return SetVariable(SetVariable(environ, postlogVariable, log.PostlogPath), hostnameVariable, log.Hostname)
}

// SetVariable returns environ with name set to value, at its old position if it had
// one. The argument is not modified.
func SetVariable(environ []string, name, value string) []string {
	result := make([]string, 0, len(environ)+1)
	done := false
	for _, entry := range environ {
		if !isNamed(entry, name) {
			result = append(result, entry)
		} else if !done {
			result = append(result, name+"="+value)
			done = true
		}
	}
	if !done {
		result = append(result, name+"="+value)
	}
	return result
}

// removeVariable returns environ without name. The argument is not modified.
func removeVariable(environ []string, name string) []string {
	result := make([]string, 0, len(environ))
	for _, entry := range environ {
		if !isNamed(entry, name) {
			result = append(result, entry)
		}
	}
	return result
}

// Variable returns the first value of name, like getenv.
func Variable(environ []string, name string) (string, bool) {
	for _, entry := range environ {
		if isNamed(entry, name) {
			return entry[len(name)+1:], true
		}
	}
	return "", false
}

func isNamed(entry, name string) bool {
	return len(entry) > len(name) && entry[len(name)] == '=' && strings.HasPrefix(entry, name)
}
