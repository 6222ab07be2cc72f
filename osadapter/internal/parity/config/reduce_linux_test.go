package config_test

import (
	"bytes"
	"strings"
)

// Limits on the number of comparisons for reducing one pair, by lines and then by
// bytes.
const (
	maxReductions     = 60
	maxFineReductions = 60
)

// reduce drops lines, fields of lines and parameters while the pair still differs
// in the same way.
func reduce(l *lane, p pair, differences []string) (small pair, left []string) {
	kind := titles(differences)
	small, left = p, differences
	tries, most := 0, maxReductions
	try := func(q pair) bool {
		if tries == most {
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
	for _, by := range []func([]byte) [][]byte{inLines, inBytes} {
		for _, text := range []*[]byte{&small.Master, &small.Main} {
			cutDown(text, by, func(shorter []byte) bool {
				q := small
				if text == &small.Master {
					q.Master = shorter
				} else {
					q.Main = shorter
				}
				return try(q)
			})
		}
		most = maxReductions + maxFineReductions
	}
	return small, left
}

func inLines(text []byte) [][]byte { return bytes.SplitAfter(text, []byte("\n")) }

func inBytes(text []byte) [][]byte { return bytes.Split(text, nil) }

// cutDown removes parts of a text, ever smaller ones, as long as try accepts the
// rest, which it then stores.
func cutDown(text *[]byte, by func([]byte) [][]byte, try func([]byte) bool) {
	for size := len(by(*text)) / 2; ; size /= 2 {
		size = max(size, 1)
		for i := 0; ; {
			parts := by(*text)
			if i >= len(parts) || len(parts[i]) == 0 {
				break
			}
			if !try(bytes.Join(append(append([][]byte{}, parts[:i]...), parts[min(i+size, len(parts)):]...), nil)) {
				i += size
			}
		}
		if size == 1 {
			return
		}
	}
}

// titles returns the first lines of the differences.
func titles(differences []string) string {
	var list []string
	for _, d := range differences {
		title, _, _ := strings.Cut(d, "\n")
		list = append(list, title)
	}
	return strings.Join(list, "\n")
}
