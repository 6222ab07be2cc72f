package spawn

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/boot"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"golang.org/x/sys/unix"
)

// These tests run this test program again as a small daemon, with the process state
// that a careless parent leaves behind, let it start a child, and inspect the child
// from outside, through /proc.

const (
	roleVariable = "SPAWN_TEST_ROLE"
	patience     = 10 * time.Second
)

var kernel = sys.Linux{}

func TestMain(m *testing.M) {
	role, found := strings.CutPrefix(os.Getenv(roleVariable), "daemon ")
	if !found {
		os.Exit(m.Run())
	}
	if !boot.Enter().Clean {
		fmt.Fprintln(os.Stderr, boot.CleanImage(os.Args, os.Environ()))
		os.Exit(1)
	}
	report, err := daemon(strings.Fields(role))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		os.Exit(1)
	}
	// os.Exit would make the race detector wait for a second first.
	unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
}

// childReport is what /proc shows of a child, and what the daemon knows and must
// agree.
type childReport struct {
	Argv, Environ []string
	Files         map[int]string // number: kind and flags
	Status        map[string]string
	Cwd           string
	PGID, SID     int
	SoftLimit     string
	DaemonPGID    int
	DaemonSID     int
	HardLimit     string
	Step          core.StartStep
	Errno         core.Errno
}

// daemon boots as a master does, starts one child and reports. The words select
// what is special about it.
func daemon(words []string) (*childReport, error) {
	boot.SetUmask()
	boot.CloseInherited()
	if err := boot.DefaultSignals(); err != nil {
		return nil, err
	}
	hard, err := boot.RaiseOpenFiles()
	if err != nil {
		return nil, err
	}
	starter := &Starter{}
	if slices.Contains(words, "crowded") {
		starter.Low = kernel.ReserveLow(8)
		if err := openMany(); err != nil {
			return nil, err
		}
	}
	r, err := daemonRequest()
	if err != nil {
		return nil, err
	}
	var refused []refusal
	for _, word := range words {
		switch word {
		case "old-system":
			refused = append(refused, refusal{unix.SYS_CLONE3, unix.ENOSYS})
		case "filtered":
			refused = append(refused, refusal{unix.SYS_CLONE3, unix.EACCES})
		case "half-filtered": // the process starts with its list of calls
			refused = append(refused, refusal{unix.SYS_CLOSE_RANGE, unix.EPERM})
		case "no-processes":
			// A limit would also keep the runtime from creating threads that it
			// needs.
			refused = append(refused, refusal{unix.SYS_CLONE3, unix.EAGAIN}, refusal{unix.SYS_CLONE, unix.EAGAIN})
		case "no-files":
			if err := lowerOpenFiles(); err != nil {
				return nil, err
			}
		}
	}
	runtime.LockOSThread()
	if err := refuse(refused); err != nil {
		return nil, err
	}
	child, _, step, e := startChild(starter, r)
	if e != 0 {
		return &childReport{Step: step, Errno: e}, nil
	}
	defer func() { // our own child, which sleeps: this ends it, and it is reaped
		kernel.Kill(child.PID, core.SIGKILL)
		unix.Wait4(int(child.PID), nil, 0, nil)
	}()
	report, err := inspect(int(child.PID))
	if err != nil {
		return nil, err
	}
	report.HardLimit = strconv.FormatUint(hard, 10)
	report.DaemonPGID = unix.Getpgrp()
	report.DaemonSID, err = unix.Getsid(0)
	return report, err
}

// daemonRequest opens what a master has open and requests a child that sleeps: cat
// accepts the arguments of the contract, and blocks in its open of the FIFO inet.
func daemonRequest() (*Request, error) {
	read, write, e := kernel.FlowPipe()
	if e != 0 {
		return nil, e
	}
	r := &Request{
		Entry: &core.ServiceConfig{
			Name: "cat", Type: core.Inet, Command: "cat", Path: "/bin/cat",
			LocalOnly: true, ProcessLimit: 2, SwitchIdentity: os.Getuid() == 0,
		},
		Generation: 8, FlowRead: read, FlowWrite: write,
		Environ: []string{"LANG=C", "MAIL_LOGTAG=postfix"}, Patience: core.Duration(patience),
	}
	for range 2 {
		l, e := kernel.Socket(sys.FamilyInet4, sys.Stream)
		if e == 0 {
			e = kernel.Bind(l, core.Endpoint{Address: netip.MustParseAddrPort("127.0.0.1:0")})
		}
		if e == 0 {
			e = kernel.Listen(l, 5)
		}
		if e != 0 {
			return nil, e
		}
		r.Listeners = append(r.Listeners, l)
	}
	return r, nil
}

