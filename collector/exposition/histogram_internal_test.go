package exposition

import (
	"testing"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// TestDistributionIsAHistogram checks buckets, spans and deltas against a
// histogram of client_golang that has observed the same values.
func TestDistributionIsAHistogram(t *testing.T) {
	values := []int64{0, 0, 1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 60, 61, 300, 1000, 1023, 1024, 1025, 86400, 604800, 604801, 1 << 31, 1<<40 + 1}
	for v := int64(1); v < 3000; v += 7 {
		values = append(values, v)
	}
	bounds := []float64{1, 5, 15, 60, 300, 900, 3600, 21600, 86400, 604800}
	reference := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "reference", Buckets: bounds, NativeHistogramBucketFactor: 1.1})
	agg := aggregate.New(&aggregate.Options{AgeBuckets: bounds, Limits: aggregate.Limits{Users: 1}}, func(s string) string { return s })
	for _, v := range values {
		reference.Observe(float64(v))
		agg.Add(&dcsapi.Session{User: "u", Age: v, Present: dcsapi.HasAge})
	}
	var want dto.Metric
	if err := reference.Write(&want); err != nil {
		t.Fatal(err)
	}
	want.Histogram.CreatedTimestamp = nil
	got := histogram(&agg.Snapshot(nil, time.Time{}).Users[0].Age, bounds)
	if !proto.Equal(got, want.Histogram) {
		t.Errorf("got\n%v\nwant\n%v", got, want.Histogram)
	}
}
