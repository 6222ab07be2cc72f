package config_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The directories of a lane, on a private file system.
const (
	place      = "/mnt"
	configPath = place + "/c"
	queuePath  = place + "/q"
	daemonPath = place + "/d"
	dataPath   = place + "/v"
)

// placeholders in the vectors and generated texts stand for the directories.
var placeholders = strings.NewReplacer("@CONFIG@", configPath, "@QUEUE@", queuePath, "@DAEMON@", daemonPath, "@DATA@", dataPath)

// tables are the files used for the look-ups of both sides: those of the vectors'
// README.
var tables = map[string]string{
	"/etc/hosts": "127.0.0.1 localhost dual.example\n::1 localhost dual.example v6.example\n127.0.0.3 two.example\n" +
		"127.0.0.2 two.example dup.example v4.example\n127.0.0.2 dup.example\n198.51.100.7 remote.example\n",
	"/etc/services": "time 37/tcp timserver\nsmtp 25/tcp mail\nsubmissions 465/tcp ssmtp smtps urd\nsubmission 587/tcp\n" +
		"pftest 10999/tcp pfalias\npfudp 10998/udp\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\n",
	"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\npostfix:x:102:105::/:/usr/sbin/nologin\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"/etc/group": "root:x:0:\npostfix:x:105:\npostdrop:x:106:\nnogroup:x:65534:\n",
}

// The accounts of the tables.
const (
	ownerUID, ownerGID = 102, 105
)

// confine sets up a lane inside its fresh namespaces.
func confine() error {
	if os.Getpid() != 1 {
		return fmt.Errorf("not the first process of a namespace")
	}
	for _, step := range []func() error{confineFiles, confineNetwork, confineDevices, makePlace} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("make the file system read-only: %w", err)
	}
	return unix.Sethostname([]byte("build.example.com"))
}

// confineFiles makes our mounts private and mounts the tables.
func confineFiles() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, path := range []string{place, "/var", "/tmp"} {
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount a file system on %s: %w", path, err)
		}
	}
	for path, text := range tables {
		copied := filepath.Join(place, "etc"+strings.ReplaceAll(path, "/", "-"))
		if err := os.WriteFile(copied, []byte(text), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(copied, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("put a table on %s: %w", path, err)
		}
	}
	return nil
}

// confineDevices mounts a /dev in which the lane can create a log socket.
func confineDevices() error {
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	for minor, name := range map[uint32]string{3: "null", 5: "zero", 8: "random", 9: "urandom"} {
		path := "/dev/" + name
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor))); err != nil {
			return fmt.Errorf("make %s: %w", path, err)
		}
		if err := os.Chmod(path, 0o666); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdout": "fd/1"} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return err
		}
	}
	return nil
}

// confineNetwork brings up the one interface, with the vectors' addresses, and
// keeps the ports that the kernel chooses apart from those of the texts.
func confineNetwork() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const loopback = 1
	up := unix.IfInfomsg{Family: unix.AF_UNSPEC, Index: loopback, Flags: unix.IFF_UP, Change: unix.IFF_UP}
	body := (*[unix.SizeofIfInfomsg]byte)(unsafe.Pointer(&up))[:]
	if err := netlink(fd, unix.RTM_NEWLINK, 0, body); err != nil {
		return fmt.Errorf("bring the loopback interface up: %w", err)
	}
	for _, text := range []string{"192.0.2.1/24", "2001:db8::1/64"} {
		p := netip.MustParsePrefix(text)
		raw := p.Addr().AsSlice()
		family := uint8(unix.AF_INET)
		if p.Addr().Is6() {
			family = unix.AF_INET6
		}
		m := unix.IfAddrmsg{Family: family, Prefixlen: uint8(p.Bits()), Index: loopback}
		body := append([]byte(nil), (*[unix.SizeofIfAddrmsg]byte)(unsafe.Pointer(&m))[:]...)
		for _, kind := range []uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
			body = binary.NativeEndian.AppendUint16(body, uint16(unix.SizeofRtAttr+len(raw)))
			body = binary.NativeEndian.AppendUint16(body, kind)
			body = append(body, raw...)
		}
		if err := netlink(fd, unix.RTM_NEWADDR, unix.NLM_F_CREATE, body); err != nil {
			return fmt.Errorf("add %s: %w", text, err)
		}
	}
	for path, value := range map[string]string{
		"/proc/sys/net/ipv4/ip_local_port_range":  fmt.Sprintf("%d 65535", firstChosenPort),
		"/proc/sys/net/unix/max_dgram_qlen":       "10000",
		"/proc/sys/net/ipv4/ip_nonlocal_bind":     "0",
		"/proc/sys/net/ipv6/conf/lo/disable_ipv6": "0",
	} {
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// firstChosenPort is the first of the ports that the kernel chooses for port 0.
const firstChosenPort = 61000

// netlink sends one request and waits for its acknowledgement.
func netlink(fd int, kind uint16, flags uint16, body []byte) error {
	h := unix.NlMsghdr{
		Len: uint32(unix.SizeofNlMsghdr + len(body)), Type: kind, Seq: 1,
		Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK | flags,
	}
	message := append((*[unix.SizeofNlMsghdr]byte)(unsafe.Pointer(&h))[:], body...)
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	reply := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 {
		return fmt.Errorf("short acknowledgement")
	}
	if e := int32(binary.NativeEndian.Uint32(reply[unix.SizeofNlMsghdr:])); e != 0 {
		return unix.Errno(-e)
	}
	return nil
}

// makePlace creates the directories that a configuration names.
func makePlace() error {
	for _, path := range []string{configPath, queuePath, daemonPath, dataPath} {
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
	}
	return os.Chown(dataPath, ownerUID, ownerGID)
}

// emptyPlace removes what a run left behind.
func emptyPlace() error {
	for _, path := range []string{queuePath, dataPath, "/var", "/tmp"} {
		names, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := os.RemoveAll(filepath.Join(path, name.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Mkdir(queuePath+"/pid", 0o755); err != nil {
		return err
	}
	for _, name := range []string{"private", "public"} {
		path := filepath.Join(queuePath, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		if err := os.Chown(path, ownerUID, ownerGID); err != nil {
			return err
		}
	}
	return nil
}
