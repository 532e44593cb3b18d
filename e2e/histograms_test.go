package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
)

// nativeJob scrapes native histograms, and classic ones beside them.
const nativeJob = everySecond + `scrape_configs:
  - job_name: dcs_sessions
    scrape_native_histograms: true
    always_scrape_classic_histograms: true
    static_configs: [{targets: ['%s']}]
`

// sessionsOf returns sessions of the user app, n of them, whose ages grow by a
// step; each has been idle for half its life.
func sessionsOf(n int, step int64) []emulator.Session {
	var sessions []emulator.Session
	for i := range n {
		age := int64(i) * step
		sessions = append(sessions, emulator.Session{
			ID: fmt.Sprint(i + 1), Addr: fmt.Sprintf("10.0.0.%d:40000", i%200), Cmd: "get", Age: age, Idle: age / 2, Flags: "N", DB: "0", User: "app",
		})
	}
	return sessions
}

// switched is a source whose list can be replaced.
type switched struct {
	atomic.Pointer[[]emulator.Session]
}

func (s *switched) Sessions(context.Context, time.Time) ([]emulator.Session, string, error) {
	return slices.Clone(*s.Load()), "", nil
}

// singleNode returns an instance with one node.
func singleNode(source emulator.Source) emulator.Instance {
	i := emulator.DemoFleet(1)[0]
	i.Nodes = i.Nodes[:1]
	i.Nodes[0].Sessions = source
	return i
}

// TestNativeHistograms checks that Prometheus stores the native histograms as
// gauges: their buckets fall as well as rise from scrape to scrape, and it sees
// no counter resets in that.
func TestNativeHistograms(t *testing.T) {
	t.Parallel()
	lists := [][]emulator.Session{
		sessionsOf(400, 97), sessionsOf(10, 7), sessionsOf(300, 1009), sessionsOf(1, 0), sessionsOf(25, 1<<16),
	}
	source := new(switched)
	source.Store(&lists[0])
	_, config := harness.StartAPI(t, emulator.Options{}, scanned, singleNode(source))
	exporter := harness.StartExporter(t, "--config.file="+config)
	p := harness.StartPrometheus(t, fmt.Sprintf(nativeJob, exporter.Address))

	for _, list := range lists {
		source.Store(&list)
		sample := p.Await(t, `histogram_count(dcs_session_age_seconds{user="app"}) == %d`, len(list))[0]
		for metric, field := range map[string]func(emulator.Session) int64{"dcs_session_age_seconds": ageOf, "dcs_session_idle_seconds": idleOf} {
			values, at := valuesOf(list, "app", field), sample.Timestamp.Time()
			stored := p.Query(t, at, `%s{user="app"}`, metric)
			if len(stored) != 1 {
				t.Fatalf("%s: %v, want one native histogram", metric, stored)
			}
			checkNative(t, metric, stored[0].Histogram, values)
			// Where a quantile falls between two sessions, either's bucket would
			// do: these fall between none.
			for _, q := range []float64{0.013, 0.251, 0.507, 0.903, 0.987, 1} {
				lower, upper := nativeBounds(quantileOf(q, values))
				checkWithin(t, fmt.Sprintf("native %s of %d sessions, quantile %v", metric, len(list), q),
					p.Value(t, at, `histogram_quantile(%v, %s{user="app"})`, q, metric), lower, upper)
				lower, upper = classicBounds(quantileOf(q, values))
				checkWithin(t, fmt.Sprintf("classic %s of %d sessions, quantile %v", metric, len(list), q),
					p.Value(t, at, `histogram_quantile(%v, sum by (le) (%s_bucket{user="app"}))`, q, metric), lower, upper)
			}
		}
	}

	counts := func(points model.Matrix, count func(model.SampleHistogramPair) int) (seen []int) {
		for _, h := range points[0].Histograms {
			seen = append(seen, count(h))
		}
		return slices.Compact(seen)
	}
	points := p.Points(t, `dcs_session_age_seconds{user="app"}[5m]`)
	if got, want := counts(points, func(h model.SampleHistogramPair) int { return int(h.Histogram.Count) }), []int{400, 10, 300, 1, 25}; !slices.Equal(got, want) {
		t.Errorf("the counts were %v one after the other, want %v", got, want)
	}

	for _, metric := range []string{"dcs_session_age_seconds", "dcs_session_idle_seconds"} {
		metadata, err := p.API.Metadata(t.Context(), metric, "")
		if err != nil || len(metadata[metric]) != 1 || metadata[metric][0].Type != "gaugehistogram" {
			t.Errorf("the metadata of %s is %v, %v; want type gaugehistogram", metric, metadata, err)
		}
		// The hint tells how a histogram is stored: one of counters would begin
		// a chunk, with another hint, at each list whose buckets have fallen.
		hints := make(map[prompb.Histogram_ResetHint]int)
		for _, series := range p.Stored(t, metric, map[string]string{"user": "app"}) {
			for _, h := range series.Histograms {
				hints[h.ResetHint]++
			}
		}
		if hints[prompb.Histogram_GAUGE] < len(lists) || len(hints) != 1 {
			t.Errorf("the counter reset hints of %s are %v, want nothing but GAUGE", metric, hints)
		}
		// PromQL goes by the same hint: it knows the histogram as a gauge.
		p.Query(t, time.Time{}, `delta(%s{user="app"}[5m])`, metric) // without a warning
		_, warnings, infos, err := p.API.Query(t.Context(), fmt.Sprintf(`rate(%s{user="app"}[5m])`, metric), time.Now())
		if err != nil || len(infos) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "not a counter") {
			t.Errorf("rate of %s: warnings %q, infos %q, %v; want to be told that it is not a counter", metric, warnings, infos, err)
		}
	}
	for _, line := range strings.Split(p.Log(), "\n") {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			t.Errorf("Prometheus complains: %s", line)
		}
	}
}

// checkWithin checks that a value is in a bucket; that of zero is not quite
// empty.
func checkWithin(t *testing.T, what string, value, lower, upper float64) {
	t.Helper()
	if value < lower*(1-1e-9) || value > upper*(1+1e-9)+1e-30 {
		t.Errorf("%s is %v, want it within (%v, %v]", what, value, lower, upper)
	}
}

// classicBounds returns the bounds of the default classic bucket that holds a
// value. Beyond the last bound PromQL gives that bound itself.
func classicBounds(v int64) (lower, upper float64) {
	for _, upper := range []float64{1, 5, 15, 60, 300, 900, 3600, 21600, 86400, 604800} {
		if float64(v) <= upper {
			return lower, upper
		}
		lower = upper
	}
	return lower, lower
}
