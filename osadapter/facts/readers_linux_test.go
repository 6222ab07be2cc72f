package facts

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/config/known"
)

const serverDirectory = "/usr/lib/postfix/sbin"

// bench starts the original's servers as the master does, with a socket that
// receives their log lines.
type bench struct {
	t     *testing.T
	dir   string
	lines *net.UnixConn
}

func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to start servers as the master does")
	}
	if _, err := os.Stat(serverDirectory + "/smtpd"); err != nil {
		t.Skip("the original is not installed:", err)
	}
	dir, err := os.MkdirTemp("", "bench") // accessible to every user: servers drop their privileges
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bench{t: t, dir: dir}
	for _, name := range []string{"public", "private", "incoming", "active", "deferred", "defer", "bounce", "trace", "flush", "maildrop", "data"} {
		if err := os.Mkdir(b.path(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(b.path(name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	main := "compatibility_level = 3.6\nqueue_directory = " + dir + "\ndata_directory = " + dir + "/data\nmyhostname = a.example\n" +
		"mydestination = a.example\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nlocal_recipient_maps =\nmaillog_file = " + dir + "/log\n" +
		"maillog_file_prefixes = " + dir + "\nvirtual_mailbox_base = /var/mail\n"
	old := time.Now().Add(-time.Hour) // the original waits for a file that was just written
	for name, text := range map[string]string{"main.cf": main, "master.cf": ""} {
		if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(b.path(name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if b.lines, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: b.path("public/postlog"), Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.lines.Close() })
	if err := os.Chmod(b.path("public/postlog"), 0o777); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// run starts a server with overrides, and returns what it logged. There is no
// master any more, so the server ends as soon as it is ready to serve.
func (b *bench) run(server string, overrides []string) string {
	b.t.Helper()
	status, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	own, given := os.NewFile(uintptr(status[0]), "status"), os.NewFile(uintptr(status[1]), "status")
	defer given.Close()
	flowOut, flowIn, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	defer flowOut.Close()
	defer flowIn.Close()
	kind := unix.SOCK_STREAM
	if server == "postlogd" {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	listener := os.NewFile(uintptr(fd), "listener")
	defer listener.Close()
	path := b.path("private/" + server)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		b.t.Fatal(err)
	}
	defer os.Remove(path)
	if kind == unix.SOCK_STREAM {
		if err := unix.Listen(fd, 5); err != nil {
			b.t.Fatal(err)
		}
	}
	args := []string{"-n", "x", "-t", "unix"}
	switch server {
	case "proxymap":
		args[1] = "proxymap"
	case "postlogd":
		args[3] = "unix-dgram"
	}
	if !strings.Contains(" local pipe spawn virtual ", " "+server+" ") {
		args = append(args, "-u")
	}
	if strings.Contains(" bounce cleanup dnsblog flush tlsproxy ", " "+server+" ") {
		args = append(args, "-z")
	}
	if strings.Contains(" anvil nqmgr oqmgr pickup postlogd postscreen qmgr scache tlsmgr verify ", " "+server+" ") {
		args = append(args, "-l")
	}
	for _, o := range overrides {
		args = append(args, "-o", o)
	}
	if server == "pipe" || server == "spawn" {
		args = append(args, "user=nobody", "argv=/bin/true")
	}
	cmd := exec.Command(serverDirectory+"/"+server, args...)
	cmd.Dir = b.dir
	cmd.Env = []string{"MAIL_CONFIG=" + b.dir, "GENERATION=1", "PATH=/usr/bin:/bin", "POSTLOG_SERVICE=" + b.path("public/postlog"), "POSTLOG_HOSTNAME=x"}
	cmd.ExtraFiles = []*os.File{flowOut, flowIn, given, listener}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	own.Close()
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Kill()
		<-done
	}()
	var text strings.Builder
	deadline, buffer := time.Now().Add(time.Minute), make([]byte, 64<<10)
	for ended := false; ; {
		_ = b.lines.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := b.lines.Read(buffer)
		text.Write(buffer[:n])
		text.WriteByte('\n')
		switch {
		case err == nil:
			if strings.Contains(string(buffer[:n]), "fatal") { // it sleeps before it ends
				return text.String()
			}
			continue
		case ended:
			return text.String()
		case time.Now().After(deadline):
			b.t.Fatalf("%s does not end: %s", server, text.String())
		}
		select {
		case <-done:
			ended = true // read its last lines
		default:
		}
	}
}

// No server reads a parameter that the table says it does not read: it would
// complain about a value that cannot be expanded.
func TestServersReadNothingElse(t *testing.T) {
	b := newBench(t)
	readers := known.ReadReaders()
	unexpandable := regexp.MustCompile(`truncated macro reference: "\$\{(\w+)"`)
	for server := range strings.FieldsSeq(`anvil bounce cleanup discard dnsblog error flush lmtp local nqmgr oqmgr pickup pipe postlogd
		postscreen proxymap qmgr qmqpd scache showq smtp smtpd spawn tlsmgr tlsproxy trivial-rewrite verify virtual`) {
		t.Run(server, func(t *testing.T) {
			b.t = t
			var overrides []string
			for _, name := range known.Names() {
				if !readers.Read(server, name) {
					overrides = append(overrides, name+"=${"+name)
				}
			}
			if len(overrides) < 300 {
				t.Errorf("only %d overrides", len(overrides))
			}
			if found := unexpandable.FindStringSubmatch(b.run(server, overrides)); found != nil {
				t.Errorf("it reads %s", found[1])
			}
			if found := unexpandable.FindStringSubmatch(b.run(server, append(overrides, "mail_name=${mail_name"))); found == nil || found[1] != "mail_name" {
				t.Error("a parameter that it reads is not noticed")
			}
		})
	}
}
