package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/common/model"
)

// TestFleetWithoutData shows the fleet while its exporter is dead: instances
// stay in the table, with their names, and none has any pressure.
func TestFleetWithoutData(t *testing.T) {
	t.Parallel()
	instance := emulator.DemoFleet(1)[1]
	instance.Nodes = instance.Nodes[:1]
	instance.Nodes[0].Sessions = emulator.SourceFunc(trouble(time.Now())) // a client grows
	_, config := harness.StartAPI(t, emulator.Options{}, scanned, instance)
	exporter := harness.StartExporter(t, "--config.file="+config)
	p := harness.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: dcs_session_one, static_configs: [{targets: ['%s'], labels: {cluster: blue, team: shop}}]}]
`, exporter.Address))
	p.Await(t, `delta(dcs_client_sessions{user="leak"}[1m]) > 5`)
	exporter.Kill(t)
	p.Await(t, `up == 0`)
	fleet := dashboardOf(t, dashboards(t), "dcs-sessions-fleet")
	for _, panel := range fleet.Panels {
		switch panel.Title {
		case "Instances":
			of := func(i int) model.Vector {
				return p.Query(t, time.Time{}, "%s", replace(t, panel.Targets[i].Expr, shown()))
			}
			if names := of(0); len(names) != 1 || string(names[0].Metric["instance_name"]) != instance.Name {
				t.Errorf("names: %v", names)
			}
			if states := of(1); len(states) != 1 || states[0].Value != -1 {
				t.Errorf("states: %v, want no data", states)
			}
			if pressure := of(2); len(pressure) > 0 {
				t.Errorf("pressure: %v, want none", pressure)
			}
		case "Targets down":
			p.AwaitValue(t, 1, "%s", replace(t, panel.Targets[0].Expr, shown()))
		}
	}
}
