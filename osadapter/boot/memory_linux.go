package boot

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const smapsPath = "/proc/self/smaps"

// dropImage tells the kernel that the mapped pages of our program need not stay in
// memory: most were needed only for the start. Those still needed come back from
// the page cache. A region with a modified page is left alone, so nothing is lost.
// An error only costs memory.
func dropImage() {
	self, err := programPath()
	if err != nil {
		return
	}
	text, err := os.ReadFile(smapsPath)
	if err != nil {
		return
	}
	var from, to uintptr
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case !strings.HasSuffix(fields[0], ":"): // the first line of a region
			from, to = imageRegion(fields, self)
		case fields[0] == "Anonymous:" && len(fields) > 1 && fields[1] == "0" && from < to:
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}

// imageRegion returns the bounds of the region that begins at a line of smaps, if
// it is a read-only part of the program.
func imageRegion(fields []string, program string) (from, to uintptr) {
	if len(fields) != 6 || fields[5] != program || fields[1] != "r-xp" && fields[1] != "r--p" {
		return 0, 0
	}
	low, high, _ := strings.Cut(fields[0], "-")
	first, err1 := strconv.ParseUint(low, 16, strconv.IntSize)
	end, err2 := strconv.ParseUint(high, 16, strconv.IntSize)
	if err1 != nil || err2 != nil {
		return 0, 0
	}
	return uintptr(first), uintptr(end)
}