// openMany opens so many descriptors that later ones have high numbers.
func openMany() error {
	for range 2 * sys.LowEnd {
		if _, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return err
		}
	}
	return nil
}

// refusal is a system call and the error that it fails with.
type refusal struct {
	call   uint32
	answer unix.Errno
}

// refuse makes each of the calls fail in this thread and its children, with the
// error of its first refusal.
func refuse(calls []refusal) error {
	if len(calls) == 0 {
		return nil
	}
	load, equal, give := uint16(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS), uint16(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K), uint16(unix.BPF_RET|unix.BPF_K)
	code := []unix.SockFilter{{Code: load, K: 0}} // the number of the system call
	for _, c := range calls {
		code = append(code,
			unix.SockFilter{Code: equal, K: c.call, Jt: 0, Jf: 1},
			unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ERRNO | uint32(c.answer)})
	}
	code = append(code, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	if e != 0 {
		return e
	}
	return nil
}

// lowerOpenFiles lowers the limit below the descriptors that a start needs.
func lowerOpenFiles() error {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return err
	}
	r.Cur = 1
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &r)
}

// inspect examines a process once it sleeps: before that, the loader has files
// open.
func inspect(pid int) (*childReport, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(stat), ") S ") {
			return look(dir)
		}
	}
	return nil, fmt.Errorf("process %d does not sleep", pid)
}

func look(dir string) (*childReport, error) {
	r := &childReport{Files: map[int]string{}, Status: map[string]string{}}
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	r.Argv = strings.Split(strings.TrimSuffix(text("cmdline"), "\x00"), "\x00")
	r.Environ = strings.Split(strings.TrimSuffix(text("environ"), "\x00"), "\x00")
	for line := range strings.Lines(text("status")) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			r.Status[name] = strings.Join(strings.Fields(value), " ")
		}
	}
	for line := range strings.Lines(text("limits")) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			r.SoftLimit = strings.Fields(rest)[0]
		}
	}
	_, stat, _ := strings.Cut(text("stat"), ") ")
	fields := strings.Fields(stat)
	r.PGID, _ = strconv.Atoi(fields[2])
	r.SID, _ = strconv.Atoi(fields[3])
	r.Cwd, _ = os.Readlink(dir + "/cwd")
	entries, err := os.ReadDir(dir + "/fd")
	for _, e := range entries {
		n, _ := strconv.Atoi(e.Name())
		r.Files[n] = describe(dir, e.Name())
	}
	return r, err
}

// describe returns the type of a descriptor and its flags in words.
func describe(dir, number string) string {
	to, err := os.Readlink(dir + "/fd/" + number)
	if err != nil {
		return err.Error()
	}
	kind, _, _ := strings.Cut(to, ":")
	info, err := os.ReadFile(dir + "/fdinfo/" + number)
	if err != nil {
		return err.Error()
	}
	_, after, _ := strings.Cut(string(info), "flags:")
	flags, err := strconv.ParseUint(strings.Fields(after)[0], 8, 64)
	if err != nil {
		return err.Error()
	}
	words := []string{kind, []string{"read", "write", "both", "?"}[flags&unix.O_ACCMODE]}
	if flags&unix.O_NONBLOCK != 0 {
		words = append(words, "nonblocking")
	}
	if flags&unix.O_CLOEXEC != 0 {
		words = append(words, "cloexec")
	}
	return strings.Join(words, " ")
}

// runDaemon starts this program as a daemon through the command prefix, in its own
// process group, and returns its report.
func runDaemon(t *testing.T, role string, attributes *syscall.SysProcAttr, prefix ...string) *childReport {
	t.Helper()
	dir, self := place(t)
	words := append(prefix, self)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = []string{roleVariable + "=daemon " + role, "PATH=" + os.Getenv("PATH")}
	cmd.Dir = dir
	cmd.SysProcAttr = attributes
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("daemon: %v: %s", err, stderr.String())
	}
	var r childReport
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if r.Errno == 0 && r.Cwd != dir {
		t.Errorf("child runs in %s, want %s", r.Cwd, dir)
	}
	return &r
}

