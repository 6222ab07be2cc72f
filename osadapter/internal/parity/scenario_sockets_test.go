//go:build linux

package parity

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

var _ = topic("sockets", replacedFiles(), blockedPaths(), socketNames(), socketScenarios, lastingScenarios)

// pathTypes are the service types whose endpoint is a path.
var pathTypes = []string{"unix", "pass", "unix-dgram", "fifo"}

// onPaths defines one service of each type at "public/x-TYPE".
func onPaths(s *station) {
	for _, kind := range pathTypes {
		s.master("x-" + kind + " " + kind + " n - n - 2 actor")
	}
}

// usePaths sends one child of each type something over its path.
func usePaths(s *station) {
	for _, name := range []string{"x-unix", "x-pass"} {
		s.dial("public/" + name)
		s.observe(name, s.child(name).do("accept"))
	}
	s.send("public/x-unix-dgram", "a datagram")
	s.observe("x-unix-dgram", s.child("x-unix-dgram").do("dgram"))
	s.poke("public/x-fifo", "bytes")
	s.observe("x-fifo", s.child("x-fifo").do("fifo"))
}

// replacedFiles are about files at the path of a service before the start.
func replacedFiles() []scenario {
	var list []scenario
	for _, c := range []struct {
		name string
		make func(s *station, path string) error
	}{
		{"nothing", func(*station, string) error { return nil }},
		{"a file", func(_ *station, path string) error { return os.WriteFile(path, []byte("text"), 0o600) }},
		{"a file that nobody may write", func(_ *station, path string) error { return os.WriteFile(path, nil, 0o400) }},
		{"a symlink to a file", func(s *station, path string) error { return os.Symlink(s.path("c/main.cf"), path) }},
		{"a symlink to nowhere", func(_ *station, path string) error { return os.Symlink("/nowhere/at/all", path) }},
		{"a symlink to a directory", func(s *station, path string) error { return os.Symlink(s.path("d"), path) }},
		{"a socket", func(_ *station, path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o777, 0) }},
		{"a fifo", func(_ *station, path string) error { return unix.Mkfifo(path, 0o644) }},
		{"a second link of a file", func(s *station, path string) error {
			err := os.WriteFile(s.path("q/first"), []byte("kept"), 0o640)
			return errors.Join(err, os.Link(s.path("q/first"), path))
		}},
	} {
		list = append(list, scenario{name: "a path where there was " + c.name, play: func(s *station) {
			onPaths(s)
			for _, kind := range pathTypes {
				s.require("make "+c.name, c.make(s, s.path("q/public/x-"+kind)))
			}
			p := s.start()
			usePaths(s)
			p.settle()
		}})
	}
	return list
}

// undone is row D14 for the service "before" of a start that fails.
var undone = shown{row: "D14", original: `^file: q/public/before socket 0666 @owner:@owner$`}

// blockedPaths are starts that fail because of a path.
func blockedPaths() []scenario {
	var list []scenario
	for _, kind := range pathTypes {
		for _, c := range []struct {
			name   string
			before func(s *station) error
			shows  []shown
		}{
			{
				"a directory is at the path of", func(s *station) error { return os.Mkdir(s.path("q/public/x"), 0o777) },
				[]shown{hint(`.*cannot listen on public/x; there is a directory at this path`), undone},
			},
			{
				"the directory is root's that should hold", func(s *station) error { return os.Chown(s.path("q/public"), 0, 0) },
				[]shown{hint(`.*cannot listen on public/(before|x|after); permission denied`)},
			},
			{"a file of root's is in a sticky directory at the path of", func(s *station) error {
				return errors.Join(os.Chown(s.path("q/public"), 0, 0), os.Chmod(s.path("q/public"), 0o777|fs.ModeSticky),
					os.WriteFile(s.path("q/public/x"), nil, 0o666))
			}, []shown{hint(`.*cannot listen on public/x; permission denied`), undone}},
		} {
			list = append(list, scenario{
				name:  "start fails when " + c.name + " a " + kind + " service",
				shows: c.shows,
				play: func(s *station) {
					s.master("before unix n - n - 1 actor", "x "+kind+" n - n - 1 actor", "after unix n - n - 1 actor")
					s.require("before", c.before(s))
					s.run()
				},
			})
		}
	}
	return list
}

