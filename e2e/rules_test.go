package e2e_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/harness"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const (
	rulesDir  = "../monitoring/rules"
	alertFile = rulesDir + "/alerts.yml"
	// inhibitionFile is what goes with them into Alertmanager's configuration.
	inhibitionFile = "../monitoring/alertmanager/inhibitions.yml"
)

// ruleFile is a rule file. Whether Prometheus takes it is for promtool to say:
// the package that it reads such files with brings half of Prometheus along.
type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Record        string            `yaml:"record,omitempty"`
	Alert         string            `yaml:"alert,omitempty"`
	Expr          string            `yaml:"expr"`
	For           model.Duration    `yaml:"for,omitempty"`
	KeepFiringFor model.Duration    `yaml:"keep_firing_for,omitempty"`
	Labels        map[string]string `yaml:"labels,omitempty"`
	Annotations   map[string]string `yaml:"annotations,omitempty"`
}

// loadRules reads a rule file.
func loadRules(t *testing.T, path string) ruleFile {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, path)))
	decoder.KnownFields(true)
	var file ruleFile
	if err := decoder.Decode(&file); err != nil || len(file.Groups) == 0 {
		t.Fatalf("%s: %v, %d groups", path, err, len(file.Groups))
	}
	return file
}

// marshal writes a rule file.
func (f ruleFile) marshal(t *testing.T) string {
	t.Helper()
	text, err := yaml.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alertGroups returns the groups of alerts.yml that have alerts, and apart from
// these the one with the series that they need.
func alertGroups(t *testing.T) (labels ruleGroup, alerts []ruleGroup) {
	t.Helper()
	groups := loadRules(t, alertFile).Groups
	for i, g := range groups {
		for _, r := range g.Rules {
			if (r.Record != "") != (i == 0) || (r.Alert != "") != (i > 0) {
				t.Fatalf("%s: group %s has %s%s", alertFile, g.Name, r.Record, r.Alert)
			}
		}
	}
	return groups[0], groups[1:]
}

// alertRules returns all alerts of alerts.yml.
func alertRules(t *testing.T) []rule {
	t.Helper()
	var rules []rule
	_, groups := alertGroups(t)
	for _, g := range groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

// condition returns the last line of an alert's expression, what its value is
// compared with; and what stands before: what holds it while its node is not
// read, if anything does, and the value.
func condition(r rule) (hold, value, condition string) {
	expr := strings.TrimRight(r.Expr, "\n")
	end := strings.LastIndexByte(expr, '\n')
	value, condition = expr[:end+1], strings.TrimSpace(expr[end+1:])
	if before, after, ok := strings.Cut(value, ")\nor\n"); ok && strings.HasPrefix(before, "-1 * max by (") {
		hold, value = before+")\nor\n", after
	}
	return hold, value, condition
}

// unnamed returns an alert's expression for a Prometheus that does not record
// the series that it needs: without names, and never held.
func unnamed(r rule) string {
	_, value, condition := condition(r)
	value, _, _ = strings.Cut(value, "\n* on (")
	return value + "\n" + condition
}

// parse parses an expression.
func parse(t *testing.T, expr string) parser.Expr {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return parsed
}

// runbooks returns the file of runbooks.
func runbooks(t *testing.T) string { return read(t, "../docs/runbooks.md") }

// TestRules has promtool check the rules, and run their tests.
func TestRules(t *testing.T) {
	t.Parallel()
	promtool := harness.Binary(t, "promtool")
	files, tests := glob(t, rulesDir+"/*.yml"), glob(t, rulesDir+"/tests/*.yml")
	if len(files) < 2 || len(tests) < 5 {
		t.Fatalf("rules %v, tests %v", files, tests)
	}
	if out, code := harness.Run(t, nil, promtool, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files...)...); code != 0 {
		t.Errorf("promtool check rules: exit code %d\n%s", code, out)
	}
	if out, code := harness.Run(t, nil, promtool, append([]string{"test", "rules"}, tests...)...); code != 0 {
		t.Errorf("promtool test rules: exit code %d\n%s", code, out)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestAlertsAreWhole checks that each alert has all that somebody needs who is
// woken by it.
func TestAlertsAreWhole(t *testing.T) {
	t.Parallel()
	text := runbooks(t)
	for _, r := range alertRules(t) {
		anchor := strings.ToLower(r.Alert)
		if r.KeepFiringFor == 0 {
			t.Errorf("%s: no keep_firing_for: it may come and go", r.Alert)
		}
		if !strings.HasPrefix(r.Alert, "Dcs") || !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) || len(r.Labels) != 1 {
			t.Errorf("%s: labels %v", r.Alert, r.Labels)
		}
		for _, name := range []string{"summary", "description"} {
			if text := r.Annotations[name]; len(text) < 10 || !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "{{ end }}") {
				t.Errorf("%s: the %s is %q, want sentences", r.Alert, name, text)
			}
		}
		if got := r.Annotations["runbook_url"]; got != "docs/runbooks.md#"+anchor || !strings.Contains(text, "\n## "+r.Alert+"\n") {
			t.Errorf("%s: runbook_url %q, want a section of docs/runbooks.md", r.Alert, got)
		}
		_, section, _ := strings.Cut(text, "\n## "+r.Alert+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		for _, word := range []string{"**Impact.**", "**Means.**", "**Look", "o.**"} {
			if !strings.Contains(section, word) {
				t.Errorf("docs/runbooks.md: the section of %s has no %s", r.Alert, word)
			}
		}
		if !regexp.MustCompile(`# Absent: [^\n]*\n(      # [^\n]*\n)*      - alert: ` + r.Alert + "\n").MatchString(read(t, alertFile)) {
			t.Errorf("%s: nothing says what happens if its series are absent", r.Alert)
		}
	}
}

// TestRuleExpressions checks what all expressions keep to: see the head of
// alerts.yml.
func TestRuleExpressions(t *testing.T) {
	t.Parallel()
	known := catalogueSeries()
	var texts []string
	for _, path := range glob(t, rulesDir+"/*.yml") {
		for _, g := range loadRules(t, path).Groups {
			for _, r := range g.Rules {
				where := r.Alert + r.Record
				checkExpression(t, where, r.Expr)
				parser.Inspect(parse(t, r.Expr), func(node parser.Node, path []parser.Node) error {
					s, ok := node.(*parser.VectorSelector)
					if !ok {
						return nil
					}
					if strings.HasSuffix(s.Name, "_info") && r.Record == "" || slices.Contains(known[s.Name].labels, "le") {
						t.Errorf("%s depends on %s", where, s.Name)
					}
					if !slices.ContainsFunc(path, oneOfTargets) && s.Name != "up" && !strings.Contains(s.Name, ":") && r.Record != heldAlerts {
						t.Errorf("%s: %s is not taken from one of several targets", where, s.Name)
					}
					return nil
				})
				texts = append(texts, slices.Collect(maps.Values(r.Annotations))...)
			}
		}
	}
	queries := codeBlocks(runbooks(t), "promql")
	if len(queries) < 10 {
		t.Errorf("docs/runbooks.md has %d queries, want some more", len(queries))
	}
	for _, query := range queries {
		checkExpression(t, "docs/runbooks.md", query)
	}
	for _, text := range texts { // with queries in templates
		for _, name := range regexp.MustCompile(`\bdcs_[a-z_]*[a-z]\b`).FindAllString(text, -1) {
			if _, ok := known[name]; !ok {
				t.Errorf("%q is no metric of the exporter:\n%s", name, text)
			}
		}
	}
}

// heldAlerts is the series of alerts that are held. What it takes of targets is
// only whether there is something.
const heldAlerts = "node:dcs_alerts:held"

// oneOfTargets reports whether an expression takes one value of several
// targets'.
func oneOfTargets(node parser.Node) bool {
	switch n := node.(type) {
	case *parser.AggregateExpr:
		return n.Op == parser.MAX || n.Op == parser.MIN || n.Op == parser.GROUP
	case *parser.Call:
		return n.Func.Name == "absent"
	}
	return false
}

// TestLinksOfAlerts tries the command that puts hosts before the links in
// alerts, as the head of alerts.yml has it: runbooks, dashboards and the live
// table.
func TestLinksOfAlerts(t *testing.T) {
	t.Parallel()
	text := read(t, alertFile)
	command := regexp.MustCompile(`(?m)^#   (sed -i .*) alerts\.yml$`).FindStringSubmatch(text)
	if command == nil {
		t.Fatalf("the head of %s has no command", alertFile)
	}
	path := harness.Write(t, t.TempDir(), "alerts.yml", text)
	if out, code := harness.Run(t, nil, "/bin/sh", "-c", command[1]+" "+path); code != 0 {
		t.Fatalf("%s: exit code %d\n%s", command[1], code, out)
	}
	for _, g := range loadRules(t, path).Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			want := map[string]string{
				"runbook_url":   "https://git.example/dcs_session_exporter/blob/main/docs/runbooks.md#" + strings.ToLower(r.Alert),
				"dashboard_url": "https://grafana.example/d/dcs-sessions-",
			}
			if strings.Contains(r.Expr, heldAlerts) {
				want["sessions_url"] = "https://dcs-exporter.example/sessions?instance={{ $labels.instance_id }}&node={{ $labels.node_id }}&sort="
			}
			for name, link := range want {
				if !strings.HasPrefix(r.Annotations[name], link) {
					t.Errorf("%s: %s %s, want %s", r.Alert, name, r.Annotations[name], link)
				}
			}
			if len(r.Annotations) != len(want)+2 {
				t.Errorf("%s: annotations %v", r.Alert, r.Annotations)
			}
		}
	}
}
