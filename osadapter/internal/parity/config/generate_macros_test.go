package config_test

import "strings"

// macros draws a text with macros in it, nested at most to the given depth.
func (d *draft) macros(depth int) string {
	var out strings.Builder
	for i := range 1 + d.IntN(3) {
		if i > 0 {
			out.WriteString(d.pick(" ", " ", "", "  ", ", "))
		}
		if depth == 0 || d.chance(3) {
			out.WriteString(d.pick(words...))
			continue
		}
		out.WriteString(d.macro(depth - 1))
	}
	if d.fault(16) {
		return out.String() + d.pick(brokenMacros...)
	}
	return out.String()
}

// brokenMacros are mistakes in macros.
var brokenMacros = []string{
	"${", "$", "$-x", "${}", "$()", "$(a", "${a-b}", "${a b}", "${a?{x}y}", "${a?{x}:{y}z}", "${a:{x}y}", "${{a} = {b}}", "${{a} == b}", "${{a} {b}}",
	"${{a}==foo{b}}", "${{a}==level{b}}", "${{1} <level {2} x}", "${{9999999999999999999} < {1}}", "${{a} == {b} ? {x} y}", "${{a} == {b} x}", "${{a}}",
	"${{a == {b}}", "${ {a} =! {a} }", "${a ? {b} : {c} d}", "${a\v}", "$loop", "${a?{$}}", "${{${}} == {}}", "${{$}=={}}", "${a:${}", "$(a:$()",
	"${{ 9223372036854775808 } == { 1 }}", "${{1}==level}", "${ }", "${?x}", "${:x}", "${a?{${x?}}:{", "${a.b}${c-d}${", "${a\xc3\xa9}",
}

// comparisons and their near misses.
var operators = []string{"==", "!=", "<", "<=", ">=", ">"}

// reference draws a name to refer to: earlier and later ones, built-in ones, and an
// undefined one.
func (d *draft) reference() string {
	switch d.IntN(8) {
	case 0:
		return d.pick("nothing", "undefined_1", "9")
	case 1, 2:
		return d.pick("myhostname", "mydomain", "compatibility_level", "queue_directory", "mail_name", "max_use", "soft_bounce", "empty_one", "inet_protocols", "syslog_name", "relayhost")
	}
	if len(d.users) == 0 {
		return d.pick("mydomain", "mail_owner")
	}
	// Mostly later ones, or every second text would be a loop.
	i := d.IntN(len(d.users))
	for j, s := range d.main {
		if s.name == d.users[i] && j >= 0 && !d.fault(3) {
			return s.name
		}
	}
	if d.fault(12) {
		return d.users[i]
	}
	return d.pick("mydomain", "mail_owner", "nothing")
}

// blanks draws the blanks around the parts of a macro.
func (d *draft) blanks() string { return d.pick("", "", "", " ", "  ", "\t", "\r") }

// macro draws one macro.
func (d *draft) macro(depth int) string {
	name := d.reference()
	switch d.IntN(12) {
	case 0, 1:
		return "$" + name
	case 2:
		return "${" + d.blanks() + name + d.blanks() + "}"
	case 3:
		return "$(" + d.blanks() + name + d.blanks() + ")"
	case 4:
		return "${" + name + d.pick("?", ":") + d.bare(depth) + "}"
	case 5:
		return "$(" + name + d.pick("?", ":") + strings.NewReplacer("(", "", ")", "").Replace(d.bare(0)) + ")"
	case 6:
		return "${" + d.blanks() + name + d.blanks() + d.pick("?", ":") + d.braced(depth) + "}"
	case 7:
		return "${" + name + d.blanks() + "?" + d.braced(depth) + ":" + d.braced(depth) + "}"
	case 8:
		return "${" + name + "?" + d.braced(depth) + ":" + d.bare(depth) + "}"
	case 9:
		return "${" + d.comparison(depth) + "}"
	case 10:
		return "${" + d.comparison(depth) + d.pick("?", ":") + d.braced(depth) + "}"
	}
	return "${" + d.comparison(depth) + "?" + d.braced(depth) + ":" + d.pick(d.braced(depth), d.bare(depth)) + "}"
}

// balance keeps a text from closing the macro around it.
func balance(text string) string {
	depth := 0
	for i := range len(text) {
		if text[i] == '{' {
			depth++
		} else if text[i] == '}' {
			if depth--; depth < 0 {
				return "unbalanced"
			}
		}
	}
	return text + strings.Repeat("}", depth)
}

// bare draws a result without braces.
func (d *draft) bare(depth int) string {
	return d.blanks() + strings.TrimLeft(balance(d.macros(depth)), "{ \t")
}

// braced draws a result or an operand in braces.
func (d *draft) braced(depth int) string {
	return d.blanks() + "{" + balance(d.macros(depth)) + "}" + d.blanks()
}

// comparison draws two operands and what is between them.
func (d *draft) comparison(depth int) string {
	op := d.pick(operators...)
	switch d.IntN(4) {
	case 0: // numbers
		return "{" + d.number() + "}" + d.blanks() + op + d.blanks() + "{" + d.number() + "}"
	case 1: // levels
		return "{" + d.level() + "}" + d.blanks() + op + "level" + d.blanks() + "{" + d.level() + "}"
	}
	return d.braced(depth) + op + d.braced(depth)
}

func (d *draft) number() string {
	return d.pick("1", "01", "10", "9", "-1", " 1", "", "a", "9223372036854775807", "$max_use", "${empty_one}", "00")
}

func (d *draft) level() string {
	return d.pick("1", "3.6", "3.10", "3.9.1", "$compatibility_level", "+2", "0")
}
