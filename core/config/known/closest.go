package known

import (
	"math/bits"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// maxMisspelt is the length in bytes of the longest name that is compared with
// others: all known names are shorter.
const maxMisspelt = 96

// Closest returns the name that a misspelt name most likely means: the nearest
// by edit distance (an extra, missing or wrong letter, or two swapped
// neighbours, count one each) among the original's parameters, old names, our
// own, and extra, such as Catalog.Names. Letter case, and hyphens for
// underscores, do not count. ok is false if no name is near: up to one mistake
// in short names, three in long ones. Of equally near names it returns the first
// by bytes. The time is bounded for any name, and grows linearly with extra;
// names in extra of more than 96 bytes are skipped.
func Closest(name string, extra []string) (closest string, ok bool) {
	if len(name) > maxMisspelt {
		return "", false
	}
	s := search{name: folded(name), limit: tolerance(len(name))}
	s.letters = lettersOf(s.name)
	for _, list := range [][]string{derived[:], legacy[:], extra} {
		for _, candidate := range list {
			s.try(candidate)
		}
	}
	for candidate := range config.EachDefault {
		s.try(candidate)
	}
	for rest := table; rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		candidate, _, _ := strings.Cut(line, "=")
		s.try(candidate)
	}
	return s.best, s.found
}

// tolerance returns how many mistakes a name of the given length may have.
func tolerance(length int) int {
	switch {
	case length < 4:
		return 0
	case length < 7:
		return 1
	case length < 12:
		return 2
	}
	return 3
}

// search is the state of one call of Closest. limit is the largest distance of a
// better candidate.
type search struct {
	name    string // folded
	letters uint64
	limit   int
	best    string
	found   bool
	rows    [3][maxMisspelt + 1]int
}

// try compares one candidate.
func (s *search) try(candidate string) {
	if len(candidate) > len(s.name)+s.limit || len(candidate) < len(s.name)-s.limit || len(candidate) > maxMisspelt {
		return
	}
	letters := lettersOf(candidate)
	// Each letter that only one side has costs an edit; a changed letter pays for two.
	if max(bits.OnesCount64(letters&^s.letters), bits.OnesCount64(s.letters&^letters)) > s.limit {
		return
	}
	distance, near := s.distance(folded(candidate))
	if !near || s.found && distance == s.limit && candidate >= s.best {
		return
	}
	s.best, s.found, s.limit = candidate, true, distance
}

// distance returns the number of edits between the name and a candidate; near is
// false if it exceeds the limit. It fills only the band of the table that the
// limit can reach.
func (s *search) distance(text string) (edits int, near bool) {
	a, b, far := s.name, text, s.limit+1
	before, last, now := &s.rows[0], &s.rows[1], &s.rows[2]
	for j := range min(len(b), s.limit) + 1 {
		last[j] = j
	}
	if len(b) > s.limit {
		last[s.limit+1] = far
	}
	for i := 1; i <= len(a); i++ {
		low, high := max(1, i-s.limit), min(len(b), i+s.limit)
		now[low-1] = far
		if low == 1 {
			now[0] = min(i, far)
		}
		least := now[low-1]
		for j := low; j <= high; j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			edits := min(last[j-1]+cost, last[j]+1, now[j-1]+1, far)
			if i > 1 && j > 1 && cost == 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				edits = min(edits, before[j-2]+1)
			}
			now[j] = edits
			least = min(least, edits)
		}
		if high < len(b) {
			now[high+1] = far
		}
		if least == far {
			return far, false
		}
		before, last, now = last, now, before
	}
	return last[len(b)], last[len(b)] <= s.limit
}

// folded returns a form that is equal for names that differ in letter case or
// hyphens only.
func folded(name string) string {
	for i := 0; i < len(name); i++ {
		if foldedByte(name[i]) == name[i] {
			continue
		}
		text := []byte(name)
		for ; i < len(text); i++ {
			text[i] = foldedByte(text[i])
		}
		return string(text)
	}
	return name
}

func foldedByte(c byte) byte {
	switch {
	case c == '-':
		return '_'
	case 'A' <= c && c <= 'Z':
		return c | 0x20
	}
	return c
}

// lettersOf returns the set of bytes in a folded name, with several bytes per
// bit.
func lettersOf(name string) (set uint64) {
	for i := 0; i < len(name); i++ {
		set |= 1 << (foldedByte(name[i]) & 63)
	}
	return set
}
