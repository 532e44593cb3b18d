package e2e_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	_, endpoint := serveAPI(t, emulator.Options{}, fleet...)

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
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	var exporters []*daemon
	for n := range 3 {
		exporters = append(exporters, startDaemon(t, "--config.file="+filepath.Join(dir, "config.yml"), fmt.Sprintf("--web.listen-address=127.0.1.%d:%s", n, port)))
	}
	promConfig := strings.NewReplacer("exporter-", "127.0.1.", ":9947", ":"+port, "scrape_interval: 30s", "scrape_interval: 1s", "scrape_timeout: 25s", "scrape_timeout: 1s").
		Replace(read(t, "../deploy/prometheus.yml"))
	p := startPrometheus(t, "global: {scrape_interval: 1s}\n"+promConfig)

	p.await(`count(up{job="dcs_sessions"} == 1)`, instances)
	p.await(`count(dcs_up == 1)`, instances-1)
	p.await(`dcs_scrape_skipped`, 1)
	p.await(`sum(dcs_sessions)`, instances*(instances+1)/2-8)
	p.await(`max(count by (instance_id) (dcs_up))`, 1)
	p.await(`sum(dcs_sessions{instance="instance-20"})`, 21)
	p.await(`count(up{job="dcs_session_exporter"} == 1)`, 3)
	p.await(`min(dcs_project_up)`, 1)
	targets, err := p.Targets(t.Context())
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
	if err := exporters[1].command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-exporters[1].exited; err == nil {
		t.Error("it ended well, where it was killed")
	}
	exporters[1].command = nil
	down := float64(parts[dead])
	p.await(`count(up{job="dcs_sessions"} == 0)`, down)
	p.await(`count(up{job="dcs_sessions"} == 1)`, instances-down)
	time.Sleep(3 * time.Second) // some scrapes later it is still so
	p.await(`count(up{job="dcs_sessions"})`, instances)
	p.await(`count(up{job="dcs_sessions"} == 0)`, down)
	p.await(`count(up{job="dcs_session_exporter"} == 1)`, 2)
}

// TestShippedPrometheusConfig checks the scrape configuration as it is shipped.
func TestShippedPrometheusConfig(t *testing.T) {
	promtool(t, "check", "config", "--syntax-only", "../deploy/prometheus.yml")
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
