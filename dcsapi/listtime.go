package dcsapi

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// listTimeLayouts are the accepted forms of a list's time besides seconds and
// milliseconds since 1970. All of them accept fractions of a second; a time
// without a zone is in UTC.
var listTimeLayouts = []string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05Z07",
	"2006-01-02T15:04:05",
}

// parseListTime parses the time of a list, and returns the zero time if it is
// malformed. The API documents RFC 3339.
func parseListTime(text string) time.Time {
	text = strings.TrimSpace(text)
	if t := epochTime(text); !t.IsZero() {
		return t
	}
	// A space is accepted in place of the T, and before the zone.
	if len(text) > 10 && text[10] == ' ' {
		text = text[:10] + "T" + text[11:]
	}
	if i := strings.LastIndexByte(text, ' '); i > 0 {
		zone := text[i+1:]
		if zone == "UTC" || zone == "GMT" {
			zone = "Z"
		}
		text = text[:i] + zone
	}
	for _, layout := range listTimeLayouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 1970 {
			return t
		}
	}
	return time.Time{}
}

// Numbers in this range, from 2015 to 2099, are seconds since 1970; those a
// thousand times as large are milliseconds.
const (
	minEpochSeconds = 1_420_070_400
	maxEpochSeconds = 4_102_444_800
)

// epochTime parses a number of seconds or milliseconds since 1970, and returns the
// zero time if text is neither.
func epochTime(text string) time.Time {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) {
		return time.Time{}
	}
	if n >= 1000*minEpochSeconds {
		n /= 1000
	}
	if n < minEpochSeconds || n >= maxEpochSeconds {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(n * 1000))).UTC()
}
