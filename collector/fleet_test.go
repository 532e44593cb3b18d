package collector_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// all discovers every instance.
func all(dcsapi.Instance) bool { return true }

// discovering has a harness discover instances rather than list them.
func discovering(match func(dcsapi.Instance) bool, listed ...fleet.Instance) func(*collector.Options) {
	return func(o *collector.Options) {
		o.Projects[0].Instances, o.Projects[0].Discover = listed, match
		o.DiscoveryInterval = time.Nanosecond
	}
}

// until scrapes until a condition holds.
func (h *harness) until(what string, holds func(families) bool) families {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := h.scrape(5 * time.Second)
		if holds(got) {
			return got
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("never: %s", what)
		}
	}
}

// named returns an instance with nodes of its own.
func named(id, name string, sessions ...int) emulator.Instance {
	i := instanceOf(id, sessions...)
	i.Name = name
	for k := range i.Nodes {
		i.Nodes[k].ID = id + "-" + i.Nodes[k].ID
	}
	return i
}

// TestDiscovery follows a fleet: what is read, what is skipped, what comes and
// goes, and what a failed look-up costs.
func TestDiscovery(t *testing.T) {
	stopped := named("i3", "prod-c", 3)
	stopped.Status = "FROZEN"
	old := named("i4", "prod-d", 4)
	old.Unsupported = true
	h := newHarness(t, setup{
		instances: []emulator.Instance{named("i1", "prod-a", 1), named("i2", "dev-b", 2), stopped, old, named("i5", "dev-listed", 5, 6)},
		collector: discovering(func(i dcsapi.Instance) bool { return strings.HasPrefix(i.Name, "prod-") }, fleet.Instance{ID: "i5", MaxClients: 7}),
	})
	got := h.scrape(5 * time.Second)
	got.want(t, 1, "dcs_project_up")
	got.wantNodeUp(t, "i1-node-1", 1)
	got.wantNodeUp(t, "i5-node-2", 6)
	got.want(t, 7, "dcs_node_max_clients", "node_id=i5-node-1")
	got.wantNone(t, "dcs_instance_info", "instance_id=i2")
	got.want(t, 1, "dcs_scrape_skipped", "instance_id=i3", "reason=not_running")
	got.want(t, 1, "dcs_scrape_skipped", "instance_id=i4", "reason=unsupported")
	got.want(t, 1, "dcs_instance_info", "instance_id=i1", "instance_name=prod-a")
	if n := h.requests("list_nodes", ""); n != 0 {
		t.Errorf("%d node lists of single instances, where one list of all does", n)
	}

	h.api.Add(named("i6", "prod-f", 6))
	h.api.Remove("i1")
	h.api.Change("i2", func(i *emulator.Instance) { i.Name = "prod-b" })
	h.api.Change("i3", func(i *emulator.Instance) { i.Status = "RUNNING" })
	h.until("the fleet has changed", func(f families) bool {
		return f.sum("dcs_up", "instance_id=i6") == 1 && f.sum("dcs_up", "instance_id=i3") == 1 && f.sum("dcs_up", "instance_id=i2") == 1
	})
	got = h.until("the one that is gone is read no more", func(f families) bool { return len(f["dcs_up"].GetMetric()) == 4 })
	got.wantNone(t, "dcs_instance_info", "instance_id=i1")
	got.wantNodeUp(t, "i6-node-1", 6)

	before, _ := got.value("dcs_session_exporter_discovery_last_success_timestamp_seconds")
	h.api.AddFault(emulator.Fault{Operation: "list_instances", Status: 500, Code: "DCS.5000"})
	h.api.AddFault(emulator.Fault{Operation: "list_project_nodes", Status: 500, Code: "DCS.5000"})
	for range 3 {
		got = h.scrape(5 * time.Second)
		got.want(t, 1, "dcs_up", "instance_id=i6")
		got.want(t, 1, "dcs_project_up")
	}
	lines := ""
	h.until("the log tells of the failing discovery", func(families) bool {
		lines += h.logs.take()
		return strings.Contains(lines, "cannot list the instances")
	})
	if strings.Count(lines, "cannot list the instances") != 1 || !strings.Contains(lines, "reason=server") {
		t.Errorf("the log does not tell once of the failing discovery:\n%s", lines)
	}
	if at, ok := got.value("dcs_session_exporter_discovery_last_success_timestamp_seconds"); !ok || at < before || at > float64(time.Now().Unix()+1) {
		t.Errorf("last success at %v (there: %v), after %v", at, ok, before)
	}
}

