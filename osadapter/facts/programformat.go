package facts

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/config"
)

// maxHead is the part of a file that is read to identify it. The kernel reads less
// of the first line of a script.
const maxHead = 4096

// look identifies a regular file. A file that cannot be read stays unknown.
func (l *Loader) look(path string, p *config.Program) {
	fd, err := open(path)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	head := make([]byte, maxHead)
	n, err := unix.Pread(fd, head, 0)
	if err != nil {
		return
	}
	switch head = head[:n]; {
	case n == 0:
		p.Format = config.EmptyFile
	case bytes.HasPrefix(head, []byte("#!")):
		p.Format = config.Script
		firstLineOf(head[2:], p)
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		p.Format = config.ELF
		l.readELF(fd, head, p)
	case handlers():
	case bytes.IndexByte(head, 0) < 0 && utf8.Valid(bytes.TrimRightFunc(head, func(r rune) bool { return r == utf8.RuneError })):
		p.Format = config.PlainText
	default:
		p.Format = config.OtherData
	}
}

// firstLineOf reads the first line of a script as the kernel does. A relative
// interpreter depends on the directory in which the script is started.
func firstLineOf(text []byte, p *config.Program) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	trimmed := bytes.TrimRight(line, " \t")
	p.CR = bytes.HasSuffix(trimmed, []byte("\r"))
	words := strings.Trim(strings.TrimSuffix(string(trimmed), "\r"), " \t")
	i := strings.IndexAny(words, " \t")
	if i < 0 {
		i = len(words)
	}
	if p.Interpreter = words[:i]; !filepath.IsAbs(p.Interpreter) {
		p.Interpreter = ""
	}
	p.Argument = strings.TrimLeft(words[i:], " \t")
}

// Offsets in the header of an ELF file, of 32 and 64 bits.
const (
	elfClass, elfData, elfMachine = 4, 5, 18
	elfInterpreter                = 3 // type of the program header that names the loader
	maxInterpreter                = 4096
)

// machines are readable names.
var machines = map[uint16]string{
	2: "SPARC", 3: "i386", 8: "MIPS", 20: "PowerPC", 21: "ppc64", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64", 258: "loong64",
}

// native lists the machines whose programs a system of an architecture may run.
var native = map[string][]uint16{
	"amd64": {62, 3}, "386": {3}, "arm64": {183, 40}, "arm": {40}, "riscv64": {243}, "ppc64le": {21, 20}, "ppc64": {21, 20}, "s390x": {22}, "loong64": {258},
}

// readELF reads the header of an ELF file: the machine it is for, and the loader it
// needs. What makes no sense is ignored.
func (l *Loader) readELF(fd int, head []byte, p *config.Program) {
	if len(head) < 64 {
		p.Format = config.OtherData
		return
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[elfData] == 2 {
		order = binary.BigEndian
	}
	machine := order.Uint16(head[elfMachine:])
	if may, known := native[runtime.GOARCH]; known && l.Root == "" && !slices.Contains(may, machine) && !handlers() {
		if p.Machine = machines[machine]; p.Machine == "" {
			p.Machine = "another machine"
		}
	}
	var at uint64
	var size, count int
	wide := head[elfClass] == 2
	if wide {
		at, size, count = order.Uint64(head[32:]), int(order.Uint16(head[54:])), int(order.Uint16(head[56:]))
	} else {
		at, size, count = uint64(order.Uint32(head[28:])), int(order.Uint16(head[42:])), int(order.Uint16(head[44:]))
	}
	for i := range count {
		start := at + uint64(i*size)
		if size < 32 || wide && size < 56 || start > uint64(len(head)) || start+uint64(size) > uint64(len(head)) {
			return
		}
		header := head[start:]
		if order.Uint32(header) != elfInterpreter {
			continue
		}
		var offset, length uint64
		if wide {
			offset, length = order.Uint64(header[8:]), order.Uint64(header[32:])
		} else {
			offset, length = uint64(order.Uint32(header[4:])), uint64(order.Uint32(header[16:]))
		}
		if length == 0 || length > maxInterpreter || offset > 1<<40 {
			return
		}
		name := make([]byte, length)
		if n, err := unix.Pread(fd, name, int64(offset)); err == nil && n == len(name) {
			p.Interpreter = unix.ByteSliceToString(name)
		}
		return
	}
}

// handlers reports whether the kernel may run files of other formats.
func handlers() bool {
	names, _ := os.ReadDir("/proc/sys/fs/binfmt_misc")
	for _, name := range names {
		if name.Name() != "register" && name.Name() != "status" {
			return true
		}
	}
	return false
}
