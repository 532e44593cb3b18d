// Package exposition renders the result of a scrape as metric families.
//
// The catalogue declares every metric with its type, scope, labels and help.
// Result is a plain struct that the caller fills; SelfMetrics are the metrics
// about the exporter itself. The package does no I/O and never reads a node.
//
// Source files: catalogue.go declares the metrics, of the form in metric.go, and
// values.go and limits.go have what their series are. gather.go renders a Result
// (result.go) by them, one family at a time, with family.go and histogram.go.
// selfmetrics.go has the exporter's own metrics.
package exposition

import (
	"cmp"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// Kind is the type of a metric.
type Kind string

// The kinds.
const (
	Gauge          Kind = "gauge"
	GaugeHistogram Kind = "gauge histogram"
	Counter        Kind = "counter"
	Histogram      Kind = "histogram"
)

// dtoTypes are the types of the kinds. client_golang has no metric that is a
// gauge histogram: it types every histogram as one of counters.
var dtoTypes = map[Kind]dto.MetricType{
	Gauge: dto.MetricType_GAUGE, GaugeHistogram: dto.MetricType_GAUGE_HISTOGRAM,
	Counter: dto.MetricType_COUNTER, Histogram: dto.MetricType_HISTOGRAM,
}

// Scope is what the series of a metric are about.
type Scope int

// The scopes.
const (
	OfProject  Scope = iota // a project: region, project_id
	OfInstance              // an instance: instance_id
	OfNode                  // a node: instance_id, node_id
	OfExporter              // the exporter itself; such metrics outlive scrapes
)

// scopeLabels are the labels that every metric of a scope has.
var scopeLabels = map[Scope][]string{
	OfProject: {"region", "project_id"}, OfInstance: {"instance_id"}, OfNode: {"instance_id", "node_id"},
}

// Metric is a row of the catalogue.
type Metric struct {
	Name   string
	Kind   Kind
	Scope  Scope
	By     []string // labels besides those of the scope
	Labels []string // all labels: those of the scope, then By
	Help   string

	// values emits the series of a result; nil for metrics of the exporter,
	// which SelfMetrics has.
	values  func(*Result, emitter)
	dtoType *dto.MetricType
	sorted  []int // positions of the labels, in the order of their names
}

// Catalogue returns all metrics except the standard ones about the process, the
// build and the Go runtime, in the order in which they are documented. Their slices
// must not be modified.
func Catalogue() []Metric { return slices.Clone(catalogue) }

// prepare completes the rows of the catalogue.
func prepare(rows []Metric) []Metric {
	for i := range rows {
		m := &rows[i]
		m.Labels = slices.Concat(scopeLabels[m.Scope], m.By)
		m.dtoType = dtoTypes[m.Kind].Enum()
		m.sorted = make([]int, len(m.Labels))
		for k := range m.sorted {
			m.sorted[k] = k
		}
		slices.SortFunc(m.sorted, func(a, b int) int { return cmp.Compare(m.Labels[a], m.Labels[b]) })
	}
	return rows
}

// find returns the row of a metric, which must exist.
func find(name string) Metric {
	return catalogue[slices.IndexFunc(catalogue, func(m Metric) bool { return m.Name == name })]
}
