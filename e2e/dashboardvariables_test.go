package e2e_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/harness"

	"github.com/prometheus/common/model"
)

// checkVariable checks that a variable's choices are ids, and that they are
// shown by name where names are known.
func checkVariable(t *testing.T, p *harness.Prometheus, d dashboard, v variable, named bool) {
	t.Helper()
	expr, label := v.expression(t)
	if expr == "" {
		return
	}
	where := fmt.Sprintf("%s: variable %s", d.file, v.Name)
	found := p.Await(t, "%s", replace(t, expr, shown()))
	if label != "" {
		for _, sample := range found {
			if sample.Metric[model.LabelName(label)] == "" {
				t.Errorf("%s: %v has no %s", where, sample.Metric, label)
			}
		}
		return
	}
	regex, err := regexp.Compile(strings.Trim(v.Regex, "/"))
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	for _, sample := range found {
		// So Grafana writes a result: by the names of the labels.
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(sample.Metric)) {
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, string(sample.Metric[name])))
		}
		written := fmt.Sprintf("{%s} 1 1795456227629", strings.Join(pairs, ","))
		m := regex.FindStringSubmatch(written)
		if m == nil {
			t.Errorf("%s: %s does not match %s", where, v.Regex, written)
			continue
		}
		value := m[regex.SubexpIndex("value")]
		if id := sample.Metric[model.LabelName(idOf[v.Name])]; value != string(id) || value == "" {
			t.Errorf("%s: the value is %q, want %q", where, value, id)
		}
		if text := regex.SubexpIndex("text"); named && text >= 0 && m[text] == "" {
			t.Errorf("%s: there is no name in %s", where, written)
		}
	}
}

// idOf are the labels that variables take their values from.
var idOf = map[string]string{"instance": "instance_id", "node": "node_id", "api_project": "project_id", "job": "job", "cluster": "cluster", "team": "team"}
