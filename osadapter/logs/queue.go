package logs

import "slices"

// maxKept is how many bytes of lines are kept until a target takes them; the
// newest ones beyond it are lost.
const maxKept = 1 << 20

// foreign is the level of a line that another process wrote: its text is the
// whole line of a log file.
const foreign = numLevels + 1

// stampLength is the length of the time at the start of a line, "Mar  5
// 13:04:09", and the blank behind it.
const stampLength = 16

// line is a line before it has the form that its target wants: the time, the
// tag, the prefix of its level and the text.
type line struct {
	level Level
	text  []byte
}

// queue keeps lines, the oldest first.
type queue struct {
	lines []line
	bytes int
}

func (q *queue) empty() bool { return len(q.lines) == 0 }

// hasRoom reports whether another line may be kept.
func (q *queue) hasRoom() bool { return q.bytes < maxKept }

// add keeps a copy of a line.
func (q *queue) add(level Level, text []byte) {
	q.lines = append(q.lines, line{level, slices.Clone(text)})
	q.bytes += len(text)
}

// drop forgets the oldest line.
func (q *queue) drop() {
	q.bytes -= len(q.lines[0].text)
	q.lines[0] = line{}
	if q.lines = q.lines[1:]; q.empty() {
		q.lines = nil
	}
}

// take moves all lines of another queue behind those of this one.
func (q *queue) take(other *queue) {
	q.lines = append(q.lines, other.lines...)
	q.bytes += other.bytes
	*other = queue{}
}
