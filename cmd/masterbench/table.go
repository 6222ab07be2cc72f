package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// writeTable prints the results as a Markdown table.
func (r *report) writeTable(to io.Writer) error {
	rows := [][]string{{"metric", "unit", "original", "ours", "ratio", "must", "aim", "verdict"}}
	for i := range r.Results {
		rows = append(rows, r.Results[i].row())
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < 2 || i == len(row)-1 {
				cell += gap
			} else {
				cell = gap + cell
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			end := ":"
			if i < 2 || i == len(row)-1 {
				end = "-"
			}
			b.WriteString("| " + strings.Repeat("-", width-1) + end + " ")
		}
		b.WriteString("|\n")
	}
	_, err := io.WriteString(to, b.String())
	return err
}

func (r *result) row() []string {
	row := []string{r.Name, r.Unit, "", number(r.Ours.Median), "", "", "", r.Verdict}
	if r.Original != nil {
		row[2] = number(r.Original.Median)
	}
	if r.Ratio != nil {
		row[4] = strconv.FormatFloat(*r.Ratio, 'f', 2, 64)
	}
	if r.Must != nil {
		sign := "≤ "
		if r.atLeast {
			sign = "≥ "
		}
		what := ""
		if r.Judged == "ours" {
			what = "ours "
		}
		limit := func(x float64) string { return what + sign + strconv.FormatFloat(x, 'g', -1, 64) }
		row[5], row[6] = limit(*r.Must), limit(*r.Aim)
	}
	return row
}

// number formats a figure with three digits or more, but no more than are
// significant.
func number(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x >= 99.95: // rounded up to 100
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 9.995:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// writeText prints the final report.
func (r *report) writeText(to io.Writer) error {
	if err := r.writeTable(to); err != nil {
		return err
	}
	counts := map[string]int{}
	for i := range r.Results {
		counts[r.Results[i].Verdict]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d goals: %d reach the aim, %d what they must, %d are missed. Medians of %s, %.0f s.\n",
		counts["aim"]+counts["must"]+counts["MISSED"], counts["aim"], counts["must"], counts["MISSED"],
		plural(r.Rounds, "round"), r.Seconds)
	for _, note := range r.Notes {
		b.WriteString("note: " + note + "\n")
	}
	_, err := io.WriteString(to, b.String())
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
