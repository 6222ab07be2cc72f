package config

import (
	"strconv"

	"github.com/stationmaster/stationmaster/core"
)

// accounts checks default_privs, mail_owner and setgid_group, one by one and
// against each other (spec config, 3.2).
func (e *evaluation) accounts() {
	privs, privsOK := e.user("default_privs")
	owner, ownerOK := e.user("mail_owner")
	group, groupOK := e.group()
	if ownerOK {
		e.p.result.owner = core.Account{Name: e.texts["mail_owner"], UID: owner.UID, GID: owner.GID}
	}
	if privsOK && ownerOK {
		e.distinct(privs, owner)
	}
	shared := func(param string, user User) {
		if user.GID != group.GID {
			return
		}
		e.refuse(e.given(param, "setgid_group"), e.inFile()+"parameters "+param+" and setgid_group: user "+e.texts[param]+" and group "+
			e.texts["setgid_group"]+" have the same group ID: "+id(group.GID), "use a group of its own for setgid_group")
	}
	if privsOK && groupOK {
		shared("default_privs", privs)
	}
	if ownerOK && groupOK {
		shared("mail_owner", owner)
	}
}

func id(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// user checks an account that must exist and must not be privileged.
func (e *evaluation) user(param string) (User, bool) {
	name := e.texts[param]
	if e.bad[param] {
		return User{}, false
	}
	u, known := e.p.inquiry.user(name)
	if !known {
		return u, false
	}
	where := e.inFile() + "parameter " + param + ": "
	switch {
	case !u.Found:
		e.refuse(param, where+"unknown user name value: "+name,
			because(u.Trouble, "create the account, or name one that exists"))
		return u, false
	case u.UID == 0:
		e.refuse(param, where+"user "+name+" has privileged user ID", "name an account without privileges")
		return u, false
	case u.GID == 0:
		e.refuse(param, where+"user "+name+" has privileged group ID", "name an account whose group is not 0")
		return u, false
	}
	if param != "mail_owner" {
		return u, true
	}
	if first, known := e.p.inquiry.userName(u.UID); known && first != "" && first != name {
		e.refuse(param, where+"user "+name+" has same user ID as "+first, "give "+name+" a user ID of its own")
		return u, false
	}
	return u, true
}

// group checks setgid_group.
func (e *evaluation) group() (Group, bool) {
	const param = "setgid_group"
	name := e.texts[param]
	if e.bad[param] {
		return Group{}, false
	}
	g, known := e.p.inquiry.group(name)
	if !known {
		return g, false
	}
	where := e.inFile() + "parameter " + param + ": "
	switch {
	case !g.Found:
		e.refuse(param, where+"unknown group name: "+name,
			because(g.Trouble, "create the group, or name one that exists"))
		return g, false
	case g.GID == 0:
		e.refuse(param, where+"group "+name+" has privileged group ID", "name a group without privileges")
		return g, false
	}
	if first, known := e.p.inquiry.groupName(g.GID); known && first != "" && first != name {
		e.refuse(param, where+"group "+name+" has same group ID as "+first, "give "+name+" a group ID of its own")
		return g, false
	}
	return g, true
}

// distinct checks that mail_owner is not also the account used for deliveries.
func (e *evaluation) distinct(privs, owner User) {
	a, b := e.texts["default_privs"], e.texts["mail_owner"]
	where := e.inFile() + "parameters default_privs and mail_owner"
	param, hint := e.given("default_privs", "mail_owner"), "use two accounts that share neither user nor group"
	switch {
	case a == b:
		e.refuse(param, where+" specify the same user "+b, hint)
	case privs.UID == owner.UID:
		e.refuse(param, where+": users "+a+" and "+b+" have the same user ID: "+id(owner.UID), hint)
	case privs.GID == owner.GID:
		e.refuse(param, where+": users "+a+" and "+b+" have the same group ID: "+id(owner.GID), hint)
	}
}

// because prefixes a hint with the reason why a look-up failed.
func because(trouble, hint string) string {
	if trouble == "" {
		return hint
	}
	return trouble + "; " + hint
}
