package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	makeTarget = regexp.MustCompile("(?:^|`|; )make ([a-z][a-z0-9-]*)")
	program    = regexp.MustCompile(`(?:^|[^/\w])bin/([a-z]+)\b`)
	goRun      = regexp.MustCompile(`\bgo run (\./\S+)`)
	goTest     = regexp.MustCompile(`\bgo test ((?:-\S+ )*(?:\./\S+ ?)+)(?:-[^r]\S* )*(?:-run (?:'([^']*)'|([^\s` + "`" + `]+)))?`)
	testName   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
)

// Every command that a document names is there: the target of make, the program,
// the package, and at least one test for each alternative of -run.
func TestCommandsAreThere(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	found := 0
	for _, file := range files(t, ".md") {
		for i, line := range strings.Split(read(t, file), "\n") {
			line = strings.ReplaceAll(line, `\|`, "|")
			complain := func(what string) { t.Errorf("%s:%d: %s", file, i+1, what) }
			for _, m := range makeTarget.FindAllStringSubmatch(line, -1) {
				if found++; !targets[m[1]] {
					complain("make " + m[1] + ": there is no such target")
				}
			}
			for _, m := range program.FindAllStringSubmatch(line, -1) {
				if found++; !isDirectory("cmd/" + m[1]) {
					complain("bin/" + m[1] + ": there is no such program")
				}
			}
			for _, m := range goRun.FindAllStringSubmatch(line, -1) {
				if found++; !isDirectory(strings.Trim(m[1], "`")) {
					complain("go run " + m[1] + ": there is no such program")
				}
			}
			for _, m := range goTest.FindAllStringSubmatch(line, -1) {
				found++
				for _, problem := range unknownTests(t, strings.Fields(m[1]), m[2]+m[3]) {
					complain(problem)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d commands were found", found)
	}
}

func isDirectory(path string) bool {
	info, err := os.Stat(filepath.Join(root, filepath.FromSlash(path)))
	return err == nil && info.IsDir()
}

// unknownTests returns what is wrong with a go test of these packages and this
// pattern.
func unknownTests(t *testing.T, packages []string, pattern string) (problems []string) {
	var names []string
	for _, dir := range packages {
		dir = strings.Trim(dir, "`")
		switch {
		case strings.HasPrefix(dir, "-"):
			continue
		case strings.HasSuffix(dir, "..."):
			return nil
		case !isDirectory(dir):
			problems = append(problems, "there is no package "+dir)
			continue
		}
		tests, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range tests {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
				names = append(names, m[1])
			}
		}
	}
	if len(names) == 0 {
		return append(problems, "there are no tests in "+strings.Join(packages, " "))
	}
	pattern, _, _ = strings.Cut(pattern, "/") // what follows are names of subtests
	alternatives := strings.Split(pattern, "|")
	if strings.ContainsAny(pattern, "()") {
		alternatives = []string{pattern}
	}
	for _, alternative := range alternatives {
		re, err := regexp.Compile(alternative)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		if !re.MatchString(strings.Join(names, "\n")) {
			problems = append(problems, "no test of "+strings.Join(packages, " ")+" is called "+alternative)
		}
	}
	return problems
}
