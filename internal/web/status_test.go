package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// TestStatus checks the status as JSON and as a page.
func TestStatus(t *testing.T) {
	_, url := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}})
	read := func() (d struct {
		Version     string
		LastScrape  *time.Time `json:"last_scrape"`
		NodesRead   int        `json:"nodes_read"`
		NodesToRead int        `json:"nodes_to_read"`
		Projects    []struct {
			ID        string     `json:"project_id"`
			Key       string     `json:"key_origin"`
			KeyEnds   *time.Time `json:"key_ends"`
			KeyError  string     `json:"key_error"`
			Instances []struct {
				ID      string `json:"instance_id"`
				Skipped string
				Nodes   []struct {
					ID       string `json:"node_id"`
					Read     *time.Time
					LastRead *time.Time `json:"last_read"`
					Sessions *int
					Reason   string
					Error    string
				}
			}
		}
		Configuration []struct{ Name, Value string }
	},
	) {
		t.Helper()
		resp, body := get(t, url+"/status?format=json", nil)
		if err := json.Unmarshal([]byte(body), &d); err != nil || resp.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("%v, %s\n%s", err, resp.Header.Get("Content-Type"), body)
		}
		return d
	}
	if d := read(); d.LastScrape != nil || d.NodesToRead != 0 || len(d.Projects) != 1 || len(d.Projects[0].Instances) != 5 {
		t.Errorf("before the first scrape: %+v", d)
	}
	if _, body := get(t, url+"/status", nil); !strings.Contains(body, "not scraped yet") {
		t.Errorf("before the first scrape:\n%s", body)
	}
	get(t, url+"/metrics", nil)
	d := read()
	if d.Version != "1.2.3" || d.LastScrape == nil || d.NodesRead != 3 || d.NodesToRead != 4 {
		t.Errorf("got %+v", d)
	}
	p := d.Projects[0]
	if p.ID != "project-1" || p.Key != "the test" || p.KeyEnds == nil || p.KeyError != "not renewed" {
		t.Errorf("the key: %+v", p)
	}
	if n := p.Instances[0].Nodes[0]; n.ID != "node-1" || n.LastRead == nil || *n.Sessions != 5 || n.Reason != "" {
		t.Errorf("got %+v", n)
	}
	if n := p.Instances[3].Nodes[0]; n.LastRead != nil || n.Sessions != nil || n.Reason != "forbidden" || !strings.Contains(n.Error, "DCS.2003") {
		t.Errorf("got %+v", n)
	}
	if p.Instances[1].Skipped != "not_running" {
		t.Errorf("got %+v", p.Instances[1])
	}
	if len(d.Configuration) != 1 || d.Configuration[0].Name != "scan.mode" {
		t.Errorf("got %+v", d.Configuration)
	}

	resp, body := get(t, url+"/status", nil)
	for _, want := range []string{
		"Not everything: 1 node or instance could not be read", "<h2>Project cn-north-4 project-1</h2>", "<dt>Key from</dt><dd>the test</dd>", "<dt>Key ends</dt>", "<dt>Key not replaced</dt>",
		"forbidden: list sessions of node node-5", "not read on purpose: not_running", `href="probe?debug=true&amp;target=instance-1"`, "<code>scan.mode</code>", "&lt;i&gt;names", `href="status?format=json"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", resp.Header)
	}
	if resp, _ := get(t, url+"/status?format=xml", nil); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("format=xml: %s", resp.Status)
	}
}
