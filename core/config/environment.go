package config

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// maxEnvironment bounds the items of import_environment: far more than any
// system has, and cheap to process at every start of the daemon.
const maxEnvironment = 4096

// environment parses import_environment (spec runtime, 5). A reload keeps the
// environment of the start, so it reports nothing.
func (e *evaluation) environment() {
	const param = "import_environment"
	if e.bad[param] {
		return
	}
	list := e.texts[param]
	items := make([]core.EnvironmentItem, 0, 16)
	refuse := func(item, text, hint string) {
		if e.p.frozen == nil {
			e.refuseIn(param, item, text, hint)
		}
	}
	for list != "" {
		item, rest := cutItem(list)
		if list = rest; item == "" {
			continue
		}
		if len(items) == maxEnvironment {
			refuse("", e.p.where(param)+"more than "+number(maxEnvironment)+" items", "name only the variables that the daemons need")
			break
		}
		if item[0] == '{' {
			inner, fault := stripBraces(item)
			if fault != "" {
				refuse(item, param+": "+fault+" in \""+item+"\"", "write { NAME = value } with blanks around it")
				continue
			}
			item = inner
		}
		if strings.IndexByte(item, '=') < 0 {
			items = append(items, core.EnvironmentItem{Name: item})
			continue
		}
		name, value, fault := splitNameValue(item)
		if fault != "" {
			refuse(item, "clean_env: "+fault+" in: "+item, "write NAME=value, or { NAME = value } if there are blanks")
			continue
		}
		items = append(items, core.EnvironmentItem{
			Name: item[name.start:name.end], Value: item[value.start:value.end], Set: true,
		})
	}
	e.p.result.environment = items
}

// cutItem cuts off the first item of a list separated by blanks and commas,
// except inside braces.
func cutItem(list string) (item, rest string) {
	start := 0
	for start < len(list) && isSeparator(list[start]) {
		start++
	}
	depth := 0
	for i := start; i < len(list); i++ {
		switch c := list[i]; {
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case isSeparator(c) && depth == 0:
			return list[start:i], list[i+1:]
		}
	}
	return list[start:], ""
}

func isSeparator(c byte) bool { return isBlank(c) || c == ',' }

// stripBraces removes the outer braces of a token that starts with one, and the
// white space inside them. fault is the original's reason if it cannot.
func stripBraces(token string) (inner, fault string) {
	size := balanced(token)
	switch {
	case size == 0:
		return "", "missing '}'"
	case size < len(token):
		return "", "syntax error after '}'"
	}
	return trimSpace(token[1 : size-1]), ""
}
