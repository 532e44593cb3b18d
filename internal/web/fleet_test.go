package web_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// discovered starts an exporter that lists nothing and discovers all.
func discovered(h how) how {
	h.discover = func(dcsapi.Instance) bool { return true }
	change := h.options
	h.options = func(o *collector.Options) {
		o.Projects[0].Instances = nil
		if change != nil {
			change(o)
		}
	}
	return h
}

// await polls until a page answers with a status, and returns its body.
func await(t *testing.T, url string, status int) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp, body := get(t, url, nil)
		if resp.StatusCode == status {
			return body
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s\n%s", url, resp.Status, body)
		}
	}
}

// TestProbe checks what a probe of one instance contains, and what not.
func TestProbe(t *testing.T) {
	api, url := start(t)
	resp, body := get(t, url+"/probe?target=instance-1", nil)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	for _, line := range []string{`dcs_up{instance_id="instance-1"} 1`, `dcs_sessions{instance_id="instance-1",node_id="node-1",user="default"} 1`, `dcs_node_max_clients{instance_id="instance-1",node_id="node-1"} 100`} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no %s in\n%s", line, body)
		}
	}
	for _, foreign := range []string{"instance-2", "instance-3", "instance-4", "go_", "process_", "dcs_session_exporter_api", "dcs_session_exporter_scrape", "dcs_project_up"} {
		if strings.Contains(body, foreign) {
			t.Errorf("%s is in\n%s", foreign, body)
		}
	}
	if _, body := get(t, url+"/probe?target=instance-2", nil); !strings.Contains(body, `dcs_scrape_skipped{instance_id="instance-2",reason="not_running"} 1`) || strings.Contains(body, "dcs_up") {
		t.Errorf("an instance that does not run:\n%s", body)
	}
	if _, body := get(t, url+"/probe?target=instance-4", nil); !strings.Contains(body, `dcs_up{instance_id="instance-4"} 0`) || !strings.Contains(body, `reason="forbidden"`) {
		t.Errorf("an instance that fails:\n%s", body)
	}
	api.ResetRequests()
	for query, status := range map[string]int{
		"": 400, "?target=": 400, "?target=instance-1&target=instance-4": 400, "?instance=instance-1": 400,
		"?target=instance-5": 404, "?target=" + strings.Repeat("x", 5000): 404, "?target=../../v3/projects": 404, "?target=%00%ff": 404,
	} {
		if resp, body := get(t, url+"/probe"+query, nil); resp.StatusCode != status || len(body) > 300 || !strings.Contains(body, "/sd") {
			t.Errorf("%.40s: %s, want %d: %s", query, resp.Status, status, body)
		}
	}
	if n := len(api.Requests()); n != 0 {
		t.Errorf("%d requests for targets that are unknown", n)
	}
}

