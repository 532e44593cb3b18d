package exposition

import (
	"dcs_session_exporter/collector/aggregate"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// zeroThreshold is the width of the native zero bucket, as client_golang chooses
// it.
const zeroThreshold = 2.938735877055719e-39

// histogram renders a distribution as a gauge histogram: classic buckets with the
// given upper bounds and native spans in one metric.
func histogram(d *aggregate.Histogram, bounds []float64) *dto.Histogram {
	h := &dto.Histogram{
		SampleCount:   &d.Count,
		SampleSum:     &d.Sum,
		Schema:        proto.Int32(aggregate.NativeSchema),
		ZeroThreshold: proto.Float64(zeroThreshold),
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
