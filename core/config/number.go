package config

import (
	"math"
	"strconv"
)

// parseLong parses a decimal number as the C library's strtol does: blanks,
// sign, digits, then anything. ok is false when it does not fit 64 bits. A text
// without a number is 0, and rest is the whole text.
func parseLong(text string) (n int64, rest string, ok bool) {
	i := 0
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	start := i
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		i++
	}
	first := i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	if i == first {
		return 0, text, true
	}
	n, err := strconv.ParseInt(text[start:i], 10, 64)
	return n, text[i:], err == nil
}

// parseTime parses a time in seconds (spec config, 2.3): a number and a unit, of
// which only the first byte counts.
func parseTime(text string, unit byte) (seconds int64, ok bool) {
	n, rest, ok := parseLong(text)
	if text == "" || !ok || n < 0 || n > math.MaxInt32 {
		return 0, false
	}
	if rest != "" {
		unit = rest[0]
	}
	var factor int64
	switch unit {
	case 's':
		return n, true
	case 'm':
		factor = 60
	case 'h':
		factor = 60 * 60
	case 'd':
		factor = 24 * 60 * 60
	case 'w':
		factor = 7 * 24 * 60 * 60
	default:
		return 0, false
	}
	if n >= math.MaxInt32/factor {
		return 0, false
	}
	return n * factor, true
}

// atoi parses the leading digits of a field as C's atoi does on a system with
// 64-bit long: saturated to 64 bits, then truncated to 32 (spec config, 5.2).
func atoi(text string) int32 {
	n, _, ok := parseLong(text)
	if !ok {
		n = math.MaxInt64
	}
	return int32(n)
}
