package advice

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// oddKind is what kind of character came into a file by mistake, most often
// with a text that was copied from a page.
type oddKind uint8

const (
	oddSpace     oddKind = iota + 1 // looks like a blank
	oddInvisible                    // looks like nothing
	oddQuote                        // looks like a quotation mark
	oddDash                         // looks like a hyphen
	oddWide                         // looks like an ASCII character
	oddControl                      // a control character
)

// oddRune is such a character.
type oddRune struct {
	kind   oddKind
	name   string
	write  string // what is meant; empty: nothing
	offset int    // in the text
}

// oddNames are the names of characters that have an ASCII character for a
// neighbour by mistake alone.
var oddNames = map[rune]oddRune{
	0x00a0: {kind: oddSpace, name: "no-break space"}, 0x2007: {kind: oddSpace, name: "figure space"},
	0x2009: {kind: oddSpace, name: "thin space"}, 0x200a: {kind: oddSpace, name: "hair space"},
	0x2002: {kind: oddSpace, name: "en space"}, 0x2003: {kind: oddSpace, name: "em space"},
	0x202f: {kind: oddSpace, name: "narrow no-break space"}, 0x3000: {kind: oddSpace, name: "ideographic space"},
	0x2028: {kind: oddSpace, name: "line separator"}, 0x2029: {kind: oddSpace, name: "paragraph separator"},

	0x00ad: {kind: oddInvisible, name: "soft hyphen"}, 0x200b: {kind: oddInvisible, name: "zero-width space"},
	0x200c: {kind: oddInvisible, name: "zero-width non-joiner"}, 0x200d: {kind: oddInvisible, name: "zero-width joiner"},
	0x200e: {kind: oddInvisible, name: "left-to-right mark"}, 0x200f: {kind: oddInvisible, name: "right-to-left mark"},
	0x202a: {kind: oddInvisible, name: "left-to-right embedding"}, 0x202b: {kind: oddInvisible, name: "right-to-left embedding"},
	0x202c: {kind: oddInvisible, name: "end of embedding"}, 0x2060: {kind: oddInvisible, name: "word joiner"},
	0x2066: {kind: oddInvisible, name: "left-to-right isolate"}, 0x2069: {kind: oddInvisible, name: "end of isolate"},
	0xfeff: {kind: oddInvisible, name: "byte order mark"},

	0x2018: {kind: oddQuote, name: "typographic quote", write: "'"}, 0x2019: {kind: oddQuote, name: "typographic quote", write: "'"},
	0x201a: {kind: oddQuote, name: "typographic quote", write: "'"}, 0x201c: {kind: oddQuote, name: "typographic quote", write: "\""},
	0x201d: {kind: oddQuote, name: "typographic quote", write: "\""}, 0x201e: {kind: oddQuote, name: "typographic quote", write: "\""},
	0x00ab: {kind: oddQuote, name: "angle quote", write: "\""}, 0x00bb: {kind: oddQuote, name: "angle quote", write: "\""},

	0x2010: {kind: oddDash, name: "typographic hyphen", write: "-"}, 0x2011: {kind: oddDash, name: "no-break hyphen", write: "-"},
	0x2012: {kind: oddDash, name: "figure dash", write: "-"}, 0x2013: {kind: oddDash, name: "en dash", write: "-"},
	0x2014: {kind: oddDash, name: "em dash", write: "-"}, 0x2212: {kind: oddDash, name: "minus sign", write: "-"},
}

// oddOf returns what is odd about a character; ok is false if it may be meant.
func oddOf(r rune) (odd oddRune, ok bool) {
	const wide, firstWide, lastWide = 0xfee0, 0xff01, 0xff5e // as wide as two, from ! to ~
	switch {
	case r >= firstWide && r <= lastWide:
		return oddRune{kind: oddWide, name: "full-width " + string(r-wide), write: string(r - wide)}, true
	case r < ' ' && !isSpace(byte(r)), r >= 0x7f && r < 0xa0:
		return oddRune{kind: oddControl, name: "control character"}, true
	}
	odd, ok = oddNames[r]
	return odd, ok
}

// article is the one before the name.
func (o *oddRune) article() string {
	if strings.IndexByte("aeio", o.name[0]) >= 0 {
		return "an"
	}
	return "a"
}

// findOdd finds the first character in a text that cannot be meant. A word that
// has others besides that are not ASCII is in another language and may have any.
// Words are what blanks and commas separate. A dash must be part of a word, and
// inside a path nothing is looked for: a file may be called what it likes.
func findOdd(text string) (odd oddRune, ok bool) {
	for start := 0; start < len(text); {
		end := start
		for end < len(text) && !isSpace(text[end]) && text[end] != ',' {
			end++
		}
		if odd, ok := findOddInWord(text[start:end]); ok {
			odd.offset += start
			return odd, true
		}
		start = end + 1
	}
	return odd, false
}

func findOddInWord(word string) (first oddRune, ok bool) {
	path := pathStart(word)
	for i, r := range word {
		odd, isOdd := oddOf(r)
		after := i + utf8.RuneLen(r)
		switch {
		case !isOdd && r >= utf8.RuneSelf: // another language, or no UTF-8
			return first, false
		case !isOdd, ok:
		case odd.kind == oddDash && len(word) == after-i:
		case i > path && after < len(word) && odd.kind != oddControl:
		default:
			first, ok = odd, true
			first.offset = i
		}
	}
	return first, ok
}

