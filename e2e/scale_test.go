package e2e_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	dto "github.com/prometheus/client_model/go"
	"golang.org/x/sync/errgroup"
)

// The size of the fleet that TestScale reads; docs/scale.md has the numbers of
// 2,000 instances.
var (
	scaleInstances = flag.Int("scale.instances", 40, "instances of TestScale")
	scaleNodes     = flag.Int("scale.nodes", 3, "nodes of each")
	scaleSessions  = flag.Int("scale.sessions", 500, "sessions of each node")
	scaleRounds    = flag.Int("scale.rounds", 1, "how often they are read")
	scaleLatency   = flag.Duration("scale.latency", 30*time.Millisecond, "of each request")
)

// scaleFleet serves a fleet whose nodes all have the same sessions.
func scaleFleet(t *testing.T) (*emulator.Server, string) {
	t.Helper()
	sessions := make(emulator.Static, *scaleSessions)
	for i := range sessions {
		sessions[i] = emulator.Session{
			ID: fmt.Sprint(1000 + i), Addr: fmt.Sprintf("10.0.%d.%d:%d", i%4, 1+i%40, 30000+i), Name: fmt.Sprintf("app-%d", i%7), Cmd: "get", Age: int64(i), Idle: int64(i % 60),
			Flags: "N", FD: fmt.Sprint(8 + i), DB: "0", Multi: -1, QBufFree: 20474, Events: "r", Network: "vpc", User: fmt.Sprintf("user-%d", i%5),
		}
	}
	var fleet []emulator.Instance
	for i := range *scaleInstances {
		instance := emulator.Instance{ID: fmt.Sprintf("instance-%d", i), ProjectID: emulator.DemoProject, Name: fmt.Sprintf("name-%d", i), EngineVersion: "6.0"}
		for n := range *scaleNodes {
			instance.Nodes = append(instance.Nodes, emulator.Node{ID: fmt.Sprintf("node-%d-%d", i, n), Role: "redis-server", Type: "master", Sessions: sessions})
		}
		fleet = append(fleet, instance)
	}
	api, url := harness.ServeAPI(t, emulator.Options{ScanDuration: 50 * time.Millisecond}, fleet...)
	api.AddFault(emulator.Fault{Delay: *scaleLatency})
	return api, url
}

// startScaled starts an exporter of the fleet with limits.
func startScaled(t *testing.T, endpoint string, perSecond, atOnce int, timeout time.Duration, metrics string) *harness.Exporter {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yml")
	text := fmt.Sprintf("projects:\n  - region: %s\n    project_id: %s\n    endpoint: %s\n    credentials: {access_key: %s, secret_key: %s}\n    discover: {}\n    requests_per_second: %d\n    max_concurrent_requests: %d\nscan: {min_interval: 0s}\nscrape_timeout: %s\nmetrics_endpoint: %s\n",
		emulator.DemoRegion, emulator.DemoProject, endpoint, emulator.DemoAccessKey, emulator.DemoSecretKey, perSecond, atOnce, timeout, metrics)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := harness.StartExporter(t, "--config.file="+file)
	d.Await(t, "/sd", http.StatusOK)
	return d
}

// count returns how many nodes were read, and how many metrics there are.
func count(families map[string]*dto.MetricFamily) (up, metrics int) {
	for _, m := range families["dcs_node_up"].GetMetric() {
		up += int(m.GetGauge().GetValue())
	}
	for _, f := range families {
		metrics += len(f.Metric)
	}
	return up, metrics
}

// TestScale reads a large fleet, in one scrape within a usual rate limit, in
// one as fast as it goes, and instance by instance, and reports what that takes.
func TestScale(t *testing.T) {
	api, endpoint := scaleFleet(t)
	nodes := *scaleInstances * *scaleNodes
	rounds := func(t *testing.T, least int, read func() (up, metrics int, own map[string]*dto.MetricFamily)) {
		for n := range *scaleRounds {
			api.ResetRequests()
			start := time.Now()
			up, metrics, own := read()
			took := time.Since(start)
			requests := 0
			for _, k := range api.Counts() {
				requests += k
			}
			t.Logf("round %d: %d of %d nodes in %.1f s, %d requests, %d metrics; %.0f MiB resident, %.1f s CPU since the start", n+1, up, nodes, took.Seconds(), requests, metrics,
				own["process_resident_memory_bytes"].GetMetric()[0].GetGauge().GetValue()/(1<<20), own["process_cpu_seconds_total"].GetMetric()[0].GetCounter().GetValue())
			if up < least {
				t.Errorf("%d nodes are read, want %d or more", up, least)
			}
		}
	}
	whole := func(t *testing.T, d *harness.Exporter) func() (int, int, map[string]*dto.MetricFamily) {
		return func() (int, int, map[string]*dto.MetricFamily) {
			families := d.Scrape(t, "/metrics", harness.Protobuf)
			up, metrics := count(families)
			return up, metrics, families
		}
	}
	t.Run("20 requests per second, 30 s", func(t *testing.T) {
		rounds(t, min(nodes, 180), whole(t, startScaled(t, endpoint, 20, 8, 30*time.Second, "all")))
	})
	t.Run("1,000 requests per second", func(t *testing.T) {
		rounds(t, nodes, whole(t, startScaled(t, endpoint, 1000, 64, 5*time.Minute, "all")))
	})
	t.Run("1,000 requests per second, 20 probes at once", func(t *testing.T) {
		d := startScaled(t, endpoint, 1000, 64, 30*time.Second, "exporter")
		rounds(t, nodes, func() (int, int, map[string]*dto.MetricFamily) {
			var up, metrics atomic.Int64
			var probes errgroup.Group
			probes.SetLimit(20)
			for i := range *scaleInstances {
				probes.Go(func() error {
					u, m := count(d.Scrape(t, fmt.Sprintf("/probe?target=instance-%d", i), harness.Protobuf))
					up.Add(int64(u))
					metrics.Add(int64(m))
					return nil
				})
			}
			_ = probes.Wait()
			return int(up.Load()), int(metrics.Load()), d.Scrape(t, "/metrics", harness.Protobuf)
		})
	})
}
