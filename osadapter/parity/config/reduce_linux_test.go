package config_test

import (
	"bytes"
	"strings"
)

// maxReductions bounds the comparisons that go into cutting one pair down.
const maxReductions = 60

// reduce drops lines, fields of lines and parameters to ask for while the
// pair still differs in the same way.
func reduce(l *lane, p pair, differences []string) (small pair, left []string) {
	kind := titles(differences)
	small, left = p, differences
	tries := 0
	try := func(q pair) bool {
		if tries == maxReductions {
			return false
		}
		tries++
		a, err := l.ask(&q)
		if err != nil {
			return false
		}
		d := compare(a, make(map[rule]int))
		if len(d) == 0 || titles(d) != kind {
			return false
		}
		small, left = q, d
		return true
	}
	for _, text := range []*[]byte{&small.Master, &small.Main} {
		for size := bytes.Count(*text, []byte("\n")) / 2; ; size /= 2 {
			size = max(size, 1)
			for i := 0; ; {
				lines := bytes.SplitAfter(*text, []byte("\n"))
				if i >= len(lines) || len(lines[i]) == 0 {
					break
				}
				q := small
				cut := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[min(i+size, len(lines)):]...), nil)
				if text == &small.Master {
					q.Master = cut
				} else {
					q.Main = cut
				}
				if !try(q) {
					i += size
				}
			}
			if size == 1 {
				break
			}
		}
	}
	return small, left
}

// titles are the first lines of the differences.
func titles(differences []string) string {
	var list []string
	for _, d := range differences {
		title, _, _ := strings.Cut(d, "\n")
		list = append(list, title)
	}
	return strings.Join(list, "\n")
}
