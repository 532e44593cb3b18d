package e2e_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/common/model"
)

// everySecond begins a configuration of Prometheus that scrapes as often as is
// sensible.
const everySecond = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"

// quick are settings of the exporter for scrapes that come every second.
const quick = "scrape_timeout_offset: 100ms\nlimits: {clients: 1000}\n"

// frozen are settings with which the first list of a node is used for ever, so
// that all scrapes must give the same numbers; scanned, those with which every
// scrape has a new one taken.
const (
	frozen  = quick + "scan: {min_interval: 1h}\n"
	scanned = quick + "scan: {min_interval: 0s}\n"
)

// seriesAt returns all series about sessions that a target has at a time, the
// zero time for now, in the form of expect: without the labels that
// Prometheus adds, and without native histograms.
func seriesAt(t *testing.T, p *harness.Prometheus, at time.Time, matchers string) map[string]float64 {
	t.Helper()
	out := make(map[string]float64)
	for _, s := range p.Query(t, at, `{__name__=~"dcs_.*", %s}`, matchers) {
		le, isBucket := s.Metric[model.BucketLabel]
		if s.Histogram != nil || le == "+Inf" {
			continue
		}
		var pairs []string
		for name, value := range s.Metric {
			switch {
			case name == model.MetricNameLabel || name == model.JobLabel || name == model.InstanceLabel:
			case isBucket && name == model.BucketLabel:
				bound, err := strconv.ParseFloat(string(value), 64)
				if err != nil {
					t.Fatal(err)
				}
				pairs = append(pairs, "le="+fmt.Sprint(bound))
			default:
				pairs = append(pairs, string(name)+"="+string(value))
			}
		}
		slices.Sort(pairs)
		out[string(s.Metric[model.MetricNameLabel])+"{"+strings.Join(pairs, ",")+"}"] = float64(s.Value)
	}
	return out
}

// nativeBounds returns the bounds of the native bucket (schema 3: eight between
// two powers of two) that holds a whole number of seconds: lower < v ≤ upper.
func nativeBounds(v int64) (lower, upper float64) {
	if v == 0 {
		return 0, 0
	}
	i := math.Ceil(8*math.Log2(float64(v)) - 1e-9)
	return math.Exp2((i - 1) / 8), math.Exp2(i / 8)
}

// checkNative checks a native histogram against the values that it counts.
func checkNative(t *testing.T, what string, h *model.SampleHistogram, values []int64) {
	t.Helper()
	if h == nil {
		t.Errorf("%s is no native histogram", what)
		return
	}
	sum := int64(0)
	want := make(map[string]int)
	bucket := func(lower, upper float64) string { return fmt.Sprintf("(%.6g, %.6g]", lower, upper) }
	for _, v := range values {
		sum += v
		want[bucket(nativeBounds(v))]++
	}
	if int(h.Count) != len(values) || int64(h.Sum) != sum {
		t.Errorf("%s: count %v and sum %v, want %d and %d", what, h.Count, h.Sum, len(values), sum)
	}
	have := make(map[string]int)
	for _, b := range h.Buckets {
		lower, upper := float64(b.Lower), float64(b.Upper)
		if lower < 0 { // the bucket of zero
			lower, upper = 0, 0
		}
		have[bucket(lower, upper)] = int(b.Count)
	}
	if !maps.Equal(have, want) {
		t.Errorf("%s: buckets %v, want %v", what, have, want)
	}
}

// quantileOf returns the value of rank q in sorted values: the one whose bucket
// histogram_quantile looks into.
func quantileOf(q float64, sorted []int64) int64 {
	return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
}

// valuesOf returns a field of a user's sessions, the smallest first.
func valuesOf(sessions []emulator.Session, user string, field func(emulator.Session) int64) []int64 {
	var values []int64
	for _, s := range sessions {
		if s.User == user {
			values = append(values, field(s))
		}
	}
	slices.Sort(values)
	return values
}

func ageOf(s emulator.Session) int64  { return s.Age }
func idleOf(s emulator.Session) int64 { return s.Idle }
