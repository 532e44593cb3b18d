package e2e_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// TestRealChurn counts the connections of a real Redis from list to list: many
// that live for a moment, some that stay, and those after a restart.
func TestRealChurn(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
	redis := startRedisAt(t, address)
	instance := emulator.RedisInstance(emulator.Redis{Addr: address})
	api, file := harness.StartAPI(t, emulator.Options{}, "scan: {min_interval: 0s}\n", instance)
	exporter := harness.StartExporter(t, "--config.file="+file)
	// list has a list taken, and returns the counters and the highest id on it.
	list := func() (opened, closed, accepted, highest float64, sessions int) {
		families := exporter.Scrape(t, "/metrics", harness.Protobuf)
		counter := func(name string) float64 {
			metrics := families[name].GetMetric()
			if len(metrics) != 1 {
				t.Fatalf("%d series of %s", len(metrics), name)
			}
			return metrics[0].GetCounter().GetValue()
		}
		frozen, ok := api.Frozen(instance.ID, instance.Nodes[0].ID)
		if !ok {
			t.Fatal("no list")
		}
		for _, s := range frozen.Sessions {
			id, err := strconv.ParseFloat(s.ID, 64)
			if err != nil {
				t.Fatal(err)
			}
			highest = max(highest, id)
		}
		return counter("dcs_sessions_opened_total"), counter("dcs_sessions_closed_total"), counter("dcs_connections_accepted_total"), highest, len(frozen.Sessions)
	}
	for range 20 {
		connect(t, address, "")
	}
	opened, closed, accepted, first, _ := list()
	if opened != 0 || closed != 0 || accepted != 0 {
		t.Errorf("at first: %v opened, %v closed, %v accepted", opened, closed, accepted)
	}
	for range 300 {
		_ = connect(t, address, "").Close()
	}
	for range 5 {
		connect(t, address, "")
	}
	opened, closed, accepted, highest, _ := list()
	if opened != 5 || closed != 0 || accepted != highest-first || accepted < 305 {
		t.Errorf("%v opened, %v closed, %v accepted; ids from %v to %v", opened, closed, accepted, first, highest)
	}

	redis.Kill(t)
	time.Sleep(3 * time.Second) // ages have whole seconds: the sessions after it are younger than the lists are apart
	startRedisAt(t, address)
	for range 7 {
		connect(t, address, "")
	}
	before := accepted
	opened, closed, accepted, highest, sessions := list()
	if opened != 5+float64(sessions) || closed != 25 || accepted != before+float64(sessions) || highest > 50 {
		t.Errorf("after a restart with %d sessions: %v opened, %v closed, %v accepted after %v; highest id %v", sessions, opened, closed, accepted, before, highest)
	}
	before, first = accepted, highest
	for range 40 {
		_ = connect(t, address, "").Close()
	}
	connect(t, address, "")
	if _, _, accepted, highest, _ = list(); accepted != before+highest-first || accepted < before+41 {
		t.Errorf("after that: %v accepted after %v; ids from %v to %v", accepted, before, first, highest)
	}
}
