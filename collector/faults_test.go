package collector_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// fault is a way in which a request goes wrong, with the reason that it must
// be given.
type fault struct {
	name   string
	fault  emulator.Fault
	reason dcsapi.Reason
}

// faults returns the ways in which any request can go wrong.
func faults() []fault {
	return []fault{
		{"forbidden", emulator.Fault{Status: 403, Code: "DCS.2003"}, dcsapi.ReasonForbidden},
		{"403 alone", emulator.Fault{Status: 403}, dcsapi.ReasonForbidden},
		{"no such instance", emulator.Fault{Status: 404, Code: "DCS.3022"}, dcsapi.ReasonNotFound},
		{"unknown node", emulator.Fault{Status: 400, Code: "DCS.3053"}, dcsapi.ReasonNotFound},
		{"unknown node, 500", emulator.Fault{Status: 500, Code: "DCS.5053"}, dcsapi.ReasonNotFound},
		{"bad parameter", emulator.Fault{Status: 400, Code: "DCS.4800"}, dcsapi.ReasonOther},
		{"internal error", emulator.Fault{Status: 500, Code: "DCS.5000"}, dcsapi.ReasonServer},
		{"bad gateway", emulator.Fault{Status: 502, Body: []byte("<html>bad</html>")}, dcsapi.ReasonServer},
		{"unavailable", emulator.Fault{Status: 503}, dcsapi.ReasonServer},
		{"redirect", emulator.Fault{Status: 302, Header: http.Header{"Location": {"https://login.example/"}}}, dcsapi.ReasonOther},
		{"empty 200", emulator.Fault{Status: 200}, dcsapi.ReasonDecode},
		{"empty 204", emulator.Fault{Status: 204}, dcsapi.ReasonDecode},
		{"html", emulator.Fault{Body: []byte("<html>hello</html>")}, dcsapi.ReasonDecode},
		{"no list", emulator.Fault{Body: []byte(`{"count":7}`)}, dcsapi.ReasonDecode},
		{"error code in a 200", emulator.Fault{Body: []byte(`{"error_code":"DCS.2003","error_msg":"no"}`)}, dcsapi.ReasonForbidden},
		{"unknown error code in a 200", emulator.Fault{Body: []byte(`{"error_code":"X.1"}`)}, dcsapi.ReasonDecode},
		{"trailing data", emulator.Fault{Rewrite: func(b []byte) []byte { return append(b, "x"...) }}, dcsapi.ReasonDecode},
		{"half of it", emulator.Fault{Rewrite: func(b []byte) []byte { return b[:len(b)/2] }}, dcsapi.ReasonDecode},
		{"too large", emulator.Fault{Rewrite: func(b []byte) []byte { return append(b, strings.Repeat(" ", 17<<20)...) }}, dcsapi.ReasonDecode},
		{"cut", emulator.Fault{CutAfter: 200}, dcsapi.ReasonNetwork},
		{"reset", emulator.Fault{Reset: true}, dcsapi.ReasonNetwork},
		{"hang", emulator.Fault{Hang: true}, dcsapi.ReasonTimeout},
		{"late", emulator.Fault{Delay: 10 * time.Second}, dcsapi.ReasonTimeout},
	}
}

