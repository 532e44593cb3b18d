package e2e_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// ruleTests is a file of tests for promtool, as far as it matters here.
type ruleTests struct {
	Interval model.Duration `yaml:"evaluation_interval"`
	Tests    []struct {
		Alerts  []alertCheck `yaml:"alert_rule_test"`
		Queries []struct {
			Expr     string `yaml:"expr"`
			Expected []any  `yaml:"exp_samples"`
		} `yaml:"promql_expr_test"`
	} `yaml:"tests"`
}

type alertCheck struct {
	At       model.Duration `yaml:"eval_time"`
	Alert    string         `yaml:"alertname"`
	Expected []any          `yaml:"exp_alerts"`
}

// neverFires matches a query of a test that gives nothing if an alert has not
// fired in all the time before.
var neverFires = regexp.MustCompile(`^count_over_time\(ALERTS\{alertname="(\w+)",alertstate="firing"\}\[2h\]\)$`)

// kindsOfTests tells which tests an alert has.
type kindsOfTests struct {
	fires    bool // it does, and not one evaluation before
	resolved bool // it is, after it has fired
	never    bool // there is something that does not make it fire
}

// TestAlertsAreTested checks that each alert has all kinds of tests.
func TestAlertsAreTested(t *testing.T) {
	t.Parallel()
	have := make(map[string]*kindsOfTests)
	of := func(alert string) *kindsOfTests {
		if have[alert] == nil {
			have[alert] = new(kindsOfTests)
		}
		return have[alert]
	}
	for _, path := range glob(t, rulesDir+"/tests/*.yml") {
		var file ruleTests
		if err := yaml.Unmarshal([]byte(read(t, path)), &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, test := range file.Tests {
			for _, q := range test.Queries {
				if m := neverFires.FindStringSubmatch(q.Expr); m != nil && len(q.Expected) == 0 {
					of(m[1]).never = true
				}
			}
			slices.SortStableFunc(test.Alerts, func(a, b alertCheck) int {
				return cmp.Or(cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.At, b.At))
			})
			for i, check := range test.Alerts {
				of(check.Alert)
				if i == 0 || test.Alerts[i-1].Alert != check.Alert {
					continue
				}
				switch before := test.Alerts[i-1]; {
				case len(before.Expected) == 0 && len(check.Expected) > 0 && check.At-before.At == file.Interval:
					of(check.Alert).fires = true
				case len(before.Expected) > 0 && len(check.Expected) == 0:
					of(check.Alert).resolved = true
				}
			}
		}
	}
	for _, r := range alertRules(t) {
		if got, want := *of(r.Alert), (kindsOfTests{fires: true, resolved: true, never: true}); got != want {
			t.Errorf("%s has these tests: %+v, want %+v", r.Alert, got, want)
		}
		delete(have, r.Alert)
	}
	for alert := range have {
		t.Errorf("there are tests of %s, and no such alert", alert)
	}
}

// mutants returns variants of an alert that its tests must tell from it, by
// what is different.
func mutants(t *testing.T, r rule) map[string]rule {
	t.Helper()
	out := make(map[string]rule)
	hold, value, condition := condition(r)
	with := func(name, value, condition string, wait time.Duration) {
		m := r
		m.Expr, m.For = hold+value+condition, model.Duration(wait)
		out[name] = m
	}
	keeping := func(name string, keep model.Duration) {
		m := r
		m.KeepFiringFor = keep
		out[name] = m
	}
	keeping("keep_firing_for is shorter", r.KeepFiringFor-model.Duration(30*time.Second))
	keeping("keep_firing_for is longer", r.KeepFiringFor+model.Duration(30*time.Second))
	wait := time.Duration(r.For)
	with("no for", value, condition, 0)
	with("for is longer", value, condition, wait+30*time.Second)

	operator, threshold, _ := strings.Cut(condition, " ")
	lower, higher := fmt.Sprintf("(%s) * 0.85", threshold), fmt.Sprintf("(%s) * 1.15", threshold)
	switch n, err := strconv.Atoi(threshold); {
	case err == nil && n == 0:
		lower, higher = "-1", "3"
	case err == nil && n <= 10:
		lower, higher = strconv.Itoa(n-1), strconv.Itoa(n+1)
	}
	// These are 1 or not there, so neither a lower threshold nor the min or sum of
	// several targets makes a difference.
	one := strings.HasPrefix(value, "absent(") || strings.Contains(value, "(dcs_node_error{") || strings.Contains(value, "group by")
	if !one {
		with("lower threshold", value, operator+" "+lower, wait)
	}
	with("higher threshold", value, operator+" "+higher, wait)

	swap := func(name, from, to string) {
		if strings.Contains(value, from) {
			with(name, strings.Replace(value, from, to, 1), condition, wait)
		}
	}
	if !one {
		swap("min of the targets", "max by", "min by")
	}
	swap("max of the targets", "min by", "max by")
	if operator == ">" && !one && !strings.HasPrefix(value, "(time()") {
		swap("sum of the targets", "max by", "sum by")
	}
	return out
}

// TestAlertTestsNotice changes each alert in turn, and checks that its tests
// fail then: with another threshold, another for, and where several targets
// export the same node.
func TestAlertTestsNotice(t *testing.T) {
	t.Parallel()
	promtool := harness.Binary(t, "promtool")
	tests := make(map[string]string) // contents by name
	for _, path := range glob(t, rulesDir+"/tests/*.yml") {
		if content := read(t, path); strings.Contains(content, "rule_files: [../alerts.yml]") {
			tests[filepath.Base(path)] = content
		}
	}
	needed, groups := alertGroups(t)
	groupOf := make(map[string]string)
	for _, g := range groups {
		for _, r := range g.Rules {
			groupOf[r.Alert] = g.Name
		}
	}
	for _, r := range alertRules(t) {
		t.Run(r.Alert, func(t *testing.T) {
			const itself = "the alert itself"
			variants := mutants(t, r)
			variants[itself] = r
			paths := make(map[string]string) // of the tests, by variant
			args := []string{"test", "rules", "--run=^" + r.Alert + " "}
			for name, variant := range variants {
				dir := t.TempDir()
				harness.Write(t, dir, "alerts.yml", ruleFile{[]ruleGroup{needed, {groupOf[r.Alert], []rule{variant}}}}.marshal(t))
				if err := os.Mkdir(filepath.Join(dir, "tests"), 0o700); err != nil {
					t.Fatal(err)
				}
				for file, content := range tests {
					if strings.Contains(content, r.Alert+" fires") {
						paths[name] = harness.Write(t, filepath.Join(dir, "tests"), file, content)
						args = append(args, paths[name])
					}
				}
			}
			out, _ := harness.Run(t, nil, promtool, args...)
			for name, variant := range variants {
				passes := strings.Contains(out, "Processing test file: "+paths[name]+"\n  SUCCESS\n")
				fails := strings.Contains(out, "Processing test file: "+paths[name]+"\n  FAILED:\n")
				switch {
				case passes == fails:
					t.Fatalf("promtool does not say how the tests went:\n%s", out)
				case name == itself && fails:
					t.Errorf("the tests fail for the alert as it is, by itself:\n%s", out)
				case name != itself && passes:
					t.Errorf("the tests do not notice: %s\n%s\nfor: %s", name, strings.TrimSpace(variant.Expr), variant.For)
				}
			}
		})
	}
}
