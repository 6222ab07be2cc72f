package trace

import (
	"io"
	"strconv"

	"github.com/stationmaster/stationmaster/core"
)

// Text returns a recording as a trace. Each step is one line with the machine's time,
// the wall clock in UTC if it is known, and the event; its actions follow on lines of
// their own, indented. If the error is not nil, the text covers what was read before it.
func Text(recording []byte) ([]byte, error) {
	r, err := NewReader(recording)
	if err != nil {
		return nil, err
	}
	var text []byte
	for {
		record, err := r.Next()
		if err == io.EOF {
			return text, nil
		}
		if err != nil {
			return text, err
		}
		text = record.AppendText(text)
	}
}

// AppendText appends the record to dst as lines of a trace.
func (r *Record) AppendText(dst []byte) []byte {
	if r.Machine != nil {
		return r.appendBeginning(dst)
	}
	dst = append(dst, instant(r.Time, r.Wall)...)
	dst = append(dst, ' ')
	dst = append(r.Event.AppendText(dst), '\n')
	for i := range r.Actions {
		dst = append(dst, "  "...)
		dst = append(r.Actions[i].AppendText(dst), '\n')
	}
	if r.Open {
		dst = append(dst, "  (the recording ends here)\n"...)
	}
	return dst
}

func (r *Record) appendBeginning(dst []byte) []byte {
	dst = append(dst, "# "...)
	dst = append(dst, instant(r.Time, r.Wall)...)
	if !r.Fresh {
		view := r.Machine.View()
		dst = append(dst, " snapshot after step "...)
		dst = strconv.AppendUint(dst, view.Step, 10)
		dst = append(dst, ", services="...)
		return append(strconv.AppendInt(dst, int64(len(view.Services)), 10), '\n')
	}
	dst = append(dst, " a fresh machine"...)
	for _, option := range []struct {
		on   bool
		name string
	}{
		{r.Options.InitMode, " init"},
		{r.Options.GroupLeader, " group-leader"},
		{r.Options.Verbose, " verbose"},
		{r.Options.Strict, " strict"},
		{r.Options.ExitSet, " exit-after=" + stamp(core.Time(r.Options.ExitAfter))},
		{r.Options.Descriptors != 0, " descriptors=" + strconv.FormatUint(uint64(r.Options.Descriptors), 10)},
	} {
		if option.on {
			dst = append(dst, option.name...)
		}
	}
	return append(dst, '\n')
}

// instant returns the machine's time and, if it is known, the wall clock.
func instant(t core.Time, wall int64) string {
	if wall == 0 {
		return stamp(t)
	}
	return string(AppendWall([]byte(stamp(t)+" "), wall))
}

// stamp returns an instant in seconds, with all its digits.
func stamp(t core.Time) string {
	const perSecond = 1e9
	sign, n := "", uint64(t)
	if t < 0 {
		sign, n = "-", -n
	}
	digits := strconv.FormatUint(n%perSecond+perSecond, 10)
	return sign + strconv.FormatUint(n/perSecond, 10) + "." + digits[1:]
}
