package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/common/model"
)

// firstTime returns when a series first had a value.
func firstTime(t *testing.T, p *harness.Prometheus, value float64, format string, args ...any) time.Time {
	t.Helper()
	for _, series := range p.Points(t, format, args...) {
		for _, v := range series.Values {
			if float64(v.Value) == value {
				return v.Timestamp.Time()
			}
		}
	}
	t.Fatalf("%s was never %v", fmt.Sprintf(format, args...), value)
	return time.Time{}
}

// names returns the names of metrics in a result, without doubles.
func names(vector model.Vector) []string {
	var names []string
	for _, s := range vector {
		names = append(names, string(s.Metric[model.MetricNameLabel]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestFailedNodeGoesStale checks what Prometheus shows of a node that cannot be
// read: nothing about its sessions from that very scrape on, while the others
// go on, until it is read again.
func TestFailedNodeGoesStale(t *testing.T) {
	t.Parallel()
	instance := emulator.DemoFleet(1)[1]
	good, bad := instance.Nodes[0].ID, instance.Nodes[1].ID
	api, config := harness.StartAPI(t, emulator.Options{}, frozen, instance)
	exporter := harness.StartExporter(t, "--config.file="+config)
	p := harness.StartPrometheus(t, fmt.Sprintf(nativeJob, exporter.Address))
	p.Await(t, `dcs_up == 1`)

	api.SetFaults(emulator.Fault{Operation: "list_clients", NodeID: bad, Status: http.StatusForbidden, Code: "DCS.2003", Message: "no"})
	p.Await(t, `dcs_node_up{node_id="%s"} == 0`, bad)
	failed := firstTime(t, p, 0, `dcs_node_up{node_id="%s"}[5m]`, bad)

	before := names(p.Query(t, failed.Add(-time.Millisecond), `{__name__=~"dcs_.*", node_id="%s"}`, bad))
	after := names(p.Query(t, failed, `{__name__=~"dcs_.*", node_id="%s"}`, bad))
	if len(before) < 25 || !slices.Contains(before, "dcs_sessions") || !slices.Contains(before, "dcs_session_age_seconds") || !slices.Contains(before, "dcs_session_age_seconds_bucket") {
		t.Errorf("before it failed, the node had %q", before)
	}
	// What is left tells of the node and of its failure, not of its sessions.
	if slices.ContainsFunc(after, func(name string) bool { return !strings.HasPrefix(name, "dcs_node_") }) {
		t.Errorf("after it failed, the node has %q", after)
	}
	for _, want := range []string{"dcs_node_error", "dcs_node_info", "dcs_node_scrape_duration_seconds", "dcs_node_up"} {
		if !slices.Contains(after, want) {
			t.Errorf("after it failed, the node has %q, without %s", after, want)
		}
	}
	for expr, want := range map[string]float64{
		`dcs_node_up{node_id="` + bad + `"}`:                        0,
		`dcs_node_error{node_id="` + bad + `", reason="forbidden"}`: 1,
		`dcs_up`:                              0,
		`dcs_node_up{node_id="` + good + `"}`: 1,
		`up`:                                  1,
		`dcs_project_up`:                      1,
		`count(dcs_node_error)`:               1,
		`count(dcs_sessions_reported)`:        1,
		`count(dcs_session_idle_seconds{node_id!="` + good + `"}) or vector(0)`: 0,
	} {
		if got := p.Value(t, failed, "%s", expr); got != want {
			t.Errorf("%s is %v, want %v", expr, got, want)
		}
	}
	compare(t, seriesAt(t, p, failed, `node_id="`+good+`"`), expectFrozen(t, api, instance.ID, good))

	api.ClearFaults()
	p.Await(t, `dcs_node_up{node_id="%s"} == 1`, bad)
	var back time.Time
	for _, v := range p.Points(t, `dcs_node_up{node_id="%s"}[5m]`, bad)[0].Values {
		if at := v.Timestamp.Time(); v.Value == 1 && at.After(failed) {
			back = at
			break
		}
	}
	compare(t, seriesAt(t, p, back, `node_id="`+bad+`"`), expectFrozen(t, api, instance.ID, bad))
	if left := p.Query(t, back, `dcs_node_error or dcs_up == 0`); len(left) > 0 {
		t.Errorf("when the node is back, there is still %v", left)
	}
}

// TestHangingAPI checks that a scrape is answered before Prometheus gives it
// up, whatever the API does: with what is known, and with the reason.
func TestHangingAPI(t *testing.T) {
	t.Parallel()
	instance := emulator.DemoFleet(1)[1]
	api, config := harness.StartAPI(t, emulator.Options{}, "scan: {min_interval: 1h}\n", instance)
	exporter := harness.StartExporter(t, "--config.file="+config)
	p := harness.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 2s, scrape_timeout: 2s}
scrape_configs: [{job_name: dcs_sessions, static_configs: [{targets: ['%s']}]}]
`, exporter.Address))
	p.Await(t, `dcs_up == 1`)

	api.SetFaults(emulator.Fault{Hang: true, BeforeAuth: true})
	p.Await(t, `dcs_up == 0`)
	failed := firstTime(t, p, 0, `dcs_up[5m]`)
	for expr, want := range map[string]float64{
		`up`:                      1,
		`count(dcs_node_up == 0)`: 2,
		`count(dcs_node_error{reason="timeout"})`:                    2,
		`count(dcs_node_error)`:                                      2,
		`count(dcs_node_info)`:                                       2,
		`count(dcs_sessions) or vector(0)`:                           0,
		`dcs_session_exporter_scrape_errors_total{reason="timeout"}`: 2,
	} {
		if got := p.Value(t, failed, "%s", expr); got != want {
			t.Errorf("%s is %v, want %v", expr, got, want)
		}
	}
	// One that starts now knows no nodes, and says so.
	fresh := harness.StartExporter(t, "--config.file="+config)
	q := harness.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 2s, scrape_timeout: 2s}
scrape_configs: [{job_name: dcs_sessions, static_configs: [{targets: ['%s']}]}]
`, fresh.Address))
	q.Await(t, `up == 1 and on () dcs_up == 0 and on () dcs_node_error{node_id="", reason="timeout"} == 1`)

	api.ClearFaults()
	p.Await(t, `dcs_up == 1`)
	for _, server := range []*harness.Prometheus{p, q} {
		if lost := server.Value(t, time.Time{}, `count_over_time(up[5m]) - sum_over_time(up[5m])`); lost != 0 {
			t.Errorf("%v scrapes were lost", lost)
		}
	}
}

// TestPairOfPrometheus lets two Prometheus servers scrape one exporter: both
// have all numbers at every scrape, and no node is scanned twice for that.
func TestPairOfPrometheus(t *testing.T) {
	t.Parallel()
	fleet := emulator.DemoFleet(1)[1:5:5]
	fleet = slices.Delete(fleet, 1, 2) // so many nodes as the rate limit lets be read every second, twice
	api, config := harness.StartAPI(t, emulator.Options{}, frozen, fleet...)
	exporter := harness.StartExporter(t, "--config.file="+config)
	var pair []*harness.Prometheus
	for _, replica := range []string{"a", "b"} {
		pair = append(pair, harness.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, external_labels: {replica: %s}}
scrape_configs: [{job_name: dcs_sessions, static_configs: [{targets: ['%s']}]}]
`, replica, exporter.Address)))
	}
	nodes := 0
	for k, p := range pair {
		p.Await(t, `count_over_time(dcs_sessions_reported[5m]) >= 4`)
		at := time.Now()
		want := make(map[string]float64)
		nodes = 0
		for _, i := range fleet {
			proxies := slices.ContainsFunc(i.Nodes, func(n emulator.Node) bool { return n.Type == "proxy" })
			for _, n := range i.Nodes {
				if !proxies || n.Type == "proxy" {
					nodes++
					for series, v := range expectFrozen(t, api, i.ID, n.ID) {
						want[series] = v
					}
				}
			}
		}
		compare(t, seriesAt(t, p, at, `job="dcs_sessions"`), want)
		scrapes := p.Value(t, at, `count_over_time(up[5m])`)
		for _, metric := range []string{"dcs_node_up", "dcs_sessions"} {
			for _, series := range p.Query(t, at, `count_over_time(%s[5m])`, metric) {
				if float64(series.Value) != scrapes {
					t.Errorf("Prometheus %d has scraped %v times, and has %s%v %v times", k, scrapes, metric, series.Metric, series.Value)
				}
			}
		}
		if worst := p.Value(t, at, `min(min_over_time(dcs_up[5m]))`); worst != 1 {
			t.Errorf("Prometheus %d has seen dcs_up %v", k, worst)
		}
	}
	if scans := api.Counts()["scan_clients"]; scans != nodes {
		t.Errorf("%d scans of %d nodes", scans, nodes)
	}
	if strings.Contains(exporter.Log(), "level=warn") {
		t.Error("the exporter has warned")
	}
}