// pathStart is where a word becomes the name of a file; its length if it does
// not.
func pathStart(word string) int {
	for i := range len(word) {
		if word[i] == '/' && (i == 0 || strings.IndexByte(":={\"'", word[i-1]) >= 0) {
			return i
		}
	}
	return len(word)
}

// oddCharacter reports a character that cannot be meant. what is where it
// stands, in words; quotes says whether quotation marks mean something there.
func (c *check) oddCharacter(path string, at config.Position, text string, odd *oddRune, what string, quotes bool) {
	r, _ := utf8.DecodeRuneInString(text[odd.offset:])
	effect := map[oddKind]string{
		oddSpace: "separates nothing, and is part of the word beside it", oddInvisible: "is part of the word, although it is invisible",
		oddQuote: "is part of the word beside it", oddDash: "is not a hyphen", oddWide: "is no " + odd.write, oddControl: "is part of the word",
	}[odd.kind]
	hint := "write " + odd.write + " instead"
	switch {
	case odd.kind == oddSpace:
		hint = "write an ordinary blank, or nothing"
	case odd.write == "":
		hint = "remove it"
	case odd.kind == oddQuote && !quotes:
		hint = "remove it: there are no quotation marks here"
	}
	c.say(OddCharacter, path, at, fmt.Sprintf("%s has %s %s (U+%04X): it %s", what, odd.article(), odd.name, r, effect), hint)
}

// textParameters are parts of the names of parameters whose values are for
// people, in any language, or are lists of characters.
var textParameters = [...]string{
	"banner", "reply", "text", "footer", "notice", "mail_name", "response", "header", "delimiter", "characters", "expansion_filter",
}

// isPlain reports whether nothing but names, numbers and paths can be meant by
// the value of a parameter. Of one that the operator has made nobody knows what
// it is for.
func isPlain(name, value string) bool {
	for _, part := range textParameters {
		if strings.Contains(name, part) {
			return false
		}
	}
	inline := strings.Contains(value, ":{") // a table, whose results may be text
	return !inline && (known.Is(name) || ofService(name) || strings.HasSuffix(name, "_restrictions"))
}

// mainCharacters looks for characters in main.cf that cannot be meant.
func (c *check) mainCharacters(f *file) {
	for i := range c.in.Main.Entries {
		e := &c.in.Main.Entries[i]
		if e.Name == "" {
			c.brokenCharacters(f, e.Line)
		} else if odd, ok := findOdd(e.Name); ok {
			at := e.NameAt
			at.Column += int32(odd.offset)
			c.oddCharacter(f.path, at, e.Name, &odd, "the name of the parameter", false)
		} else if odd, ok := findOdd(e.Value); ok && isPlain(e.Name, e.Value) {
			c.oddCharacter(f.path, e.At(odd.offset), e.Value, &odd, "the value of "+e.Name, strings.Contains(e.Name, "command"))
		}
	}
}

// brokenCharacters checks a line that is refused: it may be for such a
// character at its start or around the "=".
func (c *check) brokenCharacters(f *file, number int32) {
	line := f.line(number)
	if odd, ok := findOdd(line); ok {
		c.oddCharacter(f.path, config.Position{Line: number, Column: int32(odd.offset) + 1}, line, &odd, "the line", false)
	}
}

// masterCharacters looks for characters in master.cf that cannot be meant: in
// the columns, and in the arguments of Postfix's own servers up to those of
// another program.
func (c *check) masterCharacters(f *file) {
	for i := range c.in.Master.Entries {
		e := &c.in.Master.Entries[i]
		if e.Ignored() {
			continue
		}
		for column, field := range e.Fields {
			if odd, ok := findOddInColumn(field.Text); ok {
				c.oddCharacter(f.path, e.Inside(field, odd.offset), field.Text, &odd, "the column "+columnTitles[column], false)
			}
		}
		if len(e.Fields) < config.NumColumns {
			continue
		}
		if _, ours := servers[e.Fields[config.ColumnCommand].Text]; ours {
			c.argumentCharacters(f, e)
		}
	}
}

// columnTitles are the names of the columns in the heading that comes with
// Postfix.
var columnTitles = [config.NumColumns]string{"service", "type", "private", "unpriv", "chroot", "wakeup", "maxproc", "command"}

// findOddInColumn is findOdd for a column, in which a dash alone is odd too.
func findOddInColumn(text string) (odd oddRune, ok bool) {
	if odd, ok = findOdd(text); ok {
		return odd, true
	}
	r, size := utf8.DecodeRuneInString(text)
	odd, ok = oddOf(r)
	return odd, ok && size == len(text)
}

func (c *check) argumentCharacters(f *file, e *config.MasterEntry) {
	ours := entry{MasterEntry: e, ours: true}
	for _, a := range arguments(&ours) {
		if hasAttribute(a.Text, "argv=") {
			return
		}
		text := a.Text
		if a.Letter == 'o' && a.Name != "" && !isPlain(a.Name, a.Value) {
			text = text[:strings.IndexByte(text, '=')]
		}
		if odd, ok := findOdd(text); ok {
			c.oddCharacter(f.path, a.place(&ours, odd.offset), text, &odd, "an argument", false)
		}
	}
}
