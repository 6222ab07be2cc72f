package config

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLayoutAlignsColumnsAtTheUsualPlaces(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"empty file":      {"", ""},
		"only comments":   {"# a  b \n\n  # c\n", "# a  b \n\n  # c\n"},
		"one entry":       {"smtp inet n - y - - smtpd\n", "smtp      inet  n       -       y       -       -       smtpd\n"},
		"tabs and CR":     {"smtp\tinet\tn - y - \r - smtpd\t\r\n", "smtp      inet  n       -       y       -       -       smtpd\r\n"},
		"as it came":      {"proxywrite unix -       -       n       -       1       proxymap\n", "proxywrite unix -       -       n       -       1       proxymap\n"},
		"wide type":       {"postlog unix-dgram n - n - 1 postlogd\n", "postlog   unix-dgram n  -       n       -       1       postlogd\n"},
		"catches up":      {"127.0.0.1:submission inet n - y - - smtpd\n", "127.0.0.1:submission inet n -   y       -       -       smtpd\n"},
		"no last newline": {"a unix - - - - - b", "a         unix  -       -       -       -       -       b\n"},
		"few columns":     {"a   unix  -\n", "a         unix  -\n"},
		"arguments keep their blanks": {
			"a unix - - - - - b   -o   x=y  { c   d } \n",
			"a         unix  -       -       -       -       -       b   -o   x=y  { c   d }\n",
		},
		"continuation lines keep their distance": {
			"a unix - - n - - pipe\n\tflags=R\n            -d x\n# note\n\n\targv=y \n",
			"a         unix  -       -       n       -       -       pipe\n  flags=R\n      -d x\n# note\n\n  argv=y\n",
		},
		"braces stay as they are": {
			"a unix - - n - - b\n -o { x =\n     y  \n # c\n   z }  \n   -v\n",
			"a         unix  -       -       n       -       -       b\n  -o { x =\n     y  \n # c\n   z }\n    -v\n",
		},
		"lines inside braces do not count as the leftmost": {
			"a unix - - n - - b {\n x }\n     -v\n",
			"a         unix  -       -       n       -       -       b {\n x }\n  -v\n",
		},
		"carriage returns inside braces": {
			"a unix - - n - - b {x \r\n y}\r\n",
			"a         unix  -       -       n       -       -       b {x \r\n y}\r\n",
		},
		"columns in a continuation line": {
			"a   unix\n    -  - n - -  b\n", "a         unix\n  -  - n - -  b\n",
		},
		"NUL byte":     {"a  unix  - - n - - b \x00 c \n", "a  unix  - - n - - b \x00 c \n"},
		"misplaced":    {"  a  unix - - n - - b \n", "  a  unix - - n - - b \n"},
		"vertical tab": {"a unix - - n - - b\n\vc  d \n", "a         unix  -       -       n       -       -       b\n\vc  d\n"},
		"a long name moves all": {
			"[2001:db8::1]:submission inet n - n - - smtpd\nx unix - - n - - y\n",
			"[2001:db8::1]:submission inet  n       -       n       -       -       smtpd\n" +
				"x                        unix  -       -       n       -       -       y\n",
		},
		"a name without end moves nobody": {
			strings.Repeat("n", 99) + " inet n - n - - s\nx unix - - n - - y\n",
			strings.Repeat("n", 99) + " inet n - n - - s\nx         unix  -       -       n       -       -       y\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(Layout([]byte(c.in))); got != c.want {
				t.Errorf("got\n%q, want\n%q", got, c.want)
			}
			sameMeaning(t, []byte(c.in))
		})
	}
}

// entryText is what an entry means: its tokens and its place.
type entryText struct {
	fields, args []string
	lines        []int32
	line         int32
	cut, astray  bool
}

func meaning(text []byte) (list []entryText) {
	for _, e := range ParseMaster("master.cf", text).Entries {
		m := entryText{line: e.Line, cut: e.line.cut, astray: e.misplaced}
		for _, f := range e.Fields {
			m.fields, m.lines = append(m.fields, f.Text), append(m.lines, e.At(f).Line)
		}
		for _, f := range e.Args {
			m.args, m.lines = append(m.args, f.Text), append(m.lines, e.At(f).Line)
		}
		list = append(list, m)
	}
	return list
}

