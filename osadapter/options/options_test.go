package options

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if n, v, _ := strings.Cut(pair, "="); n == name {
				return v, true
			}
		}
		return "", false
	}
}

func TestParse(t *testing.T) {
	usage := &UsageError{}
	for _, row := range []struct {
		reason string
		words  string
		env    []string
		want   Options
		err    error
	}{
		{"nothing asked", "", nil, Options{}, nil},
		{"as the init script tests", "-t", nil, Options{Test: true}, nil},
		{"as the init script starts", "-w", nil, Options{Wait: true}, nil},
		{"letters cluster", "-dsv", nil, Options{Foreground: true, KeepStdout: true, Verbose: 1}, nil},
		{"verbose counts", "-vv -v", nil, Options{Verbose: 3}, nil},
		{"argument attached", "-c/etc/x", nil, Options{ConfigDirectory: "/etc/x"}, nil},
		{"argument in the next word", "-c /etc/x", nil, Options{ConfigDirectory: "/etc/x"}, nil},
		{"argument ends a cluster", "-dc /etc/x", nil, Options{Foreground: true, ConfigDirectory: "/etc/x"}, nil},
		{"the rest of a word is the argument", "-cd", nil, Options{ConfigDirectory: "d"}, nil},
		{"an argument may look like an option", "-c -d", nil, Options{ConfigDirectory: "-d"}, nil},
		{"an argument may be the end mark", "-c -- -d", nil, Options{ConfigDirectory: "--", Foreground: true}, nil},
		{"the last -c counts", "-c a -c b", nil, Options{ConfigDirectory: "b"}, nil},
		{"end mark alone", "-d --", nil, Options{Foreground: true}, nil},
		{"exit time", "-e 60", nil, Options{ExitAfter: 60, ExitAfterSet: true}, nil},
		{"exit time zero", "-e0", nil, Options{ExitAfterSet: true}, nil},
		{"exit time not a number is zero", "-e soon", nil, Options{ExitAfterSet: true}, nil},
		{"exit time with trailing text", "-e 12s", nil, Options{ExitAfter: 12, ExitAfterSet: true}, nil},
		{"exit time signed", "-e +7", nil, Options{ExitAfter: 7, ExitAfterSet: true}, nil},
		{"exit time negative (Q33)", "-e -1", nil, Options{}, usage},
		{"exit time minus zero", "-e -0", nil, Options{ExitAfterSet: true}, nil},
		{"exit time loses its upper half", "-e 4294967297", nil, Options{ExitAfter: 1, ExitAfterSet: true}, nil},
		{"exit time turns negative", "-e 2147483648", nil, Options{}, usage},
		{"exit time beyond a long", "-e 99999999999999999999", nil, Options{}, usage},
		{"exit time far below a long", "-e -99999999999999999999", nil, Options{ExitAfterSet: true}, nil},
		{"init", "-i", nil, Options{Init: true}, nil},
		{"init keeps its test", "-it", nil, Options{Init: true, Test: true}, nil},
		{"debug", "-D", nil, Options{Debug: true}, nil},

		{"unknown letter", "-x", nil, Options{}, usage},
		{"a colon is no letter", "-:", nil, Options{}, usage},
		{"unknown letter in a cluster", "-dx", nil, Options{}, usage},
		{"argument missing", "-c", nil, Options{}, usage},
		{"argument missing after a cluster", "-de", nil, Options{}, usage},
		{"operand", "start", nil, Options{}, usage},
		{"operand after options", "-d start", nil, Options{}, usage},
		{"operand after the end mark", "-- -d", nil, Options{}, usage},
		{"a lone dash is an operand", "-", nil, Options{}, usage},
		{"long options do not exist", "--help", nil, Options{}, usage},

		{"test and wait", "-t -w", nil, Options{Test: true, Wait: true}, ErrTestAndWait},
		{"init and debug", "-i -D", nil, Options{Init: true, Debug: true}, ErrInitAndMode},
		{"init and foreground", "-d -i", nil, Options{Init: true, Foreground: true}, ErrInitAndMode},
		{"init and wait", "-iw", nil, Options{Init: true, Wait: true}, ErrInitAndMode},
		{"test and wait come first", "-itw", nil, Options{Init: true, Test: true, Wait: true}, ErrTestAndWait},
		{"usage comes before conflicts", "-t -w -x", nil, Options{}, usage},

		{"verbose from the environment", "-v", []string{"MAIL_VERBOSE="}, Options{Verbose: 2}, nil},
		{"debug from the environment, empty", "", []string{"MAIL_DEBUG="}, Options{Debug: true}, nil},
		{"debug from the environment conflicts", "-i", []string{"MAIL_DEBUG=no"}, Options{Init: true, Debug: true}, ErrInitAndMode},
		{"directory from the environment", "", []string{"MAIL_CONFIG=/etc/y"}, Options{ConfigDirectory: "/etc/y"}, nil},
		{"-c beats the environment", "-c /etc/x", []string{"MAIL_CONFIG=/etc/y"}, Options{ConfigDirectory: "/etc/x"}, nil},
	} {
		got, err := Parse(append([]string{"./master"}, strings.Fields(row.words)...), environment(row.env...))
		var asUsage *UsageError
		switch {
		case row.err == usage:
			if !errors.As(err, &asUsage) {
				t.Errorf("%s: %q gave error %v, want the usage line", row.reason, row.words, err)
			}
			continue
		case err != row.err:
			t.Errorf("%s: %q gave error %v, want %v", row.reason, row.words, err, row.err)
		}
		row.want.Program = "./master"
		if got != row.want {
			t.Errorf("%s: %q gave %+v, want %+v", row.reason, row.words, got, row.want)
		}
	}
}

