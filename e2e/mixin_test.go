package e2e_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/e2e/mixin/render"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// renderMixin renders the mixin, with what a text in jsonnet adds to _config.
func renderMixin(t *testing.T, config string) map[string]string {
	t.Helper()
	path := ""
	if config != "" {
		path = harness.Write(t, t.TempDir(), "mine.libsonnet", "(import 'mixin.libsonnet') + { _config+:: {"+config+"} }")
	}
	files, err := render.Files("..", path)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestMixinIsUpToDate checks that what is generated from monitoring/mixin is
// what is committed, and that nothing is left of what is generated no longer.
func TestMixinIsUpToDate(t *testing.T) {
	t.Parallel()
	files := renderMixin(t, "")
	for path, want := range files {
		if got := read(t, "../"+path); got != want {
			t.Errorf("%s is not up to date: go -C e2e run ./mixin", path)
		}
	}
	for _, dir := range []string{"alertmanager", "dashboards", "dashboards-import", "rules"} {
		entries, err := os.ReadDir("../monitoring/" + dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if _, ok := files["monitoring/"+dir+"/"+e.Name()]; !ok && !e.IsDir() {
				t.Errorf("monitoring/%s/%s is not generated", dir, e.Name())
			}
		}
	}
}

// The files that are generated, but for where the alerts' names and numbers do
// not get to.
var (
	ofRules      = []string{"monitoring/rules/alerts.yml"}
	ofDashboards = []string{
		"monitoring/dashboards/fleet.json", "monitoring/dashboards/instance.json", "monitoring/dashboards-import/fleet.json",
		"monitoring/dashboards-import/instance.json",
	}
	ofFleet        = slices.Concat(ofRules, []string{"monitoring/dashboards/fleet.json", "monitoring/dashboards-import/fleet.json"})
	ofAll          = slices.Concat(ofRules, ofDashboards)
	ofKept         = append([]string{"monitoring/rules/recording.yml", "deploy/demo/alertmanager.yml", "monitoring/alertmanager/inhibitions.yml"}, ofAll...)
	ofThresholds   = append([]string{"docs/runbooks.md"}, ofAll...)
	ofOnlyTheRules = append([]string{"docs/runbooks.md"}, ofRules...)
)

// TestMixinConfig changes _config, and checks that all files that have to
// change do, that Prometheus takes them, and that nothing is left of what was
// there before.
func TestMixinConfig(t *testing.T) {
	t.Parallel()
	before := renderMixin(t, "")
	for _, c := range []struct {
		name, config string
		changes      []string
		gone, there  string // texts in the rules
	}{
		{"another job", `jobSelector: 'job="redis"'`, ofFleet, `dcs[_-]session`, `up{job="redis"}`},
		{"another kept label", `keep: ['environment']`, ofKept, "cluster", "environment, instance_id"},
		{"no kept label", `keep: []`, ofKept, "cluster", "by (instance_id)"},
		{"another threshold", `alerts+: { DcsSlowReader+: { threshold: 77 } }`, ofThresholds, "", "> 77 * 1024 * 1024"},
		{"another severity and times", `alerts+: { DcsSlowReader+: { severity: 'page', 'for': '7m', keepFiring: '45m' } }`, ofOnlyTheRules, "", "keep_firing_for: 45m"},
		{"hosts", `runbooks: 'https://git.example/runbooks.md', grafana: 'https://grafana.example', exporter: 'https://dcs.example'`, ofAll, "_url: /", "sessions_url: https://dcs.example/sessions?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			after := renderMixin(t, c.config)
			var changed []string
			for path := range after {
				if after[path] != before[path] {
					changed = append(changed, path)
				}
			}
			slices.Sort(changed)
			if want := slices.Sorted(slices.Values(c.changes)); !slices.Equal(changed, want) {
				t.Errorf("it changes %q, want %q", changed, want)
			}
			var file ruleFile
			if err := yaml.Unmarshal([]byte(after["monitoring/rules/alerts.yml"]), &file); err != nil {
				t.Fatal(err)
			}
			rules := file.marshal(t) // without comments
			if c.gone != "" && strings.Contains(rules, c.gone) || !strings.Contains(rules, c.there) {
				t.Errorf("the rules still have %q, or they lack %q", c.gone, c.there)
			}
			path := harness.Write(t, t.TempDir(), "alerts.yml", after["monitoring/rules/alerts.yml"])
			if out, code := harness.Run(t, nil, harness.Binary(t, "promtool"), "check", "rules", "--lint=all", "--lint-fatal", path); code != 0 {
				t.Errorf("promtool check rules: exit code %d\n%s", code, out)
			}
		})
	}
}