// socketNames are about names that are long, or contain directories.
func socketNames() []scenario {
	longest := 107 - len("public/") // of a socket address
	var list []scenario
	for _, kind := range pathTypes {
		list = append(list, scenario{name: "the longest name of a " + kind + " service", play: func(s *station) {
			s.master(strings.Repeat("n", longest) + " " + kind + " n - n - 1 actor")
			s.start()
		}})
	}
	for _, kind := range pathTypes[:3] {
		list = append(list, scenario{
			name:  "a name that is too long for a " + kind + " service",
			shows: []shown{hint(`.*cannot listen on .*; the path does not fit a socket address`)},
			play: func(s *station) {
				s.master(strings.Repeat("n", longest+1) + " " + kind + " n - n - 1 actor")
				s.run()
			},
		})
	}
	return append(list,
		scenario{name: "the name of a fifo may be longer than that of a socket", play: func(s *station) {
			name := strings.Repeat("n", 250)
			s.master(name + " fifo n - n - 1 actor")
			s.start()
			s.poke("public/"+name, "x")
			s.observe("got", s.child().do("fifo"))
		}},
		scenario{
			name:  "the name of a file may not be longer than the file system's names",
			shows: []shown{hint(`.*cannot listen on `)},
			play: func(s *station) {
				s.master(strings.Repeat("n", 256) + " fifo n - n - 1 actor")
				s.run()
			},
		},
		scenario{name: "a name with a directory in it", play: func(s *station) {
			s.require("mkdir", os.Mkdir(s.path("q/private/sub"), 0o700))
			s.require("chown", os.Chown(s.path("q/private/sub"), s.owner.uid, s.owner.gid))
			s.master("sub/x unix - - n - 1 actor", "sub/../y unix - - n - 1 actor", "./z fifo - - n - 1 actor")
			s.start()
			s.dial("private/sub/x")
			s.observe("x", s.child().do("accept"))
			s.dial("private/y")
			s.observe("y", s.child().do("accept"))
			s.poke("private/z", "z")
			s.observe("z", s.child().do("fifo"))
		}},
		scenario{name: "a name that leads out of the directory", play: func(s *station) {
			s.require("mkdir", os.Mkdir(s.path("q/open"), 0o777))
			s.require("chmod", os.Chmod(s.path("q/open"), 0o777))
			s.master("../open/x unix - - n - 1 actor")
			s.start()
		}},
		scenario{
			name:  "a name with a directory that is not there",
			shows: []shown{hint(`.*cannot listen on private/sub/x; the directory is missing`)},
			play: func(s *station) {
				s.master("sub/x unix - - n - 1 actor")
				s.run()
			},
		},
		scenario{name: "names with odd characters", play: func(s *station) {
			names := []string{"a:b", "a=b", "[a]", "ü", "%s%n", "a,b", "-", "#", `a\b`, "'a'"}
			for i, name := range names {
				s.master(fmt.Sprintf("%s %s n - n - 1 actor", name, pathTypes[i%len(pathTypes)]))
			}
			s.start()
		}},
	)
}

