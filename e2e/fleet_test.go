package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// TestFleet runs what deploy/ ships: three exporters and a Prometheus that
// spreads the instances over them. Each instance is scraped once; when one
// exporter dies, its part is down and the rest goes on.
func TestFleet(t *testing.T) {
	const instances = 30
	var fleet []emulator.Instance
	for i := range instances {
		sessions := make(emulator.Static, i+1)
		for s := range sessions {
			sessions[s] = emulator.Session{ID: fmt.Sprint(100 + s), Addr: fmt.Sprintf("10.0.0.%d:5", 1+s), Flags: "N", User: "u", DB: "0", Events: "r"}
		}
		fleet = append(fleet, emulator.Instance{
			ID: fmt.Sprintf("instance-%d", i), ProjectID: emulator.DemoProject, Name: fmt.Sprintf("name-%d", i), Tags: map[string]string{"env": "prod"},
			Nodes: []emulator.Node{{ID: fmt.Sprintf("node-%d", i), Role: "redis-server", Type: "master", Sessions: sessions}},
		})
	}
	fleet[7].Status = "FROZEN"
	_, endpoint := harness.ServeAPI(t, emulator.Options{}, fleet...)

	config := read(t, "../deploy/config.yml")
	config = strings.Replace(config, "  - region: cn-north-4\n", fmt.Sprintf("  - region: cn-north-4\n    project_id: %s\n    endpoint: %s\n", emulator.DemoProject, endpoint), 1)
	dir := t.TempDir()
	for name, content := range map[string]string{"config.yml": config, "credentials/access_key": emulator.DemoAccessKey, "credentials/secret_key": emulator.DemoSecretKey} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// exporter-0:9947 becomes 127.0.1.0 with some port, and so on.
	port := fmt.Sprint(harness.FreePort(t))
	var exporters []*harness.Exporter
	for n := range 3 {
		exporters = append(exporters, harness.StartExporter(t, "--config.file="+filepath.Join(dir, "config.yml"), fmt.Sprintf("--web.listen-address=127.0.1.%d:%s", n, port)))
	}
	promConfig := strings.NewReplacer("exporter-", "127.0.1.", ":9947", ":"+port, "scrape_interval: 30s", "scrape_interval: 1s", "scrape_timeout: 25s", "scrape_timeout: 1s").
		Replace(read(t, "../deploy/prometheus.yml"))
	p := harness.StartPrometheus(t, "global: {scrape_interval: 1s}\n"+promConfig)

	p.AwaitValue(t, instances, `count(up{job="dcs_sessions"} == 1)`)
	p.AwaitValue(t, instances-1, `count(dcs_up == 1)`)
	p.AwaitValue(t, 1, `dcs_scrape_skipped`)
	p.AwaitValue(t, instances*(instances+1)/2-8, `sum(dcs_sessions)`)
	p.AwaitValue(t, 1, `max(count by (instance_id) (dcs_up))`)
	p.AwaitValue(t, 21, `sum(dcs_sessions{instance="instance-20"})`)
	p.AwaitValue(t, 3, `count(up{job="dcs_session_exporter"} == 1)`)
	p.AwaitValue(t, 1, `min(dcs_project_up)`)
	targets, err := p.API.Targets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parts := make(map[string]int) // instances per exporter
	for _, target := range targets.Active {
		if target.Labels["job"] == "dcs_sessions" {
			parts[strings.SplitN(strings.TrimPrefix(target.ScrapeURL, "http://"), "/", 2)[0]]++
		}
	}
	if len(parts) != 3 {
		t.Fatalf("instances per exporter: %v", parts)
	}
	t.Logf("instances per exporter: %v", parts)

	// One dies without warning.
	dead := "127.0.1.1:" + port
	exporters[1].Kill(t)
	down := float64(parts[dead])
	p.AwaitValue(t, down, `count(up{job="dcs_sessions"} == 0)`)
	p.AwaitValue(t, instances-down, `count(up{job="dcs_sessions"} == 1)`)
	time.Sleep(3 * time.Second) // some scrapes later it is still so
	p.AwaitValue(t, instances, `count(up{job="dcs_sessions"})`)
	p.AwaitValue(t, down, `count(up{job="dcs_sessions"} == 0)`)
	p.AwaitValue(t, 2, `count(up{job="dcs_session_exporter"} == 1)`)
}

// TestShippedPrometheusConfig checks the scrape configuration as it is shipped.
func TestShippedPrometheusConfig(t *testing.T) {
	if out, code := harness.Run(t, nil, harness.Binary(t, "promtool"), "check", "config", "--syntax-only", "../deploy/prometheus.yml"); code != 0 {
		t.Errorf("promtool check config: exit code %d\n%s", code, out)
	}
}

// read returns the content of a file.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
