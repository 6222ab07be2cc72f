package trace

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// ringOf returns a ring whose segments have the lengths, the newest one last,
// and whose next segment will have a room of 1000 bytes.
func ringOf(t *testing.T, size int, segments ...int) *Ring {
	t.Helper()
	r := NewRing(core.New(0, core.MachineOptions{}), size)
	if r.Room() != 1000 {
		t.Fatalf("the room is %d", r.Room())
	}
	for _, n := range segments[:len(segments)-1] {
		r.older = append(r.older, make([]byte, n))
		r.total += n
	}
	r.w.b = make([]byte, segments[len(segments)-1])
	return r
}

func TestRingDropsTheOldestOnlyWhenTheNextHasNoPlace(t *testing.T) {
	for _, x := range []struct {
		newest int
		kept   int
	}{{999, 3}, {1000, 3}, {1001, 2}, {2000, 2}, {2001, 1}, {9000, 1}} {
		r := ringOf(t, 4000, 1000, 1000, x.newest)
		r.Advance()
		if len(r.older) != x.kept {
			t.Errorf("newest of %d bytes: %d older ones are kept, want %d", x.newest, len(r.older), x.kept)
		}
		total := 0
		for _, b := range r.older {
			total += len(b)
		}
		if r.total != total || r.Len() != len(r.AppendRecording(nil)) {
			t.Errorf("newest of %d bytes: %d bytes in older ones, counted %d", x.newest, total, r.total)
		}
	}
}

func TestRingKeepsNoBufferFromLargerDays(t *testing.T) {
	for size, want := range map[int]bool{500: true, 2000: true, 2001: false, 9000: false} {
		r := ringOf(t, 4000, size, 3000)
		r.older[0] = make([]byte, size) // of this capacity
		r.Advance()
		if got := r.spare != nil; got != want {
			t.Errorf("a buffer of %d bytes: kept %v", size, got)
		}
	}
}

func TestRingIsFullAtItsRoom(t *testing.T) {
	for n, want := range map[int]bool{999: false, 1000: true, 1001: true} {
		if got := ringOf(t, 4000, n).Full(); got != want {
			t.Errorf("%d of 1000 bytes: full %v", n, got)
		}
	}
}

func TestMalformedRecordingIsToldByItsPlace(t *testing.T) {
	w := NewWriter()
	w.Fresh(0, core.MachineOptions{})
	at := len(w.Bytes())
	reader, err := NewReader(append(w.Bytes(), 0xff))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Next(); err != nil {
		t.Fatal(err)
	}
	_, err = reader.Next()
	if want := fmt.Sprintf("byte %d: ", at); !errors.Is(err, ErrMalformed) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestInstantsAreToldWithAllTheirDigits(t *testing.T) {
	for when, want := range map[core.Time]string{
		0: "0.000000000", 1: "0.000000001", 1e9: "1.000000000", 1e9 - 1: "0.999999999", -1: "-0.000000001", -1_500_000_000: "-1.500000000",
		math.MaxInt64: "9223372036.854775807", math.MinInt64: "-9223372036.854775808",
	} {
		if got := stamp(when); got != want {
			t.Errorf("%d: got %s, want %s", int64(when), got, want)
		}
	}
}

func TestBeginningOfTheMarkAloneIsARecording(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, markName[:len(markName)-1]: false, markName: true, markName + "7": true, "x" + markName: false,
	} {
		if got := IsRecording([]byte(text)); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
	var version *VersionError
	if _, err := NewReader([]byte(markName)); !errors.As(err, &version) || version.Version != "" {
		t.Errorf("got %v", err)
	}
}

func TestNumbersHaveOneForm(t *testing.T) {
	for _, x := range []struct {
		b    []byte
		want bool
	}{
		{nil, false},
		{[]byte{0}, true},
		{[]byte{0, 7}, true},
		{[]byte{0x80, 1}, true},
		{[]byte{0x80, 0}, false},
		{[]byte{0x80}, false},
		{[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, false},
	} {
		if _, _, ok := takeUvarint(x.b); ok != x.want {
			t.Errorf("%x: got %v", x.b, ok)
		}
	}
}

func TestEmptySnapshotIsToldFromACutLength(t *testing.T) {
	length := make([]byte, lengthSize)
	for n := range lengthSize + 1 {
		_, err := Replay(append([]byte(Mark+"\x02\x00"), length[:n]...))
		if got := strings.Contains(fmt.Sprint(err), "this is no snapshot"); !errors.Is(err, ErrMalformed) || got != (n == lengthSize) {
			t.Errorf("%d bytes of the length: got %v", n, err)
		}
	}
}
