package advice

import (
	"errors"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// argument is one argument of a server, or an option and its value.
type argument struct {
	config.ServerArgument
	field  config.Field // that has the option, or the argument itself
	value  config.Field // that holds the text
	offset int          // where the text begins in it
}

// place returns the position of a part of the text.
func (a *argument) place(e *entry, offset int) config.Position {
	return e.Inside(a.value, a.offset+offset)
}

// arguments reads the arguments of Postfix's own servers as they do.
func arguments(e *entry) (list []argument) {
	if !e.ours {
		return nil
	}
	return argumentsOf(e.MasterEntry)
}

func argumentsOf(e *config.MasterEntry) (list []argument) {
	texts, offsets := make([]string, len(e.Args)), make([]int, len(e.Args))
	for i, f := range e.Args {
		texts[i], offsets[i] = f.Stripped()
	}
	for _, a := range config.ServerArguments(texts) {
		list = append(list, argument{a, e.Args[a.Option], e.Args[a.Arg], offsets[a.Arg] + a.Start})
	}
	return list
}

// arguments checks the arguments of one of Postfix's own servers, up to the
// one because of which it does not start.
func (c *check) arguments(e *entry) {
	seen := make(map[string]*argument)
	for i := range e.args {
		a := &e.args[i]
		switch {
		case a.Fault != "":
			c.optionFault(e, a)
			return
		case a.Letter == 'o':
			c.override(e, a)
			if before := seen[a.Name]; before != nil {
				c.inMaster(RepeatedOverride, e.At(a.value), "-o "+a.Name+" is given twice to this service; only this one counts",
					"remove the other -o "+a.Name+", of line "+decimal(int64(e.At(before.value).Line)))
			}
			seen[a.Name] = a
		case a.Letter == 0 && stray(e, a):
			c.stray(e, a, i)
			return
		}
	}
}

// stray reports whether a server refuses an argument that is not an option.
func stray(e *entry, a *argument) bool {
	switch e.server.arguments {
	case optionsOnly:
		return true
	case attributes:
		const name = "flags="
		return !hasAttribute(a.Text, name) || strings.Trim(a.Text[len(name):], "DORX") != ""
	}
	return false
}

// hasAttribute reports whether an argument gives an attribute, written as
// "name=". Servers do not mind the case of its letters.
func hasAttribute(text, name string) bool {
	return len(text) >= len(name) && strings.EqualFold(text[:len(name)], name)
}

// optionFault reports an option that a server refuses.
func (c *check) optionFault(e *entry, a *argument) {
	const hint = "write -o name=value without blanks around the =, or -o { name = value }"
	option := "-" + string(rune(a.Letter))
	refuses := ": " + e.command() + " refuses to start"
	_, _, equals := strings.Cut(a.Text, "=")
	switch {
	case a.Fault == config.UnknownOption && a.Letter == '-':
		c.inMaster(UnknownOption, e.At(a.field), "options have one hyphen and one letter, not \""+a.Text+"\""+refuses, hint)
	case a.Fault == config.UnknownOption:
		c.inMaster(UnknownOption, e.At(a.field), "there is no option \""+option+"\""+refuses, "remove it; parameters are set with -o name=value")
	case a.Fault == config.MissingValue && a.Letter == 'o':
		c.inMaster(OverrideSyntax, e.At(a.field), "-o lacks its name=value"+refuses, hint)
	case a.Fault == config.MissingValue:
		c.inMaster(OverrideSyntax, e.At(a.field), option+" lacks its value"+refuses, "write the value after it, or remove it")
	case strings.HasPrefix(a.Text, "{") && a.Start > 0:
		c.inMaster(OverrideSyntax, a.place(e, 0), "a { directly after -o is part of the name"+refuses, "put a blank between -o and {")
	case equals && strings.TrimSpace(a.Text)[0] == '=':
		c.inMaster(OverrideSyntax, e.At(a.value), "-o "+a.Text+" lacks the name of the parameter"+refuses, hint)
	case equals:
		name, _, _ := strings.Cut(a.Text, "=")
		c.inMaster(OverrideSyntax, a.place(e, 0), "\""+strings.TrimSpace(name)+"\" is not a parameter name: it contains a blank"+refuses, hint)
	default:
		more := ""
		if split(e, a) {
			more = " (a blank beside the = parts them)"
		}
		c.inMaster(OverrideSyntax, e.At(a.value), "-o "+a.Text+" lacks its value"+more+refuses, hint)
	}
}

// split reports whether the argument that follows an override is a piece of it.
func split(e *entry, a *argument) bool {
	return a.Arg+1 < len(e.Args) && strings.HasPrefix(e.Args[a.Arg+1].Text, "=")
}

// override checks one "-o name=value" that a server takes.
func (c *check) override(e *entry, a *argument) {
	c.overrideName(e, a)
	offset := strings.IndexByte(a.Text, '=') + 1
	place := func(at int) (string, config.Position) { return c.in.Master.Path, a.place(e, offset+at) }
	c.references(a.Text[offset:], place)
	c.misspeltRestriction(a.Name, a.Text[offset:], place)
	c.overrideMacros(a, a.place(e, offset))
	c.badOverride(e, a)
}

// overrideMacros looks for macros that cannot be expanded. postconf expands the
// values of all parameters that it knows.
func (c *check) overrideMacros(a *argument, at config.Position) {
	if strings.IndexByte(a.Value, '$') < 0 || !c.postconfExpands(a.Name) || c.broken == maxBroken {
		return
	}
	_, err := c.p.Expand(a.Value)
	var problem *config.Problem
	if errors.As(err, &problem) && len(problem.Diagnostics) > 1 {
		c.broken++
		c.inMaster(BrokenMacro, at, brokenMacro(a.Name, "\"postfix start\" and programs", problem), problem.Diagnostics[0].Hint)
	}
}

// overrideName warns about an override of a parameter that no program reads.
func (c *check) overrideName(e *entry, a *argument) {
	_, odd := findOdd(a.Name)
	if odd || c.oddName(c.in.Master.Path, a.Name, a.place(e, strings.Index(a.Text, a.Name))) || c.used(a.Name) || c.last[a.Name] != nil {
		return
	}
	if near, ok := c.closest(a.Name); ok {
		c.inMaster(MisspeltOverride, a.place(e, 0), "there is no parameter \""+a.Name+"\", and nothing refers to it: "+
			"the override has no effect", "did you mean "+near+"?")
	}
}

// stray reports an argument that is not an option.
func (c *check) stray(e *entry, a *argument, i int) {
	at := e.At(a.field)
	if c.swallowed[at.Line] { // the whole line is in the wrong place
		return
	}
	hint := "remove it"
	odd, isOdd := findOdd(a.Text)
	switch {
	case isOdd && odd.offset == 0 && odd.kind == oddDash:
		hint = "begin options with a hyphen, not with " + odd.article() + " " + odd.name
	case strings.HasPrefix(a.Text, "#"):
		hint = "put comments on lines of their own that begin with #"
	case e.server.arguments == attributes && hasAttribute(a.Text, "flags="):
		hint = "use the letters D, O, R and X"
	case i > 0 && e.args[i-1].Letter == 0 && strings.HasPrefix(a.Text, "-"):
		hint = "write the options before " + e.args[i-1].Text
	case i > 0 && e.args[i-1].Letter == 'o':
		name := e.args[i-1].Name
		hint = "if it is part of the value of " + name + ", write -o { " + name + " = value with blanks }, or commas without blanks"
	}
	c.inMaster(StrayArgument, at, "the argument \""+a.Text+"\" is no option: "+e.command()+" refuses to start", hint)
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

// overridden returns what "-o" says of a parameter in an entry; of several the
// last counts.
func (e *entry) overridden(name string) (value string, at config.Position, ok bool) {
	for i := range e.args {
		if a := &e.args[i]; a.Name == name {
			value, at, ok = a.Value, e.At(a.value), true
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