// TestMixinCommand runs the command as monitoring/mixin/README.md has it, with
// its example.
func TestMixinCommand(t *testing.T) {
	t.Parallel()
	examples := codeBlocks(read(t, "../monitoring/mixin/README.md"), "jsonnet")
	if len(examples) != 1 {
		t.Fatalf("%d examples", len(examples))
	}
	mine, out := harness.Write(t, t.TempDir(), "mine.libsonnet", examples[0]), t.TempDir()
	if text, code := harness.Run(t, nil, "go", "run", "./mixin", "--config", mine, "--out", out); code != 0 {
		t.Fatalf("exit code %d\n%s", code, text)
	}
	text := read(t, filepath.Join(out, "monitoring", "rules", "alerts.yml"))
	for _, want := range []string{`up{job="redis-sessions"}`, "environment", "> 500\n", "https://grafana.example/d/", "https://dcs-exporter.example/sessions"} {
		if !strings.Contains(text, want) {
			t.Errorf("the example's rules have no %q", want)
		}
	}
	if text, code := harness.Run(t, nil, "go", "run", "./mixin", "--config", mine+"x"); code == 0 || !strings.Contains(text, "mine.libsonnetx") {
		t.Errorf("without the file: exit code %d\n%s", code, text)
	}
}

// TestCausesComeFirst checks the order of what has one cause: an alert that
// silences another is there before it is, and leaves after it.
func TestCausesComeFirst(t *testing.T) {
	t.Parallel()
	// After these have ended, their values go on for so long.
	lag := map[string]time.Duration{"DcsThrottled": 3 * time.Minute, "DcsRequestsHeldOff": 2 * time.Minute, "DcsNodeNotRead": 4 * time.Minute, "DcsDiscoveryFailing": 5 * time.Minute}
	// These come in any order: it is not their end that silences.
	free := []string{"DcsSessionListOld", "DcsSubscriberNearLimit", "DcsOutputMemoryShare", "DcsNearMaxClients", "DcsConnectionLeak"}
	rules := make(map[string]rule)
	for _, r := range alertRules(t) {
		rules[r.Alert] = r
	}
	var inhibitions struct {
		Rules []map[string][]string `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(read(t, inhibitionFile)), &inhibitions); err != nil {
		t.Fatal(err)
	}
	alerts := func(matchers []string) []string {
		names, ok := strings.CutPrefix(matchers[0], `alertname =~ "`)
		if !ok || len(matchers) != 1 {
			t.Fatalf("this test does not know %q", matchers)
		}
		return strings.Split(strings.TrimSuffix(names, `"`), "|")
	}
	checked := 0
	for _, i := range inhibitions.Rules {
		for _, source := range alerts(i["source_matchers"]) {
			for _, target := range alerts(i["target_matchers"]) {
				s, ok := rules[source]
				r, there := rules[target]
				if !ok || !there {
					t.Fatalf("%s silences %s: no such alert", source, target)
				}
				if slices.Contains(free, source) {
					continue
				}
				checked++
				if s.For+model.Duration(time.Minute) > r.For {
					t.Errorf("%s (for %s) is not there a minute before %s (for %s)", source, s.For, target, r.For)
				}
				if ends, end := s.KeepFiringFor+model.Duration(lag[source]), r.KeepFiringFor+model.Duration(lag[target]); ends < end+model.Duration(time.Minute) {
					t.Errorf("%s (for another %s) does not leave after %s (%s)", source, ends, target, end)
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d pairs checked: %v", checked, slices.Collect(maps.Keys(rules)))
	}
}

// inhibitionsOf returns the inhibitions of a file, as JSON, to compare them.
func inhibitionsOf(t *testing.T, path string) string {
	t.Helper()
	var file struct {
		Rules []map[string]any `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(read(t, path)), &file); err != nil || len(file.Rules) == 0 {
		t.Fatalf("%s: %v", path, err)
	}
	text, err := json.Marshal(file.Rules)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestInhibitionsOfDemo checks that the demo has the inhibitions that are
// shipped.
func TestInhibitionsOfDemo(t *testing.T) {
	t.Parallel()
	if got, want := inhibitionsOf(t, demoStack+"alertmanager.yml"), inhibitionsOf(t, inhibitionFile); got != want {
		t.Errorf("deploy/demo/alertmanager.yml inhibits\n%s\nwant\n%s", got, want)
	}
}
