//go:build linux

package parity

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

var _ = topic("locks", lockTests(), lockedStarts(), lockScenarios)

// lockState is a state of the path of a lock file.
type lockState struct {
	name  string
	make  func(s *station, path string)
	shows []shown // of a start
	// refused is a part of the lock file's path for which a start fails with a hint
	// about the file's owner.
	refused string
}

const otherContent = "this was here before, and it is longer than a process number\nwith a second line\n"

// atPath creates a file there, with the owner of its directory.
func atPath(s *station, path, content string, mode os.FileMode) {
	s.require("write", os.WriteFile(path, []byte(content), mode))
	s.require("chmod", os.Chmod(path, mode))
	if strings.HasPrefix(path, s.path("d")) {
		s.require("chown", os.Chown(path, s.owner.uid, s.owner.gid))
	}
}

var lockStates = []lockState{
	{"absent", func(*station, string) {}, nil, ""},
	{"an empty file", func(s *station, path string) { atPath(s, path, "", 0o600) }, nil, ""},
	{"a longer file that others may read", func(s *station, path string) { atPath(s, path, otherContent, 0o644) }, nil, ""},
	{"a file that nobody may read", func(s *station, path string) { atPath(s, path, "1\n", 0) }, nil, "master.lock"},
	{"a directory", func(s *station, path string) { s.require("mkdir", os.Mkdir(path, 0o755)) }, nil, "master"},
	{"a file with a second link", func(s *station, path string) {
		atPath(s, path, "1\n", 0o600)
		s.require("link", os.Link(path, path+".second"))
	}, nil, "master"},
	{"a symlink of root's to a file", func(s *station, path string) {
		atPath(s, path+".target", "1\n", 0o600)
		s.require("symlink", os.Symlink(filepath.Base(path)+".target", path))
	}, nil, "master.lock"},
	{"a symlink of another user's to a file", func(s *station, path string) {
		atPath(s, path+".target", "1\n", 0o600)
		s.require("symlink", os.Symlink(filepath.Base(path)+".target", path))
		s.require("chown", os.Lchown(path, s.owner.uid, s.owner.gid))
	}, nil, "master"},
	{"a dangling symlink", func(s *station, path string) { s.require("symlink", os.Symlink("nowhere", path)) }, []shown{hint(`the directory of lock file .* is missing, or the file is a dangling symbolic link`)}, ""},
	{"a fifo", func(s *station, path string) {
		s.require("mkfifo", unix.Mkfifo(path, 0o600))
		if strings.HasPrefix(path, s.path("d")) {
			s.require("chown", os.Chown(path, s.owner.uid, s.owner.gid))
		}
	}, nil, ""},
	{"a socket", func(s *station, path string) { s.require("mknod", unix.Mknod(path, unix.S_IFSOCK|0o600, 0)) }, nil, "master"},
	{"held by another process", func(s *station, path string) {
		atPath(s, path, "12\n", 0o600)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		s.require("open", err)
		s.cleanups = append(s.cleanups, func() { f.Close() })
		s.require("lock", unix.Flock(int(f.Fd()), unix.LOCK_EX))
	}, []shown{hint(`lock file .* is held by process`)}, ""},
	{"held by another process for reading", func(s *station, path string) {
		atPath(s, path, "12\n", 0o600)
		f, err := os.Open(path)
		s.require("open", err)
		s.cleanups = append(s.cleanups, func() { f.Close() })
		s.require("lock", unix.Flock(int(f.Fd()), unix.LOCK_SH))
	}, []shown{hint(`lock file .* is held by process`)}, ""},
	{"held by fcntl, which is another lock", func(s *station, path string) {
		atPath(s, path, "12\n", 0o600)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		s.require("open", err)
		s.cleanups = append(s.cleanups, func() { f.Close() })
		s.require("lock", unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
	}, nil, ""},
}

// lockTests run master -t with every state of pid/master.pid.
func lockTests() []scenario {
	var list []scenario
	for _, state := range lockStates {
		list = append(list, scenario{name: "t when the lock file is " + state.name, play: func(s *station) {
			s.master(one)
			state.make(s, s.path("q/pid/master.pid"))
			s.run("-t")
		}})
	}
	for name, before := range map[string]func(s *station){
		"there is no pid directory":         func(s *station) { s.require("rm", os.Remove(s.path("q/pid"))) },
		"the pid directory is a file":       func(s *station) { s.require("rm", os.Remove(s.path("q/pid"))); atPath(s, s.path("q/pid"), "", 0o600) },
		"only the data directory is locked": func(s *station) { lockStates[11].make(s, s.path("d/master.lock")) },
		"there is no data directory":        func(s *station) { s.require("rm", os.Remove(s.path("d"))) },
		"master.cf is wrong":                func(s *station) { s.master("wrong") },
	} {
		list = append(list, scenario{name: "t when " + name, play: func(s *station) {
			s.master(one)
			before(s)
			s.run("-t")
		}})
	}
	return list
}

// lockedStarts are starts with every state of the two lock files.
func lockedStarts() []scenario {
	var list []scenario
	for _, file := range []string{"q/pid/master.pid", "d/master.lock"} {
		for _, state := range lockStates[1:] {
			shows := state.shows
			if state.refused != "" && strings.Contains(file, state.refused) {
				shows = append(shows, hint(`lock file .* must be a regular file owned by `))
			}
			list = append(list, scenario{
				name: "start when " + filepath.Base(file) + " is " + state.name, shows: shows,
				play: func(s *station) {
					s.master(one)
					state.make(s, s.path(file))
					p := s.launch(s.command())
					s.eventually("started or ended", func() bool { return s.countLog(startedText) > 0 || s.keeper.status(p.pid) != "" })
					s.observeFile(file)
				},
			})
		}
	}
	return list
}

var lockScenarios = []scenario{
	{
		name: "t does not pause before it fails",
		play: func(s *station) {
			s.master(one)
			lockStates[4].make(s, s.path("q/pid/master.pid"))
			// On a busy machine anything may take a second, but not always.
			atOnce := false
			for range 8 {
				p := s.launch(s.command("-t"))
				p.awaitEnd()
				atOnce = atOnce || p.lasted() < pauseLimit
			}
			s.observef("some end at once", "%v", atOnce)
		},
	},
	{
		name:  "a second master on one queue does not start",
		shows: []shown{hint(`lock file .* is held by process`)},
		play: func(s *station) {
			s.master(one)
			s.start()
			s.run()
			s.observe("test", s.run("-t"))
			serveOne(s)
		},
	},
	{
		name:  "a second master with w reports the failure",
		shows: []shown{hint(`lock file .* is held by process`)},
		play: func(s *station) {
			s.master(one)
			s.start("-w")
			s.run("-w")
		},
	},
	{
		name: "after a kill a new master starts at once",
		play: func(s *station) {
			s.master(one)
			p := s.start()
			p.signal(unix.SIGKILL)
			p.awaitEnd()
			s.observe("test", s.run("-t"))
			s.start()
			serveOne(s)
		},
	},
	{
		name: "children do not hold the locks",
		play: func(s *station) {
			s.master(one)
			p := s.start()
			client := s.dial("@port1")
			a := s.child()
			a.do("accept")
			a.do("taken")
			p.signal(unix.SIGKILL)
			p.awaitEnd()
			s.observe("test", s.run("-t"))
			a.do("say still here")
			s.observe("client", client.line())
			s.observe("report", a.do("avail"))
			s.observe("channel", a.do("eof"))
			a.exit(0)
		},
	},
}
