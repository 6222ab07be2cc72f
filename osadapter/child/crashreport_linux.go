//go:build amd64 || arm64

package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// reporter describes this program as the handler of SIGABRT executes it. The
// assembly depends on its layout, and on it not being moved while the variable
// refers to it.
type reporter struct {
	program uintptr // descriptors
	words   uintptr
	held    uintptr
	empty   *byte // the path: the program is given by a descriptor
	argv    **byte
	env     **byte
	//lint:ignore U1000 the assembly reads it
	mask uint64 // no signal is blocked
}

// atAbort is what the handler executes. It keeps alive what that points to.
//
//lint:ignore U1000 the assembly reads it
var atAbort *reporter

// abortHandler returns the address of the assembly.
func abortHandler() uintptr

// memoryName is the name of the file in memory, visible in /proc.
const memoryName = "crash report"

// kernelAction is the kernel's struct sigaction.
type kernelAction struct {
	handler uintptr
	flags   uint64
	restore uintptr
	mask    uint64
}

const (
	actionOnStack = 0x08000000
	actionNoDefer = 0x40000000
	actionRestore = 0x04000000 // SA_RESTORER
	kernelSetSize = 8
)

// setAbort sets what SIGABRT does.
func setAbort(a kernelAction) error {
	_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGABRT), uintptr(unsafe.Pointer(&a)), 0, kernelSetSize, 0, 0)
	if e != 0 {
		return fmt.Errorf("handle SIGABRT: %w", e)
	}
	return nil
}

// reportCrashes makes a crash be reported. It is called while the process can
// still open its program; held is the log file, if it is kept open. The error says
// why a crash will not be logged.
func (p *Process) reportCrashes(settings core.LogSettings, held int) (err error) {
	if p.options.chroot && needsLoader() {
		return errors.New("a dynamically linked program cannot be executed in the queue directory, build it with CGO_ENABLED=0")
	}
	words, err := unix.MemfdCreate(memoryName, unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create: %w", err)
	}
	program := -1
	defer func() {
		if err != nil {
			_ = unix.Close(words)
			_ = unix.Close(program)
		}
	}()
	if program, err = unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open /proc/self/exe: %w", err)
	}
	environment := []string{fmt.Sprintf("%s=%d %d", reportVariable, words, held)}
	if p.options.chroot {
		// As seen from inside the queue directory; the zone's file is outside.
		settings.PostlogPath = strings.TrimPrefix(settings.PostlogPath, p.parameters.QueueDirectory())
	}
	if zone, ok := os.LookupEnv("TZ"); ok || p.options.chroot {
		if !ok {
			zone = currentZone(time.Now())
		}
		environment = append(environment, "TZ="+zone)
	}
	s := reportSettings{p.name(), p.options.toStderr, settings}
	argv, err := syscall.SlicePtrFromStrings(s.argv())
	if err != nil {
		return err
	}
	env, err := syscall.SlicePtrFromStrings(environment)
	if err != nil {
		return err
	}
	atAbort = &reporter{
		program: uintptr(program), words: uintptr(words), held: uintptr(held),
		empty: new(byte), argv: &argv[0], env: &env[0],
	}
	// The runtime keeps a copy of the descriptor; ours is for the process that
	// reports.
	file, err := unix.FcntlInt(uintptr(words), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("copy a descriptor: %w", err)
	}
	output := os.NewFile(uintptr(file), memoryName)
	defer output.Close()
	if err := debug.SetCrashOutput(output, debug.CrashOptions{}); err != nil {
		return err
	}
	debug.SetTraceback("crash") // so that the end is SIGABRT
	return setAbort(kernelAction{
		handler: abortHandler(), restore: abortHandler(), // never returns
		flags: actionOnStack | actionNoDefer | actionRestore,
	})
}

// needsLoader reports whether a dynamic loader, which is another file, executes
// this program. If the kernel cannot tell, it returns false.
func needsLoader() bool {
	const loaderBase = 7 // AT_BASE
	vector, err := unix.Auxv()
	return err == nil && slices.ContainsFunc(vector, func(v [2]uintptr) bool { return v[0] == loaderBase && v[1] != 0 })
}

// stopReportingCrashes undoes reportCrashes: everything has been logged.
func stopReportingCrashes() {
	debug.SetTraceback("single")
	// It can fail only if a descriptor cannot be closed.
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
}

// currentZone returns the time zone of an instant as a rule in POSIX notation, for
// a process that cannot read zone files.
func currentZone(now time.Time) string {
	name, east := now.Zone()
	sign := byte('-')
	if east < 0 {
		sign, east = '+', -east
	}
	return fmt.Sprintf("<%s>%c%02d:%02d:%02d", name, sign, east/3600, east/60%60, east%60)
}

// reportLimit ends a report that hangs.
const reportLimit = 10 * time.Second

// init runs before everything else: a program that is executed to report does
// nothing else.
func init() {
	var words, held int
	value, ok := os.LookupEnv(reportVariable)
	if !ok {
		return
	}
	_ = os.Unsetenv(reportVariable)
	s, known := parseReport(os.Args)
	if n, _ := fmt.Sscanf(value, "%d %d", &words, &held); n != 2 || !known {
		return
	}
	time.AfterFunc(reportLimit, func() { os.Exit(2) })
	// The file offset is wherever the runtime left it.
	text, err := io.ReadAll(io.NewSectionReader(os.NewFile(uintptr(words), memoryName), 0, maxCrash))
	if err == nil && len(text) == 0 {
		// Nothing panicked: the signal came from outside, and ends the process.
		if setAbort(kernelAction{}) == nil {
			_ = unix.Kill(os.Getpid(), unix.SIGABRT)
			select {}
		}
	}
	report(s, held, string(text))
	os.Exit(2)
}

// maxCrash bounds what is read of a crash: thousands of goroutines follow the one
// that matters.
const maxCrash = 1 << 18
