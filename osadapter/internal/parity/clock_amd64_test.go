//go:build linux

package parity

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A master reads the time from the page of code that the kernel maps into every
// process. To turn its clock forward, its copies of these functions are replaced by
// code that asks the kernel and adds the value of a word behind them. Nothing in
// the master itself is changed, and no other process is affected. Kernel timers of
// the process (a sleep, an alarm) are unaffected: a master that wakes up reads its
// clock and notices.

func noTurnedClock() string { return "" }

const (
	vdsoName    = "[vdso]"
	turnedSpace = 64 // from the start of gettimeofday, after the new code
)

// clockHand is the word that turns the clock of a process.
type clockHand struct {
	file *os.File // the process's memory
	word int64
}

// turn turns the clock of a master forward and wakes its loop.
func (p *process) turn(d time.Duration) {
	s := p.station
	p.freezeOutside()
	err := changeClock(p.master(), d)
	before := loopActivity(p.master())
	p.signal(unix.SIGCONT)
	s.require("turn the clock", err)
	asleep := func() bool {
		now := loopActivity(p.master())
		return now == "" || now[:1] == "S" && now[1:] != before[1:]
	}
	s.eventually("the master goes on", asleep)
	// No child has ended, so the signals only wake the loop. The original catches
	// the first, the runtime of ours the second.
	before = loopActivity(p.master())
	if before != "" {
		_ = unix.Kill(p.master(), unix.SIGCHLD)
		_ = unix.Kill(p.master(), unix.SIGURG)
		s.eventually("the master looks round", asleep)
	}
}

// loopActivity returns the state of a process's first thread and how often it went
// to sleep; "" if it has ended.
func loopActivity(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, state, _ := strings.Cut(string(text), "\nState:\t")
	_, switches, _ := strings.Cut(string(text), "\nvoluntary_ctxt_switches:\t")
	if err != nil || strings.HasPrefix(state, "Z") {
		return ""
	}
	switches, _, _ = strings.Cut(switches, "\n")
	return state[:min(1, len(state))] + switches
}

// changeClock adds to the word of a process if none of its threads is in the
// kernel's page.
func changeClock(pid int, d time.Duration) error {
	hand, err := openClock(pid)
	if err != nil {
		return err
	}
	defer hand.file.Close()
	var word [8]byte
	if _, err := hand.file.ReadAt(word[:], hand.word); err != nil {
		return fmt.Errorf("read the word: %w", err)
	}
	seconds := binary.LittleEndian.Uint64(word[:]) + uint64(d/time.Second)
	binary.LittleEndian.PutUint64(word[:], seconds)
	if _, err := hand.file.WriteAt(word[:], hand.word); err != nil {
		return fmt.Errorf("write the word: %w", err)
	}
	return nil
}

// freezeOutside stops every thread of the master, none of them while it reads the
// clock.
func (p *process) freezeOutside() {
	s := p.station
	s.eventually("the master stands still, and not over its clock", func() bool {
		p.freeze()
		if !readsClock(p.master()) {
			return true
		}
		p.signal(unix.SIGCONT)
		return false
	})
}

// readsClock reports whether a thread of a stopped process runs, or is in the
// kernel's page.
func readsClock(pid int) bool {
	start, end, err := vdsoOf(pid)
	if err != nil {
		return true
	}
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		fields := strings.Fields(string(text))
		if err != nil || len(fields) < 2 { // "running"
			return true
		}
		at, err := strconv.ParseUint(fields[len(fields)-1], 0, 64)
		if err != nil || at >= start && at < end {
			return true
		}
	}
	return len(paths) == 0
}

func vdsoOf(pid int) (start, end uint64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasSuffix(strings.TrimSpace(line), vdsoName) {
			_, err := fmt.Sscanf(line, "%x-%x ", &start, &end)
			return start, end, err
		}
	}
	return 0, 0, fmt.Errorf("process %d has no %s", pid, vdsoName)
}

// openClock finds the word of a stopped process, or creates it.
func openClock(pid int) (clockHand, error) {
	start, end, err := vdsoOf(pid)
	if err != nil {
		return clockHand{}, err
	}
	file, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return clockHand{}, err
	}
	hand := clockHand{file: file}
	if err := hand.find(int64(start), int(end-start)); err != nil {
		file.Close()
		return clockHand{}, err
	}
	return hand, nil
}

// find replaces the three functions unless they have been replaced.
func (h *clockHand) find(start int64, size int) error {
	image := make([]byte, size)
	if _, err := h.file.ReadAt(image, start); err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	page, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	symbols, err := page.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	at := map[string]elf.Symbol{}
	for _, symbol := range symbols {
		at[symbol.Name] = symbol
	}
	day := at["__vdso_gettimeofday"]
	word := int64(day.Value+turnedSpace+7) &^ 7
	h.word = start + word
	if day.Size < turnedSpace+16 {
		return fmt.Errorf("gettimeofday has %d bytes", day.Size)
	}
	var patches []patch
	for name, code := range turnedCode {
		symbol, ok := at[name]
		if !ok || symbol.Size < uint64(len(code.bytes)) {
			return fmt.Errorf("%s has %d bytes", name, symbol.Size)
		}
		text := bytes.Clone(code.bytes)
		after := int64(symbol.Value) + int64(code.operand) + 4
		binary.LittleEndian.PutUint32(text[code.operand:], uint32(int32(word-after)))
		if bytes.HasPrefix(image[symbol.Value:], text) {
			return nil
		}
		patches = append(patches, patch{start + int64(symbol.Value), text})
	}
	for _, p := range append(patches, patch{h.word, make([]byte, 8)}) {
		if _, err := h.file.WriteAt(p.text, p.at); err != nil {
			return fmt.Errorf("change the page: %w", err)
		}
	}
	return nil
}

type patch struct {
	at   int64
	text []byte
}

// turnedCode is the new code of the functions; operand is the offset of the
// distance to the word, which is relative to the end of the instruction.
var turnedCode = map[string]struct {
	bytes   []byte
	operand int
}{
	"__vdso_time": {[]byte{
		0xb8, unix.SYS_TIME, 0, 0, 0, // mov eax, time
		0x0f, 0x05, // syscall
		0x48, 0x03, 0x05, 0, 0, 0, 0, // add rax, [word]
		0x48, 0x85, 0xff, // test rdi, rdi
		0x74, 0x03, // jz to the end
		0x48, 0x89, 0x07, // mov [rdi], rax
		0xc3, // ret
	}, 10},
	"__vdso_gettimeofday": {[]byte{
		0xb8, unix.SYS_GETTIMEOFDAY, 0, 0, 0,
		0x0f, 0x05,
		0x48, 0x85, 0xff, // test rdi, rdi
		0x74, 0x0a, // jz to the end
		0x48, 0x8b, 0x0d, 0, 0, 0, 0, // mov rcx, [word]
		0x48, 0x01, 0x0f, // add [rdi], rcx
		0xc3,
	}, 15},
	"__vdso_clock_gettime": {[]byte{
		0xb8, unix.SYS_CLOCK_GETTIME, 0, 0, 0,
		0x0f, 0x05,
		0x48, 0x8b, 0x0d, 0, 0, 0, 0, // mov rcx, [word]
		0x48, 0x01, 0x0e, // add [rsi], rcx
		0xc3,
	}, 10},
}
