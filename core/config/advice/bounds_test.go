package advice

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// pieces are what random configurations are made of.
var pieces = []string{
	"\n", "\n", "\n ", " ", "\t", "#", "\x00", "\r\n", "=", "$", "${", "}", "{", "-o ", "=x ", "inet_interfaces", "$myhostnmae", "mydestinatoin = $x",
	"25 inet n - n - - smtpd", "foo unix - - - - - smtp", "127.0.0.1:25 inet n - - - 1x postscreen", "qmgr unix n - - 0 1 qmgr", "\xff",
	"mailbox_transport = x", "content_filter=y:z", "master_service_disable = ", "smtpd.x", "# smtps inet n - n - - smtpd\n", " a = b", "max_idle = 1day",
	"-oa=", "-o { max_use = ", "argv=", "00000 inet n - - 99999999999? -0 -", "compatibility_level = +1", "daemon_directory = $",
}

// Any text gets advice that points into the text, and twice the same.
func TestAdvicePointsIntoTheText(t *testing.T) {
	text := rapid.Map(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.StringN(0, 5, -1)), 0, 30),
		func(s []string) string { return strings.Join(s, "") })
	rapid.Check(t, func(t *rapid.T) {
		main, master := mainStart+text.Draw(t, "main"), text.Draw(t, "master")
		x := input(main, master)
		list := Check(&x.Input)
		again := input(main, master)
		if other := Check(&again.Input); !reflect.DeepEqual(list, other) {
			t.Fatal("two runs differ")
		}
		for _, a := range list {
			lines := strings.Split(main, "\n")
			if a.File == "/c/master.cf" {
				lines = strings.Split(master, "\n")
			}
			if a.Line == 0 && a.Column == 0 {
				continue
			}
			if int(a.Line) > len(lines) || a.Column < 1 || int(a.Column) > len(lines[a.Line-1])+1 {
				t.Fatalf("%d lines, advice %+v", len(lines), a)
			}
		}
	})
}

// Lines that lost their blank, without the entry that they belong to: it is
// broken itself and left out when the others are judged.
func TestUnindentedLinesAfterABrokenEntryAreJudged(t *testing.T) {
	x := input(mainStart, "smtp inet q - n - - smtpd\n-o a=b\n-o c=d\nqmgr unix n - n 300 1 qmgr\n")
	Check(&x.Input)
}

// The work grows with the text, not with its square.
func TestLargeConfigurationsAreJudgedInTime(t *testing.T) {
	var main, master strings.Builder
	main.WriteString(mainStart)
	for i := range 6000 {
		fmt.Fprintf(&main, "smtpd_recipient_restriction%d = $mydestinatoin%d\n", i, i)
		fmt.Fprintf(&master, "127.0.0.1:%d inet n - n - - smtpd\n  -o content_filter=x%d -o smtp_helo_nmae%d=$myhostnmae%d\n", 1000+i, i, i, i)
		fmt.Fprintf(&master, "bad%d inet x\n", i)
	}
	start := time.Now()
	x := input(main.String(), master.String())
	if list := Check(&x.Input); len(list) != maxAdvice {
		t.Errorf("%d pieces of advice", len(list))
	}
	if spent := time.Since(start); spent > 30*time.Second {
		t.Errorf("it took %v", spent)
	}
}

// Neither does one entry of many lines, most of them comments.
func TestLongEntriesAreJudgedInTime(t *testing.T) {
	comments := strings.Repeat("#mynetworks = x\n#a inet n - n - - smtpd\n", 50000)
	start := time.Now()
	x := input(mainStart+"mydestination = a\n"+comments+"  b\n"+comments+"  c\n",
		"foo unix - - - - - smtp\n"+comments+"  -v\n"+comments+strings.Repeat("  -v", 100000)+"\n")
	if list := Check(&x.Input); len(list) < 3 {
		t.Errorf("%d pieces of advice", len(list))
	}
	if spent := time.Since(start); spent > 30*time.Second {
		t.Errorf("it took %v", spent)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"smtp", "smtp", 2, 0},
		{"smptd", "smtpd", 2, 1},
		{"smtp", "smtpd", 2, 1},
		{"qmgr", "omgr", 2, 1},
		{"ab", "ba", 0, 1},
		{"abcdef", "badcfe", 2, 3},
		{"abcdef", "badcfe", 5, 3},
		{"", "abc", 2, 3},
		{"", "", 0, 0},
	} {
		if got := distance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("%q %q within %d: %d, want %d", c.a, c.b, c.limit, got, c.want)
		}
	}
}
