package config

import "strconv"

// ValueKind is how the programs of the original parse a parameter that is not
// text.
type ValueKind uint8

// The kinds.
const (
	Boolean ValueKind = iota + 1
	Number            // of 32 bits
	Span              // of time
)

// Refusal returns the fatal line of a program that cannot parse the expanded
// value of a parameter, and a hint; fault is empty if the value can be parsed.
// Only the program itself knows which numbers and times are out of range.
func (k ValueKind) Refusal(name, text string) (fault, hint string) {
	switch k {
	case Boolean:
		if _, ok := parseBool(text); !ok {
			return badBool(name, text)
		}
	case Number:
		if _, ok := parseNumber(text, 32); !ok {
			return badNumber(name, text)
		}
	case Span:
		if _, ok := parseTime(text, 's'); !ok {
			return badTime(name, text)
		}
	}
	return "", ""
}

// parseBool parses "yes" or "no" in any letter case.
func parseBool(text string) (value, ok bool) {
	value = equalFold(text, "yes")
	return value, value || equalFold(text, "no")
}

// parseNumber parses a number of the given width in bits, 32 or 64.
func parseNumber(text string, width int) (n int64, ok bool) {
	n, rest, ok := parseLong(text)
	return n, ok && rest == "" && text != "" && (width != 32 || n == int64(int32(n)))
}

func badBool(name, text string) (fault, hint string) {
	return "bad boolean configuration: " + name + " = " + text, "write yes or no"
}

func badNumber(name, text string) (fault, hint string) {
	return "bad numerical configuration: " + name + " = " + text,
		"write a decimal number of at most " + strconv.Itoa(1<<31-1) + ", without a unit"
}

func badTime(name, text string) (fault, hint string) {
	return "parameter " + name + ": bad time value or unit: " + text,
		"write a number and one of the units s, m, h, d, w without a blank between them"
}
