package emulator_test

import (
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// TestDemoFleet checks that there is an instance of every kind, and that ids
// are stable.
func TestDemoFleet(t *testing.T) {
	a, b := emulator.DemoFleet(1), emulator.DemoFleet(1)
	proxies, sessions := 0, 0
	kinds, versions, specs := make(map[string]int), make(map[string]bool), make(map[string]bool)
	ids := make(map[string]bool)
	for k, i := range a {
		if i.ID != b[k].ID || ids[i.ID] {
			t.Errorf("id %s is not stable, or stands twice", i.ID)
		}
		ids[i.ID] = true
		versions[i.EngineVersion], specs[i.SpecCode] = true, true
		if i.ProjectID != emulator.DemoProject || i.Name == "" || i.Tags["team"] == "" {
			t.Errorf("instance %+v", i)
		}
		for n, node := range i.Nodes {
			if node.ID != b[k].Nodes[n].ID || ids[node.ID] {
				t.Errorf("node id %s is not stable, or stands twice", node.ID)
			}
			ids[node.ID] = true
			kinds[node.Role+" "+node.Type]++
			if node.Role == "redis-proxy" {
				proxies++
			}
			list, _, err := node.Sessions.Sessions(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			sessions += len(list)
		}
	}
	if kinds["redis-server master"] < 5 || kinds["redis-server slave"] < 5 || kinds["redis-proxy proxy"] != proxies || len(versions) < 4 || len(specs) != len(a) {
		t.Errorf("nodes %v, versions %v, spec codes %v", kinds, versions, specs)
	}
	if a[5].Status == "" || a[5].Status == "RUNNING" || !a[6].Unsupported {
		t.Errorf("instances run and are supported: %+v, %+v", a[5], a[6])
	}
	if len(a) != 7 || proxies != 3 || sessions < 800 || sessions > 2000 {
		t.Errorf("%d instances, %d proxies, %d sessions", len(a), proxies, sessions)
	}
}