// TestProbeBeforeDiscovery checks that probes fail until discovery has succeeded.
func TestProbeBeforeDiscovery(t *testing.T) {
	api, url := startWith(t, discovered(how{faults: []emulator.Fault{{Operation: "list_instances", Status: 500, Code: "DCS.5000"}}}))
	for _, path := range []string{"/probe?target=instance-1", "/probe?target=unknown", "/sd"} {
		if resp, body := get(t, url+path, nil); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	api.SetFaults()
	await(t, url+"/sd", http.StatusOK)
	if body := await(t, url+"/probe?target=instance-1", http.StatusOK); !strings.Contains(body, `dcs_up{instance_id="instance-1"} 1`) {
		t.Errorf("after it has healed:\n%s", body)
	}
	await(t, url+"/probe?target=unknown", http.StatusNotFound)
}

// TestServiceDiscovery checks the targets and their labels.
func TestServiceDiscovery(t *testing.T) {
	api, url := startWith(t, discovered(how{options: func(o *collector.Options) {
		o.Projects[0].Instances = []fleet.Instance{{ID: "instance-4"}, {ID: "elsewhere"}}
		o.DiscoveryInterval = time.Nanosecond
	}}))
	api.Change("instance-1", func(i *emulator.Instance) {
		i.Tags = map[string]string{"team": "orders", "cost-center": "7", "cost.center": "8", "cost-unit": "cleaned", "cost_unit": "exact", "ü": "<&>\xff", "": "empty", "A b": ""}
	})
	var groups []struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	var body string
	for range 100 {
		if body = await(t, url+"/sd", http.StatusOK); strings.Contains(body, "team") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := json.Unmarshal([]byte(body), &groups); err != nil {
		t.Fatal(err)
	}
	byID := make(map[string]map[string]string)
	var order []string
	for _, g := range groups {
		if len(g.Targets) != 1 || byID[g.Targets[0]] != nil {
			t.Fatalf("targets %v in\n%s", g.Targets, body)
		}
		byID[g.Targets[0]] = g.Labels
		order = append(order, g.Targets[0])
	}
	if got := strings.Join(order, " "); got != "instance-4 elsewhere instance-1 instance-2 instance-3" {
		t.Errorf("targets: %s", got)
	}
	for id, want := range map[string]map[string]string{
		"instance-1": {
			"__meta_dcs_name": "orders", "__meta_dcs_region": "cn-north-4", "__meta_dcs_project": "project-1", "__meta_dcs_enterprise_project_id": "0",
			"__meta_dcs_engine": "Redis", "__meta_dcs_version": "6.0", "__meta_dcs_spec_code": "redis.single.xu1.large.1", "__meta_dcs_status": "RUNNING",
			"__meta_dcs_tag_team": "orders", "__meta_dcs_tag_cost_center": "7", "__meta_dcs_tag_cost_unit": "exact", "__meta_dcs_tag__": "<&>\uFFFD", "__meta_dcs_tag_": "empty", "__meta_dcs_tag_A_b": "",
		},
		"elsewhere": {
			"__meta_dcs_name": "", "__meta_dcs_region": "cn-north-4", "__meta_dcs_project": "project-1", "__meta_dcs_enterprise_project_id": "",
			"__meta_dcs_engine": "", "__meta_dcs_version": "", "__meta_dcs_spec_code": "", "__meta_dcs_status": "",
		},
	} {
		for name, value := range want {
			if got, ok := byID[id][name]; !ok || got != value {
				t.Errorf("%s of %s: %q (there: %v), want %q", name, id, got, ok, value)
			}
		}
		if len(byID[id]) != len(want) {
			t.Errorf("labels of %s: %v", id, byID[id])
		}
	}
	if byID["instance-2"]["__meta_dcs_status"] != "FROZEN" {
		t.Error("an instance that does not run is no target")
	}
}

// TestServiceDiscoveryWithoutInstances checks that a project without instances
// gives an empty list, not null.
func TestServiceDiscoveryWithoutInstances(t *testing.T) {
	h := discovered(how{})
	h.discover = func(dcsapi.Instance) bool { return false }
	_, url := startWith(t, h)
	if body := await(t, url+"/sd", http.StatusOK); body != "[]\n" {
		t.Errorf("got %q", body)
	}
}

// TestExporterOnly checks that /metrics reads no instance with ExporterOnly.
func TestExporterOnly(t *testing.T) {
	api, url := startWith(t, how{exporterOnly: true})
	body := await(t, url+"/metrics", http.StatusOK)
	for _, there := range []string{"dcs_project_up{project_id=\"project-1\",region=\"cn-north-4\"} 1\n", "dcs_session_exporter_api_requests_total", "dcs_session_exporter_holdoff_seconds"} {
		if !strings.Contains(body, there) {
			t.Errorf("no %s in\n%s", there, body)
		}
	}
	for _, absent := range []string{"dcs_up", "dcs_node", "dcs_sessions", "dcs_instance"} {
		if strings.Contains(body, "\n"+absent) {
			t.Errorf("%s in\n%s", absent, body)
		}
	}
	for _, r := range api.Requests() {
		if r.Operation != "list_instances" {
			t.Errorf("a request to %s", r.Operation)
		}
	}
}

func TestReload(t *testing.T) {
	var err error
	_, url := startWith(t, how{reload: func() error { return err }})
	post := func() (int, string) {
		resp, e := http.Post(url+"/-/reload", "", nil) //nolint:noctx // short
		if e != nil {
			t.Fatal(e)
		}
		defer resp.Body.Close()
		body := make([]byte, 1000)
		n, _ := resp.Body.Read(body)
		return resp.StatusCode, string(body[:n])
	}
	if status, body := post(); status != http.StatusOK || !strings.Contains(body, "was reloaded") {
		t.Errorf("%d %s", status, body)
	}
	err = errors.New("c.yml:3: x")
	if status, body := post(); status != http.StatusInternalServerError || strings.Contains(body, "c.yml") || !strings.Contains(body, "The exporter's log says why") {
		t.Errorf("%d %s", status, body)
	}
}
