// Package docs holds the tests that keep the documents true: every citation of
// the specification and every link leads somewhere.
package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root        = ".."
	differences = "docs/differences.md"
)

// A passage is a piece of text that may cite: a comment, a string, a document.
type passage struct {
	file string // relative to root, with slashes
	line int    // where it begins
	text string
}

// lineAt returns the line of the byte at offset.
func (p *passage) lineAt(offset int) int { return p.line + strings.Count(p.text[:offset], "\n") }

// A target is what a citation names: a heading of a page, or a row of the
// table of differences.
type target struct{ page, name string }

// numbers are the numbers of a citation: "7.2", "2, 3 and 12", "8 to 12". Line
// breaks inside comments lie between them as "\n// ".
const (
	gap     = `(?:\n\s*//\s*|\s)+`
	number  = `\d+(?:\.\d+)*`
	numbers = number + `(?:(?:,` + gap + `(?:and` + gap + `)?|` + gap + `and` + gap + `|` + gap + `to` + gap + `)` + number + `)*`
)

var (
	eachNumber = regexp.MustCompile(number)
	sections   = regexp.MustCompile(`\b[Ss]pec` + gap + `(runtime|config|child|versions),` + gap + `(?:sections?` + gap + `)?(` + numbers + `)`)
	rules      = regexp.MustCompile(`^(runtime|config|child) (` + numbers + `): `)
	pages      = regexp.MustCompile(`\b[Ss]pec` + gap + `(runtime|config|child|versions|vectors|quirks|go-traps)\b`)
	knownBugs  = regexp.MustCompile(`\b[Kk]nown` + gap + `bugs?` + gap + `(` + numbers + `)`)
	letters    = regexp.MustCompile(`\b([QGD])(\d{1,2})\b`)
	designs    = regexp.MustCompile(`(?:^|[(;])(?:` + gap + `)?design,` + gap + `([A-Za-z]+(?:` + gap + `[A-Za-z]+)*)(?:,?` + gap + `(\d))?`)
	spaces     = regexp.MustCompile(gap)
)

// cited returns what the passage cites, with the offset of each citation.
func (p *passage) cited() map[int]target {
	found := map[int]target{}
	for _, m := range pages.FindAllStringSubmatchIndex(p.text, -1) {
		found[m[0]] = target{p.text[m[2]:m[3]], ""}
	}
	list := func(page, prefix string, from, to int) {
		for _, n := range eachNumber.FindAllStringIndex(p.text[from:to], -1) {
			found[from+n[0]] = target{page, prefix + p.text[from+n[0]:from+n[1]]}
		}
	}
	for _, m := range append(sections.FindAllStringSubmatchIndex(p.text, -1), rules.FindAllStringSubmatchIndex(p.text, -1)...) {
		list(p.text[m[2]:m[3]], "", m[4], m[5])
	}
	for _, m := range knownBugs.FindAllStringSubmatchIndex(p.text, -1) {
		list("known-bugs", "Known bug ", m[2], m[3])
	}
	for _, m := range letters.FindAllStringSubmatchIndex(p.text, -1) {
		page := map[string]string{"Q": "quirks", "G": "go-traps", "D": differences}[p.text[m[2]:m[3]]]
		found[m[0]] = target{page, p.text[m[0]:m[1]]}
	}
	for _, m := range designs.FindAllStringSubmatchIndex(p.text, -1) {
		name := spaces.ReplaceAllString(p.text[m[2]:m[3]], " ")
		if m[4] >= 0 {
			name += " " + p.text[m[4]:m[5]]
		}
		found[m[0]] = target{"design", strings.ToLower(name)}
	}
	return found
}

var (
	heading = regexp.MustCompile(`(?m)^#{1,4} (.+)$`)
	label   = regexp.MustCompile(`^(?:Known bug |Reload |[QG])?\d+(?:\.\d+)*`)
	row     = regexp.MustCompile(`(?m)^\| ([A-Z]\d+) \|`)
)

