package boot

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func init() {
	roles["memory"] = func() {
		start := make([]byte, 8<<20) // as much as a start may use
		for i := range start {
			start[i] = 1
		}
		before := resident("RssFile") + resident("RssAnon")
		ReleaseMemory()
		say("%d %d", before, resident("RssFile")+resident("RssAnon"))
	}
}

// resident returns a value from the process's status, in kB.
func resident(name string) int {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	digits, _, _ := strings.Cut(field(strings.Split(string(status), "\n"), name), " ")
	n, err := strconv.Atoi(digits)
	must(err)
	return n
}

func TestReleaseMemoryReturnsWhatTheStartUsed(t *testing.T) {
	p := launch(t, "memory", "", nil)
	was, is, _ := strings.Cut(p.line(), " ")
	before, err1 := strconv.Atoi(was)
	after, err2 := strconv.Atoi(is)
	// 8 MB of heap, and a part of the program, which varies.
	const heap = 8 << 10
	if err1 != nil || err2 != nil || after >= before-heap {
		t.Errorf("%q kB resident before, %q kB after, want more than %d kB less", was, is, heap)
	}
}

func TestImageRegionIsWhatIsNeverWrittenTo(t *testing.T) {
	const program = "/usr/sbin/master"
	for line, want := range map[string][2]uintptr{
		"00400000-0053b000 r-xp 00000000 fe:00 12 /usr/sbin/master":           {0x400000, 0x53b000},
		"0053b000-006c9000 r--p 0013b000 fe:00 12 /usr/sbin/master":           {0x53b000, 0x6c9000},
		"006c9000-006da000 rw-p 002c9000 fe:00 12 /usr/sbin/master":           {},
		"00400000-0053b000 r-xp 00000000 fe:00 12 /usr/lib/libc.so.6":         {},
		"00400000-0053b000 r-xp 00000000 fe:00 12 /usr/sbin/master (deleted)": {},
		"7f98f4ae0000-7f98f4d00000 rw-p 00000000 00:00 0":                     {},
		"x-y r-xp 00000000 fe:00 12 /usr/sbin/master":                         {},
		"Rss: 4 kB": {},
	} {
		if from, to := imageRegion(strings.Fields(line), program); [2]uintptr{from, to} != want {
			t.Errorf("%s: %#x to %#x, want %#x", line, from, to, want)
		}
	}
}