// place creates a directory that any account can reach, with the FIFO that the
// child waits for and a copy of this program.
func place(t *testing.T) (dir, program string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "spawn")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "daemon")
	fifo := filepath.Join(dir, "inet")
	if err := errors.Join(
		os.Chmod(dir, 0o755),
		os.WriteFile(program, image, 0o755), unix.Chmod(program, 0o755),
		unix.Mkfifo(fifo, 0o666), unix.Chmod(fifo, 0o666),
	); err != nil {
		t.Fatal(err)
	}
	return dir, program
}

// sigpipeOnly is the signal mask with SIGPIPE alone, as /proc prints it.
const sigpipeOnly, noSignals = "0000000000001000", "0000000000000000"

func checkChild(t *testing.T, r *childReport) {
	t.Helper()
	if r.Errno != 0 {
		t.Fatalf("start: step %d: %v", r.Step, r.Errno)
	}
	if want := []string{"cat", "-t", "inet", "-s", "2"}; !slices.Equal(r.Argv, want) {
		t.Errorf("argv %q, want %q", r.Argv, want)
	}
	if want := []string{"LANG=C", "MAIL_LOGTAG=postfix", "GENERATION=10"}; !slices.Equal(r.Environ, want) {
		t.Errorf("environment %q, want %q", r.Environ, want)
	}
	files := maps.Clone(r.Files)
	for n := range 3 { // the daemon opens these itself, regardless of what the test passes on
		delete(files, n)
	}
	want := map[int]string{
		3: "pipe read nonblocking", 4: "pipe write nonblocking", 5: "socket both",
		6: "socket both nonblocking", 7: "socket both nonblocking",
	}
	if len(r.Files) != len(want)+3 || !reflect.DeepEqual(files, want) {
		t.Errorf("descriptors %v, want %v", r.Files, want)
	}
	for name, want := range map[string]string{
		"SigIgn": sigpipeOnly, "SigBlk": noSignals, "SigCgt": noSignals, "Umask": "0077",
	} {
		if r.Status[name] != want {
			t.Errorf("%s is %s, want %s", name, r.Status[name], want)
		}
	}
	if r.SoftLimit != r.HardLimit {
		t.Errorf("limit on open files %s, want the hard one, %s", r.SoftLimit, r.HardLimit)
	}
	if r.PGID != r.DaemonPGID || r.SID != r.DaemonSID {
		t.Errorf("process group %d, session %d; want the daemon's %d and %d", r.PGID, r.SID, r.DaemonPGID, r.DaemonSID)
	}
}

func TestChildGetsExactlyWhatTheContractPromises(t *testing.T) {
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			checkChild(t, runDaemon(t, role, &syscall.SysProcAttr{Setpgid: true}))
		})
	}
}

// roles are the ways by which a child is started.
var roles = []string{"", "crowded", "old-system", "crowded old-system", "filtered", "half-filtered", "crowded half-filtered"}

// env starts the daemon with unusual signal settings, the shell with a low limit
// and an open file above 2.
func TestCarelessParentDoesNotShowInTheChild(t *testing.T) {
	if err := exec.Command("env", "--ignore-signal=HUP", "true").Run(); err != nil {
		t.Skip("needs the env of GNU coreutils 8.31 or later to start a program with odd signals")
	}
	for name, options := range map[string][]string{
		"ignored": {"env", "--ignore-signal=HUP,INT,QUIT,CHLD,TERM,USR1,TSTP,TTIN,TTOU,CONT,RTMIN+3"},
		"blocked": {"env", "--block-signal=HUP,TERM,CHLD,ALRM,PIPE"},
		"default": {"env", "--default-signal=PIPE"},
		"limit":   {"sh", "-c", `ulimit -Sn 64; exec "$@" 9<>/dev/null`, "sh"},
	} {
		t.Run(name, func(t *testing.T) {
			checkChild(t, runDaemon(t, "", &syscall.SysProcAttr{Setsid: true}, options...))
		})
	}
}

