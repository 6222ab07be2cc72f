package advice

import (
	"path"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// agent is the program that an entry of pipe(8) or spawn(8) runs.
type agent struct {
	program string
	argv    config.Field
	user    string // and a group behind a colon
	confine bool   // it runs in a root directory of its own
}

// agentOf finds the program of an entry of pipe(8) or spawn(8). What a macro
// names is not known.
func agentOf(e *config.MasterEntry) (a agent, ok bool) {
	for _, given := range attributesOf(e) {
		switch given.name {
		case "user":
			a.user = given.value
		case "chroot":
			a.confine = true
		case "argv":
			a.program, a.argv = given.value, given.field
			return a, a.program != "" && strings.IndexByte(a.program, '$') < 0 && !a.confine
		}
	}
	return a, false
}

// paths lists where the program may be: in one place, or in one of those of
// PATH if the name has no slash.
func (a *agent) paths(p *config.Parameters) []string {
	switch {
	case a.program[0] == '/':
		return []string{a.program}
	case strings.IndexByte(a.program, '/') >= 0: // counts from where the program is started
		return nil
	}
	directories, known := searchPath(p, exported)
	if !known {
		return nil
	}
	var list []string
	for _, d := range directories {
		list = append(list, d+"/"+a.program)
	}
	return list
}

const (
	imported = "import_environment" // of servers
	exported = "export_environment" // of the programs that servers run
)

// agent checks the program that pipe(8) or spawn(8) runs. A missing program is
// reported only if something needs the service: the
// master.cf that comes with Postfix has several.
func (c *check) agent(e *entry) {
	a, ok := agentOf(e.MasterEntry)
	if !ok {
		return
	}
	s := started{at: e.At(a.argv), environment: exported, fails: "the service " + e.name() + " does not work"}
	list := a.paths(c.p)
	for _, s.path = range list {
		p, known := c.in.Programs[s.path]
		switch {
		case !known || p.Unknown:
			return
		case !p.Exists:
			continue
		case !p.Regular:
			c.inMaster(NotAProgram, s.at, s.path+" is not a file that can be run: "+s.fails, "write the path of a program")
		case !p.Executable:
			c.inMaster(NotExecutable, s.at, s.path+" is not executable by any user: "+s.fails, "make it executable: chmod 755 "+s.path)
		case !c.forbidden(&s, &a, &p):
			c.content(&s, &p)
		}
		return
	}
	if len(list) > 0 && c.wanted(e) {
		c.inMaster(UnknownCommand, s.at, "there is no program "+a.program+": "+s.fails, "write the path of a program, or install it")
	}
}

// wanted reports whether a setting names the service of an entry.
func (c *check) wanted(e *entry) bool {
	if c.namedServices == nil {
		c.namedServices = make(map[string]bool)
		for _, parameter := range transports {
			c.nameService(c.value(parameter))
		}
		for _, e := range c.last {
			c.nameSockets(e.Value)
		}
		for i := range c.entries {
			for j := range c.entries[i].args {
				a := &c.entries[i].args[j]
				if slices.Contains(transports[:], a.Name) {
					c.nameService(a.Value)
				}
				c.nameSockets(a.Value)
			}
		}
	}
	return c.namedServices[e.name()]
}

// nameService notes the service of "service:nexthop".
func (c *check) nameService(text string) {
	service, _, _ := strings.Cut(text, ":")
	c.namedServices[service] = true
}

// nameSockets notes the services whose sockets a value names.
func (c *check) nameSockets(text string) {
	const socket = "unix:private/"
	for {
		_, after, ok := strings.Cut(text, socket)
		if !ok {
			return
		}
		end := strings.IndexAny(after, " \t\r\n,{}")
		if end < 0 {
			end = len(after)
		}
		c.namedServices[after[:end]] = true
		text = after
	}
}

// forbidden looks for a file or a directory on the way to it that the account
// of an agent may not use.
func (c *check) forbidden(s *started, a *agent, p *config.Program) bool {
	account, known := c.account(a.user)
	if !known {
		return false
	}
	for _, place := range []string{s.path, p.Target} {
		for _, directory := range above(place) {
			if d, known := c.in.Programs[directory]; known && !d.Unknown && d.Directory && account.lacks(&d) {
				c.inMaster(NotExecutable, s.at, account.name+" may not search the directory "+directory+" of "+place+": "+s.fails,
					"let others search it: chmod o+x "+directory+", or put the program elsewhere")
				return true
			}
		}
	}
	if account.lacks(p) {
		c.inMaster(NotExecutable, s.at, account.name+" may not execute "+s.path+": "+s.fails, "let others execute it: chmod 755 "+s.path+", or name another user")
		return true
	}
	return false
}

// above lists the directories above a file.
func above(file string) (list []string) {
	if !absolute(file) {
		return nil
	}
	for d := path.Dir(file); ; d = path.Dir(d) {
		if list = append(list, d); d == "/" {
			return list
		}
	}
}

// account is as whom an agent runs. It has no further groups.
type account struct {
	name     string
	uid, gid uint32
}

// account finds the account of "user" or "user:group".
func (c *check) account(text string) (a account, known bool) {
	user, group, withGroup := strings.Cut(text, ":")
	u, known := c.in.Users[user]
	if !known || !u.Found {
		return a, false
	}
	a = account{"the user " + user, u.UID, u.GID}
	if withGroup && group != "" {
		g, known := c.in.Groups[group]
		if !known || !g.Found {
			return a, false
		}
		a.gid = g.GID
	}
	return a, true
}

// lacks reports whether an account may not execute a file, or search a
// directory.
func (a *account) lacks(p *config.Program) bool {
	if p.Listed || a.uid == 0 {
		return false
	}
	bit := uint32(0o001)
	switch {
	case a.uid == p.UID:
		bit = 0o100
	case a.gid == p.GID:
		bit = 0o010
	}
	return p.Mode&bit == 0
}
