package main

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// value is one property of a service.
type value struct {
	key   string // in JSON
	label string // in text
	value any    // in JSON: a text, a number, a truth, or a list of texts
	shown []string
	from  []config.Origin
}

// explanation holds the properties of one entry of master.cf.
type explanation struct {
	entry
	file   string
	values []value
}

// explanation returns the properties of an entry.
func (c *configuration) explanation(e entry) *explanation {
	x := &explanation{entry: e, file: c.master.Path}
	if e.service == nil {
		text := "replaced by a later entry of the same identity"
		if len(e.disabled) > 0 {
			text = "disabled"
		}
		x.add("state", "state", text, text, e.disabled)
		return x
	}
	s := e.service
	from := c.parameters.Sources(c.master, e.MasterEntry, s)
	canonical := c.canonical(s)
	x.add("canonical", "canonical name", canonical, canonical, from.Canonical)
	c.socket(x, s, &from)
	c.process(x, s, &from)
	c.limits(x, s, &from)
	return x
}

func (x *explanation) add(key, label string, v any, shown string, from []config.Origin) {
	x.values = append(x.values, value{key, label, v, []string{shown}, from})
}

// socket adds where a service listens.
func (c *configuration) socket(x *explanation, s *core.ServiceConfig, from *config.Sources) {
	var list []string
	for _, endpoint := range s.Endpoints {
		if endpoint.Path != "" {
			list = append(list, c.resolved.QueueDirectory+"/"+endpoint.Path)
		} else {
			if text := c.endpoint(endpoint); !slices.Contains(list, text) { // those of an unknown host look alike
				list = append(list, text)
			}
		}
	}
	x.values = append(x.values, value{"listen", "listens on", list, list, from.Listen})
	if s.Type != core.Inet {
		mode := "0666"
		if s.Type == core.FIFO {
			mode = "0622"
		}
		x.add("socket_mode", "socket mode", mode, mode, nil)
		x.add("socket_owner", "socket owner", s.Owner.Name, c.account(s.Owner), from.Owner)
	}
	reach := "from other hosts too"
	if s.Type != core.Inet {
		reach = "every user of this host that may search " + path.Dir(list[0])
	} else if s.LocalOnly {
		reach = "this host only"
	}
	x.add("local_only", "reachable", s.LocalOnly, reach, nil)
	if len(from.Backlog) > 0 {
		x.add("backlog", "backlog", s.Backlog, strconv.Itoa(int(s.Backlog)), from.Backlog)
	}
}

// process adds how a process of a service is started.
func (c *configuration) process(x *explanation, s *core.ServiceConfig, from *config.Sources) {
	x.add("path", "program", s.Path, s.Path, from.Path)
	argv := s.Argv(len(s.Endpoints), false)
	quoted := make([]string, len(argv))
	for i, arg := range argv {
		quoted[i] = quote(arg)
	}
	// All arguments come from the columns; the operator's own are listed on
	// separate lines.
	x.add("argv", "argv", argv, strings.Join(quoted, " "), from.Path[:1])
	for _, o := range config.ServerOptions(s.Args) {
		x.add("override", "  override", o.Name+"="+o.Value, o.Name+" = "+o.Value, from.Args[o.Arg:o.Arg+1])
	}
	x.add("private", "private", s.Type != core.Inet && strings.HasPrefix(s.Canonical, "private/"),
		yesNo(strings.HasPrefix(s.Canonical, "private/") && s.Type != core.Inet), from.Private)
	if s.Unprivileged {
		x.add("runs_as", "runs as", s.Owner.Name, c.account(s.Owner), append(from.Unprivileged[:1:1], from.Owner...))
	} else {
		x.add("runs_as", "runs as", "root", "root, or what the program itself chooses", from.Unprivileged)
	}
	if s.Chroot {
		x.add("chroot", "chroot", c.resolved.QueueDirectory, c.resolved.QueueDirectory, append(from.Chroot[:len(from.Chroot):len(from.Chroot)], from.Queue...))
	} else {
		x.add("chroot", "chroot", nil, "no", from.Chroot)
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// limits adds when processes are started and when they end.
func (c *configuration) limits(x *explanation, s *core.ServiceConfig, from *config.Sources) {
	limit := strconv.Itoa(int(s.ProcessLimit))
	if s.ProcessLimit == 0 {
		limit = "no limit"
	}
	x.add("process_limit", "process limit", s.ProcessLimit, limit, from.Limit)
	c.serverLimit(x, s, from, "max_use")
	c.serverLimit(x, s, from, "max_idle")
	seconds := strconv.FormatInt(s.WakeupInterval.Seconds(), 10)
	wakeup := "never"
	switch {
	case s.WakeupIfUsed:
		wakeup = "every " + seconds + " s, once a process was started"
	case s.WakeupInterval > 0:
		wakeup = "every " + seconds + " s"
	}
	x.add("wakeup", "wakeup", s.WakeupInterval.Seconds(), wakeup, from.Wakeup)
	x.add("wakeup_if_used", "", s.WakeupIfUsed, "", from.Wakeup)
	x.add("throttle", "throttle", s.ThrottleDelay.Seconds(),
		strconv.FormatInt(s.ThrottleDelay.Seconds(), 10)+" s after a process that failed at once", from.Throttle)
	stress := "yes: -o stress=yes when all " + limit + " processes are busy"
	switch {
	case s.ProcessLimit == 0:
		stress = "no: there is no process limit"
	case s.ProcessLimit == 1:
		stress = "no: the process limit is 1"
	case s.LocalOnly:
		stress = "no: only this host can reach it"
	}
	x.add("stress", "stress", s.StressAware(), stress, from.Stress)
}

// The programs that set limits of their own (spec child, 3): resident ones have
// neither limit, the others end only for being idle.
var (
	resident = map[string]bool{"qmgr": true, "oqmgr": true, "tlsmgr": true}
	tireless = map[string]bool{"anvil": true, "dnsblog": true, "postlogd": true, "postscreen": true, "scache": true}
)

// serverLimit adds max_use or max_idle, which only the servers apply.
func (c *configuration) serverLimit(x *explanation, s *core.ServiceConfig, from *config.Sources, name string) {
	if program := path.Base(s.Command); resident[program] || name == "max_use" && tireless[program] {
		x.add(name, name, nil, "no limit: "+program+" ignores "+name, from.Path[:1])
		return
	}
	origin := []config.Origin{c.parameters.Origin(name)}
	raw := ""
	for _, o := range config.ServerOptions(s.Args) {
		if o.Name == name {
			origin, raw = from.Args[o.Arg:o.Arg+1], o.Value
		}
	}
	text, err := c.parameters.Value(name)
	if raw != "" {
		text, err = c.parameters.Expand(raw)
	}
	if err != nil {
		text = raw
	}
	x.add(name, name, text, text, origin)
}
