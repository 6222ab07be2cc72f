package boot

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	descriptorDirectory = "/proc/self/fd"
	// mostDescriptors bounds the search if /proc is missing; it is the kernel's
	// default limit (fs.nr_open).
	mostDescriptors = 1 << 20
)

// CloseInherited closes every descriptor from 3 up that is not close-on-exec: a
// careless parent left it open (spec go-traps, G7). Descriptors of the Go runtime
// and our own are close-on-exec, and stay open.
func CloseInherited() {
	open, err := openDescriptors()
	if err != nil {
		closeAllUnmarked()
		return
	}
	for _, fd := range open {
		closeUnmarked(fd)
	}
}

// closeChannels closes every socket and unnamed pipe from 3 up. It tells them by
// the names of the links in /proc: fstat would ask the disk that a file is on,
// which may never answer.
func closeChannels() {
	open, err := openDescriptors()
	if err != nil {
		return // the kernel closes them
	}
	var name [len("socket:[")]byte
	for _, fd := range open {
		if fd < firstOwnFD {
			continue
		}
		n, err := unix.Readlink(descriptorDirectory+"/"+strconv.Itoa(fd), name[:])
		if kind := string(name[:max(n, 0)]); err == nil && (kind == "socket:[" || strings.HasPrefix(kind, "pipe:[")) {
			_ = unix.Close(fd)
		}
	}
}

// closeAllUnmarked tries every number, for systems without /proc.
func closeAllUnmarked() {
	for fd, bound := firstOwnFD, descriptorBound(); fd < bound; fd++ {
		closeUnmarked(fd)
	}
}

// closeUnmarked closes fd if it is not standard and would stay open across an exec.
func closeUnmarked(fd int) {
	if fd < firstOwnFD {
		return
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err == nil && flags&unix.FD_CLOEXEC == 0 {
		_ = unix.Close(fd)
	}
}

func descriptorBound() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Max > mostDescriptors {
		return mostDescriptors
	}
	return int(limit.Max)
}

// openDescriptors lists the open descriptors.
func openDescriptors() ([]int, error) {
	open, own, err := numbersIn(descriptorDirectory)
	return slices.DeleteFunc(open, func(fd int) bool { return fd == own }), err
}

// numbersIn lists the numeric names in a directory of the kernel; own was the
// descriptor of the directory meanwhile. It does not use os.File, which would make
// the runtime open descriptors of its own.
func numbersIn(path string) (numbers []int, own int, err error) {
	dir, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, dir, err
	}
	defer unix.Close(dir)
	var buffer [8192]byte
	for range mostDescriptors {
		n, err := unix.Getdents(dir, buffer[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, dir, err
		}
		if n == 0 {
			break
		}
		numbers = appendNumbers(numbers, buffer[:n])
	}
	return numbers, dir, nil
}

// appendNumbers appends the numeric names in directory records.
func appendNumbers(dst []int, records []byte) []int {
	const (
		lengthAt = int(unsafe.Offsetof(unix.Dirent{}.Reclen))
		nameAt   = int(unsafe.Offsetof(unix.Dirent{}.Name))
	)
	for len(records) > nameAt {
		length := int(binary.NativeEndian.Uint16(records[lengthAt:]))
		if length <= nameAt || length > len(records) {
			break
		}
		name := records[nameAt:length]
		for i, c := range name {
			if c == 0 {
				name = name[:i]
				break
			}
		}
		if number, err := strconv.Atoi(string(name)); err == nil {
			dst = append(dst, number)
		}
		records = records[length:]
	}
	return dst
}
