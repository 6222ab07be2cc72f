package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stock is what a fresh system has.
var (
	stockUsers = []user{
		{"root", 0, 0},
		{"daemon", 1, 1},
		{"bin", 2, 2},
		{"sync", 4, 65534},
		{"mail", 8, 8},
		{"nobody", 65534, 65534},
		{"ann", 1000, 1000},
		{"zero", 1001, 0},
		{"alias", 1000, 1000},
		{"uucp", 10, 8},
	}
	stockGroups = []group{
		{"root", 0}, {"daemon", 1}, {"bin", 2}, {"mail", 8}, {"post", 8}, {"nogroup", 65534}, {"ann", 1000},
	}
)

func TestAccountsSuitTheMaster(t *testing.T) {
	for _, c := range []struct {
		name                string
		users               []user
		uid                 int
		owner, privs, group string
	}{
		{"root takes one without privileges", stockUsers, 0, "daemon", "nobody", "mail"},
		{"root prefers postfix", append([]user{{"postfix", 105, 105}}, stockUsers...), 0, "postfix", "nobody", "mail"},
		{"a user is the owner", stockUsers, 1000, "ann", "nobody", "mail"},
		{"nobody can be the owner", stockUsers, 65534, "nobody", "daemon", "mail"},
		{"a group shared with nobody", stockUsers, 4, "sync", "daemon", "mail"},
		{"a group shared with mail", stockUsers, 10, "uucp", "nobody", "bin"},
		{"no preferred names", []user{{"root", 0, 0}, {"x", 7, 1000}, {"y", 9, 2}}, 0, "x", "y", "nogroup"},
	} {
		got, err := chooseAccounts(c.users, stockGroups, c.uid)
		if err != nil || got.owner.name != c.owner || got.privs.name != c.privs || got.group.name != c.group {
			t.Errorf("%s: got %+v, %v, want %s %s %s", c.name, got, err, c.owner, c.privs, c.group)
		}
	}
}

func TestAccountsThatCannotDoAreExplained(t *testing.T) {
	for _, c := range []struct {
		name   string
		users  []user
		groups []group
		uid    int
		want   string
	}{
		{"no name", stockUsers, stockGroups, 4711, "user ID 4711 has no name"},
		{"group 0", stockUsers, stockGroups, 1001, "user zero has the privileged group ID 0"},
		{"root alone", stockUsers[:1], stockGroups, 0, "have no accounts"},
		{"nobody else", []user{{"root", 0, 0}, {"nobody", 9, 9}, {"x", 7, 9}}, stockGroups, 0, "have no accounts"},
		{"no group", stockUsers, stockGroups[:1], 0, "have no accounts"},
		{"second name of a group", []user{{"root", 0, 0}, {"x", 7, 7}, {"y", 9, 9}}, []group{{"wheel", 0}, {"x", 7}, {"y", 9}, {"z", 9}}, 0, "have no accounts"},
	} {
		if got, err := chooseAccounts(c.users, c.groups, c.uid); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %+v, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestTemporaryDirectoryMustBeReachable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "inner")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	me := user{"me", os.Getuid(), os.Getgid()}
	if err := reachable(dir, me); err != nil {
		t.Errorf("my own directory: %v", err)
	}
	stranger := user{"stranger", os.Getuid() + 4711, os.Getgid() + 4711}
	if err := reachable(dir, stranger); err == nil || !strings.Contains(err.Error(), "user stranger cannot enter "+dir) {
		t.Errorf("a closed directory: %v", err)
	}
	if err := reachable(filepath.Join(dir, "missing"), me); err == nil {
		t.Error("a missing directory is reachable")
	}
}
