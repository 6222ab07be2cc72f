package config

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
