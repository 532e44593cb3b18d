package chart_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/chart"

	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// TestLint runs what helm lint does, with the default values and each set.
func TestLint(t *testing.T) {
	sets := valueSets(t)
	sets["default"] = nil
	for name, values := range sets {
		t.Run(name, func(t *testing.T) {
			linter := lint.RunAll(filepath.Join(root, chart.Dir), values, "redis-watch")
			for _, m := range linter.Messages {
				// Without values there are no projects and no image, which
				// is said as information; an icon is not missed.
				if m.Severity > support.InfoSev {
					t.Error(m)
				}
			}
		})
	}
}

// TestValueSets renders every set, decodes it strictly, and holds its pods
// against the restricted pod security standard, by the code of Kubernetes.
func TestValueSets(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	for name, values := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			_, objects := render(t, prod, values)
			names := make(map[string]bool)
			for _, o := range objects {
				object := o.(metav1.Object)
				kind := o.GetObjectKind().GroupVersionKind().Kind
				if object.GetNamespace() != prod.Namespace {
					t.Errorf("%s %s is in namespace %q", kind, object.GetName(), object.GetNamespace())
				}
				if key := kind + "/" + object.GetName(); names[key] {
					t.Errorf("%s stands twice", key)
				} else {
					names[key] = true
				}
			}
			template := pods(t, objects)
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec))
			if !result.Allowed {
				t.Errorf("restricted pod security: %s", result.ForbiddenDetail())
			}
			if template.Spec.AutomountServiceAccountToken == nil || *template.Spec.AutomountServiceAccountToken {
				t.Error("the token of the service account is mounted")
			}
			service := only[*corev1.Service](t, objects)
			if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(template.Labels)) {
				t.Errorf("the Service selects %v, the pods are %v", service.Spec.Selector, template.Labels)
			}
			volumes := make(map[string]bool)
			for _, v := range template.Spec.Volumes {
				volumes[v.Name] = true
			}
			for _, m := range template.Spec.Containers[0].VolumeMounts {
				if !volumes[m.Name] || !m.ReadOnly {
					t.Errorf("mount %s has no volume, or can be written to", m.Name)
				}
			}
		})
	}
}

// TestRefused gives values that must not be accepted.
func TestRefused(t *testing.T) {
	project := func(more map[string]any) map[string]any {
		p := map[string]any{"region": "cn-north-4", "discover": map[string]any{}}
		maps.Copy(p, more)
		return map[string]any{"projects": []any{p}}
	}
	for _, test := range []struct {
		name    string
		changes map[string]any
		want    string
	}{
		{"no image", map[string]any{"image": map[string]any{}}, "image.repository is required"},
		{"no projects", map[string]any{"config": map[string]any{"projects": []any{}}}, "config.projects is empty"},
		{"unknown value", map[string]any{"replicaCount": 2}, "replicaCount"},
		{"no replicas", map[string]any{"replicas": 0}, "replicas"},
		{"key in the ConfigMap", map[string]any{"config": project(map[string]any{"credentials": map[string]any{"secret_key": "x"}})}, "secret_key"},
		{"key in the defaults", map[string]any{"config": map[string]any{"projects": []any{}, "defaults": map[string]any{"credentials": map[string]any{"access_key": "x"}}}}, "access_key"},
		{"identity without provider", map[string]any{"podIdentity": map[string]any{"enabled": true}}, "podIdentity.providerId is required"},
		{"bad interval", map[string]any{"serviceMonitor": map[string]any{"interval": "often"}}, "interval"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := chart.Load(root)
			if err != nil {
				t.Fatal(err)
			}
			_, err = chart.Render(c, prod, set(t, "single", test.changes))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

// TestNames renders the chart under names that are long, short, or would be no
// strings in YAML, such as the namespace n.
func TestNames(t *testing.T) {
	for _, test := range []struct {
		release string
		changes map[string]any
		want    string
	}{
		{"prod", nil, "prod-dcs-session-exporter"},
		{"dcs-session-exporter", nil, "dcs-session-exporter"},
		{"prod", map[string]any{"nameOverride": "sessions"}, "prod-sessions"},
		{"prod", map[string]any{"fullnameOverride": "x"}, "x"},
		{strings.Repeat("a", 53), nil, strings.Repeat("a", 52)},
		{"true", map[string]any{"fullnameOverride": "12345"}, "12345"},
	} {
		_, objects := render(t, chart.Release{Name: test.release, Namespace: "n"}, set(t, "sharded", test.changes))
		if got := only[*corev1.Service](t, objects).Name; got != test.want {
			t.Errorf("release %s with %v: got %s, want %s", test.release, test.changes, got, test.want)
		}
	}
}

// TestPack packs the chart twice: the archives are equal, can be loaded, and
// have all that is needed and nothing that is for tests.
func TestPack(t *testing.T) {
	var archives []string
	var paths []string
	for range 2 {
		c, err := chart.Load(root)
		if err != nil {
			t.Fatal(err)
		}
		path, err := chart.Pack(c, t.TempDir(), "1.2.3", time.Unix(1700000000, 0))
		if err != nil {
			t.Fatal(err)
		}
		archives, paths = append(archives, readFile(t, path)), append(paths, path)
		time.Sleep(time.Second) // the times in an archive are of seconds
	}
	if archives[0] != archives[1] {
		t.Error("two archives of the same chart differ")
	}
	if name := filepath.Base(paths[0]); name != "dcs-session-exporter-1.2.3.tgz" {
		t.Errorf("it is called %s", name)
	}
	c, err := loader.Load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range c.Files {
		files = append(files, f.Name)
	}
	slices.Sort(files)
	want := []string{".helmignore", "README.md", "files/dashboards/fleet.json", "files/dashboards/instance.json", "files/rules/alerts.yml", "files/rules/recording.yml"}
	for _, name := range want {
		if !slices.Contains(files, name) {
			t.Errorf("%s is not packed: %v", name, files)
		}
	}
	for _, name := range files {
		if strings.HasPrefix(name, "ci/") || strings.Contains(name, "kustomization") || strings.HasSuffix(name, ".tmpl") {
			t.Errorf("%s is packed", name)
		}
	}
	rendered, err := chart.Render(c, prod, set(t, "demo", nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := "registry.example/dcs_session_exporter:1.2.3"; !strings.Contains(string(rendered.Manifests["workload"]), want) {
		t.Errorf("the packed chart does not run %s", want)
	}
}

// TestGenerated reports files that make generate would change.
func TestGenerated(t *testing.T) {
	want, err := chart.Files(root)
	if err != nil {
		t.Fatal(err)
	}
	more, err := chart.Kustomize(root)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(want, more)
	outdated, err := chart.Outdated(root, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range outdated {
		t.Errorf("%s is out of date: run make generate", path)
	}
}

// TestDescribe holds values without a comment to be an error.
func TestDescribe(t *testing.T) {
	got, err := chart.Describe([]byte("a:\n  # One\n  # and more.\n  b: [1]\n# Two.\nc: {d: e}\n"))
	want := `[{a.b [1] One and more.} {c {"d":"e"} Two.}]`
	if s := fmt.Sprint(got); err != nil || s != want {
		t.Errorf("got %s, %v, want %s", s, err, want)
	}
	if _, err := chart.Describe([]byte("a:\n  # One.\n  b: 1\n  c: 2\n")); err == nil || !strings.Contains(err.Error(), "a.c has no comment") {
		t.Errorf("got %v for a key without a comment", err)
	}
}
