package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPortsThatAreTakenAreNamedOnRequest(t *testing.T) {
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newSite(t, strings.Replace(plainMain, "/usr/lib/postfix/sbin", "/bin", 1), l.Addr().String()+" inet n - n - - sh\n")
	s.directories()
	s.run("check", "--strict").expect(t, exitClean, "0 errors, 0 warnings", "")
	want := fmt.Sprintf("master.cf:1:1: warning: the address %s is taken: ", l.Addr())
	r := s.run("check", "--strict", "--ports")
	if strings.Contains(r.err, "this system does not tell") {
		t.Skip(r.err)
	}
	r.expect(t, exitFound, want, "")
	r.expect(t, exitFound, fmt.Sprintf(" (process %d) listens on %s", os.Getpid(), l.Addr()), "")
	// The master of this queue may listen there.
	if err := os.WriteFile(filepath.Join(s.dir, "queue/pid/master.pid"), fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run("check", "--strict", "--ports").expect(t, exitClean, "0 errors, 0 warnings", "")
	s.run("check", "--ports", "--offline").expect(t, exitError, "", "--ports asks this host")
}
