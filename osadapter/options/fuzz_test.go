package options

import (
	"bytes"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// words splits a text at its newlines into a command line.
func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// modelled is what the model of getopt makes of a command line: letters with their
// arguments, in order, up to a mistake or the end.
type modelled struct {
	letters   []string
	arguments []string
	mistake   bool
	operands  []string
}

func model(list []string) (m modelled) {
	g := getopt{words: list}
	for {
		letter, argument := g.next("ce", "Ddistvw")
		switch letter {
		case "":
			m.operands = g.words[g.word:]
			return m
		case "?":
			m.mistake = true
			return m
		}
		m.letters, m.arguments = append(m.letters, letter), append(m.arguments, argument)
	}
}

// last returns the argument of the last option with this letter.
func (m *modelled) last(letter string) (argument string, found bool) {
	for i := range m.letters {
		if m.letters[i] == letter {
			argument, found = m.arguments[i], true
		}
	}
	return argument, found
}

func (m *modelled) count(letter string) (n int) {
	for _, l := range m.letters {
		if l == letter {
			n++
		}
	}
	return n
}

// negative reports whether the argument of -e is below zero by the rules of the C
// library, implemented independently: in decimal, cut to 64 bits, then the lower
// 32.
func negative(text string) bool { return value(text) < 0 }

func value(text string) int32 {
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	sign, digits := "", text
	if text != "" && (text[0] == '-' || text[0] == '+') {
		sign, digits = text[:1], text[1:]
	}
	end := 0
	for end < len(digits) && digits[end] >= '0' && digits[end] <= '9' {
		end++
	}
	digits = strings.TrimLeft(digits[:end], "0")
	limit := "9223372036854775807"
	if sign == "-" {
		limit = "9223372036854775808"
	}
	if len(digits) > len(limit) || len(digits) == len(limit) && digits > limit {
		digits = limit
	}
	low := uint32(0)
	for i := range len(digits) {
		low = low*10 + uint32(digits[i]-'0')
	}
	if sign == "-" {
		low = -low
	}
	return int32(low)
}

// FuzzCommandLine parses command lines. Those that the model of getopt accepts are
// accepted, with the same meaning; all others return the usage line; nothing after
// a mistake counts.
func FuzzCommandLine(f *testing.F) {
	for _, text := range []string{
		"", "-t", "-w", "-d\n-v", "-dsv", "-c\n/etc/postfix", "-c/etc/postfix\n-e60", "-e\n-1", "-e\n99999999999999999999", "-e+4294967297x", "--", "-",
		"-c", "-ce", "-i\n-D", "-tw", "-vv\n--\n-d", "-d\nstart", "--help", "-:", "-c\n--\n-d", "-v\n\n-d", "-e \t-0", "-it", "-\xff", "-d\x00",
	} {
		f.Add(text, byte(0))
		f.Add(text, byte(7))
	}
	f.Fuzz(func(t *testing.T, text string, set byte) {
		list := words(text)
		env := environment()
		var pairs []string
		for i, pair := range []string{ConfigVariable + "=/env", VerboseVariable + "=", DebugVariable + "=1"} {
			if set>>i&1 != 0 {
				pairs = append(pairs, pair)
			}
		}
		if len(pairs) > 0 {
			env = environment(pairs...)
		}
		before := slices.Clone(list)
		o, err := Parse(append([]string{"master"}, list...), env)
		if !slices.Equal(before, list) {
			t.Fatalf("%q became %q", before, list)
		}
		judge(t, list, set, o, err)
	})
}

// judge compares the result of Parse with the model.
func judge(t *testing.T, list []string, set byte, o Options, err error) {
	t.Helper()
	m := model(list)
	bad := m.mistake || len(m.operands) > 0
	for i, letter := range m.letters {
		bad = bad || letter == "e" && negative(m.arguments[i])
	}
	var usage *UsageError
	if errors.As(err, &usage) != bad {
		t.Fatalf("%q: got %v, the model says mistake=%v operands=%q", list, err, m.mistake, m.operands)
	}
	if bad {
		if usage.Program != "master" || !strings.HasPrefix(usage.Error(), "usage: master [-c ") {
			t.Fatalf("%q: %v", list, usage)
		}
		return
	}
	want := Options{
		Program: "master", Debug: m.count("D") > 0 || set&4 != 0, Foreground: m.count("d") > 0, Init: m.count("i") > 0,
		KeepStdout: m.count("s") > 0, Test: m.count("t") > 0, Wait: m.count("w") > 0, Verbose: m.count("v") + int(set>>1&1),
	}
	if set&1 != 0 {
		want.ConfigDirectory = "/env"
	}
	if dir, found := m.last("c"); found {
		want.ConfigDirectory = dir
	}
	if text, found := m.last("e"); found {
		want.ExitAfter, want.ExitAfterSet = value(text), true
	}
	if o != want {
		t.Fatalf("%q: got %+v, want %+v", list, o, want)
	}
	refused := error(nil)
	switch {
	case want.Test && want.Wait:
		refused = ErrTestAndWait
	case want.Init && (want.Debug || want.Foreground || want.Wait):
		refused = ErrInitAndMode
	}
	if err != refused {
		t.Fatalf("%q: got %v, want %v", list, err, refused)
	}
	if dir := o.AbsoluteConfigDirectory("/w"); (dir == "") != (want.ConfigDirectory == "") || dir != "" && dir[0] != '/' {
		t.Fatalf("%q is %q", want.ConfigDirectory, dir)
	}
}

// shell is a script that runs the shell's getopts over each of its arguments, split
// at newlines, and prints letters and arguments in order.
const shell = `
each() {
	OPTIND=1
	while getopts :c:Dde:istvw letter; do
		case $letter in
		[:?]) printf '?\n'; return ;;
		*) printf '%s<%s>' "$letter" "$OPTARG" ;;
		esac
		OPTARG=
	done
	shift $((OPTIND - 1))
	printf '|%s\n' "$#"
}
n=$1; shift
while [ $n -gt 0 ]; do
	count=$1; shift
	list=("${@:1:count}"); shift $count
	each "${list[@]}"
	n=$((n - 1))
done
`

// The model can be wrong: the shell's getopts is an independent implementation.
func TestModelOfGetoptAgreesWithTheShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skipf("needs bash, whose getopts it compares with: %v", err)
	}
	for lines := range slices.Chunk(commandLines(), 100) {
		got := asked(t, bash, lines)
		for i, list := range lines {
			m, want := model(list), ""
			for k := range m.letters {
				want += m.letters[k] + "<" + m.arguments[k] + ">"
			}
			if m.mistake {
				want += "?"
			} else {
				want += "|" + strconv.Itoa(len(m.operands))
			}
			if got[i] != want {
				t.Errorf("%q: the shell says %s, the model %s", list, got[i], want)
			}
		}
	}
}

// asked returns the results of the shell for some command lines.
func asked(t *testing.T, bash string, lines [][]string) []string {
	t.Helper()
	args := []string{"-c", shell, "getopts", strconv.Itoa(len(lines))}
	for _, list := range lines {
		args = append(append(args, strconv.Itoa(len(list))), list...)
	}
	c := exec.Command(bash, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(lines) {
		t.Fatalf("%d command lines, %d answers\n%s", len(lines), len(answers), stderr.String())
	}
	return answers
}

// commandLines returns all command lines of up to three of a few words.
func commandLines() (lines [][]string) {
	parts := []string{"-t", "-dv", "-c", "-cx", "-e", "-de", "--", "-", "", "-x", "-dx", "word", "-c-", "-:"}
	lines = append(lines, nil)
	for _, a := range parts {
		lines = append(lines, []string{a})
		for _, b := range parts {
			lines = append(lines, []string{a, b})
			for _, c := range []string{"-t", "--", "-c", "word", "", "-x"} {
				lines = append(lines, []string{a, b, c})
			}
		}
	}
	return lines
}
