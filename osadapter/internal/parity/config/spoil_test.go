package config_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
)

// material is an intact pair from which spoiled configurations are made.
type material struct{ main, master []byte }

// stockPairs are the files that Postfix installs, with the settings that every
// start in a lane needs.
var stockPairs = [][2]string{
	{"", "/usr/share/postfix/master.cf.dist"},
	{"", "/etc/postfix/master.cf.proto"},
	{"/usr/share/postfix/main.cf.debian", "/usr/share/postfix/master.cf.dist"},
	{"/usr/share/postfix/main.cf.tls", "/etc/postfix/master.cf.proto"},
}

// laneSettings adapt any main.cf to a lane.
const laneSettings = "\ncompatibility_level = 3.6\nqueue_directory = @QUEUE@\ndaemon_directory = @DAEMON@\ndata_directory = @DATA@\n" +
	"myhostname = mail.example.com\nmynetworks = 127.0.0.0/8\nsetgid_group = postdrop\ninet_interfaces = 127.0.0.1\n"

// stock reads the pairs that exist on this system.
func stock() (list []material) {
	for _, pair := range stockPairs {
		var m material
		var err error
		if pair[0] != "" {
			if m.main, err = os.ReadFile(pair[0]); err != nil {
				continue
			}
		}
		if m.master, err = os.ReadFile(pair[1]); err != nil {
			continue
		}
		m.main = append(m.main, laneSettings...)
		list = append(list, m)
	}
	return list
}

// shards are bytes with a meaning somewhere.
var shards = []string{
	" ", "\t", "\n", "\n ", "\n\t", "\r", "\v", "\f", "\x00", "#", "\n#", "-", "--", "=", "{", "}", "{ ", " }", "$", "$$", "${", "${a?", ":", "[", "]", "/", "!", ",",
	"\"", "\\", "\xff", "\xc3\xa9", "0", "1", "99999999999", "?", "-o ", " -o x=y", "\nfoo unix - - - - - bar\n", " - - - - - ", "unix", "inet", "pass", "fifo", "unix-dgram",
	"127.0.0.1:", "smtp", "y", "n", "@QUEUE@",
}

// spoil changes a text in a few places, by bytes or lines; other texts contribute
// lines.
func spoil(rng *rand.Rand, text []byte, others []material) []byte {
	text = bytes.Clone(text)
	for range 1 + rng.IntN(3)*rng.IntN(2) {
		if len(text) == 0 {
			return []byte(shards[rng.IntN(len(shards))])
		}
		at := rng.IntN(len(text))
		switch rng.IntN(9) {
		case 0: // another byte
			text[at] = byte(rng.IntN(256))
		case 1: // a bit
			text[at] ^= 1 << rng.IntN(8)
		case 2, 3, 4: // an additional shard
			text = insert(text, at, []byte(shards[rng.IntN(len(shards))]))
		case 5: // some bytes removed
			text = append(text[:at], text[min(len(text), at+1+rng.IntN(12)):]...)
		case 6: // a piece repeated
			piece := text[at:min(len(text), at+1+rng.IntN(40))]
			text = insert(text, rng.IntN(len(text)), bytes.Clone(piece))
		case 7: // truncated
			if rng.IntN(4) == 0 {
				text = text[:at]
			}
		case 8: // a line of another text
			other := others[rng.IntN(len(others))].master
			lines := bytes.SplitAfter(other, []byte("\n"))
			text = insert(text, lineStart(text, at), lines[rng.IntN(len(lines))])
		}
	}
	return text
}

func insert(text []byte, at int, piece []byte) []byte {
	return append(text[:at:at], append(bytes.Clone(piece), text[at:]...)...)
}

// lineStart returns the start of the line that contains an offset.
func lineStart(text []byte, at int) int { return bytes.LastIndexByte(text[:at], '\n') + 1 }

// uncommented drops most comment lines, so that changes affect what matters.
func uncommented(rng *rand.Rand, text []byte) []byte {
	var kept []byte
	for _, line := range bytes.SplitAfter(text, []byte("\n")) {
		if len(line) > 0 && line[0] == '#' && rng.IntN(10) > 0 {
			continue
		}
		kept = append(kept, line...)
	}
	return kept
}

// spoiled returns the pair of a seed, every other one made of one of the first few
// pairs of the material. The same seed and material return the same texts.
func spoiled(seed uint64, from []material, first int) material {
	rng := rand.New(rand.NewPCG(seed, 0x73706f696c))
	m := from[rng.IntN(len(from))]
	if first > 0 && rng.IntN(2) == 0 {
		m = from[rng.IntN(first)]
	}
	m = material{uncommented(rng, m.main), uncommented(rng, m.master)}
	if rng.IntN(4) == 0 {
		m.main = spoil(rng, m.main, from)
	}
	if rng.IntN(8) > 0 {
		m.master = spoil(rng, m.master, from)
	}
	return m
}

func TestSpoiledTextsAreOfTheirSeeds(t *testing.T) {
	from := []material{{[]byte("a = b\n# c\n"), []byte("# d\nsmtp inet n - y - - smtpd\n  -o a=b\n")}, {nil, []byte("x unix - - - - - y\n")}}
	seen := make(map[string]bool)
	const seeds = 300
	for seed := range uint64(seeds) {
		a, b := spoiled(seed, from, 1), spoiled(seed, from, 1)
		if !bytes.Equal(a.main, b.main) || !bytes.Equal(a.master, b.master) {
			t.Fatalf("seed %d gives two pairs", seed)
		}
		seen[string(a.main)+"\x00"+string(a.master)] = true
	}
	if len(seen) < seeds*3/4 {
		t.Errorf("%d seeds give only %d pairs", seeds, len(seen))
	}
	if string(from[0].master) != "# d\nsmtp inet n - y - - smtpd\n  -o a=b\n" || string(from[0].main) != "a = b\n# c\n" {
		t.Error("the material itself was spoiled")
	}
}
