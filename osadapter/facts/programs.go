package facts

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/config"
)

// Bounds of looking at programs.
const (
	maxPrograms   = 8192             // paths
	programsLimit = 10 * time.Second // all of them: a path may be on a disk that is gone
)

// Programs looks at files that the configuration names, following symbolic
// links, without opening them; no privileges are needed. What may not be looked
// at, or not within the bounds, comes back as Unknown. A path is looked at once.
// Nothing is known of the files of a host that is offline.
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
		found[path] = program(l.inRoot(path))
	}
	return found
}

// program looks at one file.
func program(path string) config.Program {
	var status unix.Stat_t
	for {
		switch err := unix.Stat(path, &status); err {
		case unix.EINTR:
			continue
		case nil:
			kind := status.Mode & unix.S_IFMT
			return config.Program{
				Exists:     true,
				Directory:  kind == unix.S_IFDIR,
				Regular:    kind == unix.S_IFREG,
				Executable: status.Mode&0o111 != 0,
			}
		case unix.ENOENT, unix.ENOTDIR:
			return config.Program{}
		default:
			return config.Program{Unknown: true}
		}
	}
}
