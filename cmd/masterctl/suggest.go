package main

import "slices"

// longestName bounds the names that are compared, in bytes.
const longestName = 64

// didYouMean returns the end of a message that suggests similar names, or "" if
// there are none.
func didYouMean(name string, names []string) string {
	best, distance := "", max(1, min(len(name)/3, 3))+1
	if len(name) > longestName {
		return ""
	}
	for _, candidate := range names {
		if len(candidate) > longestName {
			continue
		}
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + printable(best) + "?"
}

// editDistance returns the number of bytes to insert, delete or replace, and
// neighbours to swap, to turn one text into the other.
func editDistance(a, b string) int {
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := previous[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			current[j] = slices.Min([]int{replaced, previous[j] + 1, current[j-1] + 1})
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
