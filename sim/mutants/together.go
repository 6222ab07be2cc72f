package mutants

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Together is one program with many mutants in it, of which an environment variable
// chooses one. To build and link a program costs far more than it takes to find most
// mutants, so a whole bank is hunted in a fraction of the time.
//
// A mutant that changes one function is put in beside it, as another function under a
// name of its own, and the function begins with a look at which of the two is wanted.
// Others, and those that do not compile in this form, are built alone.
type Together struct {
	program string
	numbers map[string]int // of the mutants that are in it
}

// variable names the mutant that a program which holds many is to be.
const variable = "MASTERSIM_MUTANT"

// BuildTogether makes the program in dir.
func BuildTogether(ctx context.Context, root string, bank []Mutant, dir string) (*Together, error) {
	t := &Together{program: filepath.Join(dir, "mastersim"), numbers: map[string]int{Control().Name: nothing}}
	files := map[string]*variants{}
	for i := range bank {
		m := &bank[i]
		if m.File == "" {
			continue
		}
		v := files[m.File]
		if v == nil {
			var err error
			if v, err = readVariants(root, m.File); err != nil {
				return nil, err
			}
			files[m.File] = v
		}
		text, err := m.Apply(v.source)
		if err != nil {
			return nil, err
		}
		if v.add(i, text) {
			t.numbers[m.Name] = i
		}
	}
	for {
		said, err := t.build(ctx, root, dir, files)
		if err == nil {
			return t, nil
		}
		bad := misfits(said)
		if len(bad) == 0 {
			return nil, fmt.Errorf("build the mutants together: %w\n%s", err, lastLines(said))
		}
		for _, v := range files {
			v.remove(bad)
		}
		for name, number := range t.numbers {
			if bad[number] {
				delete(t.numbers, name)
			}
		}
	}
}

// nothing is the number with which the program is the right one.
const nothing = -1

// holds returns the number of the mutant in the program.
func (t *Together) holds(m *Mutant) (number int, ok bool) {
	if t == nil {
		return 0, false
	}
	number, ok = t.numbers[m.Name]
	return number, ok
}

// Len returns how many mutants are in the program.
func (t *Together) Len() int { return len(t.numbers) - 1 }

// build returns what the compiler said when it failed.
func (t *Together) build(ctx context.Context, root, dir string, files map[string]*variants) ([]byte, error) {
	replace := map[string]string{}
	for file, v := range files {
		if err := overlay(replace, dir, v.path, v.text()); err != nil {
			return nil, err
		}
		choice := filepath.Join(filepath.Dir(v.path), "zz_mutant.go")
		text := fmt.Sprintf(choiceText, v.pkg, variable)
		if _, done := replace[choice]; done {
			continue
		}
		if err := overlay(replace, dir, choice, text); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Dir(file), err)
		}
	}
	return goBuild(ctx, root, dir, replace, t.program, "-gcflags=-e")
}

// choiceText is a file for each package with mutants; it is the one place that reads the
// environment.
const choiceText = `package %s

import (
	"os"
	"strconv"
)

var chosenMutant = func() int {
	n, err := strconv.Atoi(os.Getenv(%q))
	if err != nil {
		return -1
	}
	return n
}()
`

// variants is a file and the functions that mutants put beside its own.
type variants struct {
	path, source, pkg string
	functions         map[string]*ast.FuncDecl
	fs                *token.FileSet
	of                []variant
}

// variant is the function of one mutant.
type variant struct {
	number int
	at     int    // where in the source the function begins to choose
	choice string // what it begins with
	text   string // of the mutant's function
}

func readVariants(root, file string) (*variants, error) {
	path, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return nil, fmt.Errorf("mutants of %s: %w", file, err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("mutants of %s: %w", file, err)
	}
	v := &variants{path: path, source: string(source), fs: token.NewFileSet()}
	parsed, functions, err := parse(v.fs, v.source)
	if err != nil {
		return nil, fmt.Errorf("mutants of %s: %w", file, err)
	}
	v.pkg, v.functions = parsed.Name.Name, functions
	return v, nil
}

// parse returns the functions of a source by their names, with those of their
// receivers.
func parse(fs *token.FileSet, source string) (*ast.File, map[string]*ast.FuncDecl, error) {
	file, err := parser.ParseFile(fs, "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, fmt.Errorf("parse: %w", err)
	}
	functions := map[string]*ast.FuncDecl{}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			name := f.Name.Name
			if f.Recv != nil {
				name = slice(fs, source, f.Recv.List[0].Type) + "." + name
			}
			functions[name] = f
		}
	}
	return file, functions, nil
}

