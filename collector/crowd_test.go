package collector_test

import (
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestCrowd reads many more instances than a scrape has time for, whose nodes
// take more requests to list than one scrape has, too: some nodes are read from
// the first scrapes on, and the log stays short.
func TestCrowd(t *testing.T) {
	t.Parallel()
	const instances = 2000
	for _, tt := range []struct {
		name    string
		faults  []emulator.Fault
		scrapes int
		atOnce  bool
	}{
		{"listed together", nil, 4, true},
		{"listed singly", []emulator.Fault{listedSingly}, 4, false},
		{"listed together, slowly", []emulator.Fault{{Operation: "list_project_nodes", Delay: 350 * time.Millisecond}}, 4, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				instances: singles(1, instances),
				faults:    tt.faults,
				client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 20 },
				collector: func(o *collector.Options) {
					o.Projects[0].Instances, o.Projects[0].Discover = nil, all
					o.DiscoveryInterval, o.Timeout = time.Hour, 5*time.Second
					o.Scan.MinInterval = 25 * time.Second
				},
			})
			known := 0
			for scrape := 0; scrape < tt.scrapes || (tt.atOnce && known < instances && scrape < 12); scrape++ {
				got := h.scrape(5 * time.Second)
				up := 0
				for _, m := range got["dcs_node_up"].GetMetric() {
					up += int(m.Gauge.GetValue())
				}
				known = len(got["dcs_node_up"].GetMetric())
				lines := h.logs.take()
				t.Logf("scrape %d: %d of %d nodes are read; requests so far: %v", scrape, up, known, h.api.Counts())
				if scrape > 0 && up < 8 {
					t.Errorf("scrape %d: %d nodes are read:\n%.2000s", scrape, up, lines)
				}
				if n := strings.Count(lines, "\n"); n > 40 || len(lines) > 20<<10 {
					t.Errorf("scrape %d: %d lines in the log, %d bytes:\n%.2000s", scrape, n, len(lines), lines)
				}
			}
			if tt.atOnce && known != instances {
				t.Errorf("%d of %d nodes are known: the list of all nodes does not get done", known, instances)
			}
			if n := h.api.Counts()["list_project_nodes"]; tt.atOnce && n > 2*instances/100 {
				t.Errorf("%d requests for the list of all nodes", n)
			}
		})
	}
}
