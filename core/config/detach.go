package config

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// All texts from the parser are substrings of the file's text, so each one keeps
// the whole text in memory. Texts that outlive the syntax trees are therefore
// copied once they are final. Diagnostics need no copy: their texts are built anew.

// detach copies the texts that the accessors of Parameters and Frozen return.
func (v *evaluated) detach() {
	for _, s := range []*string{
		&v.queueDirectory, &v.dataDirectory, &v.daemonDirectory, &v.version, &v.owner.Name,
		&v.log.Name, &v.log.File, &v.log.PostlogPath, &v.log.Hostname,
		&v.inetProtocols, &v.inetInterfaces, &v.interfacesNow, &v.journalFile,
	} {
		*s = strings.Clone(*s)
	}
	for i := range v.environment {
		item := &v.environment[i]
		item.Name, item.Value = strings.Clone(item.Name), strings.Clone(item.Value)
	}
}

// detach copies the texts of services into one string. The path and the command
// are already copies.
func detach(services []core.ServiceConfig) {
	size := 0
	eachText(services, func(s *string) { size += len(*s) })
	var store strings.Builder
	store.Grow(size)
	eachText(services, func(s *string) {
		start := store.Len()
		store.WriteString(*s)
		*s = store.String()[start:]
	})
	for i := range services {
		if s := &services[i]; s.Type != core.Inet {
			s.Endpoints[0].Path = s.Canonical
		}
	}
}

// eachText calls do for every text of a service that may be a substring of a
// file.
func eachText(services []core.ServiceConfig, do func(*string)) {
	for i := range services {
		s := &services[i]
		do(&s.Name)
		do(&s.Canonical)
		for j := range s.Args {
			do(&s.Args[j])
		}
	}
}
