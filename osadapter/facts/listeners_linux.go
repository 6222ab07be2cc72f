package facts

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The required parts of linux/inet_diag.h and linux/sock_diag.h.
const (
	sockDiagByFamily = 20
	stateListen      = 10
	attributeV6Only  = 11
)

// socketID is struct inet_diag_sockid.
type socketID struct {
	SourcePort, DestinationPort [2]byte
	Source, Destination         [16]byte
	Interface                   uint32
	Cookie                      [2]uint32
}

// diagRequest is struct inet_diag_req_v2 with its header.
type diagRequest struct {
	Header           unix.NlMsghdr
	Family, Protocol uint8
	Extensions, Pad  uint8
	States           uint32
	ID               socketID
}

// diagMessage is struct inet_diag_msg.
type diagMessage struct {
	Family, State, Timer, Retransmits uint8
	ID                                socketID
	Expires, Read, Write, UID, Inode  uint32
}

// listening asks the kernel for the listening sockets. Unlike /proc/net/tcp6, this
// says which of them accept IPv4 too.
func listening() (list []Listener, err error) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		part, err := listeningIn(family)
		if err != nil {
			return nil, fmt.Errorf("ask the kernel for listening sockets: %w", err)
		}
		list = append(list, part...)
	}
	return list, nil
}

func listeningIn(family uint8) (list []Listener, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	request := diagRequest{Family: family, Protocol: unix.IPPROTO_TCP, States: 1 << stateListen}
	request.Header = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(request)), Type: sockDiagByFamily, Flags: unix.NLM_F_REQUEST | unix.NLM_F_DUMP}
	if err := unix.Sendto(fd, unsafe.Slice((*byte)(unsafe.Pointer(&request)), unsafe.Sizeof(request)), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, os.NewSyscallError("sendto", err)
	}
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("recvfrom", err)
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		for i := range messages {
			switch m := &messages[i]; m.Header.Type {
			case unix.NLMSG_DONE:
				return list, nil
			case unix.NLMSG_ERROR:
				return nil, os.NewSyscallError("inet_diag", diagError(m.Data))
			case sockDiagByFamily:
				if l, ok := readDiag(m.Data); ok {
					list = append(list, l)
				}
			}
		}
	}
}

// diagError returns the error inside an answer.
func diagError(data []byte) error {
	if len(data) < 4 {
		return unix.EBADMSG
	}
	return syscall.Errno(-int32(binary.NativeEndian.Uint32(data)))
}

// readDiag decodes one socket.
func readDiag(data []byte) (l Listener, ok bool) {
	const size = int(unsafe.Sizeof(diagMessage{}))
	if len(data) < size {
		return l, false
	}
	var m diagMessage
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&m)), size), data)
	address := netip.AddrFrom16(m.ID.Source)
	if m.Family == unix.AF_INET {
		address = netip.AddrFrom4([4]byte(m.ID.Source[:4]))
	}
	l = Listener{Address: netip.AddrPortFrom(address, binary.BigEndian.Uint16(m.ID.SourcePort[:])), inode: m.Inode}
	for rest := data[size:]; len(rest) >= unix.SizeofRtAttr; {
		length, kind := int(binary.NativeEndian.Uint16(rest)), binary.NativeEndian.Uint16(rest[2:])
		if length < unix.SizeofRtAttr || length > len(rest) {
			break
		}
		if kind == attributeV6Only && length > unix.SizeofRtAttr {
			l.IPv6Only = rest[unix.SizeofRtAttr] != 0
		}
		rest = rest[min((length+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(rest)):]
	}
	return l, true
}
