//go:build linux && amd64

package faults

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// roleVariable is set for a copy of the test program that becomes the daemon;
	// callsVariable lists the calls that the filter asks about.
	roleVariable  = "FAULTS_ROLE"
	callsVariable = "FAULTS_CALLS"
	// relayFD is where the copy passes the filter's listener.
	relayFD = 3
)

// become turns this process into the program of its arguments, with a filter that
// asks about the calls. Another thread, which the filter does not stop, passes the
// listener on. A call that is being asked about does not notice signals, or else it
// would be made, and asked about, once more.
func become() {
	runtime.LockOSThread()
	unix.CloseOnExec(relayFD)
	program, err := unix.BytePtrFromString(os.Args[1])
	must(err)
	argv, err := syscall.SlicePtrFromStrings(os.Args[2:])
	must(err)
	env, err := syscall.SlicePtrFromStrings([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", "TZ=UTC"})
	must(err)
	filter := filterFor(callNumbers(os.Getenv(callsVariable)))
	code := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	var listener, state atomic.Int32
	go func() {
		runtime.LockOSThread()
		state.Store(1)
		for listener.Load() == 0 {
		}
		must(unix.Sendmsg(relayFD, []byte{0}, unix.UnixRights(int(listener.Load())), nil, 0))
		state.Store(2)
	}()
	for state.Load() != 1 {
		runtime.Gosched()
	}
	fd, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&code)))
	if e != 0 {
		must(fmt.Errorf("seccomp: %w", e))
	}
	// From now on this thread may use nothing but memory.
	listener.Store(int32(fd))
	for state.Load() != 2 {
	}
	unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(program)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	unix.RawSyscall(unix.SYS_EXIT_GROUP, 98, 0, 0)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Getenv(roleVariable)+":", err)
		os.Exit(98)
	}
}

func callNumbers(list string) []uint32 {
	var numbers []uint32
	for _, word := range strings.Split(list, ",") {
		n, err := strconv.ParseUint(word, 10, 16)
		must(err)
		numbers = append(numbers, uint32(n))
	}
	return numbers
}

// filterFor returns the filter: ask about the calls, let all others pass.
func filterFor(calls []uint32) []unix.SockFilter {
	const (
		numberAt       = 0 // in struct seccomp_data
		architectureAt = 4
		load           = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jumpIfEqual    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer         = unix.BPF_RET | unix.BPF_K
	)
	filter := []unix.SockFilter{
		{Code: load, K: architectureAt},
		{Code: jumpIfEqual, K: unix.AUDIT_ARCH_X86_64, Jt: 1},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
		{Code: load, K: numberAt},
	}
	for _, n := range calls {
		filter = append(filter, unix.SockFilter{Code: jumpIfEqual, K: n, Jf: 1},
			unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	return append(filter, unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW})
}

// launch starts the program under the filter; the test holds the listener.
func launch(program string, argv []string, stderr *os.File, calls []uint32) (*exec.Cmd, int, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, -1, err
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, err
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "relay"), os.NewFile(uintptr(ends[1]), "relay")
	defer ours.Close()
	words := make([]string, len(calls))
	for i, n := range calls {
		words[i] = strconv.Itoa(int(n))
	}
	cmd := exec.Command(self, append([]string{program}, argv...)...)
	cmd.Env = []string{roleVariable + "=launch", callsVariable + "=" + strings.Join(words, ",")}
	cmd.Dir = "/"
	cmd.Stderr = stderr
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return nil, -1, err
	}
	listener, err := receive(ours)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, -1, fmt.Errorf("no filter: %w", err)
	}
	return cmd, listener, nil
}

// receive takes the descriptor that comes over the connection.
func receive(from *os.File) (int, error) {
	c, err := net.FileConn(from)
	if err != nil {
		return -1, err
	}
	defer c.Close()
	u, ok := c.(*net.UnixConn)
	if !ok {
		return -1, errors.New("no unix connection")
	}
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := u.ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("%d messages: %w", len(messages), err)
	}
	rights, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(rights) != 1 {
		return -1, fmt.Errorf("%d descriptors: %w", len(rights), err)
	}
	unix.CloseOnExec(rights[0])
	return rights[0], nil
}
