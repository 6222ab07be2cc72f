package config

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Bounds of one macro expansion. The nesting limit is the original's (spec
// config, 2.2); the others are ours. Differs: the original has none and hangs
// or crashes beyond them: 30 parameters that each refer twice to the next expand
// to a thousand million pieces.
const (
	maxMacroNesting   = 100      // level of the innermost macro or literal
	maxOperandNesting = 20       // comparisons inside operands of comparisons
	maxMacroSteps     = 100_000  // macros and literals
	maxMacroScan      = 16 << 20 // bytes read
	maxExpansion      = 4 << 20  // bytes written
	maxMacroWarnings  = 256      // mistakes reported about one text; a loop alone makes 102

	maxExpansions = 16 // times these bounds, of all texts of one Evaluate together
)

// effort is the cost of expansions.
type effort struct{ steps, scanned, written int }

func (e *effort) add(o effort) {
	e.steps += o.steps
	e.scanned += o.scanned
	e.written += o.written
}

// within reports whether the effort is at most n times the bounds of one text.
func (e *effort) within(n int) bool {
	return e.steps <= n*maxMacroSteps && e.scanned <= n*maxMacroScan && e.written <= n*maxExpansion
}

// macroError is the fatal line of a program after a macro warning.
const macroError = "dictionary mail_dict: macro processing error"

// mistake is one error in a macro, in the original's words.
type mistake struct {
	text, hint string
	name       string // the parameter whose text contains it; empty: the text passed to expand
	piece      string // the part of that text that is at fault
}

// expansion is one expansion in progress. It counts its work.
type expansion struct {
	table    map[string]setting
	lookup   func(name string) string // where names are looked up; nil: in the table
	where    func() string            // returns the start of our own messages
	done     effort
	operands int // nesting of operands
	warnings []mistake
	fatal    mistake // if set, the expansion stops

	name, piece string // the text being read; see mistake
}

// scope is a text or an operand of a comparison, with everything expanded in it.
// After a mistake the original continues to look for further mistakes, but
// expands nothing more in the same scope.
type scope struct {
	level  int
	failed bool
}

// expand replaces the macros in a text. The error is a *Problem.
func (p *Parameters) expand(text string) (string, error) { return p.expandIn("", text) }

// expandIn expands the text of a parameter; mistakes are positioned in it.
func (p *Parameters) expandIn(name, text string) (string, error) {
	return p.expandWith(name, text, nil)
}

// expandWith is expandIn with another table of names, unless lookup is nil.
func (p *Parameters) expandWith(name, text string, lookup func(name string) string) (string, error) {
	if strings.IndexByte(text, '$') < 0 {
		return text, nil
	}
	x, top := expansion{table: p.table, lookup: lookup, name: name}, scope{}
	x.where = func() string { return p.where(name) }
	if p.spent != nil && !p.spent.within(maxExpansions) {
		x.tooLarge(&top)
	}
	out := x.text(&top, nil, text)
	if p.spent != nil {
		p.spent.add(effort{x.done.steps, x.done.scanned, len(out)})
	}
	if !top.failed && x.fatal.text == "" {
		return string(out), nil
	}
	problem := new(Problem)
	for _, w := range x.warnings {
		problem.Diagnostics = append(problem.Diagnostics, p.placed(name, core.Warning, w))
	}
	if x.fatal.text == "" {
		x.fatal = x.warnings[0]
		x.fatal.text = macroError
	}
	problem.Diagnostics = append(problem.Diagnostics, p.placed(name, core.Error, x.fatal))
	return "", problem
}

// placed returns the diagnostic of a mistake, positioned in the text that
// contains it or, if that is not in main.cf, at the parameter that led there.
func (p *Parameters) placed(name string, severity core.Severity, m mistake) core.Diagnostic {
	d := core.Diagnostic{Severity: severity, Text: m.text, Hint: m.hint}
	if s := p.table[m.name]; s.entry != nil {
		return p.within(m.name, m.piece, d)
	}
	return p.at(name, d)
}

// warn reports a mistake in a scope.
func (x *expansion) warn(s *scope, text, hint string) {
	s.failed = true
	if x.fatal.text != "" {
		return
	}
	x.warnings = append(x.warnings, mistake{text, hint, x.name, x.piece})
	if len(x.warnings) == maxMacroWarnings {
		x.fatal = mistake{macroError, hint, x.name, x.piece}
	}
}

// stop ends the whole expansion.
func (x *expansion) stop(fatal, hint string) {
	if x.fatal.text == "" {
		x.fatal = mistake{fatal, hint, x.name, x.piece}
	}
}

// count enforces our own bounds.
func (x *expansion) count(s *scope, steps, scanned, written int) bool {
	x.done.steps += steps
	x.done.scanned += scanned
	x.done.written = written // in this text; the bytes read bound operands
	if !x.done.within(1) {
		x.tooLarge(s)
	}
	return x.fatal.text == ""
}

// tooLarge returns up a text that exceeds the bounds.
func (x *expansion) tooLarge(s *scope) {
	hint := "the parameters refer to each other so often that this takes more than " + number(maxMacroSteps) +
		" steps or makes more than " + number(maxExpansion) + " bytes; remove some of the references"
	x.warn(s, x.where()+"macro expansion is too large", hint)
	x.stop(macroError, hint)
}