func TestUsageTextIsTheOriginals(t *testing.T) {
	_, err := Parse([]string{"./x/master", "-Z"}, environment())
	want := "usage: ./x/master [-c config_dir] [-D (debug)] [-d (don't detach from terminal)] [-e exit_time] [-t (test)] [-v] [-w (wait for initialization)]"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestParseWithoutProgramName(t *testing.T) {
	if o, err := Parse(nil, environment()); err != nil || o != (Options{}) {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestParseRefusesEndlessCommandLines(t *testing.T) {
	words := make([]string, MaxOptions+2)
	for i := range words {
		words[i] = "-v"
	}
	if _, err := Parse(words, environment()); err == nil {
		t.Error("a command line beyond the bound was accepted")
	}
}

func TestCheckInitWantsPID1(t *testing.T) {
	with, without := Options{Init: true}, Options{}
	if err := with.CheckInit(1); err != nil {
		t.Error(err)
	}
	if err := with.CheckInit(2); err != ErrNotPID1 {
		t.Errorf("got %v", err)
	}
	if err := without.CheckInit(2); err != nil {
		t.Error(err)
	}
}

func TestInitIsCheckedBeforeWhatFollowsIt(t *testing.T) {
	for words, want := range map[string]error{"-i -d": ErrNotPID1, "-i -x": ErrNotPID1, "-i word": ErrNotPID1, "-x -i": nil, "word -i": nil} {
		o, err := Parse(append([]string{"master"}, strings.Fields(words)...), environment())
		if err == nil {
			t.Errorf("%s: no error", words)
		}
		if got := o.CheckInit(2); got != want {
			t.Errorf("%s: got %v, want %v", words, got, want)
		}
	}
}

func TestDetach(t *testing.T) {
	for _, row := range []struct {
		o    Options
		want bool
	}{
		{Options{}, true},
		{Options{Wait: true, KeepStdout: true}, true},
		{Options{Init: true}, false},
		{Options{Debug: true}, false},
		{Options{Foreground: true}, false},
	} {
		if got := row.o.Detach(); got != row.want {
			t.Errorf("%+v: got %v", row.o, got)
		}
	}
}

func TestRelativeConfigDirectoryIsMadeAbsolute(t *testing.T) {
	for _, row := range []struct{ dir, cwd, want string }{
		{"", "/work", ""},
		{"/etc/x", "/work", "/etc/x"},
		{"conf", "/work", "/work/conf"},
		{"conf", "/", "/conf"},
		{"./conf", "/work", "/work/conf"},
		{".//./conf", "/work", "/work/conf"},
		{".", "/work/", "/work"},
		{"./", "/", "/"},
		{"../conf", "/work/a", "/work/a/../conf"},
	} {
		o := Options{ConfigDirectory: row.dir}
		if got := o.AbsoluteConfigDirectory(row.cwd); got != row.want {
			t.Errorf("%q in %q: got %q, want %q", row.dir, row.cwd, got, row.want)
		}
	}
}

func TestProcessName(t *testing.T) {
	for program, want := range map[string]string{
		"master": "master", "./master": "master", "/usr/lib/postfix/sbin/master": "master",
		"/x/other": "other", "": "master", "/": "master", "/x/master/": "master",
	} {
		if got := ProcessName(program); got != want {
			t.Errorf("%q: got %q, want %q", program, got, want)
		}
	}
}

// getopt is the C library's algorithm with its two cursors, as an automaton that
// yields one option at a time: "?" is any error, "" the end.
type getopt struct {
	words []string
	word  int // index of the current word
	char  int // index in it; 0: a new word
}

func (g *getopt) next(withArgument, without string) (option, argument string) {
	if g.char == 0 {
		if g.word == len(g.words) || g.words[g.word] == "-" || !strings.HasPrefix(g.words[g.word], "-") {
			return "", ""
		}
		if g.words[g.word] == "--" {
			g.word++
			return "", ""
		}
		g.char = 1
	}
	current := g.words[g.word]
	letter := current[g.char : g.char+1]
	g.char++
	if g.char == len(current) {
		g.word, g.char = g.word+1, 0
	}
	if strings.Contains(without, letter) {
		return letter, ""
	}
	if !strings.Contains(withArgument, letter) {
		return "?", ""
	}
	if g.char != 0 {
		argument = current[g.char:]
		g.word, g.char = g.word+1, 0
		return letter, argument
	}
	if g.word == len(g.words) {
		return "?", ""
	}
	g.word++
	return letter, g.words[g.word-1]
}

// TestParseAgreesWithGetopt compares with the model above, which reads no
// environment and knows no conflicts.
func TestParseAgreesWithGetopt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`-{0,2}[cDdeistvwxz0-9:-]{0,4}`), 0, 6).Draw(t, "words")
		var want Options
		good := true
		g := getopt{words: words}
		for good {
			letter, argument := g.next("ce", "Ddistvw")
			if letter == "" {
				good = g.word == len(words)
				break
			}
			switch letter {
			case "c":
				want.ConfigDirectory = argument
			case "e":
				want.ExitAfterSet = true
				want.ExitAfter = 0
				for i := 0; i < len(argument) && argument[i] >= '0' && argument[i] <= '9'; i++ {
					want.ExitAfter = want.ExitAfter*10 + int32(argument[i]-'0')
				}
				if magnitude, negative := strings.CutPrefix(argument, "-"); negative {
					magnitude = strings.TrimLeft(magnitude, "0")
					good = magnitude == "" || magnitude[0] < '1' || magnitude[0] > '9'
				}
			case "D":
				want.Debug = true
			case "d":
				want.Foreground = true
			case "i":
				want.Init = true
			case "s":
				want.KeepStdout = true
			case "t":
				want.Test = true
			case "v":
				want.Verbose++
			case "w":
				want.Wait = true
			default:
				good = false
			}
		}
		got, err := Parse(append([]string{""}, words...), environment())
		var usage *UsageError
		if errors.As(err, &usage) == good {
			t.Fatalf("%q: got error %v, the model says good=%v", words, err, good)
		}
		if good && got != want {
			t.Fatalf("%q: got %+v, want %+v", words, got, want)
		}
	})
}
