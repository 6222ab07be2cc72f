package config

import "strings"

// disableList is the value of master_service_disable, keyed by pattern text in
// lower case; of several items with one text the first counts.
type disableList map[string]disablePattern

// disablePattern is one item of master_service_disable.
type disablePattern struct {
	order  int // position in the list
	negate bool
}

// parseDisable parses master_service_disable (spec config, 6).
func parseDisable(list string) disableList {
	patterns := make(disableList)
	for order := 0; list != ""; order++ {
		var item string
		if item, list = cutPlain(list); item == "" {
			continue
		}
		text := strings.TrimLeft(item, "!")
		p := disablePattern{order: order, negate: (len(item)-len(text))%2 == 1}
		if strings.IndexByte(text, '/') < 0 {
			if dot := strings.LastIndexByte(text, '.'); dot >= 0 {
				text = text[:dot] + "/" + text[dot+1:]
			}
		}
		text = lowerCase(text)
		if _, earlier := patterns[text]; !earlier {
			patterns[text] = p
		}
	}
	return patterns
}

// cutPlain cuts the first item off a list separated by blanks and commas.
func cutPlain(list string) (item, rest string) {
	i := strings.IndexAny(list, " \t\r\n,")
	if i < 0 {
		return list, ""
	}
	return list[:i], list[i+1:]
}

// disabled reports whether an entry is disabled: the first pattern that matches
// decides. A pattern with a slash matches NAME/TYPE, any other TYPE alone.
func disabled(patterns disableList, name, transport string) bool {
	if len(patterns) == 0 {
		return false
	}
	transport = lowerCase(transport)
	first, found := patterns[lowerCase(name)+"/"+transport]
	if strings.IndexByte(transport, '/') >= 0 {
		return found && !first.negate
	}
	if p, also := patterns[transport]; also && (!found || p.order < first.order) {
		first, found = p, true
	}
	return found && !first.negate
}

// lowerCase converts ASCII letters to lower case.
func lowerCase(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] != lower(s[i]) {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = lower(b[i])
			}
			return string(b)
		}
	}
	return s
}
