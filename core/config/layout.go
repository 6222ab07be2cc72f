package config

import "strings"

// The columns of a laid-out master.cf begin where the heading that comes with
// Postfix has them. A longer text pushes the next column on, which catches up
// at its place or later, as in the file that comes with Postfix.
var columnStops = [NumColumns]int{
	ColumnType: 10, ColumnPrivate: 16, ColumnUnprivileged: 24, ColumnChroot: 32,
	ColumnWakeup: 40, ColumnLimit: 48, ColumnCommand: 56,
}

const (
	// continuationIndent is how far the leftmost continuation line of an entry
	// is moved in; the others keep their distance to it.
	continuationIndent = 2
	// maxIndent bounds the blanks before a continuation line.
	maxIndent = 64
	// widestName is the longest name that may move the columns of all entries.
	widestName = 40
	// tabWidth is what a tab at the start of a line counts.
	tabWidth = 8
)

// Layout aligns the columns of a master.cf. Only blanks between columns, at
// the start of continuation lines and at the ends of lines change, so the
// result has the same entries in the same lines: comments, blank lines, the
// order, blanks between arguments, everything inside braces, lines that start
// with a blank where no entry precedes, and entries with a NUL byte stay byte
// for byte. A missing last line feed is added. Layout of its own result
// changes nothing. The columns stand where the heading that comes with Postfix
// has them; if a name is so long that its entry does not fall into step again
// by the chroot column, all columns move apart.
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
	starts []int // of the kept lines of the entry, by offset; one more at the end
}

// widen moves the columns apart where the usual places do not do.
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

// widestOf enters the lengths of an entry's columns. short is false when the
// entry is out of step at the chroot column and could be in step if all made
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

// nextToken finds the token at or after an offset; number counts the tokens
// before it. start == stop at the end of the text.
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

// entry lays one entry out, its comments between.
func (l *layout) entry(line *logicalLine) {
	l.starts = append(l.starts[:0], 0)
	for _, p := range line.parts {
		l.starts = append(l.starts, p.offset)
	}
	l.starts = append(l.starts, len(line.text))
	indents := l.leftmost(line.text)
	number := 0              // tokens begun so far
	start, stop := 0, 0      // the token that was begun last
	raw, kept := line.raw, 0 // kept: the number of the kept line that comes next
	for raw != "" {
		var physicalLine string
		if physicalLine, raw = physical(raw); dropped(physicalLine) {
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

// end ends a physical line: blanks at its end go, but for the carriage return
// of a file that has them. whole tells that a token reaches up to the end.
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

// leftmost gives the smallest indent of the entry's continuation lines, those
// inside a token left out.
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

// indentEnd gives the offset of the first byte of a line that is no blank.
func indentEnd(text string, from, to int) int {
	for from < to && isBlank(text[from]) {
		from++
	}
	return from
}

// indentWidth counts the blanks at the start of a line, tabs as up to eight.
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
