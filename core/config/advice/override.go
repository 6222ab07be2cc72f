package advice

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// argument is one argument of a server, or an option and its value.
type argument struct {
	field  config.Field // of the option
	value  config.Field // of "-o": what follows it; the option itself if they are one word
	option byte         // the letter; 0: no option
	alone  bool         // an option that lacks its value
	text   string       // of "-o": the value without braces; else the argument
	name   string       // of "-o name=value"
	set    string       // of "-o name=value": the value
	start  int          // of "-o": where text begins in the value field
}

// arguments reads the arguments of Postfix's own servers as they do. It ends
// where the arguments of another program begin.
func arguments(e *entry) (list []argument) {
	if !e.ours {
		return nil
	}
	for i := 0; i < len(e.Args); i++ {
		a := argument{field: e.Args[i], text: e.Args[i].Text}
		if strings.HasPrefix(a.text, "argv=") || a.text == "--" {
			return list
		}
		if a.text == "-" || a.text[0] != '-' {
			list = append(list, a)
			if e.server.arguments == optionsOnly {
				return list // the server ends here
			}
			continue
		}
		at := strings.IndexAny(a.text, "oimnst") // the letters that take a value
		a.option = a.text[1]
		if at > 0 {
			a.option = a.text[at]
		}
		switch {
		case at < 0:
		case at+1 < len(a.text):
			a.value, a.start = a.field, at+1
		case i+1 == len(e.Args):
			a.alone = true
		default:
			i++
			a.value = e.Args[i]
		}
		if a.option == 'o' && !a.alone {
			a.override()
		}
		list = append(list, a)
	}
	return list
}

// override splits the value of "-o".
func (a *argument) override() {
	a.text = a.value.Text[a.start:]
	if a.start == 0 && strings.HasPrefix(a.text, "{") && strings.HasSuffix(a.text, "}") {
		inner := strings.TrimLeft(a.text[1:], " \t\r")
		a.start = len(a.text) - len(inner)
		a.text = strings.TrimRight(inner[:len(inner)-1], " \t\r")
	}
	name, set, ok := strings.Cut(a.text, "=")
	if ok && strings.TrimSpace(name) != "" {
		a.name, a.set = strings.TrimSpace(name), strings.TrimSpace(set)
	}
}

// arguments looks at the arguments of one of Postfix's own servers.
func (c *check) arguments(e *entry) {
	seen := make(map[string]*argument)
	for i := range e.args {
		a := &e.args[i]
		switch {
		case a.option == 'o':
			if !c.override(e, a, i) {
				return // the server ends here
			}
			if before := seen[a.name]; a.name != "" && before != nil {
				c.inMaster(RepeatedOverride, e.At(a.value), "-o "+a.name+" is given twice to this service; only this one counts",
					"remove the other -o "+a.name+", of line "+decimal(int64(e.At(before.value).Line)))
			}
			seen[a.name] = a
		case a.option == 0 && e.server.arguments == optionsOnly,
			a.option == 0 && e.server.arguments == attributes && strings.IndexByte(a.text, '=') <= 0:
			c.stray(e, a, i)
			return // the server ends here
		}
	}
}

// split tells whether the arguments from number i on are the pieces of an
// override with blanks around the "=".
func split(e *entry, i int) bool {
	if i+1 == len(e.args) {
		return false
	}
	next := e.args[i+1].text
	return e.args[i+1].option == 0 && strings.HasPrefix(next, "=")
}

// override looks at one "-o name=value". ok is false if the server does not
// start because of it.
func (c *check) override(e *entry, a *argument, i int) (ok bool) {
	const hint = "write -o name=value without blanks around the =, or -o { name = value }"
	switch {
	case a.alone:
		c.inMaster(OverrideSyntax, e.At(a.field), "-o lacks its name=value: "+e.command()+" refuses to start", hint)
		return false
	case strings.IndexByte(a.text, '=') < 0:
		more := ""
		if split(e, i) {
			more = " (a blank beside the = parts them)"
		}
		c.inMaster(OverrideSyntax, e.At(a.value), "-o "+a.text+" lacks its value"+more+": "+e.command()+" refuses to start", hint)
		return false
	case a.name == "":
		c.inMaster(OverrideSyntax, e.At(a.value), "-o "+a.text+" lacks the name of the parameter: "+e.command()+" refuses to start", hint)
		return false
	}
	c.overrideName(e, a)
	offset := a.start + strings.IndexByte(a.text, '=') + 1
	text := a.value.Text[offset:]
	c.references(text, func(at int) (string, config.Position) {
		return c.in.Master.Path, e.Inside(a.value, offset+at)
	})
	return true
}

// overrideName looks for an override of a parameter that nobody reads.
func (c *check) overrideName(e *entry, a *argument) {
	if c.used(a.name) || c.last[a.name] != nil {
		return
	}
	if near, ok := c.closest(a.name); ok {
		c.inMaster(MisspeltOverride, e.Inside(a.value, a.start), "there is no parameter \""+a.name+"\", and nothing refers to it: "+
			"the override has no effect", "did you mean "+near+"?")
	}
}

// stray tells of an argument that is no option.
func (c *check) stray(e *entry, a *argument, i int) {
	at := e.At(a.field)
	if c.swallowed[at.Line] { // the whole line is in the wrong place
		return
	}
	hint := "remove it"
	if i > 0 {
		before := &e.args[i-1]
		switch {
		case a.text[0] == '#':
			hint = "put comments on lines of their own that begin with #"
		case before.option == 'o' && before.name != "":
			hint = "if it is part of the value of " + before.name + ", write -o { " + before.name + " = value with blanks }, or commas without blanks"
		}
	} else if a.text[0] == '#' {
		hint = "put comments on lines of their own that begin with #"
	}
	c.inMaster(StrayArgument, at, "the argument \""+a.text+"\" is no option: "+e.command()+" refuses to start", hint)
}

// braces looks for an argument with a brace that nothing closes: it goes on to
// the end of the entry.
func (c *check) braces(e *entry) {
	for _, f := range e.Args {
		if f.Text[0] == '{' { // an error of its own if it is not closed
			continue
		}
		depth, first := 0, 0
		for i := 0; i < len(f.Text); i++ {
			switch f.Text[i] {
			case '{':
				if depth == 0 {
					first = i
				}
				depth++
			case '}':
				depth = max(depth-1, 0)
			}
		}
		if depth > 0 {
			c.inMaster(UnclosedBrace, e.Inside(f, first), "nothing closes this brace: all that follows in the entry is one argument",
				"close the brace, or write the argument without it")
		}
	}
}

// overridden gives what "-o" says of a parameter in an entry; of several the
// last counts.
func (e *entry) overridden(name string) (value string, at config.Position, ok bool) {
	for i := range e.args {
		if a := &e.args[i]; a.name == name {
			value, at, ok = a.set, e.At(a.value), true
		}
	}
	return value, at, ok
}

// setting is the value of a parameter for one service, expanded.
func (c *check) setting(e *entry, name string) (value string, at config.Position, own bool) {
	if text, at, ok := e.overridden(name); ok {
		value, err := c.p.Expand(text)
		if err != nil {
			value = ""
		}
		return value, at, true
	}
	value = c.value(name)
	if standard, ok := known.Default(name); value == "" && ok && strings.IndexByte(standard, '$') < 0 && c.last[name] == nil {
		value = standard
	}
	return value, c.valueAt(name), false
}
