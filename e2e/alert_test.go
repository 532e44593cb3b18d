package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// TestAlertReachesAlertmanager checks that an alert on a node that cannot be
// read gets from the exporter's metrics through Prometheus to Alertmanager,
// labels and all, and that it is resolved there.
func TestAlertReachesAlertmanager(t *testing.T) {
	t.Parallel()
	instance := emulator.DemoFleet(1)[1]
	api, config := harness.StartAPI(t, emulator.Options{}, frozen, instance)
	exporter := harness.StartExporter(t, "--config.file="+config)
	alertmanager := harness.StartAlertmanager(t, "route: {receiver: none}\nreceivers: [{name: none}]\n")
	rules := harness.Write(t, t.TempDir(), "rules.yml", `
groups: [{name: dcs, rules: [{alert: NodeNotRead, expr: dcs_node_up == 0}]}]
`)
	harness.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%s]
alerting: {alertmanagers: [{static_configs: [{targets: ['%s']}]}]}
scrape_configs: [{job_name: dcs_sessions, static_configs: [{targets: ['%s']}]}]
`, rules, alertmanager.Address, exporter.Address))

	firing := func() string {
		out, code := harness.Run(t, nil, harness.Binary(t, "amtool"), "--alertmanager.url=http://"+alertmanager.Address, "alert", "query", "--output=extended", "alertname=NodeNotRead")
		if code != 0 {
			t.Fatalf("amtool: exit code %d\n%s", code, out)
		}
		return out
	}
	node := instance.Nodes[1].ID
	api.SetFaults(emulator.Fault{Operation: "list_clients", NodeID: node, Status: http.StatusForbidden, Code: "DCS.2003", Message: "no"})
	harness.Await(t, "the alert", func() bool {
		alerts := firing()
		return strings.Contains(alerts, `instance_id="`+instance.ID+`"`) && strings.Contains(alerts, `node_id="`+node+`"`)
	})
	if alerts := firing(); strings.Contains(alerts, instance.Nodes[0].ID) {
		t.Errorf("there is an alert on a node that was read:\n%s", alerts)
	}
	api.ClearFaults()
	harness.Await(t, "the end of the alert", func() bool { return !strings.Contains(firing(), node) })
}
