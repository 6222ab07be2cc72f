//go:build linux

package parity

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

var _ = topic("argv", argvScenarios)

// argvOf starts a master with these lines, whose first word is replaced by a socket
// of its own, and observes argv of a child of each.
func argvOf(lines ...string) func(s *station) {
	return func(s *station) {
		for i, line := range lines {
			s.master(fmt.Sprintf("x%d %s", i+1, line))
		}
		s.start()
		for i := range lines {
			s.dial(fmt.Sprintf("public/x%d", i+1))
			s.child()
		}
	}
}

func noIPv6() string {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		err = unix.Bind(fd, &unix.SockaddrInet6{Addr: [16]byte{15: 1}})
	}
	if err != nil {
		return "no IPv6 on the loopback interface: " + err.Error()
	}
	return ""
}

var argvScenarios = []scenario{
	{name: "flags for limits and privileges", play: argvOf(
		"unix n - n - - actor", "unix n - n - 0 actor", "unix n - n - 1 actor", "unix n - n - 2 actor",
		"unix n n n - 1 actor", "unix n y y - 1 actor", "unix n n y - 0 actor")},
	{name: "flags of pass services, which are never local", play: argvOf(
		"pass n - n - - actor", "pass n - n - 0 actor", "pass n - n - 1 actor", "pass n - n - 2 actor")},
	{name: "a limit of 1 by default", play: func(s *station) {
		s.main("default_process_limit = 1")
		argvOf("unix n - n - - actor", "pass n - n - - actor")(s)
	}},
	{name: "an old compatibility level runs servers in a jail", play: func(s *station) {
		s.setMain("compatibility_level", "0")
		argvOf("unix n - - - 1 actor", "unix n - n - 1 actor", "unix n - y - 1 actor")(s)
	}},
	{name: "arguments in braces", play: argvOf(
		"unix n - n - 1 actor { a b }", "unix n - n - 1 actor -o {x = y z} -o a=b", "unix n - n - 1 actor {} {{a b}}",
		"unix n - n - 1 actor a{b c}d e", "unix n - n - 1 actor {  inner   blanks  }", "unix n - n - 1 actor }a b", "unix n - n - 1 actor a{b c")},
	{name: "arguments on lines that follow", play: func(s *station) {
		s.master("x unix n - n - 1 actor", "  -o a=b", "# a comment", "\t-o c=d")
		s.start()
		s.dial("public/x")
		s.child()
	}},
	{name: "the name of the program is the name of the service", play: func(s *station) {
		s.master("actor unix n - n - 1 actor")
		s.start()
		s.dial("public/actor")
		s.child()
	}},
	{name: "a program with a path", play: func(s *station) {
		s.master("actor unix n - n - 1 ./actor", "x unix n - n - 1 ./actor")
		s.start()
		for _, name := range []string{"public/actor", "public/x"} {
			s.dial(name)
			s.child()
		}
	}},
	{name: "a program that is a script without an interpreter", play: func(s *station) {
		s.require("write", os.WriteFile(s.path("s/script"), []byte(s.expand("exec @dir/s/actor \"$0\" \"$@\"\n")), 0o755))
		s.master("x unix n - n - 1 script -v word")
		s.start()
		s.dial("public/x")
		s.child()
	}},
	{name: "all of a very long line of arguments", play: func(s *station) {
		s.master("x unix n - n - 1 actor " + strings.Repeat("word ", 2000))
		s.start()
		s.dial("public/x")
		s.observef("words", "%d", strings.Count(s.child().value("argv"), "|word"))
	}},
	{name: "the flag of d", shows: []shown{{row: "Q15", original: `kill process group: No such process|^end: start 1: exit status 1`, ours: `^end: start 1: signal 15|terminating on signal 15`}}, play: func(s *station) {
		s.master("x unix n - n - 1 actor")
		s.start("-d")
		s.dial("public/x")
		s.child()
	}},
	{name: "a wildcard address is not local", play: func(s *station) {
		s.master("0.0.0.0:@port1 inet n - n - 2 actor", "0.0.0.0:@port2 inet n - n - 1 actor", "127.0.0.1:@port3 inet n - n - 0 actor", "127.0.0.2:@port4 inet n - n - - actor")
		s.start()
		for _, address := range []string{"@port1", "@port2", "@port3", "127.0.0.2:@port4"} {
			s.dial(address)
			s.child()
		}
	}},
	{name: "two addresses are two sockets", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_interfaces", "127.0.0.1, ::1")
		s.setMain("inet_protocols", "all")
		s.master("@port1 inet n - n - 2 actor", "[::1]:@port2 inet n - n - 2 actor", "127.0.0.1:@port3 inet n - n - 2 actor")
		s.start()
		for _, address := range []string{"@port1", "[::1]:@port2", "@port3"} {
			s.dial(address)
			s.child()
		}
	}},
	{name: "all addresses of both families", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_interfaces", "all")
		s.setMain("inet_protocols", "all")
		s.master("@port1 inet n - n - 5 actor")
		s.start()
		s.dial("[::1]:@port1")
		s.observe("accept", s.child().do("accept"))
	}},
}
