package dcsapi

import (
	"testing"
	"time"
)

func TestParseListTime(t *testing.T) {
	at := func(ms int) time.Time { return time.Date(2026, 11, 25, 21, 5, 38, ms*1e6, time.UTC) }
	for text, want := range map[string]time.Time{
		"2026-11-25T21:05:38.332Z":      at(332),
		"2026-11-25T21:05:38Z":          at(0),
		"2026-11-25T22:05:38+01:00":     at(0),
		"2026-11-25T21:05:38+0000":      at(0),
		"2026-11-26T05:05:38.332+0800":  at(332),
		"2026-11-26T05:05:38+08":        at(0),
		"2026-11-25T21:05:38":           at(0),
		"2026-11-25 21:05:38":           at(0),
		"2026-11-25 21:05:38.332":       at(332),
		"2026-11-25 21:05:38,332":       at(332),
		"2026-11-25 22:05:38 +0100":     at(0),
		"2026-11-25 21:05:38 UTC":       at(0),
		" 2026-11-25T21:05:38Z ":        at(0),
		"1795640738":                    at(0),
		"1795640738332":                 at(332),
		"1795640738.332":                at(332),
		"":                              {},
		"soon":                          {},
		"0":                             {},
		"-1795640738":                   {},
		"12":                            {},
		"1e300":                         {},
		"20261125210538":                {},
		"1000000000":                    {},
		"NaN":                           {},
		"0001-01-01T00:00:00Z":          {},
		"2026-13-25T21:05:38Z":          {},
		"2026-11-25":                    {},
		"2026-11-25T21:05:38Z and more": {},
	} {
		if got := parseListTime(text); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// FuzzParseListTime checks that what is read as a time is one that an exporter
// can use, and that the documented form is read back.
func FuzzParseListTime(f *testing.F) {
	for _, text := range []string{"2026-11-25T21:05:38.332Z", "2026-11-25 21:05:38", "1795640738", "1795640738332", "2026-11-25 22:05:38 +0100", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := parseListTime(text)
		if got.IsZero() {
			return
		}
		if year := got.UTC().Year(); year < 1970 || year > 9999 {
			t.Fatalf("%q is read as %v", text, got)
		}
		if back := parseListTime(got.UTC().Format(time.RFC3339Nano)); !back.Equal(got) {
			t.Errorf("%q is read as %v, which is read as %v", text, got, back)
		}
	})
}