func TestChildIsRootWithTheGroupOfRootAlone(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: the daemon is started with groups that it has to drop")
	}
	for _, role := range roles {
		r := runDaemon(t, role, &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 1, 2}}})
		checkChild(t, r)
		for name, want := range map[string]string{"Uid": "0 0 0 0", "Gid": "0 0 0 0", "Groups": "0"} {
			if r.Status[name] != want {
				t.Errorf("%q: %s is %q, want %q", role, name, r.Status[name], want)
			}
		}
	}
}

func TestWithoutRootTheChildIsWhoWeAre(t *testing.T) {
	attributes := &syscall.SysProcAttr{}
	uid := os.Getuid()
	if uid == 0 {
		attributes, uid = nobody(t)
	}
	r := runDaemon(t, "", attributes)
	checkChild(t, r)
	if want := strings.TrimSpace(strings.Repeat(strconv.Itoa(uid)+" ", 4)); r.Status["Uid"] != want {
		t.Errorf("Uid is %q, want %q", r.Status["Uid"], want)
	}
}

// nobody returns attributes that start a process as an account without rights.
func nobody(t *testing.T) (*syscall.SysProcAttr, int) {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("needs the account nobody: %v", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, int(uid)
}

// Each shortage is reported with the step that met it.
func TestScarcityIsToldByStep(t *testing.T) {
	for _, role := range roles {
		r := runDaemon(t, role+" no-files", &syscall.SysProcAttr{})
		if r.Step != core.StartChannel || r.Errno != core.EMFILE {
			t.Errorf("%q, no descriptors: step %d, %v", role, r.Step, r.Errno)
		}
		r = runDaemon(t, role+" no-processes", &syscall.SysProcAttr{})
		if r.Step != core.StartFork || r.Errno != core.EAGAIN {
			t.Errorf("%q, no processes: step %d, %v", role, r.Step, r.Errno)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	r, err := daemonRequest()
	if err != nil {
		b.Fatal(err)
	}
	defer closeRequest(r)
	r.Entry.Path = "/bin/true"
	var starter Starter
	b.ReportAllocs()
	for b.Loop() {
		child, status, step, e := startChild(&starter, r)
		if e != 0 {
			b.Fatal(step, e)
		}
		if _, err := unix.Wait4(int(child.PID), nil, 0, nil); err != nil {
			b.Fatal(err)
		}
		kernel.Close(status)
	}
}

// startChild starts a child with a status channel, as an adapter does. status is our
// end of it.
func startChild(s *Starter, r *Request) (child sys.Launch, status sys.FD, step core.StartStep, e core.Errno) {
	status, r.Status, e = kernel.StatusPair()
	if e != 0 {
		return child, status, core.StartChannel, e
	}
	child, step, e = s.Start(kernel, r)
	kernel.Close(r.Status)
	return child, status, step, e
}

// The parent does not hold the child's end: the channel ends with the child.
func TestChannelCarriesReportsAndEndsWithTheChild(t *testing.T) {
	dir, _ := place(t)
	command := filepath.Join(dir, "server")
	if err := os.WriteFile(command, []byte("#!/bin/sh\nprintf 'generation %s' $GENERATION >&5\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := daemonRequest()
	if err != nil {
		t.Fatal(err)
	}
	defer closeRequest(r)
	r.Entry.Path = command
	child, status, step, e := startChild(new(Starter), r)
	if e != 0 {
		t.Fatal(step, e)
	}
	defer kernel.Close(status)
	var got []byte
	for deadline := time.Now().Add(patience); ; {
		set := []unix.PollFd{{Fd: int32(status), Events: unix.POLLIN}}
		if n, err := unix.Poll(set, 100); n <= 0 && time.Now().After(deadline) {
			t.Fatalf("the channel stays open after %q: %v", got, err)
		}
		var b [64]byte
		n, e := kernel.Read(status, b[:])
		if e == core.EAGAIN {
			continue
		}
		if e != 0 || n == 0 {
			break
		}
		got = append(got, b[:n]...)
	}
	if string(got) != "generation 10" {
		t.Errorf("the child reported %q", got)
	}
	if _, err := unix.Wait4(int(child.PID), nil, 0, nil); err != nil {
		t.Error(err)
	}
}

func closeRequest(r *Request) {
	for _, fd := range append(r.Listeners, r.FlowRead, r.FlowWrite) {
		kernel.Close(fd)
	}
}
