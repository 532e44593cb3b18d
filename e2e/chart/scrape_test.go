package chart_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/chart"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/http"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// addresses are all names of hosts in a cluster that stand in objects.
var addresses = regexp.MustCompile(`[a-z0-9.$-]+\.svc(:\d+)?`)

// TestShards renders several numbers of replicas under several names: the
// StatefulSet, the service discovery, the modulus and the addresses agree, and
// no other release's or namespace's address is left.
func TestShards(t *testing.T) {
	for _, n := range []int{2, 3, 12} {
		for _, release := range []chart.Release{prod, {Name: "dcs-session-exporter", Namespace: "default"}} {
			t.Run(fmt.Sprintf("%d of %s", n, release.Name), func(t *testing.T) {
				rendered, objects := render(t, release, set(t, "sharded", map[string]any{"replicas": n}))
				shards := only[*appsv1.StatefulSet](t, objects)
				if int(*shards.Spec.Replicas) != n {
					t.Errorf("%d replicas, want %d", *shards.Spec.Replicas, n)
				}
				scrape := only[*monitoringv1alpha1.ScrapeConfig](t, objects)
				host := func(i any) string {
					return fmt.Sprintf("%s-%v.%s.%s.svc:9947", shards.Name, i, shards.Spec.ServiceName, release.Namespace)
				}
				if len(scrape.Spec.HTTPSDConfigs) != n {
					t.Fatalf("%d service discoveries for %d replicas", len(scrape.Spec.HTTPSDConfigs), n)
				}
				known := make(map[string]bool)
				for i, sd := range scrape.Spec.HTTPSDConfigs {
					known[host(i)] = true
					if want := sd.URL; string(want) != "http://"+host(i)+"/sd" {
						t.Errorf("service discovery %d at %s, want http://%s/sd", i, want, host(i))
					}
				}
				known[host("$1")] = true
				for _, document := range rendered.Documents() {
					for _, address := range addresses.FindAllString(string(document), -1) {
						if !known[address] {
							t.Errorf("the address %s is not one of the release", address)
						}
					}
				}
				spread(t, relabelings(t, scrape), n, host)
			})
		}
	}
}

// spread relabels instances as Prometheus does: all shards are used, and each
// target goes to one of them.
func spread(t *testing.T, configs []*relabel.Config, n int, host func(any) string) {
	t.Helper()
	used := make(map[string]int)
	for i := range 200 * n {
		id := fmt.Sprintf("1f63d64e-0000-4000-8000-%012d", i)
		lset := map[string]string{"__address__": id, "job": "x"}
		got := process(lset, configs)
		if got["instance"] != id || got["__param_target"] != id || got["job"] != "dcs_sessions" {
			t.Fatalf("relabelled to %v", got)
		}
		used[got["__address__"]]++
	}
	for i := range n {
		if used[host(i)] == 0 {
			t.Errorf("shard %d reads nothing", i)
		}
		delete(used, host(i))
	}
	if len(used) > 0 {
		t.Errorf("targets that are no shards: %v", used)
	}
}

// process relabels a target, and returns its labels.
func process(target map[string]string, configs []*relabel.Config) map[string]string {
	b := labels.NewBuilder(labels.FromMap(target))
	relabel.ProcessBuilder(b, configs...)
	return b.Labels().Map()
}

// relabelings returns the relabelings of a ScrapeConfig as Prometheus has them.
func relabelings(t *testing.T, scrape *monitoringv1alpha1.ScrapeConfig) []*relabel.Config {
	t.Helper()
	configs := make([]*relabel.Config, 0, len(scrape.Spec.RelabelConfigs))
	for _, r := range scrape.Spec.RelabelConfigs {
		configs = append(configs, relabeling(t, r))
	}
	return configs
}

