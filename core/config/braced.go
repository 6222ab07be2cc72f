package config

import "strings"

// Text is the logical line of the entry: its physical lines joined and cut at
// the first NUL byte. The entry must come from ParseMaster.
func (e *MasterEntry) Text() string { return e.line.text }

// BracedFields splits the entry as postconf(1) does: braces keep blanks
// together in the columns too, where the master knows no braces. The entry must
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

// Stripped is an argument as the program gets it: without outer braces and the
// blanks inside them. offset is where the text begins in the field. What is in
// braces that are not closed, which config refuses, is left as it is.
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
