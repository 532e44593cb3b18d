package chart_test

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// TestIdentity checks that the exporter finds the pod's token where it is
// mounted.
func TestIdentity(t *testing.T) {
	_, objects := render(t, prod, set(t, "identity", nil))
	spec := pods(t, objects).Spec
	container := spec.Containers[0]
	env := make(map[string]string)
	for _, e := range container.Env {
		env[e.Name] = e.Value
	}
	var token *corev1.ServiceAccountTokenProjection
	var volume string
	for _, v := range spec.Volumes {
		if v.Projected != nil {
			token, volume = v.Projected.Sources[0].ServiceAccountToken, v.Name
		}
	}
	i := slices.IndexFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume })
	if token == nil || i < 0 {
		t.Fatal("no token is mounted")
	}
	want := map[string]string{
		"HUAWEICLOUD_SDK_IDP_ID":        "cce-provider",
		"HUAWEICLOUD_SDK_ID_TOKEN_FILE": container.VolumeMounts[i].MountPath + "/" + token.Path,
		"HUAWEICLOUD_SDK_PROJECT_ID":    "05041fffa40025702f6dc009cc6f8f33",
	}
	if !reflect.DeepEqual(env, want) {
		t.Errorf("got the environment %v, want %v", env, want)
	}
	if *token.ExpirationSeconds != 3600 || token.Audience != "dcs_session_exporter" {
		t.Errorf("the token is %+v", token)
	}
	if want := "registry.example/dcs_session_exporter@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"; container.Image != want {
		t.Errorf("image %s, want %s", container.Image, want)
	}
	policy := only[*networkingv1.NetworkPolicy](t, objects)
	if len(policy.Spec.Ingress) != 1 || len(policy.Spec.Ingress[0].From) != 1 || len(policy.Spec.Egress) != 3 {
		t.Errorf("the NetworkPolicy is %+v", policy.Spec)
	}
}

// TestRulesAndDashboards checks that what the chart installs is what
// monitoring/ has, but for the hosts of links.
func TestRulesAndDashboards(t *testing.T) {
	_, objects := render(t, prod, set(t, "monitoring", nil))
	installed := make(map[string]*monitoringv1.PrometheusRule)
	for _, r := range all[*monitoringv1.PrometheusRule](objects) {
		installed[r.Name] = r
		if r.Labels["role"] != "alert-rules" {
			t.Errorf("%s has not the labels that were asked for", r.Name)
		}
	}
	sources, err := filepath.Glob(filepath.Join(root, "monitoring/rules/*.yml"))
	if err != nil || len(sources) != len(installed) {
		t.Fatalf("%d PrometheusRules of %d files, %v", len(installed), len(sources), err)
	}
	for _, source := range sources {
		name := "prod-dcs-session-exporter-" + strings.TrimSuffix(filepath.Base(source), ".yml")
		text := strings.NewReplacer(
			"docs/runbooks.md", "https://wiki.example/dcs/runbooks.md",
			"_url: /d/", "_url: https://grafana.example/d/",
			"_url: /sessions", "_url: https://dcs.example/sessions",
		).Replace(readFile(t, source))
		got, err := yaml.Marshal(installed[name].Spec)
		if err != nil {
			t.Fatal(err)
		}
		if want := groups(t, text); !reflect.DeepEqual(groups(t, string(got)), want) {
			t.Errorf("%s is not the same as %s", name, source)
		}
	}
	dashboards := 0
	for _, m := range all[*corev1.ConfigMap](objects) {
		if m.Labels["grafana_dashboard"] != "1" {
			continue
		}
		for name, text := range m.Data {
			dashboards++
			want := readFile(t, filepath.Join(root, "monitoring/dashboards", strings.TrimPrefix(name, "dcs-")))
			if strings.TrimSpace(text) != strings.TrimSpace(want) || m.Annotations["grafana_folder"] != "Redis" {
				t.Errorf("%s is not the dashboard of monitoring/, or in no folder", name)
			}
		}
	}
	if dashboards != 2 {
		t.Errorf("%d dashboards, want 2", dashboards)
	}
}