// text expands a text and appends the result to out.
func (x *expansion) text(s *scope, out []byte, text string) []byte {
	if !x.count(s, 0, len(text), len(out)) {
		return out
	}
	literal := len(out) // where the current literal starts in out
	for i := 0; i < len(text); {
		j := strings.IndexByte(text[i:], '$')
		if j < 0 {
			out = append(out, text[i:]...)
			break
		}
		out = append(out, text[i:i+j]...)
		if i += j + 1; i < len(text) && text[i] == '$' {
			out = append(out, '$')
			i++
			continue
		}
		out = x.literal(s, out, literal)
		body, next := x.body(s, text, i)
		if body == "" || x.fatal.text != "" {
			return out
		}
		out = x.macro(s, out, body)
		i, literal = next, len(out)
	}
	if s.failed { // the text after the last macro is not read any more
		return out[:literal]
	}
	return x.literal(s, out, literal)
}

// literal keeps the literal at the end of out, if the scope still allows it.
func (x *expansion) literal(s *scope, out []byte, start int) []byte {
	if len(out) == start || !x.count(s, 1, 0, len(out)) {
		return out
	}
	if !x.enter(s, func() string { return string(out[start:]) }) {
		return out[:start]
	}
	s.level--
	return out
}

// enter increments the nesting level. ok is false when the expansion has
// stopped; the level then stays incremented, as in the original.
func (x *expansion) enter(s *scope, name func() string) (ok bool) {
	if s.level > maxMacroNesting {
		x.warn(s, "unreasonable macro call nesting: \""+name()+"\"", nestingHint)
	}
	s.level++
	return !s.failed
}

const nestingHint = "a parameter must not refer to itself, directly or through others"

// body returns the macro after a '$' at offset i: the text inside its delimiters
// and the offset after it. It is empty when the text is given up.
func (x *expansion) body(s *scope, text string, i int) (body string, next int) {
	if i < len(text) && (text[i] == '{' || text[i] == '(') {
		size := balanced(text[i:])
		if size == 0 {
			x.piece = text[i-1:]
			x.warn(s, "truncated macro reference: \""+text+"\"",
				"close the macro; only braces of the kind that opens it are counted")
			return "", 0
		}
		if s.failed { // after a mistake the original skips to the next macro in braces
			return "", 0
		}
		body, next = text[i+1:i+size-1], i+size
	} else {
		for next = i; next < len(text) && isNameByte(text[next]); next++ {
		}
		body = text[i:next]
	}
	if body == "" {
		x.piece = text[i-1 : max(next, i)]
		x.warn(s, "empty macro name: \""+text+"\"", "write $$ for a dollar sign, or ${name}")
	}
	return body, next
}

