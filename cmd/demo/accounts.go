package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// user is one line of the password file.
type user struct {
	name     string
	uid, gid int
}

// group is one line of the group file.
type group struct {
	name string
	gid  int
}

// accounts are the values of three parameters that a master insists on: they
// must exist, be without privileges, and differ from one another (spec config,
// 3.1).
type accounts struct {
	owner user  // mail_owner
	privs user  // default_privs
	group group // setgid_group
}

// Whom we take if they will do, in this order.
var (
	preferredOwners = []string{"postfix", "daemon", "mail", "bin"}
	preferredPrivs  = []string{"nobody", "daemon", "bin", "mail"}
	preferredGroups = []string{"postdrop", "nogroup", "mail", "bin", "daemon"}
)

// findAccounts chooses from what this system has, for the user uid.
func findAccounts(uid int) (accounts, error) {
	var users []user
	err := readColumns("/etc/passwd", func(f []string) {
		if u, ok := parseUser(f); ok {
			users = append(users, u)
		}
	})
	if err != nil {
		return accounts{}, err
	}
	if !slices.ContainsFunc(users, func(u user) bool { return u.uid == uid }) {
		// Some are known to a directory service alone.
		line, _ := exec.Command("getent", "passwd", strconv.Itoa(uid)).Output()
		if u, ok := parseUser(strings.Split(strings.TrimSpace(string(line)), ":")); ok {
			users = append(users, u)
		}
	}
	var groups []group
	err = readColumns("/etc/group", func(f []string) {
		if len(f) < 3 || f[0] == "" {
			return
		}
		if gid, err := strconv.Atoi(f[2]); err == nil {
			groups = append(groups, group{f[0], gid})
		}
	})
	if err != nil {
		return accounts{}, err
	}
	return chooseAccounts(users, groups, uid)
}

func parseUser(f []string) (user, bool) {
	if len(f) < 4 || f[0] == "" {
		return user{}, false
	}
	uid, err := strconv.Atoi(f[2])
	if err != nil {
		return user{}, false
	}
	gid, err := strconv.Atoi(f[3])
	return user{f[0], uid, gid}, err == nil
}

// maxAccountFile bounds what we read of a list of accounts, in bytes.
const maxAccountFile = 1 << 20

// readColumns calls line with the columns of each line of a file.
func readColumns(path string, line func([]string)) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("look for accounts: %w", err)
	}
	defer f.Close()
	in := bufio.NewScanner(io.LimitReader(f, maxAccountFile))
	for in.Scan() {
		if text := strings.TrimSpace(in.Text()); text != "" && text[0] != '#' {
			line(strings.Split(text, ":"))
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("look for accounts: %s: %w", path, err)
	}
	return nil
}

// chooseAccounts takes the user uid as mail owner, or, for root, an account
// without privileges; and then others that go with it.
func chooseAccounts(users []user, groups []group, uid int) (accounts, error) {
	users = slices.DeleteFunc(slices.Clone(users), func(u user) bool {
		first := slices.IndexFunc(users, func(o user) bool { return o.uid == u.uid })
		return users[first] != u
	})
	var a accounts
	if uid != 0 {
		me := slices.IndexFunc(users, func(u user) bool { return u.uid == uid })
		if me < 0 {
			return a, fmt.Errorf("user ID %d has no name on this system, but mail_owner needs one; try as another user", uid)
		}
		a.owner = users[me]
		if a.owner.gid == 0 {
			return a, fmt.Errorf("user %s has the privileged group ID 0, which no mail_owner may have; try as another user",
				a.owner.name)
		}
	}
	for _, owner := range candidates(users, preferredOwners, func(u user) string { return u.name }) {
		if uid != 0 {
			owner = a.owner
		}
		if owner.uid == 0 || owner.gid == 0 || uid == 0 && owner.name == "nobody" {
			continue
		}
		if found, ok := accompany(owner, users, groups); ok {
			return found, nil
		}
	}
	return a, errors.New("/etc/passwd and /etc/group have no accounts for mail_owner, default_privs and setgid_group" +
		" that are without privileges and differ from one another")
}

// accompany finds default_privs and setgid_group for an owner.
func accompany(owner user, users []user, groups []group) (accounts, bool) {
	for _, p := range candidates(users, preferredPrivs, func(u user) string { return u.name }) {
		if p.uid == 0 || p.gid == 0 || p.uid == owner.uid || p.gid == owner.gid {
			continue
		}
		for _, g := range candidates(groups, preferredGroups, func(g group) string { return g.name }) {
			first := slices.IndexFunc(groups, func(o group) bool { return o.gid == g.gid })
			if g.gid != 0 && g.gid != owner.gid && g.gid != p.gid && groups[first].name == g.name {
				return accounts{owner, p, g}, true
			}
		}
	}
	return accounts{}, false
}

// candidates puts those that are preferred first.
func candidates[T any](all []T, preferred []string, name func(T) string) []T {
	rank := func(v T) int {
		if at := slices.Index(preferred, name(v)); at >= 0 {
			return at
		}
		return len(preferred)
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b T) int { return rank(a) - rank(b) })
	return sorted
}
