package e2e_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

var soakTime = flag.Duration("soak.time", 20*time.Second, "how long TestSoak runs")

// soakFaults come and go while the exporter is scraped.
func soakFaults() []emulator.Fault {
	return []emulator.Fault{
		{Operation: "list_clients", Status: 500, Code: "DCS.5000"},
		{Operation: "list_clients", Reset: true},
		{Operation: "list_clients", CutAfter: 200},
		{Operation: "list_clients", Hang: true},
		{Operation: "list_clients", Status: 200, Body: []byte("<html>"), ContentType: "text/html"},
		{Operation: "list_clients", Delay: 700 * time.Millisecond},
		{Operation: "scan_clients", Status: 400, Code: "DCS.4957"},
		{Operation: "scan_clients", Hang: true},
		{Status: 429, Code: "APIGW.0308", Times: 3, Header: http.Header{"Retry-After": {"1"}}},
		{Status: 503},
		{Operation: "list_instances", Status: 500},
		{Hang: true, BeforeAuth: true},
	}
}

// usage is what the exporter takes.
type usage struct{ memory, heap, goroutines, files float64 }

// TestSoak scrapes the exporter every second, whole and by probes, while
// sessions come and go, faults come and go, keys are rotated and the
// configuration is loaded again; what the exporter takes must not grow.
func TestSoak(t *testing.T) {
	api, endpoint := harness.ServeAPI(t, emulator.Options{ScanDuration: 50 * time.Millisecond}, emulator.DemoFleet(1)...)
	dir := t.TempDir()
	put := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rotate := func(n int) {
		key := emulator.DemoKey()
		key.AccessKey, key.SecretKey = fmt.Sprintf("AK%d", n), fmt.Sprintf("SK%d", n)
		api.SetKey(key)
		put("secret_key", key.SecretKey)
		put("access_key", key.AccessKey)
		api.RemoveKey(fmt.Sprintf("AK%d", n-2))
	}
	configure := func(n int) {
		put("config.yml", fmt.Sprintf("projects:\n  - region: %s\n    project_id: %s\n    endpoint: %s\n    credentials: {access_key_file: access_key, secret_key_file: secret_key}\n    discover: {}\n    requests_per_second: %d\nscan: {min_interval: 1s, wait: 300ms}\nhistograms: {age_buckets: [%d, 1000]}\nlimits: {clients: %d, hold: 10s}\ndiscovery_interval: 5s\nscrape_timeout: 1s\n",
			emulator.DemoRegion, emulator.DemoProject, endpoint, 500+n/4%2, 1+n/2%2, 5+n%2))
	}
	rotate(0)
	configure(0)
	e := harness.StartExporter(t, "--config.file="+filepath.Join(dir, "config.yml"))
	e.Await(t, "/sd", http.StatusOK)

	faults := soakFaults()
	var rows []usage
	var scrapes, up, nodes, reloads int
	begin := time.Now()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for second := 0; time.Since(begin) < *soakTime; second++ {
		switch second % 7 {
		case 0:
			api.SetFaults(faults[second/7%len(faults)])
		case 4:
			api.ClearFaults()
		}
		if second%5 == 0 {
			rotate(second / 5)
		}
		if second%3 == 0 {
			configure(second / 3)
			if answer := e.Post(t, "/-/reload"); answer != http.StatusOK {
				t.Fatalf("reload: status %d", answer)
			}
			reloads++
		}
		families := e.Scrape(t, "/metrics", harness.Protobuf)
		e.Get(t, "/probe?target="+emulator.DemoFleet(1)[second%5].ID, nil)
		e.Get(t, "/sd", nil)
		scrapes++
		for _, m := range families["dcs_node_up"].GetMetric() {
			nodes++
			up += int(m.GetGauge().GetValue())
		}
		if n := max(5, int(soakTime.Seconds())/30); second%n == n-1 {
			value := func(name string) float64 { return families[name].GetMetric()[0].GetGauge().GetValue() }
			u := usage{value("process_resident_memory_bytes"), value("go_memstats_heap_inuse_bytes"), value("go_goroutines"), value("process_open_fds")}
			rows = append(rows, u)
			t.Logf("after %4d s: %5.1f MiB resident, %5.1f MiB heap, %3.0f goroutines, %3.0f file descriptors", second+1, u.memory/(1<<20), u.heap/(1<<20), u.goroutines, u.files)
		}
		<-ticker.C
	}
	t.Logf("%d scrapes and probes, %d reloads; %d of %d readings of nodes were good", scrapes, reloads, up, nodes)
	if up*4 < nodes || up == nodes {
		t.Errorf("%d of %d readings of nodes were good", up, nodes)
	}
	if *soakTime < 5*time.Minute {
		return // too short to tell
	}
	// The last third against the one before.
	third := len(rows) / 3
	before, after := highest(rows[third:2*third]), highest(rows[2*third:])
	for name, pair := range map[string][2]float64{
		"resident memory": {before.memory, after.memory}, "heap": {before.heap, after.heap}, "goroutines": {before.goroutines, after.goroutines}, "file descriptors": {before.files, after.files},
	} {
		if pair[1] > 1.25*pair[0] {
			t.Errorf("%s: %.0f in the second third, %.0f in the last", name, pair[0], pair[1])
		}
	}
}

// highest returns the most that was taken.
func highest(rows []usage) (most usage) {
	for _, r := range rows {
		most.memory, most.heap = max(most.memory, r.memory), max(most.heap, r.heap)
		most.goroutines, most.files = max(most.goroutines, r.goroutines), max(most.files, r.files)
	}
	return most
}
