//go:build linux

package parity

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// listeners returns the sockets and FIFOs on which a process listens, seen from
// outside: address and backlog, as ss(8) does.
func (s *station) listeners(pid int) []string {
	var lines []string
	held := map[uint32]bool{}
	for _, target := range openFilesOf(pid) {
		if inode := socketInode(target); inode != 0 {
			held[inode] = true
		}
		if name, ok := strings.CutPrefix(target, s.path("q")+"/"); ok && !strings.HasPrefix(name, "pid/") {
			lines = append(lines, "fifo "+name)
		}
	}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6, unix.AF_UNIX} {
		found, err := diagnose(family)
		if err != nil {
			lines = append(lines, err.Error())
		}
		for inode, x := range found {
			if held[inode] && x.text != "" {
				lines = append(lines, x.text)
			}
		}
	}
	return lines
}

// openFilesOf returns the targets of the descriptors of a process.
func openFilesOf(pid int) []string {
	var targets []string
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, path := range paths {
		if target, err := os.Readlink(path); err == nil {
			targets = append(targets, target)
		}
	}
	return targets
}

// socketInode parses "socket:[N]"; 0 if it is no socket.
func socketInode(target string) uint32 {
	digits, ok := strings.CutPrefix(target, "socket:[")
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 32)
	if !ok || err != nil {
		return 0
	}
	return uint32(n)
}

// hasUnread reports whether data waits in a unix-domain connection of the process:
// a status report that it has not read.
func hasUnread(pid int) bool {
	found, err := diagnose(unix.AF_UNIX)
	if err != nil {
		return false
	}
	for _, target := range openFilesOf(pid) {
		if x, ok := found[socketInode(target)]; ok && x.text == "" && x.unread > 0 {
			return true
		}
	}
	return false
}

// diagnosed is what the kernel reports about a socket.
type diagnosed struct {
	text   string // of a listener or a named datagram socket
	unread uint32 // bytes that wait in a unix-domain connection
}

const (
	sockDiagByFamily = 20
	diagMessageDone  = 3
	tcpListen        = 10
	diagName         = 0 // UNIX_DIAG_NAME
	diagQueue        = 4 // UNIX_DIAG_RQLEN
)

// diagnose asks the kernel for all listening sockets of a family.
func diagnose(family uint8) (map[uint32]diagnosed, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, diagRequest(family), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("ask for sockets: %w", err)
	}
	found := map[uint32]diagnosed{}
	b := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err != nil {
			return nil, fmt.Errorf("hear of sockets: %w", err)
		}
		for m := b[:n]; len(m) >= unix.NLMSG_HDRLEN; {
			length := int(binary.NativeEndian.Uint32(m))
			kind := binary.NativeEndian.Uint16(m[4:])
			if kind == diagMessageDone || kind == unix.NLMSG_ERROR || length < unix.NLMSG_HDRLEN || length > len(m) {
				return found, nil
			}
			body := m[unix.NLMSG_HDRLEN:length]
			if family == unix.AF_UNIX {
				unixSocket(body, found)
			} else {
				inetSocket(body, found)
			}
			m = m[min(len(m), (length+3)&^3):]
		}
	}
}

func diagRequest(family uint8) []byte {
	body := make([]byte, 56) // struct inet_diag_req_v2
	body[0], body[1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(body[4:], 1<<tcpListen)
	if family == unix.AF_UNIX {
		body = make([]byte, 24) // struct unix_diag_req
		body[0] = family
		binary.NativeEndian.PutUint32(body[4:], ^uint32(0))
		binary.NativeEndian.PutUint32(body[12:], 1<<0|1<<4) // the name and the queue
	}
	b := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(body))
	binary.NativeEndian.PutUint32(b, uint32(len(b)+len(body)))
	binary.NativeEndian.PutUint16(b[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	return append(b, body...)
}

// inetSocket decodes a struct inet_diag_msg.
func inetSocket(b []byte, found map[uint32]diagnosed) {
	if len(b) < 72 {
		return
	}
	port := binary.BigEndian.Uint16(b[4:])
	address := netip.AddrFrom4([4]byte(b[8:12]))
	if b[0] == unix.AF_INET6 {
		address = netip.AddrFrom16([16]byte(b[8:24]))
	}
	backlog := binary.NativeEndian.Uint32(b[60:])
	inode := binary.NativeEndian.Uint32(b[68:])
	found[inode] = diagnosed{text: fmt.Sprintf("tcp %s backlog %d", netip.AddrPortFrom(address, port), backlog)}
}

// unixSocket decodes a struct unix_diag_msg and its attributes.
func unixSocket(b []byte, found map[uint32]diagnosed) {
	if len(b) < 16 {
		return
	}
	kind, state, inode := b[1], b[2], binary.NativeEndian.Uint32(b[4:])
	var name string
	var unread, backlog uint32
	for a := b[16:]; len(a) >= 4; {
		length := int(binary.NativeEndian.Uint16(a))
		if length < 4 || length > len(a) {
			break
		}
		switch value := a[4:length]; binary.NativeEndian.Uint16(a[2:]) {
		case diagName:
			name = strings.TrimRight(string(value), "\x00")
		case diagQueue:
			if len(value) >= 8 {
				unread, backlog = binary.NativeEndian.Uint32(value), binary.NativeEndian.Uint32(value[4:])
			}
		}
		a = a[min(len(a), (length+3)&^3):]
	}
	switch {
	case kind == unix.SOCK_STREAM && state == tcpListen:
		found[inode] = diagnosed{text: fmt.Sprintf("unix stream %q backlog %d", name, backlog)}
	case kind == unix.SOCK_DGRAM && name != "":
		found[inode] = diagnosed{text: fmt.Sprintf("unix dgram %q", name)}
	default:
		found[inode] = diagnosed{unread: unread}
	}
}
