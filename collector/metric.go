package collector

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// emitter sends the values of one metric.
type emitter struct {
	metric *Metric
	ch     chan<- prometheus.Metric
}

// emit sends a gauge or a counter. Label values are in the order of the metric's labels.
func (e emitter) emit(value float64, labels ...string) {
	e.ch <- &sample{e.metric, labels, value, nil, nil}
}

// distribution sends a gauge histogram: classic buckets and native spans in
// one metric.
func (e emitter) distribution(d *Distribution, bounds []float64, labels ...string) {
	e.ch <- &sample{e.metric, labels, 0, d, bounds}
}

// sample is one gauge, counter or gauge histogram. client_golang's own metrics have
// either classic buckets or native ones when they are made from given numbers.
type sample struct {
	metric       *Metric
	labels       []string
	value        float64
	distribution *Distribution
	bounds       []float64
}

// Desc implements prometheus.Metric.
func (s *sample) Desc() *prometheus.Desc { return s.metric.desc }

// Write implements prometheus.Metric.
func (s *sample) Write(out *dto.Metric) error {
	pairs := make([]dto.LabelPair, len(s.labels))
	out.Label = make([]*dto.LabelPair, len(s.labels))
	for i, k := range s.metric.sorted {
		pairs[i].Name, pairs[i].Value = &s.metric.Labels[k], &s.labels[k]
		out.Label[i] = &pairs[i]
	}
	if s.metric.Kind == Counter {
		out.Counter = &dto.Counter{Value: &s.value}
		return nil
	}
	if s.distribution == nil {
		out.Gauge = &dto.Gauge{Value: &s.value}
		return nil
	}
	out.Histogram = s.distribution.Histogram(s.bounds)
	return nil
}

// Histogram renders a distribution as the exposition formats want it.
func (d *Distribution) Histogram(bounds []float64) *dto.Histogram {
	h := &dto.Histogram{
		SampleCount:   &d.Count,
		SampleSum:     &d.Sum,
		Schema:        proto.Int32(nativeSchema),
		ZeroThreshold: proto.Float64(nativeZeroThreshold),
		ZeroCount:     &d.Zero,
	}
	cumulated := uint64(0)
	for i, bound := range bounds {
		cumulated += d.Bucket[i]
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: proto.Float64(bound), CumulativeCount: proto.Uint64(cumulated)})
	}
	// A span is a run of buckets; its offset counts the empty ones since the
	// last run. Counts are written as differences to the bucket before. One or
	// two empty buckets take less room within a span than between two.
	var before int64
	put := func(n int64) {
		*h.PositiveSpan[len(h.PositiveSpan)-1].Length++
		h.PositiveDelta = append(h.PositiveDelta, n-before)
		before = n
	}
	end := 0 // one after the last bucket of the last span
	for i, n := range d.Native {
		if n == 0 {
			continue
		}
		if len(h.PositiveSpan) == 0 || i-end > 2 {
			h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: proto.Int32(int32(i - end)), Length: proto.Uint32(0)})
			end = i
		}
		for ; end < i; end++ {
			put(0)
		}
		put(int64(n))
		end++
	}
	return h
}

// TypedGatherer sets the type of gauge histograms, for which client_golang has
// no metric: it types every histogram as one of counters.
func TypedGatherer(g prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := g.Gather()
		for _, f := range families {
			if gaugeHistograms[f.GetName()] {
				f.Type = dto.MetricType_GAUGE_HISTOGRAM.Enum()
			}
		}
		return families, err
	})
}

// gaugeHistograms are the names of the metrics of that kind.
var gaugeHistograms = func() map[string]bool {
	names := make(map[string]bool)
	for _, m := range catalogue {
		if m.Kind == GaugeHistogram {
			names[m.Name] = true
		}
	}
	return names
}()
