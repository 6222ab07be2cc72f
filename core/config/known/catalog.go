package known

import (
	"slices"

	"github.com/stationmaster/stationmaster/core/config"
)

// Class is the meaning of a name in a configuration.
type Class uint8

// The classes of names. The zero value is an unknown name.
const (
	Unknown Class = iota
	Builtin       // a parameter of the original
	Service       // a parameter of a service in master.cf, such as relay_destination_rate_delay
	Legacy        // an old name that still has an effect, see Renamed
	Own           // a parameter of stationmaster that the original does not know
	User          // defined in main.cf, and something refers to it
	Unused        // defined in main.cf, but nothing refers to it
)

// Catalog holds the values of all parameters of one configuration as the
// original's administration command does: every default is present, and nothing
// depends on the order in which a daemon reads its parameters. It is not safe
// for concurrent use, and valid as long as the Parameters it was created from.
type Catalog struct {
	p          *config.Parameters
	master     *config.MasterFile
	services   services
	references *references // what main.cf and master.cf refer to; created when needed
	trouble    error       // the error of a default, found during an expansion
}

// New returns the catalog of a configuration. p comes from config.Evaluate; it
// need not be OK. If master is nil, no service has parameters.
func New(p *config.Parameters, master *config.MasterFile) *Catalog {
	return &Catalog{p: p, master: master, services: readServices(master)}
}

// Value returns the expanded text of a parameter: what `postconf -xh NAME`
// prints before it folds blanks. found is false for a name that neither the
// original nor main.cf knows; postconf then prints nothing, warns with "NAME:
// unknown parameter" and exits 0. Differs: postconf does the same for names of
// class Unused, for which Value returns the value. The error is a
// *config.Problem with what the daemon would log, also for a malformed entry of
// main.cf.
func (c *Catalog) Value(name string) (text string, found bool, err error) {
	if err := c.p.Broken(); err != nil {
		return "", false, err
	}
	c.trouble = nil
	raw, found := c.Raw(name)
	if c.trouble != nil || !found || verbatim(name) {
		return raw, found, c.trouble
	}
	text, err = c.p.ExpandWith(name, raw, c.text)
	if c.trouble != nil {
		err = c.trouble
	}
	if err != nil {
		return "", true, err
	}
	return text, true, nil
}

// Raw returns the unexpanded text of a parameter: what `postconf -h NAME` prints
// before it folds blanks. found is as in Value.
func (c *Catalog) Raw(name string) (text string, found bool) {
	if !readOnly(name) {
		if text, found = c.p.Given(name); found {
			return text, true
		}
	}
	if text, found, err := c.p.Derived(name); found {
		if err != nil {
			c.trouble = err
		}
		return text, true
	}
	if text, found = Default(name); found {
		return text, true
	}
	if isLegacy(name) {
		return "", true
	}
	return c.services.value(name)
}

// text is Raw for names in macros.
func (c *Catalog) text(name string) string {
	text, _ := c.Raw(name)
	return text
}

// Class returns the meaning of a name in this configuration.
func (c *Catalog) Class(name string) Class {
	if _, ok := Default(name); ok {
		return c.builtin(name)
	}
	if _, ok := c.services.value(name); ok {
		return Service
	}
	if isLegacy(name) {
		return Legacy
	}
	_, given := c.p.Given(name)
	switch {
	case !given:
		return Unknown
	case c.refersTo(name):
		return User
	}
	return Unused
}

// builtin returns Builtin for a parameter of the original, Own for one of ours.
func (c *Catalog) builtin(name string) Class {
	for known, own := range config.EachDefault {
		if own && known == name {
			return Own
		}
	}
	return Builtin
}

// Names returns the names that `postconf` lists, sorted by bytes: the built-in
// ones, those of the services, and those of main.cf that are in use.
func (c *Catalog) Names() []string {
	names := append(Names(), c.services.parameters()...)
	for _, name := range c.p.GivenNames() {
		if class := c.Class(name); class == User || class == Legacy {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
