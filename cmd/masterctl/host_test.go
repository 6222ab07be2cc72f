package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// strange is a configuration of a host whose accounts, addresses, ports and
// programs differ from this one's.
const strange = `compatibility_level = 3.6
queue_directory = /nowhere/queue
data_directory = /nowhere/data
daemon_directory = /nowhere/sbin
mail_owner = nosuchowner
default_privs = nosuchpoor
setgid_group = nosuchgroup
inet_interfaces = 203.0.113.5, nosuch.example
myorigin = /etc/nosuchname
default_transport = error:no mail for others
`

const strangeServices = "error unix - - n - - error\nnosuchport inet n - n - - smtpd\n203.0.113.77:26 inet n - n - - smtpd -o smtpd_proxy_filter=x\npickup unix n - n 60 1 pickup\n" +
	"cleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n" +
	"defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nanvil unix - - n - 1 anvil\nproxymap unix - - n - - proxymap\n"

func TestOfflineJudgesTheFilesAlone(t *testing.T) {
	s := newSite(t, strange, strangeServices)
	r := s.run("check", "--strict", "--offline")
	want := s.dir + ": note: not checked, because it is not known about the other host: the users nosuchowner, nosuchpoor; the groups nosuchgroup; " +
		"the addresses of nosuch.example; the ports of nosuchport; the text of /etc/nosuchname; the addresses of its interfaces; its programs and directories\n" +
		"      = run masterctl on that host, without --offline, to check this too\n" + s.dir + ": 0 errors, 0 warnings, 1 note; 12 services\n"
	if r != (result{exitClean, want, ""}) {
		t.Errorf("%+v\nwant %s", r, want)
	}
	s.run("check", "--json", "--offline").expect(t, exitClean, `"severity":"note","text":"not checked, because it is not known about the other host`, "")
	r = s.run("explain", "--offline")
	for _, part := range []string{
		"canonical name   nosuchport ", "listens on       nosuch.example:nosuchport (unknown) ", "\n                   203.0.113.5:nosuchport (unknown)\n",
		"nosuchowner (uid and gid unknown)", "listens on       203.0.113.77:26 ", "canonical name   [203.0.113.77]:26 ",
	} {
		if !strings.Contains(r.out, part) {
			t.Errorf("no %q in\n%s", part, r.out)
		}
	}
	r.expect(t, exitClean, "", "masterctl: not checked, because it is not known about the other host: ")
	if got := s.run("check", "--strict"); got.status != exitError {
		t.Errorf("the files would do for this host: %+v", got)
	}
	// Mistakes in the files themselves are reported nevertheless.
	s.write("master.cf", strangeServices+"bad unix\n")
	s.run("check", "--offline").expect(t, exitError, `missing "private" field`, "")
}

// Debian's default files are correct on a host without Postfix.
func TestStockFilesAreRightOffline(t *testing.T) {
	s := newSite(t, "", "")
	for name, source := range map[string]string{"main.cf": "/usr/share/postfix/main.cf.debian", "master.cf": "/usr/share/postfix/master.cf.dist"} {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Skip("Debian's postfix is not installed:", err)
		}
		s.write(name, string(text))
	}
	s.run("check", "--strict", "--offline").expect(t, exitClean, ": 0 errors, 0 warnings, 1 note; ", "")
	s.run("explain", "--offline").expect(t, exitClean, "postfix (uid and gid unknown)", "")
}

// tree creates the files of another host below root/ of the site.
func (s *site) tree(files map[string]string) (root string) {
	s.t.Helper()
	root = s.path("root")
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "->"); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o755)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return root
}

func TestRootJudgesTheFilesOfATree(t *testing.T) {
	s := newSite(t, "this = is not read\n", "")
	script := "#!/bin/sh\n"
	root := s.tree(map[string]string{
		"etc/postfix/main.cf": "->/srv/main.cf", "srv/main.cf": strange, "etc/postfix/master.cf": strangeServices,
		"etc/passwd": "nosuchowner:x:7001:7002::/:\nnosuchpoor:x:7003:7004::/:\n", "etc/group": "nosuchgroup:x:7005:\n",
		"etc/services": "nosuchport 7777/tcp\n", "etc/nosuchname": "a.example\n", "nowhere/queue/pid/x": "", "nowhere/data/x": "", "bin/sh": script,
		"nowhere/sbin": "->/usr/sbin", "usr/sbin/smtpd": script, "usr/sbin/pickup": script, "usr/sbin/cleanup": script, "usr/sbin/qmgr": script,
		"usr/sbin/trivial-rewrite": script, "usr/sbin/bounce": "->/other/bounce", "other/bounce": script, "usr/sbin/anvil": script, "usr/sbin/error": script, "usr/sbin/proxymap": script,
	})
	want := "/etc/postfix: 0 errors, 0 warnings, 1 note; 12 services\n"
	s.run("check", "--strict", "--root", root).expect(t, exitClean, want, "")
	s.run("check", "--strict", "--root", root).expect(t, exitClean, "about the other host: the addresses of nosuch.example; the addresses of its interfaces\n", "")
	s.run("check", "--strict", "--root=root", "-c", "etc/postfix").expect(t, exitClean, want, "")
	s.run("explain", "--root", root, "nosuchport").expect(t, exitClean, "nosuchowner (uid 7001, gid 7002)", "")
	s.run("explain", "--root", root, "nosuchport").expect(t, exitClean, "203.0.113.5:7777", "")
	if err := os.Remove(filepath.Join(root, "other/bounce")); err != nil {
		t.Fatal(err)
	}
	s.run("check", "--strict", "--root", root).expect(t, exitFound, "there is no program /nowhere/sbin/bounce", "")
	if err := os.RemoveAll(filepath.Join(root, "nowhere/data")); err != nil {
		t.Fatal(err)
	}
	s.run("check", "--strict", "--root", root).expect(t, exitFound, "data_directory = /nowhere/data is not a directory", "")
	s.write("root/etc/postfix/master.cf", strangeServices+"pipe unix - n n - - pipe user=nosuchpoor:nosuchgroup argv=/bin/sh\nspawn unix - n n - - spawn user=nosuchowner argv=/bin/sh\n")
	s.run("check", "--root", root).expect(t, exitClean, "the group nosuchgroup is that of setgid_group: pipe refuses", "")
	s.run("check", "--root", root).expect(t, exitClean, "the user nosuchowner is the owner of the mail system: spawn refuses", "")
}

func TestRootIsADirectoryThatHoldsTheConfiguration(t *testing.T) {
	s := newSite(t, "", "")
	s.run("check", "--root", "main.cf").expect(t, exitError, "", "use --root: main.cf is not a directory")
	s.run("check", "--root", "nowhere").expect(t, exitError, "", "use --root: ")
	s.run("check", "--root", ".", "--offline").expect(t, exitError, "", "cannot be combined")
	s.run("check", "--root", s.dir).expect(t, exitError, "directory /etc/postfix does not exist; name the directory of main.cf and master.cf with -c, as a path below "+s.dir, "")
	if r := s.run("check", "--root", s.dir); strings.Contains(r.out, "not known") {
		t.Errorf("nothing was read: %s", r.out)
	}
	s.run("param", "--root", s.dir, "myhostname").expect(t, exitError, "", "unknown flag: --root")
}
