package e2e_test

import (
	"fmt"
	"testing"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// TestHugeName reads lists with a client whose name is larger than any answer
// may be: it costs its own session, and the exporter little memory.
func TestHugeName(t *testing.T) {
	var sessions emulator.Static
	for i := range 2500 {
		sessions = append(sessions, emulator.Session{ID: fmt.Sprint(i + 1), Addr: fmt.Sprintf("10.0.%d.%d:%d", i%3, i%200, 1024+i), Flags: "N", User: "orders"})
	}
	instance := singleNode(sessions)
	_, config := harness.StartAPI(t, emulator.Options{HugeName: 17 << 20}, "scrape_timeout: 60s\n", instance)
	exporter := harness.StartExporter(t, "--config.file="+config)
	node := fmt.Sprintf("instance_id=%s,node_id=%s", instance.ID, instance.Nodes[0].ID)
	for range 3 {
		have := flatten(exporter.Scrape(t, "/metrics", harness.Protobuf))
		for series, want := range map[string]float64{
			"dcs_node_up{" + node + "}":                  1,
			"dcs_sessions{" + node + ",user=orders}":     2499,
			"dcs_sessions_reported{" + node + "}":        2500,
			"dcs_node_error{" + node + ",reason=decode}": 1,
		} {
			if got, ok := have[series]; !ok || got != want {
				t.Errorf("%s is %v (there: %v), want %v", series, got, ok, want)
			}
		}
	}
	const most = 100 << 20
	peak := exporter.PeakMemory(t)
	t.Logf("peak memory %d MiB", peak>>20)
	if peak > most {
		t.Errorf("peak memory %d MiB, want %d MiB at most", peak>>20, most>>20)
	}
}
