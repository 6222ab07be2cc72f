// Package advice warns about configurations that Postfix accepts silently
// although they are certainly wrong: a program that does not exist, a service
// that no client can reach, a parameter that no program reads, a missing
// directory.
//
// It is for tools. The daemon does not link it, because its log is that of the
// original. The package does not guess: it warns neither about settings that may
// be intended nor about what could not be checked. It is pure; an adapter
// examines the files that commands name, see Needs. The demands of each server
// are from master(5), the servers' manual pages, and tests with the servers.
package advice

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// Bounds of one check.
const (
	maxAdvice  = 5000 // of one check; the rest is left out
	maxBroken  = 100  // values that cannot be expanded
	maxGuesses = 1000 // names for which a near one is looked for
)

// Advice is one warning. Line and Column are the position of the mistake; line 0
// means that it has none in the file.
type Advice struct {
	Code Code
	core.Diagnostic
}

// Input is what Check examines. Main and Master are the parsed trees, nil if the
// file could not be read. Parameters come from config.Evaluate and may be
// refused ones, nil if main.cf could not be read. Checks that need something
// that is nil are skipped. Main, Master and Parameters belong together.
type Input struct {
	Main       *config.MainFile
	Own        *config.MainFile // the file at config.OwnPath; nil: there is none
	Master     *config.MasterFile
	Parameters *config.Parameters
	Programs   map[string]config.Program // answers to Needs, by path
	Users      map[string]config.User    // answers to NeedAccounts; of what was not looked up nothing is known
	Groups     map[string]config.Group
	Listeners  []Listener // existing listeners; only for a check of ports in use
	Elsewhere  bool       // the files are another host's, of whose interfaces nothing is known
}

// Check returns its advice: main.cf first, then master.cf, by line and column.
func Check(in *Input) []Advice {
	c := newCheck(in)
	if in.Main != nil {
		c.mainText()
	}
	if in.Main != nil && in.Parameters != nil {
		c.parameters()
		c.directories()
	}
	if in.Master != nil {
		c.masterText()
	}
	if in.Master != nil && in.Parameters != nil {
		c.services()
	}
	slices.SortStableFunc(c.list, func(a, b Advice) int {
		return cmp.Or(c.rank(&a)-c.rank(&b), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return c.list
}

// Merge returns one list for the operator: the diagnostics of config.Resolve in
// their order, then the advice. It drops an Info of config that an advice
// repeats in the same place. The first Error stays the first.
func Merge(diagnostics []core.Diagnostic, list []Advice) []core.Diagnostic {
	type place struct {
		file         string
		line, column int32
	}
	told := make(map[place]bool, len(list))
	for i := range list {
		if a := &list[i]; a.Line > 0 && repeats[a.Code] {
			told[place{a.File, a.Line, a.Column}] = true
		}
	}
	out := make([]core.Diagnostic, 0, len(diagnostics)+len(list))
	for _, d := range diagnostics {
		if d.Severity != core.Info || !told[place{d.File, d.Line, d.Column}] {
			out = append(out, d)
		}
	}
	for i := range list {
		out = append(out, list[i].Diagnostic)
	}
	return out
}

// check is one run.
type check struct {
	in      *Input
	p       *config.Parameters
	catalog *known.Catalog
	readers *known.Readers
	values  map[string]string            // of the catalog, as far as they were needed
	met     map[string]bool              // faults that many programs share and that were reported
	last    map[string]*config.MainEntry // of main.cf: the entry that counts
	words   map[string]int               // how often a word occurs in the values of both files
	entries []entry                      // of master.cf, those that count
	byName  map[string][]*entry
	running []string // the commands of those that are Postfix's own and switched on, each once
	names   []string // candidates for a misspelt one; built when needed
	guesses int      // how often names were compared; bounded
	broken  int      // values that cannot be expanded; bounded

	programs      programs        // whether those of master.cf exist; checked when needed
	namedServices map[string]bool // by settings; built when needed
	classes       map[string]bool // of restrictions; built when needed
	viaProxy      []string        // parameters of main.cf with a table that proxymap(8) opens

	swallowed    map[int32]bool           // lines of master.cf that are part of the entry before
	overridden   map[string]bool          // set by "-o" somewhere in master.cf
	refused      map[config.Position]bool // places of master.cf that config refuses
	refusedLines []int32                  // their lines, sorted
	told         map[Advice]bool
	list         []Advice
}

func newCheck(in *Input) *check {
	c := &check{
		in: in, p: in.Parameters, last: make(map[string]*config.MainEntry),
		words: make(map[string]int), told: make(map[Advice]bool),
		overridden: make(map[string]bool), refused: make(map[config.Position]bool), swallowed: make(map[int32]bool),
		byName: make(map[string][]*entry), readers: known.ReadReaders(), values: make(map[string]string), met: make(map[string]bool),
	}
	if c.p != nil {
		c.catalog = known.New(c.p, in.Master)
	}
	if in.Main != nil {
		for i := range in.Main.Entries {
			if e := &in.Main.Entries[i]; !e.Ignored() {
				c.last[e.Name] = e
			}
		}
	}
	if in.Master != nil && c.p != nil {
		c.findEntries()
	}
	c.countWords()
	return c
}

// countWords counts the words of all values and arguments: a name that occurs in
// one of them may be used there.
func (c *check) countWords() {
	if c.in.Main != nil {
		for i := range c.in.Main.Entries {
			if e := &c.in.Main.Entries[i]; c.last[e.Name] == e {
				c.wordsOf(e.Value)
			}
		}
	}
	if c.in.Own != nil {
		for i := range c.in.Own.Entries {
			c.wordsOf(c.in.Own.Entries[i].Value)
		}
	}
	if c.in.Master == nil {
		return
	}
	for i := range c.in.Master.Entries {
		for _, f := range c.in.Master.Entries[i].Args {
			if _, value, ok := strings.Cut(f.Text, "="); ok {
				c.wordsOf(value)
			} else {
				c.wordsOf(f.Text)
			}
		}
	}
}

func (c *check) wordsOf(text string) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r >= 0x80 || !isNameByte(byte(r)) }) {
		c.words[word]++
	}
}