// TestFaults lets reading one node go wrong in every way, at every page: that
// node fails, alone, in time, with the right reason, and heals.
func TestFaults(t *testing.T) {
	for _, f := range faults() {
		if f.name == "too large" {
			continue // it costs one session: TestTooLarge
		}
		for _, offset := range []int{0, 1000, 2000} {
			t.Run(fmt.Sprintf("%s at %d", f.name, offset), func(t *testing.T) {
				t.Parallel()
				h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 2500, 10), instanceOf("instance-2", 7)}})
				h.scrape(10*time.Second).wantNodeUp(t, "node-2", 10)
				h.logs.take()

				fault := f.fault
				fault.Operation, fault.InstanceID, fault.NodeID, fault.Offset = "list_clients", "instance-1", "node-1", emulator.At(offset)
				h.api.AddFault(fault)
				const within = 2 * time.Second
				start := time.Now()
				got := h.scrape(within)
				if took := time.Since(start); took > within+2*time.Second {
					t.Errorf("the scrape took %s of %s", took, within)
				}
				got.want(t, 0, "dcs_node_up", "instance_id=instance-1", "node_id=node-1")
				got.want(t, 1, "dcs_node_error", "instance_id=instance-1", "node_id=node-1", "reason="+string(f.reason))
				got.wantNone(t, "dcs_sessions", "instance_id=instance-1", "node_id=node-1")
				got.want(t, 0, "dcs_up", "instance_id=instance-1")
				got.want(t, 1, "dcs_up", "instance_id=instance-2")
				got.want(t, 1, "dcs_node_up", "node_id=node-2")
				got.want(t, 1, "dcs_project_up")
				got.want(t, 1, "dcs_session_exporter_scrape_errors_total", "reason="+string(f.reason))
				if total := got.sum("dcs_session_exporter_scrape_errors_total"); total != 1 {
					t.Errorf("%v errors are counted, want 1", total)
				}
				if lines := h.logs.take(); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "node_id=node-1") || !strings.Contains(lines, "reason="+string(f.reason)) {
					t.Errorf("the log has\n%s", lines)
				}

				h.api.ClearFaults()
				healed := h.scrape(10 * time.Second)
				healed.want(t, 1, "dcs_up", "instance_id=instance-1")
				healed.wantNone(t, "dcs_node_error")
				if lines := h.logs.take(); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "read again") {
					t.Errorf("after healing, the log has\n%s", lines)
				}
			})
		}
	}
}

// TestFaultsOfNodeLists lets the node list of an instance go wrong in every
// way, before one was ever had: that instance fails, alone, and heals.
func TestFaultsOfNodeLists(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				instances: []emulator.Instance{instanceOf("instance-1", 5), instanceOf("instance-2", 7)},
				collector: func(o *collector.Options) { o.Timeout = 3 * time.Second },
			})
			f.fault.Operation, f.fault.InstanceID = "list_nodes", "instance-1"
			if f.fault.CutAfter > 0 {
				f.fault.CutAfter = 20 // the answer is short
			}
			h.api.AddFault(f.fault)
			h.api.AddFault(emulator.Fault{Operation: "list_project_nodes", Status: 404, Code: "APIGW.0101"})
			got := h.scrape(3 * time.Second)
			got.want(t, 0, "dcs_up", "instance_id=instance-1")
			got.want(t, 1, "dcs_node_error", "instance_id=instance-1", "node_id=", "reason="+string(f.reason))
			got.wantNone(t, "dcs_node_up", "instance_id=instance-1")
			got.want(t, 1, "dcs_up", "instance_id=instance-2")
			got.want(t, 1, "dcs_session_exporter_scrape_errors_total", "reason="+string(f.reason))
			h.api.ClearFaults()
			deadline := time.Now().Add(10 * time.Second)
			for h.scrape(3*time.Second).sum("dcs_up", "instance_id=instance-1") != 1 {
				if time.Now().After(deadline) {
					t.Fatal("it does not heal")
				}
			}
		})
	}
}

// TestFaultsOfInstanceLists lets the list of instances go wrong in every way:
// that costs the details alone.
func TestFaultsOfInstanceLists(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.fault.Operation = "list_instances"
			if f.fault.CutAfter > 0 {
				f.fault.CutAfter = 20
			}
			h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 5)}, faults: []emulator.Fault{f.fault}})
			got := h.scrape(6 * time.Second)
			got.want(t, 1, "dcs_up", "instance_id=instance-1")
			got.want(t, 1, "dcs_instance_info", "instance_id=instance-1", "instance_name=")
			got.want(t, 0, "dcs_session_exporter_scrape_errors_total", "reason="+string(f.reason))
		})
	}
}