// TestDiscoveryFailsFromTheStart checks that a project of which nothing is known
// is down, and that the exporter goes on.
func TestDiscoveryFailsFromTheStart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		instances: []emulator.Instance{named("i1", "a", 1)},
		faults:    []emulator.Fault{{Operation: "list_instances", Status: 403, Code: "DCS.2003"}},
		collector: discovering(all),
	})
	got := h.scrape(2 * time.Second)
	got.want(t, 0, "dcs_project_up")
	got.wantNone(t, "dcs_up")
	got.wantNone(t, "dcs_session_exporter_discovery_last_success_timestamp_seconds")
	if _, err := h.collector.Fleet().Targets(); !errors.Is(err, fleet.ErrNotDiscovered) {
		t.Errorf("targets: %v", err)
	}
	if _, err := h.collector.Fleet().Target("i1"); !errors.Is(err, fleet.ErrNotDiscovered) {
		t.Errorf("target: %v", err)
	}
	h.api.SetFaults()
	h.until("it heals", func(f families) bool { return f.sum("dcs_project_up") == 1 && f.sum("dcs_up") == 1 })
	if list, err := h.collector.Fleet().Targets(); err != nil || len(list) != 1 {
		t.Errorf("targets: %v, %v", list, err)
	}
	if _, err := h.collector.Fleet().Target("i2"); !errors.Is(err, fleet.ErrUnknownTarget) {
		t.Errorf("target: %v", err)
	}
}

// TestBatchFallsShort leaves instances out of the list of all nodes: they are
// asked for themselves.
func TestBatchFallsShort(t *testing.T) {
	h := newHarness(t, setup{instances: []emulator.Instance{named("i1", "a", 1), named("i2", "b", 2), named("i3", "c", 3)}})
	h.api.AddFault(emulator.Fault{Operation: "list_project_nodes", Rewrite: func([]byte) []byte {
		return []byte(`{"count":3,"instances":[{"instance_id":"i1","nodes":[{"node_id":"i1-node-1","node_role":"redis-server"}]},{"instance_id":"i2","nodes":[]},{"instance_id":"i3"}]}`)
	}})
	got := h.scrape(5 * time.Second)
	for n := range 3 {
		got.wantNodeUp(t, fmt.Sprintf("i%d-node-1", n+1), n+1)
	}
	if n := h.requests("list_nodes", ""); n != 2 {
		t.Errorf("%d node lists of single instances, want those of the two that were left out", n)
	}
}

// TestVanishingInstances has a fleet disappear between the list of instances
// and the reading.
func TestVanishingInstances(t *testing.T) {
	t.Parallel()
	var instances []emulator.Instance
	for n := range 300 {
		instances = append(instances, named(fmt.Sprintf("i%d", n), "x", 1))
	}
	h := newHarness(t, setup{instances: instances, collector: func(o *collector.Options) {
		o.Projects[0].Instances, o.Projects[0].Discover = nil, all
	}})
	if got := h.scrape(10 * time.Second); got.sum("dcs_up") != 300 {
		t.Fatalf("%v of 300 are up", got.sum("dcs_up"))
	}
	for n := range 299 {
		h.api.Remove(fmt.Sprintf("i%d", n))
	}
	h.api.ResetRequests()
	got := h.scrape(10 * time.Second)
	got.want(t, 1, "dcs_up", "instance_id=i299")
	got.want(t, 0, "dcs_up", "instance_id=i0")
	got.want(t, 1, "dcs_node_error", "instance_id=i0", "reason=not_found")
	h.until("they are forgotten", func(g families) bool { return len(g["dcs_up"].GetMetric()) == 1 })
	if n := h.requests("list_instances", ""); n > 3 {
		t.Errorf("the instances were listed %d times", n)
	}
}
