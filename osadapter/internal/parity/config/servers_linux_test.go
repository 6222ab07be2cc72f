package config_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// serverStart is a server to start, by the contract of a master.
type serverStart struct {
	Program string
	Args    []string // after the name of the program
}

// serverEnd is how it ended. Every server finds one client, which has disconnected,
// and a master that has cut it off: it serves, and exits with status 0.
type serverEnd struct {
	Status int    // exit status; -1: killed by a signal
	Late   bool   // it had to be killed
	Log    string // its last line of severity warning or higher
}

// Limits on a run of servers.
const (
	serverLimit = 20 * time.Second // until a server has ended
	atOnce      = 24               // how many run at a time: one that fails sleeps for a second
)

// serve starts servers, several at a time.
func (s *stage) serve(starts []serverStart) (ends []serverEnd, err error) {
	for _, name := range []string{"maildrop", "incoming", "active", "deferred", "defer", "bounce", "hold", "corrupt", "flush", "trace"} {
		if err := os.MkdirAll(queuePath+"/"+name, 0o700); err != nil {
			return nil, err
		}
		if err := os.Chown(queuePath+"/"+name, ownerUID, ownerGID); err != nil {
			return nil, err
		}
	}
	if err := os.Chown(dataPath, ownerUID, ownerGID); err != nil {
		return nil, err
	}
	ends = make([]serverEnd, len(starts))
	pids := make(map[int]int)
	var (
		mutex sync.Mutex
		group sync.WaitGroup
		slots = make(chan struct{}, atOnce)
	)
	logs := make(map[int]string)
	note := func(line string) {
		_, rest, ok := strings.Cut(line, "[")
		digits, text, ok2 := strings.Cut(rest, "]: ")
		var pid int
		if _, err := fmt.Sscan(digits, &pid); ok && ok2 && err == nil && isFault(text) {
			logs[pid] = text
		}
	}
	for i := range starts {
		slots <- struct{}{}
		group.Add(1)
		go func() {
			defer func() { <-slots; group.Done() }()
			pid, end, problem := startServer(&starts[i], i)
			mutex.Lock()
			defer mutex.Unlock()
			ends[i], pids[pid] = end, i
			if problem != nil && err == nil {
				err = problem
			}
			for drained := false; !drained; {
				select {
				case line := <-s.lines:
					note(line)
				default:
					drained = true
				}
			}
		}()
	}
	group.Wait()
	for drained := false; !drained; {
		select {
		case line := <-s.lines:
			note(line)
		case <-time.After(drainTime):
			drained = true
		}
	}
	for pid, i := range pids {
		ends[i].Log = logs[pid]
	}
	return ends, err
}

func isFault(text string) bool {
	return strings.HasPrefix(text, "warning: ") || strings.HasPrefix(text, "error: ") || strings.HasPrefix(text, "fatal: ") || strings.HasPrefix(text, "panic: ")
}

// startServer starts one server and waits for its end.
func startServer(start *serverStart, number int) (pid int, end serverEnd, err error) {
	path := fmt.Sprintf("%s/client%d", place, number)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return 0, end, err
	}
	defer listener.Close()
	client, err := net.Dial("unix", path)
	if err != nil {
		return 0, end, err
	}
	client.Close()
	listening, err := listener.File()
	if err != nil {
		return 0, end, err
	}
	defer listening.Close()
	flowRead, flowWrite, err := os.Pipe()
	if err != nil {
		return 0, end, err
	}
	defer flowRead.Close()
	defer flowWrite.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, end, err
	}
	status := os.NewFile(uintptr(pair[1]), "status")
	defer status.Close()
	unix.Close(pair[0])
	c := exec.Command("/usr/lib/postfix/sbin/" + start.Program)
	c.Args = append([]string{start.Program}, start.Args...)
	c.Env = []string{"GENERATION=1", "MAIL_CONFIG=" + configPath, "MAIL_LOGTAG=postfix", "TZ=UTC"}
	c.Dir = queuePath
	c.ExtraFiles = []*os.File{flowRead, flowWrite, status, listening}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return 0, end, err
	}
	late := time.AfterFunc(serverLimit, func() { _ = c.Process.Kill() })
	_ = c.Wait()
	end = serverEnd{Status: c.ProcessState.ExitCode(), Late: !late.Stop()}
	return c.Process.Pid, end, nil
}
