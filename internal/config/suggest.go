package config

import (
	"strings"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/nearest"
)

// suggestion returns a hint at the known key that is closest to a misspelt one.
func suggestion(key string, known fields) string {
	best, distance := "", 3
	for name := range known {
		if n := nearest.Distance(key, name); n < distance || (n == distance && best != "" && name < best) {
			best, distance = name, n
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// nearestRegion returns the known region that is closest to an unknown one, in
// brackets after a space; "" if the table cannot be read.
func nearestRegion(region string) string {
	best, distance := "", 0
	for _, known := range dcsapi.Regions() {
		if n := nearest.Distance(strings.ToLower(region), known); best == "" || n < distance {
			best, distance = known, n
		}
	}
	if best == "" {
		return ""
	}
	return " (closest known region: " + best + ")"
}
