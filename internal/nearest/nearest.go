// Package nearest finds the known word that a misspelt one probably means.
package nearest

import (
	"cmp"
	"strings"

	"dcs_session_exporter/internal/printable"
)

// longest is the length of the longest word that is compared, in bytes: time and
// memory grow with its square.
const longest = 128

// Word returns the known word that is closest to a misspelt one, and "" if none
// is close: more than two letters, or a third of the word, would have to change.
// If several are equally close, it is the one whose length is most alike, and of
// those the first one in alphabetical order. Long words, which nobody types, are
// close to none.
func Word(word string, known []string) string {
	if len(word) > longest {
		return ""
	}
	best, distance := "", max(2, len(word)/3)+1
	apart := func(k string) int { return max(len(k)-len(word), len(word)-len(k)) }
	for _, k := range known {
		if len(k) > longest {
			continue
		}
		n := Distance(strings.ToLower(word), strings.ToLower(k))
		if n < distance || (n == distance && best != "" && cmp.Or(cmp.Compare(apart(k), apart(best)), strings.Compare(k, best)) < 0) {
			best, distance = k, n
		}
	}
	if distance >= max(len(word), len(best)) {
		return "" // nothing of it would stay
	}
	return best
}

// Hint returns the end of an error about a misspelt word: a question for the known
// word that is closest, "" if there is none.
func Hint(word string, known []string) string {
	best := Word(word, known)
	if best == "" {
		return ""
	}
	return "; did you mean " + printable.Name(best) + "?"
}

// Distance returns how many letters must be changed, added or removed to turn a
// into b.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
