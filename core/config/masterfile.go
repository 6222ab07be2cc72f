package config

// MasterFile is the syntax tree of a master.cf.
type MasterFile struct {
	Path    string
	Entries []MasterEntry // in file order, broken ones included
	lines   []logicalLine
	excess  int32 // the line of the first entry that is not read; 0: all are read
}

// The columns of master.cf (spec config, 5.1).
const (
	ColumnName = iota
	ColumnType
	ColumnPrivate
	ColumnUnprivileged
	ColumnChroot
	ColumnWakeup
	ColumnLimit
	ColumnCommand
	NumColumns
)

// columnNames are the names of the columns in messages.
var columnNames = [NumColumns]string{
	"service name", "transport type", "private", "unprivileged", "chroot",
	"wakeup_time", "max_proc", "command",
}

// MasterEntry is one entry of master.cf as written.
type MasterEntry struct {
	Fields []Field // the columns that are present, at most NumColumns
	Args   []Field // tokens after the command, braces as written
	Line   int32   // the number that messages carry: the first line of the entry
	End    Position

	line        *logicalLine
	misplaced   bool // starts with a blank: skipped
	needsIndent bool // must have been meant as arguments of the previous entry
}

// Field is one token of an entry.
type Field struct {
	Text   string
	offset int
}

// At returns the position of a token of the entry in the file.
func (e *MasterEntry) At(f Field) Position { return e.line.position(f.offset) }

// ParseMaster parses master.cf (spec config, 5.1 and 5.6). It never fails:
// Resolve reports mistakes.
func ParseMaster(path string, text []byte) *MasterFile {
	f := &MasterFile{Path: path, lines: splitLines(string(text))}
	f.Entries = make([]MasterEntry, 0, len(f.lines))
	store := tokenStore{size: min(4096, longEntry+len(f.lines)*(NumColumns+2))}
	for i := range f.lines {
		l := &f.lines[i]
		if l.kind == lineIgnored {
			continue
		}
		fields, full := store.split(l.text)
		if l.kind == lineExcess || full {
			f.excess = l.number
			break
		}
		if len(fields) == 0 && !l.cut {
			continue
		}
		e := MasterEntry{Fields: fields, Line: l.number, line: l, misplaced: l.kind == lineMisplaced}
		e.End = l.position(len(l.text))
		if len(fields) > NumColumns {
			e.Fields, e.Args = fields[:NumColumns:NumColumns], fields[NumColumns:]
		}
		f.Entries = append(f.Entries, e)
	}
	f.markUnindented()
	return f
}

// maxTokens bounds the columns and arguments of one file, and so the memory of
// its syntax tree. It is several times more arguments than a system allows any
// program.
const maxTokens = 1 << 22

// longEntry is the number of tokens of a long entry; a longer one costs a copy.
const longEntry = 64

// tokenStore holds the tokens of many entries together, in blocks.
type tokenStore struct {
	size  int // of a block
	block []Field
	total int
}

// split cuts a logical line into tokens. full reports that the file has more
// than the limit.
func (s *tokenStore) split(text string) (fields []Field, full bool) {
	if cap(s.block)-len(s.block) < longEntry {
		s.block = make([]Field, 0, s.size)
	}
	start := len(s.block)
	s.block = splitFields(text, s.block, maxTokens-s.total+1)
	fields = s.block[start:len(s.block):len(s.block)]
	s.total += len(fields)
	return fields, s.total > maxTokens
}

// splitFields cuts a logical line into tokens and appends at most limit of them
// to dst: eight columns separated by blanks, then arguments, in which braces
// keep blanks.
func splitFields(text string, dst []Field, limit int) []Field {
	n, i := 0, 0
	for n < limit {
		for i < len(text) && isBlank(text[i]) {
			i++
		}
		if i == len(text) {
			return dst
		}
		start := i
		if n < NumColumns {
			for i < len(text) && !isBlank(text[i]) {
				i++
			}
		} else {
			i += braceToken(text[i:])
		}
		dst = append(dst, Field{Text: text[start:i], offset: start})
		n++
	}
	return dst
}

// braceToken returns the length of the token at the start of text, up to the
// first blank outside braces.
func braceToken(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case isBlank(c) && depth == 0:
			return i
		}
	}
	return len(text)
}

// Print returns the file byte for byte.
func (f *MasterFile) Print() []byte { return printLines(f.lines) }
