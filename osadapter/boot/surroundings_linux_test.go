package boot

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	roles["umask"] = func() {
		SetUmask()
		child("/bin/sh", "-c", "umask")
	}
	roles["close-inherited"] = func() {
		usePoller()
		CloseInherited()
		usePoller()
		say("ready")
	}
	roles["close-without-proc"] = func() {
		closeAllUnmarked()
		say("ready")
	}
	roles["open-standard"] = func() {
		out, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 10)
		must(err)
		for fd := 0; fd < standardCount; fd++ {
			must(unix.Close(fd))
		}
		must(OpenStandard())
		must(OpenStandard())
		_, err = unix.Write(out, []byte("ready\n"))
		must(err)
		time.Sleep(time.Minute) // ended from outside; standard input is closed
	}
	roles["detach"] = func() { detach(false) }
	roles["detach-keep"] = func() { detach(true) }
	roles["detach-forgotten"] = func() {
		must(unix.Close(0))
		err := DetachStandard(false)
		say("%v", err)
	}
	roles["session"] = func() {
		err := NewSession()
		say("%v", err)
	}
	roles["limit"] = func() {
		limit, err := RaiseOpenFiles()
		must(err)
		say("%d %s", limit, OpenFilesWarning(limit))
		child("/bin/sh", "-c", "ulimit -Sn; ulimit -Hn")
		must(syscall.Exec("/bin/sh", []string{"sh", "-c", "ulimit -Sn"}, nil))
	}
	roles["groups"] = func() {
		must(SetRootGroups())
		child("/bin/cat", "/proc/self/status")
	}
	roles["credentials"] = func() {
		c := CurrentCredentials()
		say("%+v", c)
	}
	roles["debugger"] = func() {
		dir := os.Getenv("BOOT_TEST_DIR")
		must(RunDebugger("sleep 0.05; echo $HOME-$X > "+dir+"/out; exit 3", []string{"X=y"}))
		content, err := os.ReadFile(dir + "/out")
		must(err)
		say("%s.", strings.TrimSpace(string(content)))
	}
	roles["crash"] = func() {
		CloseInherited()
		must(NeutralizeRuntime())
		must(DefaultSignals())
		earlier, err := OpenCrashOutput(os.Getenv("BOOT_TEST_DIR"))
		must(err)
		say("earlier %q", earlier)
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		must(err)
		must(unix.Dup2(null, 2))
		if os.Getenv("BOOT_TEST_CRASH") != "" {
			go panic("the reason")
			select {}
		}
		child("/bin/ls", "/proc/self/fd")
	}
}

// usePoller makes the runtime open its descriptors and shows that they work.
func usePoller() {
	r, w, err := os.Pipe()
	must(err)
	go func() { _, _ = w.Write([]byte{1}) }()
	_, err = r.Read(make([]byte, 1))
	must(err)
	must(r.Close())
	must(w.Close())
}

func detach(keepStdout bool) {
	CloseInherited()
	out, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 10)
	must(err)
	must(DetachStandard(keepStdout))
	_, err = unix.Write(out, []byte("ready\n"))
	must(err)
	time.Sleep(time.Minute)
}

func TestUmaskReachesChildren(t *testing.T) {
	launch(t, "umask", "umask 0; exec \"$@\"", nil).expect("0077")
}

func inherit(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	for range 200 {
		cmd.ExtraFiles = append(cmd.ExtraFiles, null)
	}
}

func TestInheritedDescriptorsAreClosed(t *testing.T) {
	for _, role := range []string{"close-inherited", "close-without-proc"} {
		p := launch(t, role, "", func(cmd *exec.Cmd) { inherit(t, cmd) })
		p.expect("ready")
		for fd, target := range p.descriptors() {
			if n, _ := strconv.Atoi(fd); n >= firstOwnFD && target == os.DevNull {
				t.Fatalf("%s: descriptor %s is still %s", role, fd, target)
			}
		}
		if p.end().ExitStatus() != 0 { // reads to the end: the runtime still has its descriptors
			t.Errorf("%s: ended with %v", role, p.state)
		}
	}
}

func TestRecordsOfADirectory(t *testing.T) {
	record := func(length uint16, name string) []byte {
		b := make([]byte, 24)
		b[16], b[17] = byte(length), byte(length>>8)
		copy(b[19:], name)
		return b
	}
	both := append(record(24, "7"), record(24, "12")...)
	for _, row := range []struct {
		records []byte
		want    string
	}{
		{nil, "[]"},
		{both, "[7 12]"},
		{record(24, "."), "[]"},
		{record(0, "7"), "[]"},
		{record(300, "7"), "[]"},
		{both[:30], "[7]"},
		{both[:10], "[]"},
	} {
		var text []string
		for _, number := range appendNumbers(nil, row.records) {
			text = append(text, strconv.Itoa(number))
		}
		if got := "[" + strings.Join(text, " ") + "]"; got != row.want {
			t.Errorf("%v: got %s, want %s", row.records, got, row.want)
		}
	}
}

