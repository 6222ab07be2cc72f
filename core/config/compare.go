package config

import (
	"cmp"
	"strconv"
	"strings"
)

func knownOperator(op string) bool {
	switch op {
	case "==", "!=", "<", "<=", ">=", ">":
		return true
	}
	return false
}

// satisfies reports whether the result of a three-way comparison satisfies op.
func satisfies(order int, op string) bool {
	switch op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">=":
		return order >= 0
	}
	return order > 0
}

// compareValues compares numbers if both sides are all digits, otherwise bytes.
// fatal is the original's fatal line.
func compareValues(left, op, right string) (holds bool, fatal string) {
	if !allDigits(left) || !allDigits(right) {
		return satisfies(strings.Compare(left, right), op), ""
	}
	var n [2]int64
	for i, digits := range []string{left, right} {
		var err error
		if n[i], err = strconv.ParseInt(digits, 10, 64); err != nil {
			return false, "mac_exp_eval: bad conversion: " + digits
		}
	}
	return satisfies(cmp.Compare(n[0], n[1]), op), ""
}

// compareLevels compares compatibility levels. bad is the original's warning
// about a text that is not a level.
func compareLevels(left, op, right string) (holds bool, bad string) {
	var n [2]level
	for i, text := range []string{left, right} {
		var ok bool
		if n[i], ok = parseLevel(text); !ok {
			return false, badLevel(text)
		}
	}
	return satisfies(cmp.Compare(n[0], n[1]), op), ""
}

// level is a compatibility level: major, minor and patch packed into one number
// that sorts in their order.
type level int64

// Bounds of the components (spec config, 4).
const (
	maxMajor = 8796093022207
	maxMinor = 1023
)

const levelHint = "write a level such as 3.6, which is up to three numbers with dots between them"

func badLevel(text string) string {
	return "malformed compatibility level syntax: \"" + text + "\""
}

// parseLevel parses "major[.minor[.patch]]", each number as strtol does.
func parseLevel(text string) (level, bool) {
	var value level
	rest := text
	for part := 0; part < 3; part++ {
		n, after, ok := parseLong(rest)
		limit := int64(maxMinor)
		if part == 0 {
			limit = maxMajor
		}
		if !ok || after == rest || n < 0 || n > limit {
			return 0, false
		}
		value |= level(n) << (20 - 10*part)
		if after == "" {
			return value, true
		}
		if after[0] != '.' {
			return 0, false
		}
		rest = after[1:]
	}
	return 0, false
}
