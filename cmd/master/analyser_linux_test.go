package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/logs"
)

// What pflogsumm shows of a line of the master and counts it under: for warnings
// and fatal lines the text after the level, for all others the text after the last
// ": ". An error or informational line with ": " in the middle therefore loses its
// beginning, and lines that say different things are counted as one.
var (
	levelCut = regexp.MustCompile(`^.*(?:warning|fatal|panic): `)
	otherCut = regexp.MustCompile(`^.*master.*: `)
)

func shownByAnalyser(line string) string {
	_, text, _ := strings.Cut(line, "]: ")
	switch level, _, _ := strings.Cut(text, ": "); level {
	case "warning", "fatal", "panic":
		return levelCut.ReplaceAllString(line, "")
	}
	return otherCut.ReplaceAllString(line, "")
}

const analyserHead = "Nov  3 10:00:00 host postfix/master[1]: "

func TestAnalyserIsPflogsumm(t *testing.T) {
	program, err := exec.LookPath("pflogsumm")
	if err != nil {
		t.Skip("needs pflogsumm (Debian package pflogsumm):", err)
	}
	for line, want := range map[string]string{
		"warning: process x: pid 1 exit status 1":      "process x: pid 1 exit status 1",
		"warning: a warning: about b":                  "about b",
		"fatal: bind: private/x: Permission denied":    "bind: private/x: Permission denied",
		"error: bind: private/x: Permission denied":    "Permission denied",
		"error: warning: in private/x":                 "in private/x",
		"/etc/postfix/master.cf: line 1: service x":    "service x",
		"reload -- version 3.7.11, configuration /c":   "reload -- version 3.7.11, configuration /c",
		"error: cannot rename private/x aside (EBUSY)": "cannot rename private/x aside (EBUSY)",
	} {
		if got := shownByAnalyser(analyserHead + line); got != want {
			t.Errorf("%q is shown as %q, want %q", line, got, want)
		}
		command := exec.Command(program)
		command.Stdin = strings.NewReader(analyserHead + line + "\n")
		out, err := command.Output()
		must(t, err)
		if !regexp.MustCompile(`(?m)^ +1 +` + regexp.QuoteMeta(want) + `$`).Match(out) {
			t.Errorf("%q: pflogsumm does not show %q:\n%s", line, want, out)
		}
	}
}

func TestAnalyserShowsOurLinesWhole(t *testing.T) {
	c := &core.Config{ConfigDirectory: "/etc/postfix"}
	entry := &core.ServiceConfig{
		Name: "x", Canonical: "private/x", Type: core.Unix, Path: "/d/p", Line: 7,
		Endpoints: []core.Endpoint{{Path: "private/x"}}, Owner: core.Account{Name: "postfix"},
	}
	for _, a := range []core.Action{
		{Code: core.LogReloadRefused, Level: core.LevelWarning, Config: c},
		{Code: core.LogListenRemedy, Level: core.LevelInfo, Config: c, Entry: entry, ListenStep: core.StepBind, Errno: core.EACCES},
		{Code: core.LogListenRemedy, Level: core.LevelInfo, Config: c, Entry: entry, ListenStep: core.StepUser, Errno: core.EPERM},
		{Code: core.LogListenFailed, Level: core.LevelError, Entry: entry, ListenStep: core.StepAside, Errno: core.EACCES},
		{Code: core.LogListenFailed, Level: core.LevelError, Entry: entry, ListenStep: core.StepDescriptors, Errno: core.ENOSPC},
		{Code: core.LogForeignStatus, Level: core.LevelWarning, Entry: entry},
		{Code: core.LogMuted, Level: core.LevelWarning, Entry: entry},
		{Code: core.LogStranger, Level: core.LevelInfo},
		{Code: core.LogChannelClosed, Level: core.LevelInfo, Entry: entry},
		{Code: core.LogRemovalKilled, Level: core.LevelWarning, Entry: entry},
	} {
		a.Kind = core.Log
		text := a.Message()
		want := strings.TrimPrefix(text, "/etc/postfix/master.cf: line 7: ")
		if got := shownByAnalyser(analyserHead + logs.LevelOf(a.Level).Prefix() + text); got != want {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
}

// colons lists the string constants that may contain ": ", each with its file and
// the number of occurrences: those in lines of the original, which stay word for
// word; those in warnings and fatal lines that the source does not identify as
// such; and those that are in no log line or only name a file and line number.
// Every other constant is refused, so the test holds for every line of ours.
const colons = "testdata/colons.txt"

func TestAnalyserShowsOurTextsWhole(t *testing.T) {
	listed := readColons(t)
	found := make(map[piece]int)
	for _, text := range texts(t) {
		if strings.Contains(text.value, ": ") || strings.HasSuffix(text.value, ":") {
			found[text]++
		}
	}
	for text, n := range found {
		if n > listed[text] {
			t.Errorf("%s: %q has a colon where an analyser cuts the line; use a comma, a semicolon or brackets, or, if it belongs to one of the groups in %s, let that say\n%s %d %q",
				text.file, text.value, colons, text.file, n, text.value)
		}
	}
}

// piece is a string constant of the program.
type piece struct {
	file  string
	value string
}

// texts returns the string constants of everything that the daemon logs with.
func texts(t *testing.T) []piece {
	t.Helper()
	var list []piece
	files := []string{"../../cmd/master"}
	for _, pattern := range []string{"../../core", "../../core/config", "../../osadapter", "../../osadapter/*", "../../osadapter/internal/*"} {
		found, err := filepath.Glob(pattern)
		must(t, err)
		files = append(files, found...)
	}
	for _, directory := range files {
		switch filepath.Base(directory) {
		case "child", "parity", "stuck": // not in the daemon
			continue
		}
		sources, err := filepath.Glob(filepath.Join(directory, "*.go"))
		must(t, err)
		for _, source := range sources {
			if !strings.HasSuffix(source, "_test.go") {
				list = append(list, textsOf(t, source)...)
			}
		}
	}
	if len(list) < 500 {
		t.Fatalf("%d texts: the sources were not found", len(list))
	}
	return list
}

func textsOf(t *testing.T, source string) (list []piece) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, source, nil, 0)
	must(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && isUncut(call) {
			return false
		}
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		value, err := strconv.Unquote(literal.Value)
		must(t, err)
		list = append(list, piece{strings.TrimPrefix(filepath.ToSlash(source), "../../"), value})
		return true
	})
	return list
}

// isUncut reports whether a call logs a warning, a fatal line or a panic.
func isUncut(call *ast.CallExpr) bool {
	switch name(call.Fun) {
	case "Warn", "warn", "warnIn", "fatal", "panic":
		return true
	}
	for _, argument := range call.Args {
		switch name(argument) {
		case "Warning", "LevelWarning", "Fatal", "LevelFatal", "Panic", "LevelPanic":
			return true
		}
	}
	return false
}

// name returns the last identifier of an expression, or "" if there is none.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// readColons reads the list. Its lines are those that the test expects; "#" starts
// a heading.
func readColons(t *testing.T) map[piece]int {
	t.Helper()
	text, err := os.ReadFile(colons)
	must(t, err)
	listed := make(map[piece]int)
	for _, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		file, rest, _ := strings.Cut(line, " ")
		count, quoted, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(count)
		must(t, err)
		value, err := strconv.Unquote(quoted)
		must(t, err)
		listed[piece{file, value}] = n
	}
	return listed
}
