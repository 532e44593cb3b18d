package collector_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestStatus checks what is remembered of how nodes were read: the last good
// reading stays known while a node fails, and an instance that is gone is
// forgotten with its nodes.
func TestStatus(t *testing.T) {
	node := func(id string) emulator.Node {
		return emulator.Node{ID: id, Name: id + "-name", Role: "redis-server", Type: "master", Sessions: emulator.Static{{ID: "1", Addr: "10.0.0.1:1", Flags: "N"}}}
	}
	h := newHarness(t, setup{instances: []emulator.Instance{
		{ID: "instance-1", ProjectID: projectID, Name: "orders", Nodes: []emulator.Node{node("node-1"), node("node-2")}},
		{ID: "instance-2", ProjectID: projectID, Name: "stopped", Status: "FROZEN", Nodes: []emulator.Node{node("node-3")}},
	}})
	state := func() (collector.ProjectStatus, collector.Health) {
		t.Helper()
		all := h.collector.Status()
		if len(all) != 1 || all[0].Region != region || all[0].ID != projectID || len(all[0].Instances) != 2 {
			t.Fatalf("got %+v", all)
		}
		return all[0], collector.Sum(all)
	}
	if p, health := state(); !health.Scraped.IsZero() || health.Nodes != 0 || len(p.Instances[0].Nodes) != 0 {
		t.Errorf("before the first scrape: %+v", health)
	}
	h.collector.Scrape(t.Context()).Read()
	p, health := state()
	if health.Projects != 1 || health.Instances != 2 || health.Skipped != 1 || health.Nodes != 2 || health.Read != 2 || health.Failed != 0 || health.Oldest.IsZero() || health.Scraped.IsZero() {
		t.Errorf("got %+v", health)
	}
	read := p.Instances[0].Nodes[0]
	if read.ID != "node-1" || read.Name != "node-1-name" || read.Sessions != 1 || read.Err != nil || read.Read.IsZero() || read.Taken.IsZero() {
		t.Errorf("got %+v", read)
	}
	if skipped := p.Instances[1]; skipped.Skipped != "not_running" || skipped.Details.Name != "stopped" {
		t.Errorf("got %+v", skipped)
	}

	h.api.SetFaults(emulator.Fault{Operation: "list_clients", NodeID: "node-1", Status: 403, Code: "DCS.2003"})
	h.collector.Scrape(t.Context()).Read()
	p, health = state()
	failed := p.Instances[0].Nodes[0]
	if health.Read != 1 || health.Failed != 1 || dcsapi.ReasonOf(failed.Err) != dcsapi.ReasonForbidden || failed.Read != read.Read || failed.Sessions != 1 || !failed.Tried.After(read.Tried) {
		t.Errorf("got %+v, %+v", health, failed)
	}
	if !strings.Contains(failed.Err.Error(), "DCS.2003") {
		t.Errorf("got %v", failed.Err)
	}
}