func TestClosedStandardDescriptorsBecomeNull(t *testing.T) {
	p := launch(t, "open-standard", "", nil)
	p.expect("ready")
	p.expectNull("0", "1", "2")
	p.kill(syscall.SIGKILL)
}

func (p *process) expectNull(numbers ...string) {
	p.t.Helper()
	open := p.descriptors()
	for _, fd := range numbers {
		if open[fd] != os.DevNull {
			p.t.Errorf("descriptor %s is %q", fd, open[fd])
		}
	}
}

func TestDetachStandard(t *testing.T) {
	p := launch(t, "detach", "", nil)
	p.expect("ready")
	p.expectNull("0", "1", "2")
	for fd, target := range p.descriptors() {
		if n, _ := strconv.Atoi(fd); n > 2 && target == os.DevNull {
			t.Errorf("descriptor %s was left open", fd)
		}
	}
	p.kill(syscall.SIGKILL)

	p = launch(t, "detach-keep", "", nil)
	p.expect("ready")
	p.expectNull("0", "2")
	if target := p.descriptors()["1"]; !strings.HasPrefix(target, "pipe:") {
		t.Errorf("standard output is %q", target)
	}
	info, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/fdinfo/0")
	if err != nil {
		t.Fatal(err)
	}
	flags, err := strconv.ParseInt(field(strings.Split(string(info), "\n"), "flags"), 8, 64)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR || flags&unix.O_CLOEXEC != 0 {
		t.Errorf("descriptor 0 has flags %#o (%v)", flags, err)
	}
	p.kill(syscall.SIGKILL)

	launch(t, "detach-forgotten", "", nil).expect("open /dev/null: Bad file descriptor")
}

func TestNewSession(t *testing.T) {
	p := launch(t, "session", "", nil)
	p.expect("<nil>")
	pid := p.cmd.Process.Pid
	if session, err := unix.Getsid(pid); session != pid || err != nil {
		t.Errorf("session %d of process %d (%v)", session, pid, err)
	}
	if group, err := unix.Getpgid(pid); group != pid || err != nil {
		t.Errorf("group %d of process %d (%v)", group, pid, err)
	}
	launch(t, "session", "", func(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }).expect("<nil>")
	launch(t, "session", "", func(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }).
		expect("unable to set session and process group ID: Operation not permitted")
}

func TestChildrenInheritTheRaisedLimit(t *testing.T) {
	p := launch(t, "limit", `ulimit -Sn 100; ulimit -Hn 900; exec "$@"`, nil)
	p.expect("900 ")
	p.expect("900")
	p.expect("900")
	p.expect(".")
	p.expect("900") // preserved across exec

	p = launch(t, "limit", `ulimit -n 200; exec "$@"`, nil)
	p.expect("200 could allocate space for only 200 open files")
}

func TestOpenFilesWarningBelow256(t *testing.T) {
	if OpenFilesWarning(256) != "" || OpenFilesWarning(255) == "" {
		t.Error("the bound is not 256")
	}
}

func TestRootHasOneGroup(t *testing.T) {
	needRoot(t)
	p := launch(t, "groups", "", func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Gid: 8, Groups: []uint32{5, 6}}}
	})
	status := p.block()
	if got := field(status, "Groups"); got != "0" {
		t.Errorf("groups %q", got)
	}
	if got := strings.Join(strings.Fields(field(status, "Gid")), " "); got != "0 0 0 0" {
		t.Errorf("group %q", got)
	}
}

func TestRootGroupsNeedRoot(t *testing.T) {
	needRoot(t)
	p := launch(t, "groups", "", func(cmd *exec.Cmd) {
		cmd.Path = "/proc/self/exe"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1, Gid: 1}}
	})
	p.expect("error: set supplementary groups: Operation not permitted")
}

func TestCurrentCredentials(t *testing.T) {
	needRoot(t)
	p := launch(t, "credentials", "", func(cmd *exec.Cmd) {
		cmd.Path = "/proc/self/exe"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 3, Gid: 4}}
	})
	p.expect("{UID:3 EUID:3 GID:4 EGID:4}")
}

func TestDebuggerCommandIsWaitedForInItsEnvironment(t *testing.T) {
	dir := t.TempDir()
	p := launch(t, "debugger", "", func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "BOOT_TEST_DIR="+dir, "HOME=/root") })
	p.expect("-y.")
}