func slice(fs *token.FileSet, source string, n ast.Node) string {
	return source[fs.Position(n.Pos()).Offset:fs.Position(n.End()).Offset]
}

// add puts the function in that the mutant changes. It reports false when the mutant
// changes something else, or more than one.
func (v *variants) add(number int, text string) bool {
	fs := token.NewFileSet()
	_, functions, err := parse(fs, text)
	if err != nil || len(functions) != len(v.functions) {
		return false
	}
	var wrong *ast.FuncDecl
	var name string
	outside := len(text) - len(v.source)
	for key, f := range functions {
		right := v.functions[key]
		if right == nil {
			return false
		}
		before, after := slice(v.fs, v.source, right), slice(fs, text, f)
		if before == after {
			continue
		}
		if wrong != nil {
			return false
		}
		wrong, name = f, key
		outside -= len(after) - len(before)
	}
	if wrong == nil || outside != 0 {
		return false
	}
	right := v.functions[name]
	arguments, ok := arguments(right)
	if !ok || right.Body == nil || slice(v.fs, v.source, right.Type) != slice(fs, text, wrong.Type) {
		return false
	}
	beside := fmt.Sprintf("%s_mutant%d", right.Name.Name, number)
	call := fmt.Sprintf("%s(%s)", beside, strings.Join(arguments, ", "))
	if right.Recv != nil {
		call = right.Recv.List[0].Names[0].Name + "." + call
	}
	if right.Type.Results == nil {
		call += "; return"
	} else {
		call = "return " + call
	}
	changed := slice(fs, text, wrong)
	at := fs.Position(wrong.Name.Pos()).Offset - fs.Position(wrong.Pos()).Offset
	v.of = append(v.of, variant{
		number: number,
		at:     v.fs.Position(right.Body.Lbrace).Offset + 1,
		choice: fmt.Sprintf("\nif chosenMutant == %d { %s }\n", number, call),
		text:   "\n" + changed[:at] + beside + changed[at+len(right.Name.Name):] + "\n",
	})
	return true
}

// arguments returns the names with which a function passes its parameters on; ok is
// false when it cannot.
func arguments(f *ast.FuncDecl) (names []string, ok bool) {
	if f.Type.TypeParams != nil || f.Recv != nil && (len(f.Recv.List[0].Names) != 1 || f.Recv.List[0].Names[0].Name == "_") {
		return nil, false
	}
	for _, p := range f.Type.Params.List {
		if len(p.Names) == 0 {
			return nil, false
		}
		for _, n := range p.Names {
			name := n.Name
			if name == "_" {
				return nil, false
			}
			if _, variadic := p.Type.(*ast.Ellipsis); variadic {
				name += "..."
			}
			names = append(names, name)
		}
	}
	return names, true
}

// remove takes the mutants of these numbers out.
func (v *variants) remove(numbers map[int]bool) {
	left := v.of[:0]
	for _, x := range v.of {
		if !numbers[x.number] {
			left = append(left, x)
		}
	}
	v.of = left
}

// text returns the file with all its variants. Each stands on a line that names its
// mutant, so that an error of the compiler does.
func (v *variants) text() string {
	insert := map[int]string{}
	var beside strings.Builder
	for _, x := range v.of {
		insert[x.at] += x.choice
		fmt.Fprintf(&beside, "\n//line mutant-%d:1%s", x.number, x.text)
	}
	var b strings.Builder
	for at := range len(v.source) {
		b.WriteString(insert[at])
		b.WriteByte(v.source[at])
	}
	b.WriteString(beside.String())
	if text, err := format.Source([]byte(b.String())); err == nil {
		return string(text)
	}
	return b.String()
}

var compileError = regexp.MustCompile(`mutant-(\d+):\d+`)

// misfits returns the numbers of the mutants that the compiler complained of.
func misfits(said []byte) map[int]bool {
	bad := map[int]bool{}
	for _, match := range compileError.FindAllSubmatch(bytes.TrimSpace(said), -1) {
		if number, err := strconv.Atoi(string(match[1])); err == nil {
			bad[number] = true
		}
	}
	return bad
}
