package advice

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// badValue looks at a value in main.cf with which a server that master.cf has
// refuses to start. What an entry overrides is not looked at.
func (c *check) badValue(e *config.MainEntry) {
	kind, ok := known.Kind(e.Name)
	if !ok || c.overridden[e.Name] || c.last[e.Name] != e {
		return
	}
	server := c.readBy(e.Name)
	text, err := c.p.Expand(e.Value)
	if server == "" || err != nil {
		return
	}
	if fault, hint := kind.Refusal(e.Name, text); fault != "" {
		c.inMain(BadValue, e.ValueAt, server+" refuses to start: "+fault, hint)
	}
}

// badOverride is badValue for an override.
func (c *check) badOverride(e *entry, a *argument) {
	kind, ok := known.Kind(a.Name)
	text, err := c.p.Expand(a.Value)
	if !ok || err != nil || !c.reads(e, a.Name) {
		return
	}
	if fault, hint := kind.Refusal(a.Name, text); fault != "" {
		written := a.Text[strings.IndexByte(a.Text, '=')+1:]
		blanks := len(written) - len(strings.TrimLeft(written, " \t\r\n"))
		c.inMaster(BadValue, a.place(e, len(a.Text)-len(written)+blanks), e.command()+" refuses to start: "+fault, hint)
	}
}
