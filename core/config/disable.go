package config

import "strings"

// disableList is a master_service_disable. Its patterns are found by their
// text in lower case; of several with one text the first decides.
type disableList map[string]disablePattern

// disablePattern is one item of master_service_disable.
type disablePattern struct {
	order  int // in the list
	negate bool
}

// parseDisable reads master_service_disable (spec config, 6).
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

// disabled tells whether an entry is switched off: the first pattern that
// matches decides. One with a slash matches NAME/TYPE, another TYPE alone.
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

// lowerCase changes the ASCII letters of a text.
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
