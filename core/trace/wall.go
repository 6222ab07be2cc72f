package trace

import (
	"strconv"

	"github.com/stationmaster/stationmaster/core"
)

// AppendWall appends an instant of the wall clock, in nanoseconds since 1970, in the
// format of RFC 3339. It uses UTC, because a recording has no time zone.
func AppendWall(dst []byte, wall int64) []byte {
	const day = 24 * 60 * 60
	seconds, nanoseconds := floorDiv(wall, int64(core.Second))
	days, second := floorDiv(seconds, day)
	year, month, dayOfMonth := civil(days)
	for _, f := range []struct {
		value int64
		width int
		after string
	}{
		{year, 4, "-"},
		{month, 2, "-"},
		{dayOfMonth, 2, "T"},
		{second / 3600, 2, ":"},
		{second / 60 % 60, 2, ":"},
		{second % 60, 2, "."},
		{nanoseconds, 9, "Z"},
	} {
		digits := strconv.FormatInt(f.value, 10)
		for range f.width - len(digits) {
			dst = append(dst, '0')
		}
		dst = append(append(dst, digits...), f.after...)
	}
	return dst
}

// floorDiv divides and rounds towards negative infinity.
func floorDiv(a, b int64) (quotient, rest int64) {
	quotient, rest = a/b, a%b
	if rest < 0 {
		quotient, rest = quotient-1, rest+b
	}
	return quotient, rest
}

// civil returns the date of a day, counted from 1 January 1970, in the Gregorian
// calendar. Years are counted from 1 March, so that the leap day is the last one.
func civil(days int64) (year, month, day int64) {
	const era = 146097 // days of 400 years
	e, ofEra := floorDiv(days+719468, era)
	ofYear := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/146096) / 365
	day = ofEra - (365*ofYear + ofYear/4 - ofYear/100)
	month = (5*day + 2) / 153
	day += 1 - (153*month+2)/5
	year = ofYear + 400*e
	if month += 3; month > 12 {
		month, year = month-12, year+1
	}
	return year, month, day
}
