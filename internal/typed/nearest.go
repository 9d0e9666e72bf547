// Package typed reads what people type: words with slips of the keyboard, and
// times.
package typed

import "strings"

// Nearest returns the candidate that text most likely stands for, or "": one
// within a few typos, or one that text abbreviates or extends.
func Nearest(text string, candidates []string) string {
	if len(text) < 2 || len(text) > 40 {
		return ""
	}
	text = Fold(text)
	best, bestDistance := "", max(1, len(text)/3)+1
	for _, candidate := range candidates {
		if d := Distance(text, Fold(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	for _, candidate := range candidates {
		if best == "" && abbreviates(text, Fold(candidate)) {
			best = candidate
		}
	}
	return best
}

// Fold removes the differences that people do not notice in a key.
func Fold(text string) string {
	return strings.ReplaceAll(strings.ToLower(text), "-", "_")
}

func abbreviates(a, b string) bool {
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	return len(short) >= 3 && strings.HasPrefix(long, short)
}

// Distance returns the optimal string alignment distance: the least number of
// insertions, deletions, replacements and swaps of neighbors.
func Distance(a, b string) int {
	before := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replace := row[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			next[j] = min(replace, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
