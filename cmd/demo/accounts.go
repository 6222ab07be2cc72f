package main

import (
	"errors"
	"os"
	"os/user"
	"slices"
)

// accounts are the values of three parameters. A master insists that they
// exist, are unprivileged, and differ from one another.
type accounts struct {
	owner *user.User  // mail_owner
	privs *user.User  // default_privs
	group *user.Group // setgid_group
}

// findAccounts chooses accounts that exist on this system. The owner is the
// user who runs the demo, who cannot switch to another one, unless it is root.
func findAccounts() (accounts, error) {
	owners := []string{"postfix", "daemon", "mail", "bin"}
	if os.Geteuid() != 0 {
		me, err := user.Current()
		if err != nil {
			return accounts{}, err
		}
		owners = []string{me.Username}
	}
	for _, owner := range existingUsers(owners...) {
		for _, privs := range existingUsers("nobody", "daemon", "bin", "mail") {
			for _, name := range []string{"postdrop", "nogroup", "nobody", "mail", "bin", "daemon"} {
				group, err := user.LookupGroup(name)
				if err != nil || owner.Uid == privs.Uid {
					continue
				}
				gids := []string{"0", owner.Gid, privs.Gid, group.Gid}
				slices.Sort(gids)
				if len(slices.Compact(gids)) == 4 {
					return accounts{owner, privs, group}, nil
				}
			}
		}
	}
	return accounts{}, errors.New("mail_owner (the user who runs this, unless it is root), default_privs and setgid_group" +
		" need accounts that exist, are unprivileged and differ from one another; this system has none that suit")
}

// existingUsers returns the unprivileged ones of the named users.
func existingUsers(names ...string) []*user.User {
	var found []*user.User
	for _, name := range names {
		if u, err := user.Lookup(name); err == nil && u.Uid != "0" {
			found = append(found, u)
		}
	}
	return found
}
