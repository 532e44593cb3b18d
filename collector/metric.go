package collector

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// emitter takes the values of one metric.
type emitter struct{ *family }

// emit adds a gauge or a counter. Label values are in the order of the
// metric's labels.
func (e emitter) emit(value float64, labels ...string) {
	s := e.add(labels)
	s.value = value
	if e.metric.Kind == Counter {
		s.metric.Counter = &dto.Counter{Value: &s.value}
		return
	}
	s.gauge.Value = &s.value
	s.metric.Gauge = &s.gauge
}

// distribution adds a gauge histogram: classic buckets and native spans in
// one metric.
func (e emitter) distribution(d *Distribution, bounds []float64, labels ...string) {
	e.add(labels).metric.Histogram = d.Histogram(bounds)
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

// Gatherers gathers from all, one after the other. Unlike prometheus.Gatherers
// it leaves families as they are: no two may have a metric in common.
type Gatherers []prometheus.Gatherer

// Gather implements prometheus.Gatherer.
func (g Gatherers) Gather() ([]*dto.MetricFamily, error) {
	var all []*dto.MetricFamily
	var errs []error
	for _, gatherer := range g {
		families, err := gatherer.Gather()
		all, errs = append(all, families...), append(errs, err)
	}
	all, err := join(all)
	return all, errors.Join(append(errs, err)...)
}
