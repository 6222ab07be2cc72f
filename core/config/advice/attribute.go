package advice

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// attribute is a name=value of pipe(8) or spawn(8). What follows argv belongs to
// the program that they run.
type attribute struct {
	argument
	name, value string
}

// valueAt is where the value of an attribute begins.
func (a *attribute) valueAt(e *entry) config.Position {
	return a.place(e, len(a.name)+1)
}

// attributeNames are the attributes that each of these servers knows.
var attributeNames = map[string]string{
	"pipe":  "flags= user= chroot= directory= eol= null_sender= size= argv=",
	"spawn": "user= argv=",
}

// attributesOf reads the attributes of an entry, argv the last of them. Servers
// do not mind the case of a name.
func attributesOf(e *config.MasterEntry) (list []attribute) {
	if attributeNames[e.Fields[config.ColumnCommand].Text] == "" {
		return nil
	}
	for _, a := range argumentsOf(e) {
		if a.Letter != 0 {
			continue
		}
		name, value, _ := strings.Cut(a.Text, "=")
		name = strings.ToLower(name)
		if list = append(list, attribute{a, name, value}); name == "argv" {
			break
		}
	}
	return list
}

// attributes checks the attributes of the servers that run other programs, up
// to the first that is none.
func (c *check) attributes(e *entry) {
	if e.cutShort || attributeNames[e.command()] == "" {
		return
	}
	list := attributesOf(e.MasterEntry)
	for i := range list {
		switch a := &list[i]; {
		case !strings.Contains(" "+attributeNames[e.command()], " "+a.name+"=") || !strings.Contains(a.Text, "="):
			c.noAttribute(e, list, i)
			return
		case a.name == "user":
			c.agentUser(e, a)
		case a.name == "flags":
			const letters = "BDFORXhqu.>"
			if wrong := strings.Trim(a.value, letters); wrong != "" {
				c.inMaster(BadAttribute, a.valueAt(e), "the flag \""+wrong[:1]+"\" is none of pipe: it refuses to start",
					"use letters of "+letters+" alone")
			}
		case a.name == "size" && a.value != "" && !allDigits(a.value):
			c.inMaster(BadAttribute, a.valueAt(e), "\""+a.value+"\" is not a size: pipe refuses to start", "write a number of bytes, or 0 for no limit")
		}
	}
	for _, name := range []string{"user", "argv"} {
		if !slices.ContainsFunc(list, func(a attribute) bool { return a.name == name }) {
			c.inMaster(MissingAttribute, e.place(config.ColumnCommand), e.command()+" needs "+name+"= among its arguments: without it nothing is run",
				"write user=ACCOUNT argv=PROGRAM ARGUMENTS after the command")
			return
		}
	}
}

// noAttribute reports an argument in place of an attribute.
func (c *check) noAttribute(e *entry, list []attribute, i int) {
	a := &list[i]
	at := e.At(a.field)
	if _, odd := findOdd(a.Text); odd || c.swallowed[at.Line] {
		return // reported elsewhere
	}
	hint := "remove it; the attributes are: " + attributeNames[e.command()]
	switch {
	case i > 0 && strings.HasPrefix(a.Text, "-"):
		hint = "write the options before " + list[0].Text
	case i+1 < len(list) && strings.HasPrefix(list[i+1].Text, "="), strings.Contains(a.Text, " ="):
		hint = "write it without blanks around the ="
	case strings.HasPrefix(a.Text, "#"):
		hint = "put comments on lines of their own that begin with #"
	}
	c.inMaster(BadAttribute, at, "\""+a.Text+"\" is no attribute of "+e.command()+": it refuses to start", hint)
}

// agentUser checks the account as which a program is to be run. The
// master.cf that comes with Postfix names some for pipe(8) that few systems
// have, so that one that is missing counts only if something needs the service.
func (c *check) agentUser(e *entry, a *attribute) {
	if strings.IndexByte(a.value, '$') >= 0 {
		return
	}
	user, group, _ := strings.Cut(a.value, ":")
	u, userKnown := c.in.Users[user]
	g, groupKnown := c.in.Groups[group]
	owner, refuses := c.p.MailOwner().Name, ": "+e.command()+" refuses to start"
	o := c.in.Users[owner]
	const another = "name an account of its own, which is neither root's nor the mail system's"
	at := a.valueAt(e)
	switch {
	case user == "":
		c.inMaster(BadAttribute, at, "user= lacks the name of an account"+refuses, "write user=ACCOUNT")
		return
	case userKnown && !u.Found:
		if e.command() == "spawn" || c.wanted(e) {
			c.inMaster(BadAttribute, at, "there is no user "+user+refuses, accountHint(user))
		}
		return
	case user == "root" || userKnown && u.UID == 0:
		c.inMaster(BadAttribute, at, "the user "+user+" has the rights of root"+refuses, another)
		return
	case user == owner, userKnown && o.Found && u.UID == o.UID:
		c.inMaster(BadAttribute, at, "the user "+user+" is the owner of the mail system"+refuses, another)
		return
	}
	if group != "" {
		at = a.place(e, len("user=")+len(user)+1)
	}
	switch {
	case group != "" && groupKnown && !g.Found:
		if e.command() == "spawn" || c.wanted(e) {
			c.inMaster(BadAttribute, at, "there is no group "+group+refuses, accountHint(group))
		}
	case group != "" && groupKnown:
		c.agentGroup(e, at, "the group "+group, g.GID)
	case group == "" && userKnown:
		c.agentGroup(e, at, "the group of "+user, u.GID)
	}
}

// agentGroup checks the group as which a program is to be run.
func (c *check) agentGroup(e *entry, at config.Position, who string, gid uint32) {
	whose := ""
	owner, setgid := c.in.Users[c.p.MailOwner().Name], c.in.Groups[c.value("setgid_group")]
	switch {
	case gid == 0:
		whose = "that of root"
	case owner.Found && gid == owner.GID:
		whose = "that of the mail system"
	case e.command() == "pipe" && setgid.Found && gid == setgid.GID:
		whose = "that of setgid_group"
	default:
		return
	}
	c.inMaster(BadAttribute, at, who+" is "+whose+": "+e.command()+" refuses to start", "name another group, as in user=ACCOUNT:GROUP")
}

// accountHint returns what to write instead of an account that is not there.
func accountHint(name string) string {
	if allDigits(name) {
		return "write its name: a number is read as a name"
	}
	return "create it, or name one that exists"
}
