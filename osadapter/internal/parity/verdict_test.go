//go:build linux

package parity

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// shown names a row of docs/differences.md that a scenario shows, and what it looks
// like: which lines only the original has, and which only ours. Both are regular
// expressions over whole observation lines; "" means none. A difference that does
// not show is as wrong as one that is not in the table.
type shown struct {
	row      string
	original string
	ours     string
}

// hint is row D5 for one line: before a fatal line, ours says what to do.
func hint(text string) shown {
	return shown{row: "D5", ours: `^log: info [a-z]+/master\[[a-z0-9 ]+\] ` + text}
}

// verdict is the result of one scenario.
type verdict struct {
	name string // topic/scenario
	kind verdictKind
	rows []string // that were shown
	text string   // the differences, or why it was skipped
}

type verdictKind int

const (
	verdictNone verdictKind = iota
	same
	documented
	differs
	skipped
)

func (v verdict) String() string {
	switch v.kind {
	case same:
		return "same"
	case documented:
		return "differs as documented (" + strings.Join(v.rows, ", ") + ")"
	case skipped:
		return "skipped: " + v.text
	}
	return "DIFFERS"
}

// judge compares two observations by the rules that the scenario must show and
// those that it may show.
func judge(name string, rules, allowed []shown, original, ours observation) verdict {
	v := verdict{name: name, kind: same}
	var b strings.Builder
	for side, o := range map[string]observation{"original": original, "ours": ours} {
		if reason := o.broken(); reason != "" {
			fmt.Fprintf(&b, "the scenario stopped with the %s: %s\n", side, reason)
		}
	}
	diff := withoutEverywhere(rules, compare(original, ours))
	explained, unseen := explain(rules, diff)
	also, _ := explain(allowed, diff)
	for i := range explained {
		explained[i] = explained[i] || also[i]
	}
	for _, rule := range unseen {
		fmt.Fprintf(&b, "row %s of the table does not show: %s\n", rule.row, rule.missing)
	}
	if slices.Contains(explained, false) || b.Len() > 0 {
		v.kind = differs
		for i, d := range diff {
			mark := ""
			if explained[i] {
				mark = "   (documented)"
			}
			fmt.Fprintf(&b, "%c %s%s\n", d.side, d.line, mark)
		}
		v.text = b.String()
		return v
	}
	if len(diff) > 0 {
		v.kind = documented
		for _, rule := range slices.Concat(rules, allowed) {
			if !slices.Contains(v.rows, rule.row) {
				v.rows = append(v.rows, rule.row)
			}
		}
	}
	return v
}

// everywhere are documented differences that every scenario has. They count only
// where a scenario names their row.
var everywhere = []shown{
	{row: "D6", ours: `^file: d/master\.crash file 0600 @owner:@owner size 0$`},
	versionLine,
}

// versionLine is row D33: a start names the build.
var versionLine = shown{row: "D33", ours: ` this master is stationmaster \S+, built with go\S+$`}

// allowed returns the differences that the scenario may show but need not.
func (sc *scenario) allowed() []shown {
	if sc.mode == nil {
		return nil
	}
	return sc.mode.rules
}

func withoutEverywhere(rules []shown, diff []difference) []difference {
	for _, rule := range everywhere {
		if slices.ContainsFunc(rules, func(r shown) bool { return r.row == rule.row }) {
			continue
		}
		re := regexp.MustCompile(rule.ours)
		diff = slices.DeleteFunc(diff, func(d difference) bool { return d.side == '+' && re.MatchString(d.line) })
	}
	return diff
}

type unseenRule struct{ row, missing string }

// explain reports which of the differing lines the rules account for, and which
// rules account for nothing.
func explain(rules []shown, diff []difference) (explained []bool, unseen []unseenRule) {
	explained = make([]bool, len(diff))
	for _, rule := range rules {
		for side, pattern := range map[byte]string{'-': rule.original, '+': rule.ours} {
			if pattern == "" {
				continue
			}
			re, found := regexp.MustCompile(pattern), false
			for i, d := range diff {
				if d.side == side && re.MatchString(d.line) {
					explained[i], found = true, true
				}
			}
			if !found {
				unseen = append(unseen, unseenRule{rule.row, string(side) + " " + pattern})
			}
		}
	}
	return explained, unseen
}

// difference is a line that only one side has: '-' the original, '+' ours.
type difference struct {
	side byte
	line string
}

// compare returns the lines that are not common, in order, by the longest common
// subsequence.
func compare(original, ours observation) []difference {
	longest := make([][]int, len(original)+1)
	for i := range longest {
		longest[i] = make([]int, len(ours)+1)
	}
	for i := len(original) - 1; i >= 0; i-- {
		for j := len(ours) - 1; j >= 0; j-- {
			if original[i] == ours[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	var diff []difference
	i, j := 0, 0
	for i < len(original) || j < len(ours) {
		switch {
		case i < len(original) && j < len(ours) && original[i] == ours[j]:
			i, j = i+1, j+1
		case j == len(ours) || i < len(original) && longest[i+1][j] >= longest[i][j+1]:
			diff = append(diff, difference{'-', original[i]})
			i++
		default:
			diff = append(diff, difference{'+', ours[j]})
			j++
		}
	}
	return diff
}
