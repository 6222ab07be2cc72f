// Package wire holds the contract between the master and its children as bytes:
// descriptor numbers, the status message, the generation, the words of a child's
// command line, and the wakeup request.
//
// It decides nothing and does no I/O: both sides of the contract, core and
// core/child, build on it. Source: spec runtime, sections 7 and 9, and spec
// child, sections 1 to 5.
package wire

import (
	"encoding/binary"
	"strconv"
)

// Descriptor numbers that are open in a new child (spec runtime, 7.1).
const (
	FlowReadFD  = 3 // read end of the flow-control pipe, non-blocking
	FlowWriteFD = 4 // write end of the flow-control pipe, non-blocking
	StatusFD    = 5 // the child's end of its status channel, blocking
	ListenFD    = 6 // the first listen socket; the others follow in address order
)

// GenerationVariable names the environment variable that carries the
// generation, in octal digits without a prefix.
const GenerationVariable = "GENERATION"

// The wakeup request (spec runtime, 9). A FIFO receives the first byte only.
const (
	WakeupByte byte = 'W'
	WakeupEnd  byte = 0
)

// StatusSize is the length of one status message in bytes.
const StatusSize = 12

// Status is what a child reports about itself.
type Status int32

// The two reports of a child. The wire has no others; the master logs and ignores
// any other value.
const (
	Taken     Status = 0 // busy: the child has accepted a client
	Available Status = 1 // idle: the child can accept a client
)

// Message is one status report: three 32-bit integers in host byte order.
type Message struct {
	PID        int32
	Generation uint32
	Status     Status
}

// Append appends the 12 bytes of the message to dst.
func (m Message) Append(dst []byte) []byte {
	dst = binary.NativeEndian.AppendUint32(dst, uint32(m.PID))
	dst = binary.NativeEndian.AppendUint32(dst, m.Generation)
	return binary.NativeEndian.AppendUint32(dst, uint32(m.Status))
}

// ParseMessage reads a message from exactly StatusSize bytes.
func ParseMessage(b [StatusSize]byte) Message {
	return Message{
		PID:        int32(binary.NativeEndian.Uint32(b[0:4])),
		Generation: binary.NativeEndian.Uint32(b[4:8]),
		Status:     Status(binary.NativeEndian.Uint32(b[8:12])),
	}
}

// FormatGeneration returns the text of GENERATION for g.
func FormatGeneration(g uint32) string {
	return strconv.FormatUint(uint64(g), 8)
}

// ParseGeneration parses the text of GENERATION. ok is false unless the text
// consists of octal digits and fits 32 bits.
func ParseGeneration(text string) (g uint32, ok bool) {
	n, err := strconv.ParseUint(text, 8, 32)
	return uint32(n), err == nil
}

// CommandLine is the content of a child's argv about its service (spec config,
// 5.7).
type CommandLine struct {
	Command      string   // argv[0], as written in master.cf
	Service      string   // the name column; -n if it differs from the command
	Transport    string   // inet, unix, fifo, pass or unix-dgram
	ProcessLimit int32    // 1: -l, 0: -z
	Foreground   bool     // -d: the master runs with -d
	Verbose      bool     // -v
	Unprivileged bool     // -u
	Chroot       bool     // -c
	StressAware  bool     // pass -o stress= or -o stress=yes
	Stress       bool     // the service is in stress mode now
	Listeners    int      // -s if more than one
	Args         []string // the operator's own arguments
}

// Argv returns the child's argument vector in the order that servers and
// operators' tools expect.
func (c *CommandLine) Argv() []string {
	return c.AppendArgv(make([]string, 0, 16+len(c.Args)))
}

// AppendArgv appends what Argv returns to argv.
func (c *CommandLine) AppendArgv(argv []string) []string {
	argv = append(argv, c.Command)
	switch c.ProcessLimit {
	case 1:
		argv = append(argv, "-l")
	case 0:
		argv = append(argv, "-z")
	}
	if baseName(c.Command) != c.Service {
		argv = append(argv, "-n", c.Service)
	}
	argv = append(argv, "-t", c.Transport)
	for _, f := range []struct {
		on   bool
		flag string
	}{{c.Foreground, "-d"}, {c.Verbose, "-v"}, {c.Unprivileged, "-u"}, {c.Chroot, "-c"}} {
		if f.on {
			argv = append(argv, f.flag)
		}
	}
	if c.StressAware {
		text := "stress="
		if c.Stress {
			text = "stress=yes"
		}
		argv = append(argv, "-o", text)
	}
	if c.Listeners > 1 {
		argv = append(argv, "-s", strconv.Itoa(c.Listeners))
	}
	return append(argv, c.Args...)
}

// baseName returns the text after the last slash; "foo/" is returned whole, so
// that a service "foo" run by "foo/" counts as different (spec config, 5.7).
func baseName(path string) string {
	for i := len(path) - 2; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}