// balanced returns the length of the text up to and including the delimiter that
// closes the one at its start, or 0 if there is none.
func balanced(text string) int {
	open, shut := text[0], byte('}')
	if open == '(' {
		shut = ')'
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

func isNameByte(c byte) bool { return isAlnum(c) || c == '_' }

func skipBlanks(text string, i int) int {
	for i < len(text) && isBlank(text[i]) {
		i++
	}
	return i
}

// excerpt truncates the text after a mistake for a message.
func excerpt(text string) string {
	if len(text) > 20 {
		return text[:20]
	}
	return text
}

// macro appends the expansion of one macro: a value, a conditional or a
// comparison.
func (x *expansion) macro(s *scope, out []byte, body string) []byte {
	if !x.count(s, 1, len(body), len(out)) || !x.enter(s, func() string { return body }) {
		return out
	}
	name, piece := x.name, x.piece
	x.piece = body
	defer func() {
		s.level--
		x.name, x.piece = name, piece
	}()
	start := skipBlanks(body, 0)
	if start < len(body) && body[start] == '{' {
		return x.comparison(s, out, body[start:])
	}
	end := start
	for end < len(body) && isNameByte(body[end]) {
		end++
	}
	value, rest := x.value(body[start:end]), skipBlanks(body, end)
	switch {
	case rest == len(body):
		x.name = body[start:end]
		return x.text(s, out, value)
	case body[rest] == '?' || body[rest] == ':':
		return x.conditional(s, out, body[rest:], value != "")
	}
	x.warn(s, "attribute name syntax error at: \"..."+body[:end]+">>>"+excerpt(body[end:])+"\"",
		"a name is made of letters, digits and underscores")
	return out
}

// value returns the unexpanded text of a name.
func (x *expansion) value(name string) string {
	if x.lookup != nil {
		return x.lookup(name)
	}
	return x.table[name].value
}

// conditional appends the chosen result of a text that starts with '?' or ':'.
func (x *expansion) conditional(s *scope, out []byte, text string, holds bool) []byte {
	const hint = "write ${name?{text}:{text}}; nothing may follow a result in braces"
	first, rest, braced := x.result(s, text[1:])
	second := ""
	switch {
	case s.failed || !braced || rest == "":
	case text[0] == '?' && rest[0] == ':':
		var junk string
		if second, junk, _ = x.result(s, rest[1:]); junk != "" {
			x.warn(s, "unexpected input at: \"..."+second+"}>>>"+excerpt(junk)+"\"", hint)
		}
	case text[0] == '?':
		x.warn(s, "\":\" expected at: \"..."+first+"}>>>"+excerpt(rest)+"\"", hint)
	default:
		x.warn(s, "unexpected input at: \"..."+first+"}>>>"+excerpt(rest)+"\"", hint)
	}
	if s.failed {
		return out
	}
	if text[0] == ':' {
		first, second = "", first
	}
	if holds {
		return x.text(s, out, first)
	}
	return x.text(s, out, second)
}

// result parses one result of a conditional. In braces it is the text inside,
// and rest is what follows without leading blanks. Otherwise it is the whole
// text, verbatim.
func (x *expansion) result(s *scope, text string) (inner, rest string, braced bool) {
	i := skipBlanks(text, 0)
	if i == len(text) || text[i] != '{' {
		return text, "", false
	}
	inner, next, ok := x.operand(s, text[i:])
	if !ok {
		return "", "", true
	}
	return inner, text[skipBlanks(text, i+next):], true
}

// operand returns the text in braces at the start of text, and the offset after
// it.
func (x *expansion) operand(s *scope, text string) (inner string, next int, ok bool) {
	size := balanced(text)
	if size == 0 {
		x.warn(s, "unbalanced {} in attribute expression: \""+text+"\"", "close the brace")
		return "", 0, false
	}
	return text[1 : size-1], size, true
}

const comparisonHint = "write ${{left} == {right} ? {text}:{text}}"

// comparison appends the value of "{left} op {right} ...".
func (x *expansion) comparison(s *scope, out []byte, body string) []byte {
	left, next, ok := x.operand(s, body)
	if !ok {
		return out
	}
	op, levels, next, ok := x.operator(s, left, body, next)
	if !ok {
		return out
	}
	i := skipBlanks(body, next)
	if i == len(body) || body[i] != '{' {
		x.warn(s, "\"{expression}\" expected at: \"...{"+left+"} "+op+">>>"+excerpt(body[next:])+"\"",
			"put braces around the right side of the comparison")
		return out
	}
	right, next, ok := x.operand(s, body[i:])
	if !ok {
		return out
	}
	holds := x.compare(s, left, op, right, levels)
	if s.failed || x.fatal.text != "" {
		return out
	}
	i = skipBlanks(body, i+next)
	switch {
	case i == len(body) && holds:
		return append(out, "true"...)
	case i == len(body):
		return out
	case body[i] == '?' || body[i] == ':':
		return x.conditional(s, out, body[i:], holds)
	}
	x.warn(s, "\"?\" or \":\" expected at: \"...}>>>"+excerpt(body[i:])+"\"", comparisonHint)
	return out
}

// operator parses the operator after the left operand, and returns the offset
// after its suffix. levels reports whether it compares compatibility levels.
func (x *expansion) operator(s *scope, left, body string, next int) (op string, levels bool, end int, ok bool) {
	i := skipBlanks(body, next)
	for end = i; end < len(body) && strings.IndexByte("<>!=?+-*/~&|%", body[end]) >= 0; end++ {
	}
	if op = body[i:end]; !knownOperator(op) {
		x.warn(s, `"==" or "!="" or "<"" or "<="" or ">="" or ">" expected at: "...`+
			left+"}>>>"+excerpt(body[i:])+"\"", comparisonHint)
		return op, false, end, false
	}
	suffix := end
	for end < len(body) && isAlnum(body[end]) {
		end++
	}
	if end > suffix && body[suffix:end] != "level" {
		x.warn(s, "bad operator suffix at: \"..."+op+">>>"+body[suffix:end]+"\"",
			"the only suffix is \"level\", as in <=level")
		return op, false, end, false
	}
	return op, end > suffix, end, true
}

// compare expands both operands and compares them.
func (x *expansion) compare(s *scope, left, op, right string, levels bool) bool {
	a, b := x.operandText(s, left), x.operandText(s, right)
	if x.fatal.text != "" {
		return false
	}
	if levels {
		holds, bad := compareLevels(a, op, b)
		if bad != "" {
			x.warn(s, bad, levelHint)
		}
		return holds
	}
	holds, bad := compareValues(a, op, b)
	if bad != "" {
		x.stop(bad, "numbers in comparisons end at 9223372036854775807")
	}
	return holds
}

// operandText expands an operand in its own scope. After a mistake in it, the
// text before the mistake is still compared.
func (x *expansion) operandText(s *scope, text string) string {
	// Differs: the original has no bound here and crashes on a loop that passes
	// through an operand.
	if x.operands == maxOperandNesting {
		x.warn(s, "unreasonable macro call nesting: \""+text+"\"", nestingHint)
		x.stop(macroError, nestingHint)
		return ""
	}
	own := scope{}
	x.operands++
	out := x.text(&own, nil, text)
	x.operands--
	s.failed = s.failed || own.failed
	return string(out)
}
