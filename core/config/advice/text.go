package advice

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// file is the text of one of the files, by physical lines.
type file struct {
	path  string
	lines []string // with their line ends
}

func splitFile(path string, text []byte) file {
	f := file{path: path}
	for line := range strings.Lines(string(text)) {
		f.lines = append(f.lines, line)
	}
	return f
}

// line returns a physical line by its number, empty beyond the end.
func (f *file) line(number int32) string {
	if number < 1 || int(number) > len(f.lines) {
		return ""
	}
	return f.lines[number-1]
}

// blankOrComment reports whether a physical line is blank or a comment.
func blankOrComment(line string) bool {
	text := strings.TrimLeft(line, " \t\n\v\f\r")
	return text == "" || text[0] == '#'
}

// mainText checks main.cf as text.
func (c *check) mainText() {
	f := splitFile(c.in.Main.Path, c.in.Main.Print())
	c.bytes(&f)
	c.mainCharacters(&f)
	for i := range c.in.Main.Entries {
		e := &c.in.Main.Entries[i]
		c.nul(&f, e.Line, e.End().Line)
		if e.Ignored() {
			continue
		}
		comment := func() {} // about the last setting in a comment, if a line follows that counts
		f.each(e.Line, e.End().Line, func(at, kept, next int32) {
			if next == 0 {
				comment()
				comment = func() {}
				c.swallowedParameter(&f, e, at, setting(f.line(at), e.Name))
			} else if name := setting(strings.TrimLeft(f.line(at), " \t\v\f\r#"), e.Name); name != "" {
				comment = func() { c.commentedParameter(&f, e, at, kept, next, name) }
			}
		})
	}
}

// masterText checks master.cf as text.
func (c *check) masterText() {
	f := splitFile(c.in.Master.Path, c.in.Master.Print())
	c.bytes(&f)
	c.masterCharacters(&f)
	for i := range c.in.Master.Entries {
		e := &c.in.Master.Entries[i]
		c.nul(&f, e.Line, e.End.Line)
		if e.Ignored() || len(e.Fields) < config.NumColumns {
			continue
		}
		comment := func() {} // about the last entry in a comment, if a line follows that counts
		f.each(e.Line, e.End.Line, func(at, _, next int32) {
			fields := columns(strings.TrimLeft(f.line(at), " \t\r#"))
			if next == 0 {
				comment()
				comment = func() {}
			}
			if entryLike(fields) && next == 0 {
				c.swallowedEntry(&f, e, at, fields)
			} else if entryLike(fields) {
				comment = func() { c.commentedEntry(&f, e, at, next, fields) }
			}
		})
	}
}

// bytes looks for bytes that do not belong into a configuration file, outside
// comments. One place of each kind is enough.
func (c *check) bytes(f *file) {
	returns, invalid := false, false
	for i, line := range f.lines {
		if at := strings.IndexByte(strings.TrimRight(line, "\r\n"), '\r'); at >= 0 && !returns {
			returns = true
			c.say(CarriageReturn, f.path, config.Position{Line: int32(i) + 1, Column: int32(at) + 1},
				"there is a CR inside the line; Postfix ends lines at LF alone, so what follows is part of the same line",
				"write the file with LF line ends, for example with: sed -i 's/\\r$//; s/\\r/\\n/g' "+f.path)
		}
		if strings.HasSuffix(line, "\r\n") && !returns {
			returns = true
			c.say(CarriageReturn, f.path, config.Position{Line: int32(i) + 1, Column: int32(len(line)) - 1},
				"lines end in CR LF; Postfix ends lines at LF alone, and inside a value that goes over several lines the CR stays",
				"write the file with LF line ends, for example with: sed -i 's/\\r$//' "+f.path)
		}
		if invalid || blankOrComment(line) || utf8.ValidString(line) {
			continue
		}
		invalid = true
		at := invalidAt(line)
		c.say(InvalidUTF8, f.path, config.Position{Line: int32(i) + 1, Column: at},
			"the text is not valid UTF-8; programs that read it may misinterpret it"+latin(line[at-1]),
			"write the file in UTF-8, or names and texts in ASCII")
	}
}

// latin returns what a byte is in the character set of Western Europe, if that
// must be a mistake too.
func latin(b byte) string {
	r := rune(b)
	switch b {
	case 0x91, 0x92:
		r = 0x2018
	case 0x93, 0x94:
		r = 0x201c
	case 0x96:
		r = 0x2013
	case 0x97:
		r = 0x2014
	}
	odd, ok := oddOf(r)
	if !ok || odd.kind == oddControl {
		return ""
	}
	return "; in Latin-1 or Windows-1252 this is " + odd.article() + " " + odd.name
}

// invalidAt returns the column of the first byte that is not UTF-8.
func invalidAt(line string) int32 {
	for i, r := range line {
		if _, size := utf8.DecodeRuneInString(line[i:]); r == utf8.RuneError && size == 1 {
			return int32(i) + 1
		}
	}
	return 1
}

