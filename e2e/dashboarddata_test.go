package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// shown are the values of the dashboards' variables: all nodes of the demo's
// instance that has a limit, prod-orders-ha.
func shown() map[string]string {
	return map[string]string{
		"job": ".*", "cluster": "blue", "team": "shop",
		"instance": emulator.DemoFleet(1)[1].ID, "node": ".*", "project": ".*", "api_project": emulator.DemoProject, "__rate_interval": "1m",
	}
}

// onlyInTrouble tells whether an expression finds nothing while all is well,
// and gives one that shows that all is well: it finds nothing but zeros.
func onlyInTrouble(expr string) (well string, ok bool) {
	switch {
	case strings.Contains(expr, "dcs_node_error"): // it has no series then
		return `sum(1 - dcs_node_up)`, true
	case strings.Contains(expr, "dcs_node_up") && strings.HasSuffix(expr, "> 0"):
		return `sum(1 - dcs_node_up)`, true
	case strings.Contains(expr, "ALERTS"), strings.Contains(expr, "changes("): // no rules are loaded; nobody has reloaded
		return `sum(1 - dcs_node_up)`, true
	case strings.Contains(expr, "scrape_errors_total") && strings.HasSuffix(expr, "> 0"):
		return strings.TrimSuffix(expr, "> 0"), true
	}
	return "", false
}

// onlyInfo tells whether an expression asks for nothing but names.
func onlyInfo(expr string) bool {
	return strings.HasPrefix(expr, "max by (instance_id, instance_name) (topk") || strings.HasPrefix(expr, "max by (node_id, node_name, node_type) (topk")
}

// TestDashboardsOnDemo has a Prometheus scrape the demo twice, as a pair of
// exporters would have it, and another one that has no info metrics. Every
// expression finds something, without warnings; none counts a node twice; what
// panels, legends and links take of the results is there.
func TestDashboardsOnDemo(t *testing.T) {
	t.Parallel()
	exporter := harness.StartExporter(t, "--demo")
	const config = `
global: {scrape_interval: 3s, scrape_timeout: 3s}
scrape_configs:
`
	job := func(name, more string) string {
		return fmt.Sprintf("  - {job_name: %s, static_configs: [{targets: ['%s'], labels: {cluster: blue, team: shop}}]%s}\n", name, exporter.Address, more)
	}
	pair := harness.StartPrometheus(t, config+job("dcs_session_one", "")+job("dcs_session_two", ""))
	bare := harness.StartPrometheus(t, config+job("dcs_session_one", ", metric_relabel_configs: [{source_labels: [__name__], regex: dcs_(instance|node)_info, action: drop}]"))
	pair.Await(t, `count(dcs_up == 1) == 10`)
	bare.Await(t, `count(dcs_up == 1) == 5`)
	for _, d := range dashboards(t) {
		for where, expr := range d.expressions(t) {
			expr = replace(t, expr, shown())
			if well, ok := onlyInTrouble(expr); ok {
				for _, p := range []*harness.Prometheus{pair, bare} {
					if found := p.Query(t, time.Time{}, "%s", expr); len(found) > 0 {
						t.Errorf("%s: there is no trouble, but: %v", where, found)
					}
					for _, sample := range p.Await(t, "%s", well) {
						if sample.Value != 0 {
							t.Errorf("%s is empty though there is trouble: %s: %v", where, well, sample)
						}
					}
				}
				continue
			}
			pair.Await(t, "%s", expr)
			if !onlyInfo(expr) {
				bare.Await(t, "%s", expr)
			}
			if aboutNodes(expr) {
				if strings.Contains(expr, "rate(dcs_") { // it rises with the second list, and twice 0 is 0
					pair.Await(t, "(%s) > 0", expr)
				}
				checkOnce(t, pair, where, expr)
			}
		}
		for _, p := range d.Panels {
			checkFields(t, pair, d, p)
		}
		for _, v := range d.Templating.List {
			checkVariable(t, pair, d, v, true)
			checkVariable(t, bare, d, v, false)
		}
	}
}

// aboutNodes tells whether an expression asks for what two exporters say of
// the same node, rather than for what they say of themselves, or which they are.
func aboutNodes(expr string) bool {
	return !strings.HasPrefix(expr, "group by (job)") && !strings.Contains(strings.ReplaceAll(expr, "dcs_session_exporter_values_folded", ""), "dcs_session_exporter_")
}

// checkOnce checks that two targets that export the same nodes give the values
// that one of them gives. It waits for that: between the scrapes of the two a
// list may be new.
func checkOnce(t *testing.T, p *harness.Prometheus, where, expr string) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatal(err)
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			selector.LabelMatchers = append(selector.LabelMatchers, labels.MustNewMatcher(labels.MatchEqual, "job", "dcs_session_one"))
		}
		return nil
	})
	values := func(at time.Time, expr string) []float64 {
		var all []float64
		for _, sample := range p.Query(t, at, "%s", expr) {
			all = append(all, float64(sample.Value))
		}
		slices.Sort(all)
		return all
	}
	// Rates are extrapolated from other moments, so they differ a little.
	const tolerance = .2
	harness.Await(t, where+": the values of one target", func() bool {
		at := time.Now()
		return slices.EqualFunc(values(at, expr), values(at, parsed.String()), func(a, b float64) bool {
			return math.Abs(a-b) <= tolerance*max(math.Abs(a), math.Abs(b))
		})
	})
}