// groups returns the rules of a file without what only says where they stand.
func groups(t *testing.T, text string) []string {
	t.Helper()
	parsed, errs := rulefmt.Parse([]byte(text), false, model.UTF8Validation, parser.NewParser(parser.Options{}), nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var rules []string
	for _, g := range parsed.Groups {
		for _, r := range g.Rules {
			text, err := yaml.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, g.Name+": "+string(text))
		}
	}
	return rules
}

// TestCustom checks values that are handed through, and those that are turned
// off.
func TestCustom(t *testing.T) {
	_, objects := render(t, prod, set(t, "custom", nil))
	spec := pods(t, objects).Spec
	container := spec.Containers[0]
	if want := []string{"--config.file=/etc/dcs_session_exporter/config.yml", "--web.listen-address=:9100", "--log.level=debug", "--log.format=json"}; !slices.Equal(container.Args, want) {
		t.Errorf("got the arguments %q, want %q", container.Args, want)
	}
	if container.Ports[0].ContainerPort != 9100 || only[*corev1.Service](t, objects).Spec.Ports[0].Port != 9100 {
		t.Error("the port is not the one that was asked for")
	}
	if spec.ServiceAccountName != "existing" || len(all[*corev1.ServiceAccount](objects)) > 0 {
		t.Error("the service account is not the existing one")
	}
	for _, test := range []struct {
		what string
		got  any
	}{
		{"env", container.Env},
		{"envFrom", container.EnvFrom},
		{"affinity", spec.Affinity},
		{"tolerations", spec.Tolerations},
		{"node selector", spec.NodeSelector},
		{"priority class", spec.PriorityClassName},
		{"pull secrets", spec.ImagePullSecrets},
		{"probe", container.LivenessProbe.TCPSocket},
		{"probe", container.ReadinessProbe.TCPSocket},
	} {
		if reflect.ValueOf(test.got).IsZero() {
			t.Errorf("%s is not set", test.what)
		}
	}
	if got := spec.TopologySpreadConstraints; len(got) != 1 || got[0].TopologyKey != "topology.kubernetes.io/zone" {
		t.Errorf("the topology spread constraints are %+v", got)
	}
	for _, o := range objects {
		if labels := o.(interface{ GetLabels() map[string]string }).GetLabels(); labels["team"] != "databases" {
			t.Errorf("%T has not the common labels: %v", o, labels)
		}
	}
}

// TestKinds checks that one exporter is a Deployment whose pods do not overlap,
// and that the Service stays as it is on the way to several.
func TestKinds(t *testing.T) {
	_, single := render(t, prod, set(t, "single", nil))
	if got := only[*appsv1.Deployment](t, single).Spec.Strategy.Type; got != appsv1.RecreateDeploymentStrategyType {
		t.Errorf("strategy %s, want Recreate", got)
	}
	_, several := render(t, prod, set(t, "single", map[string]any{"replicas": 4}))
	only[*appsv1.StatefulSet](t, several)
	a, b := only[*corev1.Service](t, single), only[*corev1.Service](t, several)
	if !reflect.DeepEqual(a.Spec, b.Spec) {
		t.Error("the Service changes with the number of replicas: its clusterIP cannot")
	}
}

// TestNotes reads what helm install prints.
func TestNotes(t *testing.T) {
	for name, want := range map[string][]string{
		"demo":       {"invented sessions", "deployment/prod-dcs-session-exporter 9947", "grep '^dcs_sessions{'", "prod-dcs-session-exporter.redis-watch.svc:9947", "prometheusRule.enabled"},
		"sharded":    {"3 exporters share", "pod/prod-dcs-session-exporter-0 9947", "/probe?target="},
		"custom":     {"http://localhost:9100/metrics", "prod-sessions-1.prod-sessions.redis-watch.svc:9100"},
		"monitoring": {"--namespace redis-watch rollout status deployment/prod-dcs-session-exporter"},
	} {
		rendered, _ := render(t, prod, set(t, name, nil))
		for _, text := range want {
			if !strings.Contains(rendered.Notes, text) {
				t.Errorf("%s: the notes do not have %q:\n%s", name, text, rendered.Notes)
			}
		}
	}
}
