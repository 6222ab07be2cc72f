package config

import "strings"

// Text returns the logical line of the entry: its physical lines joined and cut
// at the first NUL byte. The entry must come from ParseMaster.
func (e *MasterEntry) Text() string { return e.line.text }

// BracedFields splits the entry as postconf(1) does: braces keep blanks together
// in the columns too, where the master gives braces no meaning. The entry must
// come from ParseMaster.
func (e *MasterEntry) BracedFields() (list []Field) {
	text := e.line.text
	for at := 0; ; {
		start, stop := nextToken(text, at, NumColumns)
		if start == len(text) {
			return list
		}
		list = append(list, Field{Text: text[start:stop], offset: start})
		at = stop
	}
}

// Stripped returns an argument as the program receives it: without outer braces
// and the blanks inside them. offset is where the text begins in the field. An
// argument with unbalanced braces, which config refuses, is returned unchanged.
func (f Field) Stripped() (text string, offset int) {
	if f.Text[0] != '{' {
		return f.Text, 0
	}
	inner, fault := stripBraces(f.Text)
	if fault != "" {
		return f.Text, 0
	}
	return inner, max(strings.Index(f.Text[1:], inner), 0) + 1
}
