package advice

import (
	"errors"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// parameters checks the entries of main.cf.
func (c *check) parameters() {
	first := make(map[string]*config.MainEntry, len(c.last))
	for i := range c.in.Main.Entries {
		e := &c.in.Main.Entries[i]
		if e.Ignored() {
			continue
		}
		if before := first[e.Name]; before == nil {
			first[e.Name] = e
		} else if before.Value == e.Value {
			c.inMain(RepeatedParameter, e.NameAt, e.Name+" already has this value in line "+strconv.Itoa(int(before.Line)),
				"remove one of the two; otherwise a change of the first alone has no effect")
		}
		if c.last[e.Name] != e {
			continue
		}
		c.parameter(e)
	}
	c.disablePatterns()
	c.level()
	c.transports()
}

// parameter checks the entry that counts for its name.
func (c *check) parameter(e *config.MainEntry) {
	c.ownParameter(e)
	c.misspelt(e)
	c.references(e.Value, func(offset int) (string, config.Position) { return c.in.Main.Path, e.At(offset) })
	c.macros(e)
	c.inlineComment(e)
	c.timeSuffix(e)
	c.badValue(e)
	c.misspeltRestriction(e.Name, e.Value, func(offset int) (string, config.Position) { return c.in.Main.Path, e.At(offset) })
}

// ownParameter reports a parameter that only our master knows: it works in
// main.cf, but every command of Postfix warns there that it is unused.
func (c *check) ownParameter(e *config.MainEntry) {
	if config.IsOwn(e.Name) {
		c.inMain(OwnParameter, e.NameAt, "postconf and \"postfix start\" warn that "+e.Name+" is an unused parameter, because Postfix does not know it",
			"move the line to stationmaster.cf in the same directory, which only the master reads")
	}
}

// oddBytes are bytes that come into a name by mistake: of braces, quotes,
// macros, comments and separators.
const oddBytes = "{}()\"'`$#;,"

// oddName reports a name with bytes that the names of parameters do not have.
// Those of services and tables may have any, and with them some parameters.
func (c *check) oddName(path, name string, at config.Position) bool {
	i := strings.IndexAny(name, oddBytes)
	if i < 0 || c.catalog.Class(name) == known.Service || ofService(name) || ofTable(name) {
		return false
	}
	c.say(OddName, path, at, "there is no parameter \""+name+"\": the setting has no effect",
		"write the name without the "+name[i:i+1]+"; names have letters, digits and underscores")
	return true
}

// misspelt warns about a name that no program reads but that is close to one
// that is read.
func (c *check) misspelt(e *config.MainEntry) {
	if _, odd := findOdd(e.Name); odd || c.oddName(c.in.Main.Path, e.Name, e.NameAt) || c.used(e.Name) {
		return
	}
	if near, ok := c.closest(e.Name); ok {
		c.inMain(MisspeltParameter, e.NameAt, "there is no parameter \""+e.Name+"\", and nothing refers to it: the setting has no effect",
			"did you mean "+near+"?")
	}
}

// used reports whether a program may read a parameter of this name.
func (c *check) used(name string) bool {
	switch c.catalog.Class(name) {
	case known.Unknown, known.Unused:
	default:
		return true
	}
	return c.words[name] > 0 || known.Is(name) || ofService(name) || ofTable(name)
}

// ofService reports whether a name is that of a parameter which a delivery
// service can have. The service need not be there: it may be switched off.
func ofService(name string) bool {
	_, ok := known.ServiceOf(name)
	return ok
}

// ofTable reports whether a name is a parameter of a look-up table whose
// settings are in main.cf, the old way: its name, then the setting's.
func ofTable(name string) bool {
	for _, end := range []string{
		"_server_host", "_server_port", "_search_base", "_search_timeout", "_query_filter", "_result_filter",
		"_result_attribute", "_result_format", "_special_result_attribute", "_terminal_result_attribute", "_leaf_result_attribute",
		"_scope", "_bind", "_bind_dn", "_bind_pw", "_recursion_limit", "_expansion_limit", "_size_limit", "_dereference",
		"_chase_referrals", "_debuglevel", "_version", "_start_tls", "_timeout", "_user", "_password", "_hosts", "_dbname", "_query",
		"_select_field", "_table", "_where_field", "_additional_conditions", "_domain", "_select_function",
	} {
		if strings.HasSuffix(name, end) && !known.Is(end[1:]) {
			return true
		}
	}
	return false
}

// closest returns the known name that a misspelt one must mean. It must be so
// close that coincidence is excluded.
func (c *check) closest(name string) (near string, ok bool) {
	if len(name) < 6 || len(name) > 100 || ofService(name) || c.guesses == maxGuesses {
		return "", false
	}
	c.guesses++
	if c.names == nil {
		c.names = c.catalog.Names()
	}
	near, ok = known.Closest(name, c.names)
	if !ok || near == name {
		return "", false
	}
	limit := 1
	if len(name) >= 10 {
		limit = 2
	}
	folded := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	return near, distance(folded, strings.ToLower(near), limit) <= limit
}

// references warns about macros with names that are not set but are close to one
// that is. place returns the position of an offset of the text.
func (c *check) references(text string, place func(offset int) (string, config.Position)) {
	for i := 0; i < len(text); i++ {
		if text[i] != '$' {
			continue
		}
		start := i + 1
		if start < len(text) && text[start] == '$' { // a dollar sign, no macro
			i = start
			continue
		}
		if start < len(text) && (text[start] == '{' || text[start] == '(') {
			for start++; start < len(text) && isSpace(text[start]); start++ {
			}
		}
		end := start
		for end < len(text) && isNameByte(text[end]) {
			end++
		}
		name := text[start:end]
		if strings.ToUpper(name) == name || c.defined(name) {
			continue
		}
		if near, ok := c.closest(name); ok {
			file, at := place(start)
			c.say(MisspeltReference, file, at, "$"+name+" expands to nothing: there is no parameter of that name", "did you mean $"+near+"?")
		}
	}
}

// defined reports whether a macro of this name can have a value.
func (c *check) defined(name string) bool {
	if c.last[name] != nil || known.Is(name) || c.overridden[name] {
		return true
	}
	return c.catalog.Class(name) != known.Unknown
}

// macros looks for macros that cannot be expanded, in parameters that the
// master itself does not read: the programs that do will not start.
func (c *check) macros(e *config.MainEntry) {
	if strings.IndexByte(e.Value, '$') < 0 || !known.Is(e.Name) || c.broken == maxBroken {
		return
	}
	_, _, err := c.catalog.Value(e.Name)
	var problem *config.Problem
	if !errors.As(err, &problem) || len(problem.Diagnostics) < 2 || c.reported(problem) {
		return
	}
	c.broken++
	d := problem.Diagnostics[0] // the warning; the last one only says that the value is lost
	at := e.ValueAt
	if d.File == c.in.Main.Path && d.Line > 0 {
		at = config.Position{Line: d.Line, Column: d.Column}
	}
	if c.postconfExpands(e.Name) {
		c.inMain(BrokenMacro, at, brokenMacro(e.Name, "\"postfix start\" and programs", problem), d.Hint)
	} else {
		c.sayAs(core.Warning, BrokenMacro, c.in.Main.Path, at, brokenMacro(e.Name, "programs", problem), d.Hint)
	}
}

// brokenMacro returns what a macro does that cannot be expanded.
func brokenMacro(name, who string, problem *config.Problem) string {
	return "the value of " + name + " cannot be expanded, and " + who + " that read it will not start: " + problem.Diagnostics[0].Text
}

// postconfExpands reports whether postconf(1), and with it "postfix start",
// expands the value of a parameter whatever it is asked for.
func (c *check) postconfExpands(name string) bool {
	class := c.catalog.Class(name)
	return class == known.Builtin || class == known.Service
}

// reported reports whether config has already reported a problem.
func (c *check) reported(problem *config.Problem) bool {
	for _, d := range c.p.Diagnostics {
		if d.Text == problem.Diagnostics[0].Text {
			return true
		}
	}
	return false
}

// freeText are parts of the names of parameters whose values are text for
// people or for a shell.
var freeText = [...]string{"banner", "reply", "text", "footer", "command", "notice", "mail_name", "response", "filter", "macro"}

// inlineComment looks for a comment after a value: there are none.
func (c *check) inlineComment(e *config.MainEntry) {
	if !known.Is(e.Name) || strings.ContainsAny(e.Value, "{\"") {
		return
	}
	for _, part := range freeText {
		if strings.Contains(e.Name, part) {
			return
		}
	}
	for i := 1; i < len(e.Value); i++ {
		if e.Value[i] == '#' && isSpace(e.Value[i-1]) {
			c.inMain(InlineComment, e.At(i), "a # inside an entry begins no comment: the rest of the line is part of the value of "+e.Name,
				"put the comment on a line of its own that begins with #")
			return
		}
	}
}

// timeSuffix looks for text after the unit of a span of time, which is
// ignored. Spans are known by their defaults, which all have a unit.
func (c *check) timeSuffix(e *config.MainEntry) {
	standard, ok := known.Default(e.Name)
	if _, rest := leadingDigits(standard); !ok || rest == standard || len(rest) != 1 || !strings.Contains("smhdw", rest) {
		return
	}
	digits, rest := leadingDigits(e.Value)
	if digits == "" || len(rest) < 2 || !strings.Contains("smhdw", rest[:1]) {
		return
	}
	c.inMain(TimeSuffix, e.ValueAt, e.Name+" = "+e.Value+" is taken as "+digits+rest[:1]+": only the first character of the unit counts",
		"write "+digits+rest[:1]+", or another number with one of the units s, m, h, d, w")
}

// leadingDigits cuts a text after its first digits.
func leadingDigits(text string) (digits, rest string) {
	i := 0
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return text[:i], text[i:]
}

// level looks for a compatibility level in a form that is accepted by accident.
func (c *check) level() {
	e := c.last["compatibility_level"]
	if e == nil {
		return
	}
	text, refused := c.value(e.Name), false
	for _, d := range c.p.Diagnostics {
		refused = refused || strings.HasPrefix(d.Text, "malformed compatibility level")
	}
	for part := range strings.SplitSeq(text, ".") {
		if !refused && text != "" && !allDigits(part) {
			c.inMain(OddLevel, e.ValueAt, "\""+text+"\" is accepted as a level, but only because signs and blanks are skipped",
				"write numbers with dots between them, such as 3.6")
			return
		}
	}
}
