package advice

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// find returns the entry of a name and a transport, one that is switched on if
// there is one. In place of a socket older configurations have a fifo.
func (c *check) find(name, transport string) (found *entry) {
	for _, e := range c.byName[name] {
		if e.transport() != transport && (transport != "unix" || e.transport() != "fifo") {
			continue
		}
		if found = e; !e.off {
			return found
		}
	}
	return found
}

// disablePatterns checks master_service_disable for items that can match
// nothing.
func (c *check) disablePatterns() {
	e := c.last["master_service_disable"]
	if e == nil {
		return
	}
	for item := range strings.FieldsFuncSeq(c.value(e.Name), func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) }) {
		text := strings.TrimLeft(item, "!")
		i := strings.LastIndexByte(text, '/')
		if i < 0 {
			i = strings.LastIndexByte(text, '.') // which the original takes for a slash then
		}
		name, kind := text[:max(i, 0)], text[i+1:]
		if _, known := core.ParseServiceType(strings.ToLower(kind)); known || kind == "" {
			continue
		}
		at := e.ValueAt
		if i := strings.Index(e.Value, item); i >= 0 {
			at = e.At(i)
		}
		hint := "write the name, a slash and one of the types inet, unix, fifo, pass, unix-dgram"
		if i < 0 {
			hint = "write " + c.typed(kind) + ", or one of the types inet, unix, fifo, pass, unix-dgram for all services of it"
		}
		if name != "" && c.hasType(name, kind) {
			continue // a way to switch off an entry with a broken type
		}
		c.inMain(DisablePattern, at, "\""+item+"\" disables nothing: there is no type \""+kind+"\"", hint)
	}
}

// typed returns a service as master_service_disable names it, of the first entry
// with the name.
func (c *check) typed(name string) string {
	if c.in.Master != nil {
		for i := range c.in.Master.Entries {
			if f := c.in.Master.Entries[i].Fields; len(f) > config.ColumnType && strings.EqualFold(f[config.ColumnName].Text, name) {
				return name + "/" + f[config.ColumnType].Text
			}
		}
	}
	return name + "/inet"
}

// hasType reports whether master.cf has an entry with this name and this text as
// type, be it a type or not.
func (c *check) hasType(name, kind string) bool {
	if c.in.Master == nil {
		return false
	}
	for i := range c.in.Master.Entries {
		f := c.in.Master.Entries[i].Fields
		if len(f) > config.ColumnType && strings.EqualFold(f[config.ColumnName].Text, name) && strings.EqualFold(f[config.ColumnType].Text, kind) {
			return true
		}
	}
	return false
}
