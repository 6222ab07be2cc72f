package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Real configurations, which all work, are not reported as wrong, neither on a host
// that has what they need nor if nothing is known about the host. A file has the
// parts "== main.cf" and "== master.cf".
func TestConfigurationsInUseAreRight(t *testing.T) {
	files, err := filepath.Glob("testdata/inuse/*.txt")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	host := map[string]string{
		"etc/passwd":   "root:x:0:0::/:\npostfix:x:102:105::/:\nnobody:x:65534:65534::/:\nvmail:x:5000:5000::/:\npolicyd-spf:x:110:110::/:\nzimbra:x:111:111::/:\n",
		"etc/group":    "root:x:0:\npostdrop:x:106:\nvmail:x:5000:\n",
		"etc/services": "smtp 25/tcp\nsmtps 465/tcp submissions\nsubmission 587/tcp\n", "var/spool/postfix/pid/x": "", "var/lib/postfix/x": "",
		"var/log/x": "", "bin/sh": "#!/bin/sh\n", "usr/bin/env": "#!/bin/sh\n", "dev/x": "",
		"usr/lib/dovecot/deliver": "#!/bin/sh\n", "usr/bin/policyd-spf": "#!/usr/bin/env python3\n", "usr/bin/python3": "#!/bin/sh\n", "usr/bin/curl": "#!/bin/sh\n",
	}
	for name := range strings.FieldsSeq(`anvil bounce cleanup discard dnsblog error flush lmtp local pickup pipe postlogd postscreen proxymap
		qmgr scache showq smtp smtpd spawn tlsmgr tlsproxy trivial-rewrite verify virtual`) {
		host["usr/lib/postfix/sbin/"+name] = "#!/bin/sh\n"
	}
	s := newSite(t, "", "")
	root := s.tree(host)
	for i, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			main, master, ok := strings.Cut(strings.TrimPrefix(string(text), "== main.cf\n"), "== master.cf\n")
			if !ok {
				t.Fatal("the file has not two parts")
			}
			directory := fmt.Sprintf("etc/postfix%d", i)
			if err := os.MkdirAll(filepath.Join(root, directory), 0o755); err != nil {
				t.Fatal(err)
			}
			s.write("root/"+directory+"/main.cf", main)
			s.write("root/"+directory+"/master.cf", master)
			for _, args := range [][]string{{"--root", root, "-c", "/" + directory}, {"--offline", "-c", filepath.Join(root, directory)}} {
				r := s.run(append([]string{"check", "--strict"}, args...)...)
				if r.status != exitClean || !strings.Contains(r.out, ": 0 errors, 0 warnings, ") {
					t.Errorf("%q: exit status %d\n%s%s", args, r.status, r.out, r.err)
				}
				if r := s.run(append([]string{"explain"}, args...)...); r.status != exitClean {
					t.Errorf("explain %q: exit status %d\n%s", args, r.status, r.err)
				}
			}
		})
	}
}