var socketScenarios = []scenario{
	{name: "private and public sockets of one name are two", play: func(s *station) {
		s.master("x unix - - n - 1 actor", "x unix n - n - 1 actor", "y unix y - n - 1 actor")
		s.start()
		for _, path := range []string{"private/x", "public/x", "private/y"} {
			s.dial(path)
			s.observe(path, s.child().do("accept"))
		}
	}},
	{name: "a symlinked directory of sockets", play: func(s *station) {
		s.require("move", os.Rename(s.path("q/public"), s.path("q/elsewhere")))
		s.require("link", os.Symlink("elsewhere", s.path("q/public")))
		onPaths(s)
		s.start()
		usePaths(s)
	}},
	{name: "socket modes do not depend on the umask", play: func(s *station) {
		onPaths(s)
		l := s.command()
		l.Umask = 0o777
		s.startAs(l)
		usePaths(s)
	}},
	{name: "a set-gid directory of sockets", play: func(s *station) {
		s.require("chown", os.Chown(s.path("q/public"), s.owner.uid, s.group.gid))
		s.require("chmod", os.Chmod(s.path("q/public"), 0o710|fs.ModeSetgid))
		onPaths(s)
		s.start()
	}},
	{name: "datagrams wait for the next child", play: func(s *station) {
		s.master("t unix-dgram n - n - 1 actor")
		s.start()
		for _, text := range []string{"one", "two", "three"} {
			s.send("public/t", text)
		}
		a := s.child()
		s.observe("first", a.do("dgram"))
		a.do("taken")
		a.do("avail")
		a.exit(0)
		b := s.child()
		s.observe("second", b.do("dgram"))
		s.observe("third", b.do("dgram"))
	}},
	{name: "bytes in a fifo wait for the next child", play: func(s *station) {
		s.master("f fifo n - n - 1 actor")
		s.start()
		s.poke("public/f", "one")
		a := s.child()
		s.observe("first", a.do("fifo"))
		s.poke("public/f", "two")
		s.poke("public/f", "three")
		a.exit(0)
		s.observe("the rest", s.child().do("fifo"))
	}},
	{name: "clients beyond the backlog of a socket are refused", play: func(s *station) {
		s.main("default_process_limit = 1")
		s.master("x unix n - n - 1 actor")
		s.start()
		s.dial("public/x")
		a := s.child()
		s.observe("second", s.dialResult("public/x"))
		s.observe("third", s.dialResult("public/x"))
		s.observe("accepts", a.do("accept"))
		s.observe("fourth", s.dialResult("public/x"))
	}},
	{name: "a client that has gone before it was accepted", play: func(s *station) {
		s.master(one)
		p := s.start()
		p.freeze()
		s.dial("@port1").Close()
		p.signal(unix.SIGCONT)
		a := s.child()
		s.observe("accept", a.do("accept"))
		s.observe("hear", a.do("hear"))
		p.settle()
	}},
	{name: "a descriptor that is passed is the client", play: func(s *station) {
		s.master("p pass n - n - 0 actor")
		s.start()
		c := s.dial("public/p")
		f, err := os.Open(s.path("c/main.cf"))
		s.require("open", err)
		defer f.Close()
		_, _, err = c.Conn.(*net.UnixConn).WriteMsgUnix([]byte("x"), unix.UnixRights(int(f.Fd())), nil)
		s.require("pass", err)
		s.observe("got", s.child().do("pass"))
	}},
}

// lastingScenarios are about what is left when a master has ended, and about files
// that disappear while it runs.
var lastingScenarios = []scenario{
	{name: "socket files stay at the end and refuse clients", play: func(s *station) {
		onPaths(s)
		p := s.start()
		p.signal(unix.SIGTERM)
		p.awaitEnd()
		s.observe("x-unix", s.dialResult("public/x-unix"))
		s.observe("x-pass", s.dialResult("public/x-pass"))
	}},
	{name: "a new master replaces the sockets of one that was killed", play: func(s *station) {
		onPaths(s)
		s.master("127.0.0.1:@port1 inet n - n - 2 actor")
		p := s.start()
		p.signal(unix.SIGKILL)
		p.awaitEnd()
		s.start()
		usePaths(s)
		s.dial("@port1")
		s.observe("port", s.child().do("accept"))
	}},
	{name: "a child of a killed master shares the port with those of the next", play: func(s *station) {
		s.master("127.0.0.1:@port1 inet n - n - 1 actor")
		p := s.start()
		s.dial("@port1")
		old := s.child()
		s.observe("old", old.do("accept"))
		p.signal(unix.SIGKILL)
		p.awaitEnd()
		s.observe("the channel", old.do("eof"))
		s.start()
		old.exit(0)
		// Until it is reaped its listener may be open, and accept the client.
		s.eventually("the old child is reaped", func() bool { return unix.Kill(old.pid, 0) == unix.ESRCH })
		s.dial("@port1")
		s.observe("new", s.child().do("accept"))
	}},
	{name: "a socket file that is removed is not made again", play: func(s *station) {
		onPaths(s)
		p := s.start()
		for _, kind := range pathTypes {
			s.require("rm", os.Remove(s.path("q/public/x-"+kind)))
		}
		p.settle()
		s.observe("x-unix", s.dialResult("public/x-unix"))
	}},
	{name: "a client through another name of the socket is served", play: func(s *station) {
		s.master("x unix n - n - 1 actor")
		s.start()
		s.require("rename", os.Rename(s.path("q/public/x"), s.path("q/public/y")))
		s.dial("public/y")
		s.observe("accept", s.child().do("accept"))
	}},
}