func relabeling(t *testing.T, r monitoringv1.RelabelConfig) *relabel.Config {
	t.Helper()
	c := relabel.DefaultRelabelConfig
	for _, l := range r.SourceLabels {
		c.SourceLabels = append(c.SourceLabels, model.LabelName(l))
	}
	if r.Action != "" {
		c.Action = relabel.Action(strings.ToLower(r.Action))
	}
	if r.Regex != "" {
		c.Regex = relabel.MustNewRegexp(r.Regex)
	}
	if r.Replacement != nil {
		c.Replacement = *r.Replacement
	}
	if r.Separator != nil {
		c.Separator = *r.Separator
	}
	c.TargetLabel, c.Modulus = r.TargetLabel, uint64(r.Modulus)
	c.NameValidationScheme = model.UTF8Validation
	if err := c.Validate(model.UTF8Validation); err != nil {
		t.Errorf("%+v: %v", r, err)
	}
	return &c
}

// TestSameAsPlain relabels instances by the chart and by deploy/prometheus.yml:
// both choose the same shard.
func TestSameAsPlain(t *testing.T) {
	plain, err := promconfig.Load(readFile(t, filepath.Join(root, "deploy", "prometheus.yml")), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, objects := render(t, prod, set(t, "sharded", map[string]any{"fullnameOverride": "exporter"}))
	configs := relabelings(t, only[*monitoringv1alpha1.ScrapeConfig](t, objects))
	for i := range 100 {
		lset := map[string]string{"__address__": fmt.Sprintf("2a74e75f-0000-4000-8000-%012d", i)}
		ours := strings.Replace(process(lset, configs)["__address__"], ".exporter.redis-watch.svc", "", 1)
		if theirs := process(lset, plain.ScrapeConfigs[0].RelabelConfigs)["__address__"]; ours != theirs {
			t.Fatalf("the chart chooses %s, deploy/prometheus.yml %s", ours, theirs)
		}
	}
}

// TestAlertSelectors holds the jobs that the chart makes against the selectors
// of the alerts, under a name that the alerts do not know.
func TestAlertSelectors(t *testing.T) {
	selector := regexp.MustCompile(`up\{job=~"([^"]+)"\}`)
	found := selector.FindStringSubmatch(readFile(t, filepath.Join(root, chart.Dir, "files/rules/alerts.yml")))
	if found == nil {
		t.Fatal("no alert selects a job: this test looks for nothing")
	}
	matches := regexp.MustCompile("^(?:" + found[1] + ")$")
	for _, name := range []string{"single", "sharded"} {
		_, objects := render(t, prod, set(t, name, map[string]any{"fullnameOverride": "redis"}))
		jobs := 0
		for _, r := range jobRelabelings(t, objects) {
			got := process(map[string]string{"job": "redis"}, r)
			if !matches.MatchString(got["job"]) {
				t.Errorf("%s: no alert is about the job %q", name, got["job"])
			}
			jobs++
		}
		if want := map[string]int{"single": 1, "sharded": 2}[name]; jobs != want {
			t.Errorf("%s: %d jobs, want %d", name, jobs, want)
		}
	}
}

// jobRelabelings returns the relabelings of each job.
func jobRelabelings(t *testing.T, objects []runtime.Object) [][]*relabel.Config {
	t.Helper()
	var jobs [][]*relabel.Config
	for _, m := range all[*monitoringv1.ServiceMonitor](objects) {
		var configs []*relabel.Config
		for _, r := range m.Spec.Endpoints[0].RelabelConfigs {
			configs = append(configs, relabeling(t, r))
		}
		jobs = append(jobs, configs)
	}
	for _, s := range all[*monitoringv1alpha1.ScrapeConfig](objects) {
		jobs = append(jobs, relabelings(t, s))
	}
	return jobs
}

// TestDisruption holds the budget against the number of replicas.
func TestDisruption(t *testing.T) {
	_, objects := render(t, prod, set(t, "sharded", nil))
	if got := only[*policyv1.PodDisruptionBudget](t, objects).Spec.MaxUnavailable.IntValue(); got != 2 {
		t.Errorf("maxUnavailable %d, want 2", got)
	}
	_, objects = render(t, prod, set(t, "single", nil))
	if len(all[*policyv1.PodDisruptionBudget](objects)) > 0 {
		t.Error("a single replica has a budget, which blocks every drain")
	}
}