// sameMeaning checks what Layout promises about any text.
func sameMeaning(t interface {
	Helper()
	Errorf(string, ...any)
}, text []byte,
) {
	t.Helper()
	once := Layout(text)
	if was, is := meaning(text), meaning(once); !reflect.DeepEqual(was, is) {
		t.Errorf("%q became %q: %+v became %+v", text, once, was, is)
	}
	if twice := Layout(once); !bytes.Equal(once, twice) {
		t.Errorf("%q became %q and then %q", text, once, twice)
	}
	want := bytes.Count(text, []byte{'\n'})
	if len(text) > 0 && text[len(text)-1] != '\n' {
		want++
	}
	if got := bytes.Count(once, []byte{'\n'}); got != want {
		t.Errorf("%q became %q: %d lines became %d", text, once, want, got)
	}
	if was, is := comments(text), comments(once); !slices.Equal(was, is) {
		t.Errorf("%q became %q: its comments %q became %q", text, once, was, is)
	}
}

// comments returns the lines without meaning.
func comments(text []byte) (kept []byte) {
	for rest := string(text); rest != ""; {
		var line string
		if line, rest = physical(rest); blankOrComment(line) {
			kept = append(append(kept, strings.TrimSuffix(line, "\n")...), '\n')
		}
	}
	return kept
}

func TestLayoutNeverChangesTheMeaning(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		" ", " ", "  ", "\t", "\n", "\n", "\n ", "\n  ", "\n\t", "\r", "\r\n", "\v", "\f", "#", "\n#", "\n # c", "{", "}", "{ a  b }",
		"a", "smtp", "inet", "unix-dgram", "-", "n", "y", "60?", "-o", "x = y", "\x00", "\xff", "é",
		"smtp inet n - y - - smtpd", "\na unix - - - - - b -o", "\na unix - - - - - b {", "[2001:db8::1]:submission", strings.Repeat("w", 45),
	})
	rapid.Check(t, func(t *rapid.T) {
		sameMeaning(t, []byte(strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "pieces"), "")))
	})
	rapid.Check(t, func(t *rapid.T) {
		sameMeaning(t, rapid.SliceOfN(rapid.SampledFrom([]byte("a \t\n\r\v#{}\x00")), 0, 30).Draw(t, "bytes"))
	})
}

func TestLayoutKeepsTheMeaningOfEveryVector(t *testing.T) {
	text, err := os.ReadFile("testdata/master_cf.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name   string `json:"name"`
		Master string `json:"master_cf"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 100 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		raw := make([]byte, 0, len(v.Master))
		for _, c := range v.Master { // one code point stands for one byte
			raw = append(raw, byte(c))
		}
		t.Run(v.Name, func(t *testing.T) { sameMeaning(t, raw) })
	}
}

func TestLayoutOfHugeFilesStaysInProportion(t *testing.T) {
	entry := "a unix - - n - - b\n"
	for name, text := range map[string]string{
		"long line":     "a unix - - n - - b " + strings.Repeat("c d ", 1<<18),
		"long name":     strings.Repeat("n", 1<<20) + " unix - - n - - b\n" + strings.Repeat(entry, 1000),
		"deep indent":   "a unix - - n - - b\n" + strings.Repeat("\t", 1<<20) + "x\n y\n" + strings.Repeat(strings.Repeat("\t", 1000)+"z\n", 100),
		"open braces":   "a unix - - n - - b " + strings.Repeat("{", 1<<20),
		"many entries":  strings.Repeat(entry, 30000),
		"continuations": entry + strings.Repeat(" x\n", 1<<18),
	} {
		t.Run(name, func(t *testing.T) {
			if once := Layout([]byte(text)); len(once) > 5*len(text) {
				t.Errorf("%d bytes became %d", len(text), len(once))
			} else if !bytes.Equal(once, Layout(once)) {
				t.Error("not stable")
			}
		})
	}
}
