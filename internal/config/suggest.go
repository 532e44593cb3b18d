package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/nearest"
)

// suggestion returns a hint at the known key that is closest to a misspelt one.
func suggestion(key string, known fields) string {
	if best := nearest.Word(key, slices.Collect(maps.Keys(known))); best != "" {
		return ": did you mean " + best + "?"
	}
	return ""
}

// nearestRegion returns the known region that is closest to an unknown one, in
// brackets after a space; "" if the table cannot be read.
func nearestRegion(region string) string {
	known := dcsapi.Regions()
	if len(known) == 0 {
		return ""
	}
	distance := func(to string) int { return nearest.Distance(strings.ToLower(region), to) }
	best := slices.MinFunc(known, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
	return " (closest known region: " + best + ")"
}
