package config

import (
	"strings"

	"dcs_session_exporter/dcsapi"
)

// suggestion returns a hint at the known key that is closest to a misspelt one.
func suggestion(key string, known fields) string {
	best, distance := "", 3
	for name := range known {
		if n := editDistance(key, name); n < distance || (n == distance && best != "" && name < best) {
			best, distance = name, n
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// editDistance returns how many letters must be changed, added or removed to
// turn a into b.
func editDistance(a, b string) int {
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

// nearestRegion returns the known region that is closest to an unknown one, in
// brackets after a space; "" if the table cannot be read.
func nearestRegion(region string) string {
	best, distance := "", 0
	for _, known := range dcsapi.Regions() {
		if n := editDistance(strings.ToLower(region), known); best == "" || n < distance {
			best, distance = known, n
		}
	}
	if best == "" {
		return ""
	}
	return " (closest known region: " + best + ")"
}
