package advice

import (
	"path"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// maxPrograms bounds the paths to examine.
const maxPrograms = 4096

// maxAccounts bounds the accounts, and the groups, to look up.
const maxAccounts = 256

// Needs lists the paths that must be looked at before Check can tell whether
// the master can start and the commands can be run, sorted, without duplicates,
// at most a few thousand. What is known of some of them raises the need for
// others, such as the interpreters of scripts: what in.Programs has already is
// left out, so the list is empty in the end.
func Needs(in *Input) []string {
	if in.Parameters == nil || in.Master == nil {
		return nil
	}
	directory := in.Parameters.DaemonDirectory()
	list := append(ownDirectories(in.Parameters), directory)
	for _, file := range []string{logFile(in.Parameters), fileOf(in.Parameters, "master_journal_file")} {
		if file != "" {
			list = append(list, file, path.Dir(file))
		}
	}
	for e := range in.switchedOn {
		file := directory + "/" + e.Fields[config.ColumnCommand].Text
		list = append(list, file)
		list = append(list, in.behind(file, imported)...)
		a, ok := agentOf(e)
		if !ok {
			continue
		}
		for _, file := range a.paths(in.Parameters) {
			list = append(list, file)
			list = append(list, in.behind(file, exported)...)
			if p := in.Programs[file]; p.Exists {
				list = append(list, above(file)...)
				list = append(list, above(p.Target)...)
			}
		}
	}
	list = slices.DeleteFunc(list, func(file string) bool {
		_, known := in.Programs[file]
		return known
	})
	slices.Sort(list)
	list = slices.Compact(list)
	return list[:min(len(list), max(maxPrograms-len(in.Programs), 0))]
}

// switchedOn goes through the entries that count.
func (in *Input) switchedOn(yield func(*config.MasterEntry) bool) {
	for i := range in.Master.Entries {
		e := &in.Master.Entries[i]
		if _, off := in.Parameters.Disabled(e); off || e.Ignored() || len(e.Fields) < config.NumColumns {
			continue
		}
		if !yield(e) {
			return
		}
	}
}

// behind lists what a program needs to be run.
func (in *Input) behind(file, environment string) (list []string) {
	p := in.Programs[file]
	if p.Interpreter == "" {
		return nil
	}
	list = append(list, p.Interpreter)
	name := envName(&p)
	directories, known := searchPath(in.Parameters, environment)
	if name == "" || !known {
		return list
	}
	command, _, _ := strings.Cut(name, " ")
	for _, d := range directories {
		list = append(list, d+"/"+name, d+"/"+command)
	}
	return list
}

// NeedAccounts lists the accounts that must be known before Check can tell
// whether programs can be run by them, sorted, at most a few hundred: those that
// pipe(8) and spawn(8) are given.
func NeedAccounts(in *Input) (users, groups []string) {
	if in.Parameters == nil || in.Master == nil {
		return nil, nil
	}
	for e := range in.switchedOn {
		for _, a := range attributesOf(e) {
			if len(users) == 0 { // those of the mail system are compared with the others
				users = append(users, in.Parameters.MailOwner().Name)
				if name, err := in.Parameters.Value("setgid_group"); err == nil {
					groups = append(groups, name)
				}
			}
			if a.name == "user" && strings.IndexByte(a.value, '$') < 0 {
				user, group, _ := strings.Cut(a.value, ":")
				users, groups = append(users, user), append(groups, group)
			}
		}
	}
	return named(users), named(groups)
}

// named sorts names, each once, without the empty one.
func named(names []string) []string {
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
	return names[:min(len(names), maxAccounts)]
}
