package exposition

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"dcs_session_exporter/collector/aggregate"

	dto "github.com/prometheus/client_model/go"
)

// family builds the metric family of a row of the catalogue: what
// client_golang would make of single metrics, at a fraction of the cost. Series
// share what they have in common, and all of it is made in slabs.
type family struct {
	metric *Metric
	series []*dto.Metric
	latest []*dto.LabelPair // of the last series, by the position of the label

	samples slab[sample]
	pairs   slab[pair]
	labels  slab[*dto.LabelPair]
}

// sample is the memory of one series.
type sample struct {
	metric dto.Metric
	gauge  dto.Gauge
	value  float64
}

// pair is the memory of a label.
type pair struct {
	pair  dto.LabelPair
	value string
}

func newFamily(m *Metric) *family {
	return &family{metric: m, latest: make([]*dto.LabelPair, len(m.Labels))}
}

// add adds a series without a value. Label values are in the order of the
// metric's labels.
func (f *family) add(labels []string) *sample {
	s := &f.samples.take(1)[0]
	s.metric.Label = f.labels.take(len(labels))
	for i, k := range f.metric.sorted {
		if f.latest[k] == nil || f.latest[k].GetValue() != labels[k] {
			p := &f.pairs.take(1)[0]
			p.value = labels[k]
			if !utf8.ValidString(p.value) {
				p.value = strings.ToValidUTF8(p.value, "\uFFFD")
			}
			p.pair.Name, p.pair.Value = &f.metric.Labels[k], &p.value
			f.latest[k] = &p.pair
		}
		s.metric.Label[i] = f.latest[k]
	}
	f.series = append(f.series, &s.metric)
	return s
}

// finish returns the family with its series in the order of their labels'
// values, nil if it has none. Of series with the same labels, which is an
// error, one stays.
func (f *family) finish() (*dto.MetricFamily, error) {
	if len(f.series) == 0 {
		return nil, nil
	}
	var err error
	if !rising(f.series) {
		slices.SortFunc(f.series, compareLabels)
		all := len(f.series)
		f.series = slices.CompactFunc(f.series, func(a, b *dto.Metric) bool { return compareLabels(a, b) == 0 })
		if repeated := all - len(f.series); repeated > 0 {
			err = fmt.Errorf("%s: %d series have the labels of another", f.metric.Name, repeated)
		}
	}
	return &dto.MetricFamily{Name: &f.metric.Name, Help: &f.metric.Help, Type: f.metric.dtoType, Metric: f.series}, err
}

// rising reports whether series are sorted, no two with the same labels.
func rising(series []*dto.Metric) bool {
	for i := 1; i < len(series); i++ {
		if compareLabels(series[i-1], series[i]) >= 0 {
			return false
		}
	}
	return true
}

// compareLabels compares the values of series of one family.
func compareLabels(a, b *dto.Metric) int {
	for i, p := range a.Label {
		if q := b.Label[i]; p != q {
			if c := strings.Compare(*p.Value, *q.Value); c != 0 {
				return c
			}
		}
	}
	return 0
}

// slab is memory for values that are made one by one and kept together.
type slab[T any] struct {
	free []T
	size int
}

// take returns n zero values.
func (s *slab[T]) take(n int) []T {
	const most = 512
	if len(s.free) < n {
		s.size = max(n, 4, min(2*s.size, most))
		s.free = make([]T, s.size)
	}
	taken := s.free[:n:n]
	s.free = s.free[n:]
	return taken
}

// emitter receives the series of one metric.
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

// distribution adds a gauge histogram.
func (e emitter) distribution(d *aggregate.Histogram, bounds []float64, labels ...string) {
	e.add(labels).metric.Histogram = histogram(d, bounds)
}