// TestScanFaults lets scans go wrong: the list of before is read, and
// dcs_node_error tells.
func TestScanFaults(t *testing.T) {
	faults := []struct {
		name   string
		fault  emulator.Fault
		reason dcsapi.Reason // "" for none
		sent   int           // scans that reach the API
	}{
		{"forbidden", emulator.Fault{Status: 403, Code: "DCS.2003"}, dcsapi.ReasonForbidden, 1},
		{"unsupported by the scan alone", emulator.Fault{Status: 400, Code: "DCS.4848"}, dcsapi.ReasonUnsupported, 1},
		{"one is running", emulator.Fault{Status: 400, Code: "DCS.4957"}, "", 1},
		{"server error", emulator.Fault{Status: 500, Code: "DCS.5000"}, dcsapi.ReasonServer, 1},
		{"bad gateway", emulator.Fault{Status: 502}, dcsapi.ReasonServer, 1},
		{"reset", emulator.Fault{Reset: true}, dcsapi.ReasonNetwork, 1},
		{"hang", emulator.Fault{Hang: true}, dcsapi.ReasonTimeout, 1},
		{"garbage", emulator.Fault{Body: []byte("<")}, dcsapi.ReasonDecode, 1},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				instances: []emulator.Instance{instanceOf("instance-1", 20, 10)},
				collector: func(o *collector.Options) { o.Scan.Wait = 200 * time.Millisecond },
			})
			h.scrape(10*time.Second).want(t, 1, "dcs_up")
			h.api.ResetRequests()

			f.fault.Operation, f.fault.NodeID = "scan_clients", "node-1"
			h.api.AddFault(f.fault)
			got := h.scrape(2 * time.Second)
			got.wantNodeUp(t, "node-1", 20)
			got.wantNodeUp(t, "node-2", 10)
			if f.reason == "" {
				got.wantNone(t, "dcs_node_error")
			} else {
				got.want(t, 1, "dcs_node_error", "node_id=node-1", "reason="+string(f.reason))
				got.wantNone(t, "dcs_node_error", "node_id=node-2")
			}
			for end := time.Now().Add(10 * time.Second); h.requests("scan_clients", "node-1") == 0 && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond) // one that hangs is recorded at its end
			}
			if n := h.requests("scan_clients", "node-1"); n != f.sent {
				t.Errorf("%d scans were sent, want %d: a scan is not repeated", n, f.sent)
			}
			h.api.ClearFaults()
			h.scrape(10*time.Second).wantNone(t, "dcs_node_error")
		})
	}
}