// targets returns everything that can be cited.
func targets(t *testing.T) map[target]bool {
	t.Helper()
	all := map[target]bool{}
	files, err := filepath.Glob("spec/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no specification: %v", err)
	}
	for _, file := range files {
		page := strings.TrimSuffix(filepath.Base(file), ".md")
		all[target{page, ""}] = true
		for _, m := range heading.FindAllStringSubmatch(read(t, "docs/"+filepath.ToSlash(file)), -1) {
			name := label.FindString(m[1])
			if page == "design" {
				name, _, _ = strings.Cut(strings.ToLower(m[1]), ":")
			}
			if name == "" {
				continue
			}
			if all[target{page, name}] {
				t.Errorf("%s has two headings %s", file, name)
			}
			all[target{page, name}] = true
		}
	}
	for _, m := range row.FindAllStringSubmatch(read(t, differences), -1) {
		all[target{differences, m[1]}] = true
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files returns the project's files with one of the endings, in order.
func files(t *testing.T, endings ...string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "bin" || name == "dist" || len(name) > 2 && name[0] == '.') {
			return filepath.SkipDir
		}
		if !d.IsDir() && slices.Contains(endings, filepath.Ext(name)) {
			path, err = filepath.Rel(root, path)
			list = append(list, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// passages returns the comments and strings of a Go file.
func passages(t *testing.T, file string) (list []passage) {
	t.Helper()
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, filepath.Join(root, filepath.FromSlash(file)), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range parsed.Comments {
		var lines []string
		for _, c := range group.List {
			lines = append(lines, c.Text)
		}
		list = append(list, passage{file, fset.Position(group.Pos()).Line, strings.Join(lines, "\n")})
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING {
			value, err := strconv.Unquote(s.Value)
			if s.Value[0] == '"' {
				value = strings.ReplaceAll(value, "\n", " ") // one line of the file
			}
			if err != nil {
				t.Error(err)
			}
			list = append(list, passage{file, fset.Position(s.Pos()).Line, value})
		}
		return true
	})
	return list
}

// Every citation in code, documents and the bank of wrong programs names a
// heading of the specification or a row of the table of differences.
func TestCitationsResolve(t *testing.T) {
	all := targets(t)
	var list []passage
	for _, file := range files(t, ".go") {
		list = append(list, passages(t, file)...)
	}
	for _, file := range append(files(t, ".md"), files(t, ".txt")...) {
		list = append(list, passage{file, 1, read(t, file)})
	}
	seen := map[string]int{}
	for i := range list {
		p := &list[i]
		for offset, to := range p.cited() {
			seen[to.page]++
			if !all[to] {
				t.Errorf("%s:%d: %s, %q is cited, and there is no such heading or row", p.file, p.lineAt(offset), to.page, to.name)
			}
		}
	}
	for _, page := range []string{"runtime", "config", "child", "quirks", "go-traps", "known-bugs", "design", differences} {
		if seen[page] == 0 {
			t.Errorf("no citation of %s was found", page)
		}
	}
}

// Each form of a citation is read, across line breaks too.
func TestFormsOfCitations(t *testing.T) {
	for text, want := range map[string][]target{
		"(spec runtime, 7.2).":                           {{"runtime", ""}, {"runtime", "7.2"}},
		"spec config, 2, 3.1 and 6; Q5":                  {{"config", ""}, {"config", "2"}, {"config", "3.1"}, {"config", "6"}, {"quirks", "Q5"}},
		"// Source: spec\n// child, sections 4 to\n// 8": {{"child", ""}, {"child", "4"}, {"child", "8"}},
		"(spec go-traps, G2, and D13)":                   {{"go-traps", ""}, {"go-traps", "G2"}, {differences, "D13"}},
		"runtime 9 and 7.2: wakeups":                     {{"runtime", "9"}, {"runtime", "7.2"}},
		"known bugs 1 and 25":                            {{"known-bugs", "Known bug 1"}, {"known-bugs", "Known bug 25"}},
		"(design, Reload, 5)":                            {{"design", "reload 5"}},
		"Q5; design, Reload 3: all":                      {{"quirks", "Q5"}, {"design", "reload 3"}},
		"(design, Reload is a transaction)":              {{"design", "reload is a transaction"}},
		"the specification, 7; no bug 3; a Q-tip":        nil,
	} {
		found := (&passage{text: text}).cited()
		var got []target
		var offsets []int
		for offset := range found {
			offsets = append(offsets, offset)
		}
		slices.Sort(offsets)
		for _, offset := range offsets {
			got = append(got, found[offset])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Every file of the project that a document names is there.
func TestFilesAreThere(t *testing.T) {
	found := 0
	for _, file := range files(t, ".md") {
		for _, m := range projectFile.FindAllStringSubmatch(read(t, file), -1) {
			found++
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which is not there", file, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no names were found")
	}
}

var projectFile = regexp.MustCompile(`(?:^|[^\w/.])((?:core|osadapter|cmd|sim|fuzz|docs)/[a-z0-9_/-]+\.[a-z]+)\b`)

var (
	fence    = regexp.MustCompile("(?ms)^```.*?^```$")
	code     = regexp.MustCompile("`[^`\n]*`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	wordless = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// anchors returns the anchors of a document's headings, as GitHub makes them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		words := wordless.ReplaceAllString(strings.ToLower(m[1]), "")
		all[strings.ReplaceAll(words, " ", "-")] = true
	}
	return all
}

// Every link from one document to another file, or to a heading, leads there.
func TestLinksResolve(t *testing.T) {
	links := 0
	for _, file := range files(t, ".md") {
		text := read(t, file)
		text = code.ReplaceAllString(fence.ReplaceAllString(text, ""), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			path, fragment, _ := strings.Cut(m[1], "#")
			to := file
			if path != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(file), path))
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
				continue
			}
			if fragment != "" && !anchors(read(t, to))[fragment] {
				t.Errorf("%s links to %s: no such heading", file, m[1])
			}
		}
	}
	if links == 0 {
		t.Error("no links were found")
	}
}

// A row of the list of bugs stands once, even if its end was reworded.
func TestBugsAreListedOnce(t *testing.T) {
	const telling = 70
	seen := map[string]bool{}
	for line := range strings.Lines(read(t, "docs/bugs.md")) {
		if !strings.HasPrefix(line, "| ") || len(line) < telling {
			continue
		}
		if seen[line[:telling]] {
			t.Errorf("twice: %s", line[:telling])
		}
		seen[line[:telling]] = true
	}
}