// rank orders the files: main.cf before master.cf.
func (c *check) rank(a *Advice) int {
	if c.in.Main != nil && a.File == c.in.Main.Path {
		return 0
	}
	return 1
}

// say adds an advice, once.
func (c *check) say(code Code, file string, at config.Position, text, hint string) {
	c.sayAs(code.severity(), code, file, at, text, hint)
}

// sayAs is say for an advice whose severity differs from that of others with its
// code.
func (c *check) sayAs(severity core.Severity, code Code, file string, at config.Position, text, hint string) {
	a := Advice{Code: code, Diagnostic: core.Diagnostic{
		Severity: severity, File: file, Line: at.Line, Column: at.Column, Text: text, Hint: hint,
	}}
	if len(c.list) < maxAdvice && !c.told[a] {
		c.told[a] = true
		c.list = append(c.list, a)
	}
}

// inMain adds an advice about main.cf.
func (c *check) inMain(code Code, at config.Position, text, hint string) {
	path := ""
	if c.in.Main != nil {
		path = c.in.Main.Path
	}
	c.say(code, path, at, text, hint)
}

// inMaster adds an advice about master.cf.
func (c *check) inMaster(code Code, at config.Position, text, hint string) {
	c.say(code, c.in.Master.Path, at, text, hint)
}

// value returns the expanded value of a parameter: its built-in default if
// main.cf does not set it, "" if it cannot be expanded.
func (c *check) value(name string) string {
	text, done := c.values[name]
	if done {
		return text
	}
	text, _, err := c.catalog.Value(name)
	if err != nil {
		text = ""
	}
	c.values[name] = text
	return text
}

// valueAt returns the position of a parameter's value in main.cf, or the zero
// position.
func (c *check) valueAt(name string) (at config.Position) {
	if e := c.last[name]; e != nil {
		at = e.ValueAt
	}
	return at
}

func isNameByte(b byte) bool {
	return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_'
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

// allDigits reports whether s is made of one digit or more.
func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
