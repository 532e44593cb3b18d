package e2e_test

import (
	"slices"
	"testing"

	"dcs_session_exporter/collector/exposition"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// series is what an expression has to know of the series with a name.
type series struct {
	labels  []string
	counter bool
}

// catalogueSeries returns the series that the metrics of the catalogue have, by
// name, and Prometheus' own; native histograms are not among them.
func catalogueSeries() map[string]series {
	names := []string{"region", "project_id", "instance_id", "instance_name"}
	known := map[string]series{
		"up": {labels: []string{"job", "instance"}},
		// Prometheus' own, of our alerts; and what we record.
		"ALERTS":                   {labels: append([]string{"alertname", "alertstate", "severity", "node_id", "node_name", "user", "client_address"}, names...)},
		"project:dcs_labels:info":  {labels: []string{"region", "project_id"}},
		"instance:dcs_labels:info": {labels: names},
		"node:dcs_labels:info":     {labels: append([]string{"node_id", "node_name"}, names...)},
		heldAlerts:                 {labels: append([]string{"alertname", "node_id", "node_name", "user", "client_address"}, names...)},
	}
	for _, m := range exposition.Catalogue() {
		switch m.Kind {
		case exposition.Histogram, exposition.GaugeHistogram:
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				known[m.Name+suffix] = series{append(slices.Clone(m.Labels), "le"), m.Kind == exposition.Histogram}
			}
		default:
			known[m.Name] = series{m.Labels, m.Kind == exposition.Counter}
		}
	}
	return known
}

var (
	// ofCounters are the functions of ranges that suit counters only, ofGauges
	// those that suit gauges only.
	ofCounters = []string{"rate", "increase", "irate"}
	ofGauges   = []string{"delta", "idelta", "deriv", "predict_linear", "resets", "changes", "avg_over_time", "max_over_time", "min_over_time", "last_over_time"}
	// withPast are those that compare a series with its own past.
	withPast = []string{"delta", "idelta", "deriv", "predict_linear", "resets", "changes"}
	// topLists are the labels that have the value "other" for all that is in no
	// top list.
	topLists = []string{"user", "client_address", "command", "name", "database", "network"}
)

// keptLabels are those that _config.keep has; targetLabels are those that every
// series of ours may have.
var (
	keptLabels   = []string{"cluster", "team"}
	targetLabels = append([]string{"job", "instance"}, keptLabels...)
)

// checkExpression parses an expression, which stands at a place, and checks what
// can be checked without data: it asks only for metrics and labels that the
// exporter has, takes rates of counters and differences of gauges, and does not
// compare what is in "other" with its past.
func checkExpression(t *testing.T, where, text string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %v\n%s", where, err, text)
		return
	}
	known := catalogueSeries()
	names := slices.Clone(targetLabels) // of labels: Prometheus' and targets', those of the metrics, and those that label_replace makes
	var grouping []string
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			m, ok := known[n.Name]
			if !ok {
				t.Errorf("%s: the exporter has no metric %q", where, n.Name)
			}
			names = append(names, m.labels...)
			for _, matcher := range n.LabelMatchers {
				if matcher.Name != model.MetricNameLabel && !slices.Contains(m.labels, matcher.Name) && !slices.Contains(targetLabels, matcher.Name) {
					t.Errorf("%s: %s has no label %s", where, n.Name, matcher.Name)
				}
			}
			if n.OriginalOffset != 0 {
				checkNotOther(t, where, n, m)
			}
		case *parser.MatrixSelector:
			selector := n.VectorSelector.(*parser.VectorSelector)
			m := known[selector.Name]
			call, ok := path[len(path)-1].(*parser.Call)
			if !ok || m.counter && !slices.Contains(ofCounters, call.Func.Name) || !m.counter && !slices.Contains(ofGauges, call.Func.Name) {
				t.Errorf("%s: %v does not suit %s (a counter: %v)", where, path[len(path)-1], selector.Name, m.counter)
				return nil
			}
			if slices.Contains(withPast, call.Func.Name) {
				checkNotOther(t, where, selector, m)
			}
		case *parser.SubqueryExpr:
			// The value that an expression over gauges had last is sound, and how a
			// gauge changes; of others this test does not know.
			call, ok := path[len(path)-1].(*parser.Call)
			_, plain := n.Expr.(*parser.VectorSelector)
			sound := ok && (call.Func.Name == "last_over_time" || plain && call.Func.Name == "deriv")
			parser.Inspect(n.Expr, func(inner parser.Node, _ []parser.Node) error {
				if s, ok := inner.(*parser.VectorSelector); ok {
					if known[s.Name].counter {
						sound = false
					}
					if call != nil && slices.Contains(withPast, call.Func.Name) {
						checkNotOther(t, where, s, known[s.Name])
					}
				}
				return nil
			})
			if !sound {
				t.Errorf("%s: this test does not know whether %s is sound", where, n)
			}
		case *parser.Call:
			if n.Func.Name == "label_replace" {
				names = append(names, n.Args[1].(*parser.StringLiteral).Val)
			}
		case *parser.AggregateExpr:
			grouping = append(grouping, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				grouping = append(append(grouping, n.VectorMatching.MatchingLabels...), n.VectorMatching.Include...)
			}
		}
		return nil
	})
	for _, label := range grouping {
		if !slices.Contains(names, label) {
			t.Errorf("%s: no metric in it has the label %s", where, label)
		}
	}
}

// checkNotOther checks that a selector leaves out what is in no top list.
func checkNotOther(t *testing.T, where string, selector *parser.VectorSelector, m series) {
	t.Helper()
	for _, label := range m.labels {
		if !slices.Contains(topLists, label) {
			continue
		}
		if !slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == label && !m.Matches("other") }) {
			t.Errorf("%s: %s may be other, which must not be compared with its past: %s", where, label, selector)
		}
	}
}
