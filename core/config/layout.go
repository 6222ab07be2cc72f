package config

import "strings"

// The columns of a formatted master.cf begin where they do in the heading of
// Postfix's own file. A longer text pushes the following columns to the right
// until one fits its usual position again, as in Postfix's own file.
var columnStops = [NumColumns]int{
	ColumnType: 10, ColumnPrivate: 16, ColumnUnprivileged: 24, ColumnChroot: 32,
	ColumnWakeup: 40, ColumnLimit: 48, ColumnCommand: 56,
}

const (
	// continuationIndent is the indent of the leftmost continuation line of an
	// entry; the others keep their distance to it.
	continuationIndent = 2
	// maxIndent bounds the blanks before a continuation line.
	maxIndent = 64
	// widestName is the longest name that may move the columns of all entries.
	widestName = 40
	// tabWidth is the width of a tab at the start of a line.
	tabWidth = 8
)

// Layout aligns the columns of a master.cf. It changes only blanks between
// columns, at the start of continuation lines and at the ends of lines, so the
// result has the same entries on the same lines. Comments, blank lines, the
// order, blanks between arguments, everything inside braces, lines that start
// with a blank where no entry precedes, and entries with a NUL byte stay byte
// for byte. It adds a missing last line feed. Layout of its own result changes
// nothing. The columns begin where Postfix's heading has them; if a name is so
// long that its entry is not aligned again by the chroot column, all columns
// move apart.
func Layout(text []byte) []byte {
	lines := splitLines(string(text))
	l := layout{stops: columnStops}
	l.out = make([]byte, 0, len(text)+len(text)/4+1)
	l.widen(lines)
	for i := range lines {
		if lines[i].kind == lineEntry && !lines[i].cut {
			l.entry(&lines[i])
		} else {
			l.out = append(l.out, lines[i].raw...)
		}
	}
	if n := len(l.out); n > 0 && l.out[n-1] != '\n' {
		l.out = append(l.out, '\n')
	}
	return l.out
}

// layout is one pass over a file.
type layout struct {
	out    []byte
	stops  [NumColumns]int
	starts []int // offsets of the kept lines of the entry, and one at the end
}

// widen moves the columns apart where the usual positions do not suffice.
func (l *layout) widen(lines []logicalLine) {
	var widest [NumColumns]int
	short := true
	for i := range lines {
		if lines[i].kind != lineEntry || lines[i].cut {
			continue
		}
		short = widestOf(&lines[i], &widest) && short
	}
	if short {
		return
	}
	at := 0
	for column := ColumnType; column < NumColumns; column++ {
		at += max(columnStops[column]-columnStops[column-1], widest[column-1]+1)
		l.stops[column] = at
	}
}

// widestOf records the widths of an entry's columns. short is false when the
// entry is not aligned at the chroot column and would be if all entries made
// room for it.
func widestOf(line *logicalLine, widest *[NumColumns]int) (short bool) {
	end := len(line.text)
	if len(line.parts) > 0 {
		end = line.parts[0].offset
	}
	at, position := 0, 0
	var lengths [NumColumns]int
	for column := ColumnName; column < NumColumns; column++ {
		start, stop := nextToken(line.text, at, column)
		if start == stop || stop > end {
			break
		}
		at, lengths[column] = stop, stop-start
		if lengths[column] > widestName {
			return true
		}
		position = max(position, columnStops[column]) + lengths[column] + 1
		if column < ColumnChroot {
			short = position <= columnStops[ColumnChroot]
		}
	}
	for column, n := range lengths {
		widest[column] = max(widest[column], n)
	}
	return short
}

// nextToken returns the token at or after an offset; number is how many tokens
// precede it. At the end of the text start equals stop.
func nextToken(text string, at, number int) (start, stop int) {
	for at < len(text) && isBlank(text[at]) {
		at++
	}
	start, stop = at, at
	if number >= NumColumns {
		return start, start + braceToken(text[start:])
	}
	for stop < len(text) && !isBlank(text[stop]) {
		stop++
	}
	return start, stop
}

// entry formats one entry, including the comments inside it.
func (l *layout) entry(line *logicalLine) {
	l.starts = append(l.starts[:0], 0)
	for _, p := range line.parts {
		l.starts = append(l.starts, p.offset)
	}
	l.starts = append(l.starts, len(line.text))
	indents := l.leftmost(line.text)
	number := 0              // tokens begun so far
	start, stop := 0, 0      // the token begun last
	raw, kept := line.raw, 0 // kept: the index of the next kept line
	for raw != "" {
		var physicalLine string
		if physicalLine, raw = physical(raw); blankOrComment(physicalLine) {
			l.out = append(l.out, physicalLine...)
			continue
		}
		from, to := l.starts[kept], l.starts[kept+1]
		at := from
		if stop > from { // inside a token that began in an earlier line
			at = min(stop, to)
			l.out = append(l.out, line.text[from:at]...)
		} else if kept > 0 {
			at = indentEnd(line.text, from, to)
			l.pad(continuationIndent + min(indentWidth(line.text[from:at])-indents, maxIndent))
		}
		lineStart := len(l.out)
		for stop <= to {
			next, end := nextToken(line.text, max(stop, at), number)
			if next >= to {
				break
			}
			gap := line.text[at:next]
			if kept == 0 && number < NumColumns {
				gap = ""
				l.pad(l.stops[number] - (len(l.out) - lineStart))
				if last := len(l.out) - 1; number > 0 && l.out[last] != ' ' {
					l.pad(1)
				}
			}
			l.out = append(l.out, gap...)
			start, stop = next, end
			at = min(stop, to)
			l.out = append(l.out, line.text[start:at]...)
			number++
		}
		l.end(physicalLine, at == to)
		kept++
	}
}

// end ends a physical line: trailing blanks are removed, except the carriage
// return of a file that uses them. whole reports that a token extends to the
// end.
func (l *layout) end(physicalLine string, whole bool) {
	if !whole && strings.HasSuffix(strings.TrimSuffix(physicalLine, "\n"), "\r") {
		l.out = append(l.out, '\r')
	}
	if strings.HasSuffix(physicalLine, "\n") {
		l.out = append(l.out, '\n')
	}
}

func (l *layout) pad(n int) {
	for ; n > 0; n-- {
		l.out = append(l.out, ' ')
	}
}

// leftmost returns the smallest indent of the entry's continuation lines,
// without those inside a token.
func (l *layout) leftmost(text string) int {
	smallest := -1
	number, start, stop := 0, 0, 0
	for i := 1; i < len(l.starts)-1; i++ {
		from, to := l.starts[i], l.starts[i+1]
		for stop < from { // the tokens that begin before this line
			next, end := nextToken(text, stop, number)
			if next >= from {
				break
			}
			start, stop = next, end
			number++
		}
		if start < from && stop > from {
			continue
		}
		width := indentWidth(text[from:indentEnd(text, from, to)])
		if smallest < 0 || width < smallest {
			smallest = width
		}
	}
	return max(smallest, 0)
}

// indentEnd returns the offset of the first byte of a line that is not blank.
func indentEnd(text string, from, to int) int {
	for from < to && isBlank(text[from]) {
		from++
	}
	return from
}

// indentWidth returns the width of the blanks at the start of a line; a tab is
// up to eight wide.
func indentWidth(blanks string) int {
	width := 0
	for i := 0; i < len(blanks); i++ {
		if blanks[i] == '\t' {
			width += tabWidth - width%tabWidth
		} else {
			width++
		}
	}
	return width
}
