package facts

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrNoListeners means that this system does not report listening sockets.
var ErrNoListeners = errors.New("this system does not report which ports are in use")

// Listener is a listening TCP socket of this host.
type Listener struct {
	Address  netip.AddrPort
	IPv6Only bool
	PIDs     []int  // of the processes that hold it, as far as this user may know
	Program  string // of the first of them
	inode    uint32
}

// Listeners returns the listening TCP sockets and the processes that hold them.
func Listeners() ([]Listener, error) {
	list, err := listening()
	if err != nil {
		return nil, err
	}
	byInode := make(map[string]*Listener, len(list))
	for i := range list {
		byInode["socket:["+strconv.FormatUint(uint64(list[i].inode), 10)+"]"] = &list[i]
	}
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*") // without root, processes of others are left out
	for _, path := range descriptors {
		target, err := os.Readlink(path)
		l := byInode[target]
		if err != nil || l == nil {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		if n := len(l.PIDs); n > 0 && l.PIDs[n-1] == pid {
			continue
		}
		if l.PIDs = append(l.PIDs, pid); l.Program == "" {
			name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
			l.Program = string(bytes.TrimSpace(name))
		}
	}
	return list, nil
}

// RunningMaster returns the process ID of the master that has locked a queue; 0 if
// there is none, or this user may not know.
func RunningMaster(queue string) (pid int) {
	text, _, err := readOnce(queue+"/pid/master.pid", maxFirstLine)
	if err != nil {
		return 0
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}
