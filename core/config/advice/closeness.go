package advice

// distance counts the edits from one text to another: characters inserted,
// deleted, replaced, or swapped with their neighbour. Beyond the limit it
// returns limit+1. Its cost grows with the product of the lengths.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(row[j-1]+cost, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			next[j] = d
			least = min(least, d)
		}
		if least > limit {
			return limit + 1
		}
		before, row, next = row, next, before
	}
	return min(row[len(b)], limit+1)
}

// nearest returns the first of the names with the fewest edits, at most two.
func nearest(text string, names []string) (string, bool) {
	for limit := range 3 {
		for _, name := range names {
			if distance(text, name, limit) <= limit {
				return name, true
			}
		}
	}
	return "", false
}
