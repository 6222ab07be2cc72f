package config

import "strings"

// disablePattern is one item of master_service_disable.
type disablePattern struct {
	text   string
	entry  bool // compared with NAME/TYPE, not with TYPE alone
	negate bool
}

// parseDisable reads master_service_disable (spec config, 6).
func parseDisable(list string) []disablePattern {
	var patterns []disablePattern
	for list != "" {
		var item string
		if item, list = cutPlain(list); item == "" {
			continue
		}
		p := disablePattern{text: strings.TrimLeft(item, "!")}
		p.negate = (len(item)-len(p.text))%2 == 1
		if strings.IndexByte(p.text, '/') < 0 {
			if dot := strings.LastIndexByte(p.text, '.'); dot >= 0 {
				p.text = p.text[:dot] + "/" + p.text[dot+1:]
			}
		}
		p.entry = strings.IndexByte(p.text, '/') >= 0
		patterns = append(patterns, p)
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
// matches decides.
func disabled(patterns []disablePattern, name, transport string) bool {
	for _, p := range patterns {
		match := false
		if p.entry {
			n := len(name)
			match = len(p.text) == n+1+len(transport) && p.text[n] == '/' &&
				equalFold(p.text[:n], name) && equalFold(p.text[n+1:], transport)
		} else {
			match = equalFold(p.text, transport)
		}
		if match {
			return !p.negate
		}
	}
	return false
}
