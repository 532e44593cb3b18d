package chart_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"

	corev1 "k8s.io/api/core/v1"
)

// settings returns the configuration that a value set gives the exporter, as
// the exporter understands it. The key's files are put where the mounts are.
func settings(t *testing.T, values map[string]any) *config.Config {
	t.Helper()
	_, objects := render(t, prod, values)
	var text string
	for _, m := range all[*corev1.ConfigMap](objects) {
		text += m.Data["config.yml"]
	}
	dir := t.TempDir()
	for _, prefix := range []string{"/var/run/secrets/dcs_session_exporter", "/keys"} {
		text = strings.ReplaceAll(text, prefix, dir)
	}
	for _, name := range []string{"access_key", "secret_key", "security_token", "ak", "sk"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Parse("config.yml", []byte(text), dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return cfg
}

// TestConfig parses the configuration of each value set: the API's quota is
// divided by the number of replicas, and several of them serve /probe only.
func TestConfig(t *testing.T) {
	for _, test := range []struct {
		set      string
		rates    []float64
		endpoint config.MetricsEndpoint
	}{
		{"single", []float64{20}, config.MetricsAll},
		{"sharded", []float64{6.667, 2}, config.MetricsExporter},
		{"identity", []float64{20}, config.MetricsAll},
		{"monitoring", []float64{20}, config.MetricsAll},
		{"custom", []float64{3.5}, config.MetricsExporter},
	} {
		t.Run(test.set, func(t *testing.T) {
			cfg := settings(t, set(t, test.set, nil))
			var rates []float64
			for _, p := range cfg.Projects {
				rates = append(rates, p.RequestsPerSecond)
			}
			if !slices.Equal(rates, test.rates) || cfg.MetricsEndpoint != test.endpoint {
				t.Errorf("got %v requests per second and %s, want %v and %s", rates, cfg.MetricsEndpoint, test.rates, test.endpoint)
			}
		})
	}
	single := settings(t, set(t, "single", nil))
	if got := single.Projects[0].ProjectID; got != "05041000000025702000000009000033" {
		t.Errorf("the project's id has become %s", got)
	}
	if got := single.Histograms.AgeBuckets; !reflect.DeepEqual(got, []float64{0.5, 60, 604800, 10000000}) {
		t.Errorf("the buckets have become %v", got)
	}
}

// TestSharedConfig holds the configuration of the shards against deploy's.
func TestSharedConfig(t *testing.T) {
	values := set(t, "sharded", map[string]any{
		"credentials":       map[string]any{"existingSecret": "dcs-key"},
		"config":            map[string]any{"projects": []any{map[string]any{"region": "cn-north-4", "discover": map[string]any{}}}},
		"requestsPerSecond": 60,
	})
	_, objects := render(t, prod, values)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"access_key", "secret_key"} {
		if err := os.WriteFile(filepath.Join(dir, "credentials", name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(text string) *config.Config {
		cfg, err := config.Parse("config.yml", []byte(text), dir)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	text := only[*corev1.ConfigMap](t, objects).Data["config.yml"]
	got := parse(strings.ReplaceAll(text, "/var/run/secrets/dcs_session_exporter", "credentials"))
	want := parse(readFile(t, filepath.Join(root, "deploy", "config.yml")))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the ConfigMap says\n%+v\ndeploy/config.yml\n%+v", got, want)
	}
}

// TestChecksum changes the configuration: the pods are replaced, and not for
// other changes.
func TestChecksum(t *testing.T) {
	sum := func(changes map[string]any) string {
		_, objects := render(t, prod, set(t, "single", changes))
		return pods(t, objects).Annotations["checksum/config"]
	}
	before := sum(nil)
	if before == "" || before != sum(map[string]any{"podLabels": map[string]any{"a": "b"}}) {
		t.Error("the checksum is missing, or changes with what is no configuration")
	}
	if before == sum(map[string]any{"requestsPerSecond": 5}) {
		t.Error("a changed configuration leaves the pods as they are")
	}
}