// nul looks for a NUL byte in an entry that ends, as far as it counts, in the
// line last.
func (c *check) nul(f *file, first, last int32) {
	for number := first; number <= last; number++ {
		line := f.line(number)
		if i := strings.IndexByte(line, 0); i >= 0 && !(number > first && blankOrComment(line)) {
			c.say(NULByte, f.path, config.Position{Line: number, Column: int32(i) + 1},
				"the entry has a NUL byte; all that follows it in the entry is ignored", "remove the NUL byte")
			return
		}
	}
}

// each calls look for the lines of an entry after its first: for one that goes
// on with the entry next is 0; for one that is dropped kept is the last line
// before it that counts, next the first after it.
func (f *file) each(first, last int32, look func(at, kept, next int32)) {
	kept, next := first, int32(0)
	for at := first + 1; at <= last; at++ {
		if !blankOrComment(f.line(at)) {
			look(at, kept, 0)
			kept = at
			continue
		}
		for next = max(next, at+1); next < last && blankOrComment(f.line(next)); next++ {
		}
		look(at, kept, next)
	}
}

// setting returns the name of the parameter that a line would set if it began an
// entry, empty if it is none or the one of the entry.
func setting(line, own string) string {
	name := parameterName(strings.TrimLeft(line, " \t\v\f\r"))
	if name == own || !known.Is(name) {
		return ""
	}
	return name
}

// swallowedParameter checks a line that continues an entry of main.cf.
func (c *check) swallowedParameter(f *file, e *config.MainEntry, at int32, name string) {
	if name == "" {
		return
	}
	c.say(SwallowedParameter, f.path, indented(f, at),
		"the line begins with a blank, so it is part of the value of "+e.Name+" of line "+strconv.Itoa(int(e.Line))+
			" and does not set "+name,
		"remove the blanks before "+name)
}

// commentedParameter checks a comment inside an entry of main.cf.
func (c *check) commentedParameter(f *file, e *config.MainEntry, at, kept, next int32, name string) {
	before := strings.TrimRight(f.line(kept), " \t\r\n")
	if strings.HasSuffix(before, ",") || strings.HasSuffix(before, "=") {
		return
	}
	c.say(CommentedParameter, f.path, indented(f, next),
		"this line goes on with "+e.Name+" of line "+strconv.Itoa(int(e.Line))+", not with "+name+
			", which the comment in line "+strconv.Itoa(int(at))+" switched off",
		"put a # before this line too, or move the comment out of the entry of "+e.Name)
}

// parameterName returns the name at the start of "name = value", or "".
func parameterName(text string) string {
	i := 0
	for i < len(text) && isNameByte(text[i]) {
		i++
	}
	if rest := strings.TrimLeft(text[i:], " \t"); rest == "" || rest[0] != '=' || strings.HasPrefix(rest, "==") {
		return ""
	}
	return text[:i]
}

// indented returns the position of the first character of a line that is not a blank.
func indented(f *file, number int32) config.Position {
	line := f.line(number)
	return config.Position{Line: number, Column: int32(len(line)-len(strings.TrimLeft(line, " \t"))) + 1}
}

// swallowedEntry reports an entry that became arguments of another.
func (c *check) swallowedEntry(f *file, e *config.MasterEntry, at int32, fields []string) {
	c.swallowed[at] = true
	c.say(SwallowedEntry, f.path, indented(f, at),
		"the line begins with a blank, so it is given to "+e.Fields[config.ColumnCommand].Text+" of line "+
			strconv.Itoa(int(e.Line))+" as arguments, and there is no service "+quoted(fields),
		"remove the blanks before "+fields[config.ColumnName])
}

// commentedEntry checks an entry in a comment inside another.
func (c *check) commentedEntry(f *file, e *config.MasterEntry, at, next int32, fields []string) {
	name, kind := e.Fields[config.ColumnName].Text, e.Fields[config.ColumnType].Text
	same := fields[config.ColumnName] == name && fields[config.ColumnType] == kind // another version of it
	if same || entryLike(columns(f.line(next))) {
		return
	}
	line := strconv.Itoa(int(e.Line))
	c.say(CommentedEntry, f.path, indented(f, next),
		"this line continues the entry \""+name+" "+kind+"\" of line "+line+", not with "+quoted(fields)+
			", which the comment in line "+strconv.Itoa(int(at))+" switched off",
		"put a # before this line too, or move the comment out of the entry of line "+line)
}

// quoted shows an entry by its first two columns.
func quoted(fields []string) string {
	return "\"" + fields[config.ColumnName] + " " + fields[config.ColumnType] + "\""
}

// columns returns the first fields of a line, of which no entry needs more.
func columns(line string) []string {
	const enough = 2000 // bytes
	return strings.Fields(line[:min(len(line), enough)])
}

// entryLike reports whether fields look like an entry of master.cf.
func entryLike(fields []string) bool {
	if len(fields) < config.NumColumns {
		return false
	}
	if _, ok := core.ParseServiceType(fields[config.ColumnType]); !ok {
		return false
	}
	flag := func(s string) bool { return s == "y" || s == "n" || s == "-" }
	count := func(s string) bool { return s == "-" || isDigit(s[0]) }
	return !slices.ContainsFunc(fields[config.ColumnPrivate:config.ColumnWakeup], func(s string) bool { return !flag(s) }) &&
		count(fields[config.ColumnWakeup]) && count(fields[config.ColumnLimit])
}
