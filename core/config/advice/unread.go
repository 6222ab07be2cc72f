package advice

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/config/known"
)

// unread looks for overrides of parameters that the server never reads. A name
// that a value refers to is read with it.
func (c *check) unread(e *entry) {
	for i := range e.args {
		a := &e.args[i]
		if a.Name == "" || c.words[a.Name] > 0 || c.reads(e, a.Name) {
			continue
		}
		hint := ""
		switch c.catalog.Class(a.Name) {
		case known.Builtin:
			hint = "remove it"
			if reader := c.readBy(a.Name); reader != "" {
				hint = "if it is meant for " + reader + ", put it on an entry of that server, or into main.cf"
			}
			if ofService(a.Name) {
				hint = schedules(e, a.Name)
			}
		case known.Service:
			hint = schedules(e, a.Name)
		}
		if hint != "" {
			c.inMaster(UnreadOverride, a.place(e, 0), e.command()+" never reads "+a.Name+": the override has no effect", hint)
		}
	}
}

// schedules is the hint about a parameter that the queue manager reads for
// each delivery service; empty if the service itself may read it.
func schedules(e *entry, name string) string {
	if strings.HasSuffix(name, "_time_limit") || e.command() == "qmgr" || e.command() == "oqmgr" || e.command() == "nqmgr" {
		return ""
	}
	return "write it into main.cf, where the queue manager reads it"
}

// readBy names a server of master.cf that reads a parameter: the one after which
// it is called, or else the first.
func (c *check) readBy(name string) (first string) {
	for _, server := range c.running {
		switch {
		case !c.readers.Read(server, name):
		case strings.HasPrefix(name, server+"_"):
			return server
		case first == "":
			first = server
		}
	}
	return first
}