// TestListsOfInstancesAndNodesFail checks what the lists around the sessions
// cost when they fail.
func TestListsOfInstancesAndNodesFail(t *testing.T) {
	t.Run("instances", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, setup{
			instances: []emulator.Instance{instanceOf("instance-1", 5)},
			faults:    []emulator.Fault{{Operation: "list_instances", Status: 403, Code: "DCS.2003"}},
		})
		got := h.scrape(5 * time.Second)
		got.want(t, 1, "dcs_up")
		got.want(t, 1, "dcs_project_up")
		got.want(t, 1, "dcs_instance_info", "instance_id=instance-1", "instance_name=", "region="+region, "project_id="+projectID)
		got.wantNone(t, "dcs_instance_status")
	})
	t.Run("instances hang", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, setup{
			instances: []emulator.Instance{instanceOf("instance-1", 5)},
			faults:    []emulator.Fault{{Operation: "list_instances", Hang: true}},
		})
		got := h.scrape(4 * time.Second)
		got.want(t, 1, "dcs_up")
	})
	t.Run("nodes, never known", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 5), instanceOf("instance-2", 6)}})
		h.api.AddFault(emulator.Fault{Operation: "list_nodes", InstanceID: "instance-1", Status: 403, Code: "DCS.2003"})
		h.api.AddFault(emulator.Fault{Operation: "list_project_nodes", Status: 404, Code: "APIGW.0101"})
		got := h.scrape(5 * time.Second)
		got.want(t, 0, "dcs_up", "instance_id=instance-1")
		got.want(t, 1, "dcs_up", "instance_id=instance-2")
		got.want(t, 1, "dcs_node_error", "instance_id=instance-1", "node_id=", "reason=forbidden")
		got.wantNone(t, "dcs_node_up", "instance_id=instance-1")
		got.want(t, 1, "dcs_session_exporter_scrape_errors_total", "reason=forbidden")
	})
	t.Run("nodes, known before", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, setup{
			instances: []emulator.Instance{instanceOf("instance-1", 5)},
			collector: func(o *collector.Options) { o.DiscoveryInterval = time.Nanosecond },
		})
		h.scrape(5*time.Second).wantNodeUp(t, "node-1", 5)
		h.api.AddFault(emulator.Fault{Operation: "list_nodes", Status: 500, Code: "DCS.5000"})
		h.api.AddFault(emulator.Fault{Operation: "list_instances", Status: 500, Code: "DCS.5000"})
		for range 3 {
			got := h.scrape(5 * time.Second)
			got.wantNodeUp(t, "node-1", 5)
			got.want(t, 1, "dcs_instance_info", "instance_name=instance-1-name")
			got.want(t, 1, "dcs_node_info", "node_name=name-1")
		}
	})
	t.Run("nodes, configured", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, setup{
			instances: []emulator.Instance{instanceOf("instance-1", 5, 6, 7)},
			read:      []fleet.Instance{{ID: "instance-1", Nodes: []string{"node-1", "node-3"}, MaxClients: 100}},
		})
		h.api.AddFault(emulator.Fault{Operation: "list_nodes", Status: 500, Code: "DCS.5000"})
		got := h.scrape(5 * time.Second)
		got.want(t, 1, "dcs_up")
		got.wantNodeUp(t, "node-1", 5)
		got.wantNodeUp(t, "node-3", 7)
		got.wantNone(t, "dcs_node_up", "node_id=node-2")
		got.want(t, 1, "dcs_node_info", "node_id=node-1", "node_name=")
		got.want(t, 100, "dcs_node_max_clients", "node_id=node-3")
	})
}

// TestUnknownNodeRefreshesNodes checks that a node that the API does not know
// any more has the node list asked for at once.
func TestUnknownNodeRefreshesNodes(t *testing.T) {
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 5)}})
	h.scrape(5*time.Second).wantNodeUp(t, "node-1", 5)
	h.api.Change("instance-1", func(i *emulator.Instance) { i.Nodes[0].ID = "node-new" })
	h.scrape(5*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonNotFound)
	for range 50 {
		if got := h.scrape(5 * time.Second); got.sum("dcs_node_up", "node_id=node-new") == 1 {
			got.wantNone(t, "dcs_node_up", "node_id=node-1")
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the new node is not read")
}

// TestThrottledFromTheStart throttles all requests before anything is known: what
// fails, fails by that, not by the time that was waited.
func TestThrottledFromTheStart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 3)},
		faults:    []emulator.Fault{{Status: 429, Code: "APIGW.0308", BeforeAuth: true, Header: http.Header{"Retry-After": {"20"}}}},
	})
	for range 2 {
		got := h.scrape(1500 * time.Millisecond)
		got.want(t, 0, "dcs_up", "instance_id=instance-1")
		got.want(t, 1, "dcs_node_error", "instance_id=instance-1", "reason=throttled")
	}
}

// TestNoNodesAtFirst lists no node of an instance once: that is not remembered
// for as long as nodes are.
func TestNoNodesAtFirst(t *testing.T) {
	t.Parallel()
	none := emulator.Fault{Operation: "list_nodes", Status: 200, Body: []byte(`{"count": 0, "nodes": []}`), Times: 1}
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 3)},
		faults:    []emulator.Fault{none, listedSingly},
		collector: func(o *collector.Options) { o.DiscoveryInterval = time.Hour },
	})
	h.scrape(3*time.Second).want(t, 1, "dcs_node_error", "instance_id=instance-1", "reason=not_found")
	for range 20 {
		if got := h.scrape(3 * time.Second); got.sum("dcs_up", "instance_id=instance-1") == 1 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the nodes are not listed again")
}
