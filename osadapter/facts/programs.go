package facts

import (
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/config"
)

// Limits on the inspection of programs.
const (
	maxPrograms   = 8192             // paths
	programsLimit = 10 * time.Second // for all of them: a path may be on a disk that hangs
)

// Programs inspects files that the configuration names, following symbolic links,
// and identifies their format; it needs no privileges. What may not be inspected,
// or not within the limits, is returned as Unknown. A path is inspected once.
// Nothing is known about the files of a host that is offline.
func (l *Loader) Programs(paths []string) map[string]config.Program {
	if l.Offline {
		return nil
	}
	found := make(map[string]config.Program, min(len(paths), maxPrograms))
	deadline := time.Now().Add(programsLimit)
	for i, path := range paths {
		if _, done := found[path]; done {
			continue
		}
		if i >= maxPrograms || time.Now().After(deadline) {
			found[path] = config.Program{Unknown: true}
			continue
		}
		found[path] = l.program(path)
	}
	return found
}

// program inspects one file.
func (l *Loader) program(name string) config.Program {
	path := l.inRoot(name)
	var status unix.Stat_t
	for {
		switch err := unix.Stat(path, &status); err {
		case unix.EINTR:
			continue
		case nil:
			kind := status.Mode & unix.S_IFMT
			p := config.Program{
				Exists:     true,
				Directory:  kind == unix.S_IFDIR,
				Regular:    kind == unix.S_IFREG,
				Executable: status.Mode&0o111 != 0,
				Mode:       uint32(status.Mode) & 0o7777,
				UID:        status.Uid,
				GID:        status.Gid,
				Listed:     hasList(path),
			}
			if target, err := filepath.EvalSymlinks(path); err == nil && l.Root == "" && target != filepath.Clean(path) {
				p.Target = target
			}
			if p.Regular {
				l.look(path, &p)
			}
			return p
		case unix.ENOENT, unix.ENOTDIR:
			return config.Program{}
		default:
			return config.Program{Unknown: true}
		}
	}
}

// Accounts looks up accounts that a configuration names besides those of its
// parameters. It omits those that are entirely unknown.
func (l *Loader) Accounts(users, groups []string) (map[string]config.User, map[string]config.Group) {
	r := l.resolver()
	foundUsers, foundGroups := make(map[string]config.User), make(map[string]config.Group)
	for _, name := range users {
		if u, known := r.findUser(name); known && u.Trouble == "" {
			foundUsers[name] = u
		}
	}
	for _, name := range groups {
		if g, known := r.findGroup(name); known && g.Trouble == "" {
			foundGroups[name] = g
		}
	}
	return foundUsers, foundGroups
}
