package chart_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	corev1 "k8s.io/api/core/v1"
)

func TestMain(m *testing.M) { harness.Main(m, root) }

// start runs the exporter as the container of a rendered chart does: with its
// arguments, and its mounts as folders. Only the port is another.
func start(t *testing.T, values map[string]any) *harness.Exporter {
	t.Helper()
	_, objects := render(t, prod, values)
	container := pods(t, objects).Spec.Containers[0]
	dir := t.TempDir()
	files := map[string]string{"secret/access_key": emulator.DemoAccessKey, "secret/secret_key": emulator.DemoSecretKey}
	for _, m := range all[*corev1.ConfigMap](objects) {
		for name, text := range m.Data {
			files["config/"+name] = strings.ReplaceAll(text, "/var/run/secrets/dcs_session_exporter", filepath.Join(dir, "secret"))
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := slices.Clone(container.Args)
	for i, a := range args {
		a = strings.Replace(a, "/etc/dcs_session_exporter", filepath.Join(dir, "config"), 1)
		args[i] = strings.Replace(a, "--web.listen-address=:9947", "--web.listen-address=127.0.0.1:0", 1)
	}
	exporter := harness.StartExporter(t, args...)
	exporter.Await(t, container.ReadinessProbe.HTTPGet.Path, 200)
	exporter.Await(t, container.LivenessProbe.HTTPGet.Path, 200)
	return exporter
}

// TestRun runs what the chart would: the demo, one exporter and a shard, the
// latter two against the emulated API, and takes the one through an upgrade to
// other values.
func TestRun(t *testing.T) {
	_, url := harness.ServeAPI(t, emulator.Options{}, emulator.Instance{
		ID: "instance-1", ProjectID: emulator.DemoProject, Name: "orders",
		Nodes: []emulator.Node{{ID: "node-1", Role: "redis-server", Type: "master", Sessions: emulator.Static{
			{ID: "1", Addr: "10.0.0.1:5", Flags: "N", User: "u", DB: "0", Events: "r"},
		}}},
	})
	changes := map[string]any{
		"credentials": map[string]any{"existingSecret": "key"},
		"config": map[string]any{"projects": []any{map[string]any{
			"region": emulator.DemoRegion, "project_id": emulator.DemoProject, "endpoint": url, "discover": map[string]any{},
		}}},
	}
	for _, test := range []struct {
		name, set, path, metric string
		want                    int // series
	}{
		{"demo", "demo", "/metrics", "dcs_node_up", 12},
		{"one", "single", "/metrics", "dcs_sessions", 1},
		{"one upgraded", "monitoring", "/metrics", "dcs_sessions", 1},
		{"shard", "sharded", "/probe?target=instance-1", "dcs_sessions", 1},
		{"shard itself", "sharded", "/metrics", "dcs_project_up", 1},
		{"shard without sessions", "sharded", "/metrics", "dcs_sessions", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			values := set(t, test.set, nil)
			if test.set != "demo" {
				values = set(t, test.set, changes)
			}
			exporter := start(t, values)
			exporter.Await(t, "/sd", 200)
			got := len(exporter.Scrape(t, test.path, harness.ClassicText)[test.metric].GetMetric())
			if got != test.want {
				t.Errorf("%d series of %s, want %d", got, test.metric, test.want)
			}
		})
	}
}