var (
	legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)
	linkField   = regexp.MustCompile(`\$\{__(data\.fields|field\.labels)\.(\w+)\}`)
)

// checkFields checks that the fields and labels that a panel names in its
// overrides, transformations, legends and links are those that its queries
// give.
func checkFields(t *testing.T, prometheus *harness.Prometheus, d dashboard, p panel) {
	t.Helper()
	where := fmt.Sprintf("%s: panel %d (%s)", d.file, p.ID, p.Title)
	fields := map[string]bool{"Time": true} // of a table; else the legends
	inAll := make(map[string]bool)          // labels that each series has
	templated := false
	for i, q := range p.Targets {
		expr := replace(t, q.Expr, shown())
		var found model.Vector
		if _, ok := onlyInTrouble(expr); ok {
			if by := regexp.MustCompile(`^max by \(([^)]*)\)`).FindStringSubmatch(expr); by != nil {
				for label := range strings.SplitSeq(by[1], ", ") {
					fields[label] = true
				}
			}
		} else {
			found = prometheus.Await(t, "%s", expr)
		}
		names := make(map[string]bool)
		for _, sample := range found {
			for label := range sample.Metric {
				names[string(label)] = true
				fields[string(label)] = fields[string(label)] || p.Type == "table"
			}
			for _, m := range legendLabel.FindAllStringSubmatch(q.LegendFormat, -1) {
				if sample.Metric[model.LabelName(m[1])] == "" {
					t.Errorf("%s: the legend is empty for %v", where, sample.Metric)
				}
			}
		}
		if i == 0 {
			inAll = names
		} else {
			maps.DeleteFunc(inAll, func(name string, _ bool) bool { return !names[name] })
		}
		switch {
		case p.Type != "table":
			fields[q.LegendFormat] = true
			templated = templated || legendLabel.MatchString(q.LegendFormat)
		case len(p.Targets) == 1:
			fields["Value"] = true
		default:
			fields["Value #"+q.RefID] = true
		}
	}
	displayed := make(map[string]bool)
	for _, o := range p.FieldConfig.Overrides {
		_, err := regexp.Compile(strings.Trim(o.Matcher.Options, "/"))
		byName, byRegexp := o.Matcher.ID == "byName", o.Matcher.ID == "byRegexp"
		if byName && !fields[o.Matcher.Options] && !templated || byRegexp && (err != nil || !templated) || !byName && !byRegexp {
			t.Errorf("%s: an override of %q (%s), of %v", where, o.Matcher.Options, o.Matcher.ID, slices.Sorted(maps.Keys(fields)))
		}
		for _, property := range o.Properties {
			var text string
			if json.Unmarshal(property.Value, &text) == nil && property.ID == "displayName" {
				displayed[text] = true
			}
		}
	}
	for _, s := range p.Options.SortBy {
		if !displayed[s.DisplayName] {
			t.Errorf("%s: sorted by %q, of %v", where, s.DisplayName, slices.Sorted(maps.Keys(displayed)))
		}
	}
	for _, transformation := range p.Transformations {
		for name := range transformation.Options.ExcludeByName {
			if !fields[name] {
				t.Errorf("%s: %q is left out, but not there", where, name)
			}
			delete(fields, name) // links cannot use it
		}
		for name := range transformation.Options.IndexByName {
			if !fields[name] {
				t.Errorf("%s: %q has a place, but is not there", where, name)
			}
		}
		if transformation.ID == "merge" && len(inAll) > 0 && !inAll["instance_id"] && !inAll["node_id"] && !inAll["project_id"] {
			t.Errorf("%s: merged by %v", where, slices.Collect(maps.Keys(inAll)))
		}
	}
	text, err := json.Marshal(p.FieldConfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range linkField.FindAllStringSubmatch(string(text), -1) {
		if name := m[2]; m[1] == "data.fields" && !fields[name] || m[1] == "field.labels" && !inAll[name] {
			t.Errorf("%s: links use %s, which is not there", where, m[0])
		}
	}
}

// TestDashboardsInTrouble shows a node that cannot be read: what is empty while
// all is well is not then.
func TestDashboardsInTrouble(t *testing.T) {
	t.Parallel()
	instance := emulator.DemoFleet(1)[1]
	api, config := harness.StartAPI(t, emulator.Options{}, "", instance)
	api.SetFaults(emulator.Fault{Operation: "list_clients", NodeID: instance.Nodes[1].ID, Status: http.StatusForbidden, Code: "DCS.2003", Message: "no"})
	exporter := harness.StartExporter(t, "--config.file="+config)
	p := harness.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 3s, scrape_timeout: 3s}
scrape_configs: [{job_name: dcs_session_one, static_configs: [{targets: ['%s'], labels: {cluster: blue, team: shop}}]}]
`, exporter.Address))
	checked := 0
	for _, d := range dashboards(t) {
		for where, expr := range d.expressions(t) {
			expr = replace(t, expr, shown())
			if _, ok := onlyInTrouble(expr); ok && !strings.Contains(expr, "ALERTS") && !strings.Contains(expr, "changes(") {
				found := p.Await(t, "%s", expr)
				// Grafana shows no annotation for a value of 0.
				if strings.Contains(where, ": annotation ") && found[0].Value <= 0 {
					t.Errorf("%s: %v is not shown", where, found[0])
				}
				checked++
			}
		}
	}
	if checked == 0 {
		t.Error("no expression is about trouble")
	}
}
