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
		if a.name == "" || c.words[a.name] > 0 || c.reads(e, a.name) {
			continue
		}
		hint := ""
		switch c.catalog.Class(a.name) {
		case known.Builtin:
			hint = "remove it"
			if reader := c.readBy(a.name); reader != "" {
				hint = "if it is meant for " + reader + ", put it on an entry of that server, or into main.cf"
			}
			if ofService(a.name) {
				hint = schedules(e, a.name)
			}
		case known.Service:
			hint = schedules(e, a.name)
		}
		if hint != "" {
			c.inMaster(UnreadOverride, e.Inside(a.value, a.start), e.command()+" never reads "+a.name+": the override has no effect", hint)
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

// readBy names the server of an entry that reads a parameter.
func (c *check) readBy(name string) string {
	for i := range c.entries {
		if e := &c.entries[i]; !e.off && c.reads(e, name) {
			return e.command()
		}
	}
	return ""
}
