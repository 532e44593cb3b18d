package collector_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/internal/emulator"
)

// missing leaves an element out of a list of the API while it is on.
func missing(t *testing.T, operation, list, id string, on *atomic.Bool) emulator.Fault {
	return emulator.Fault{Operation: operation, Rewrite: func(body []byte) []byte {
		if !on.Load() {
			return body
		}
		answer := make(map[string]any)
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Error(err)
		}
		answer[list] = slices.DeleteFunc(answer[list].([]any), func(e any) bool {
			text, _ := json.Marshal(e)
			return bytes.Contains(text, []byte(`"`+id+`"`))
		})
		delete(answer, "instance_num")
		body, _ = json.Marshal(answer)
		return body
	}}
}

// TestMissingFromOneList checks that what is remembered of a node is kept for a
// while when the API leaves it, or its instance, out of a list: its counters go
// on where they were, and it is not scanned again before min_interval is over.
func TestMissingFromOneList(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, operation, list, id string
		hold                      time.Duration
		opened                    float64
	}{
		{"node", "list_nodes", "nodes", "i1-node-2", time.Hour, 3},
		{"instance", "list_instances", "instances", "i1", time.Hour, 3},
		{"node, for longer", "list_nodes", "nodes", "i1-node-2", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var gone atomic.Bool
			h := newHarness(t, setup{
				instances: []emulator.Instance{named("i1", "a", 5, 5), named("i2", "b", 5)},
				faults:    []emulator.Fault{missing(t, tt.operation, tt.list, tt.id, &gone), listedSingly},
				collector: func(o *collector.Options) {
					discovering(all)(o)
					o.DiscoveryInterval = time.Millisecond
					aggregate := *o.Aggregate
					aggregate.Limits.Hold = tt.hold
					o.Aggregate = &aggregate
				},
			})
			up := func(f families) bool { return f.sum("dcs_node_up", "node_id=i1-node-2") == 1 }
			h.until("the node is read", up)
			h.api.Change("i1", func(i *emulator.Instance) { i.Nodes[1].Sessions = manySessions(8) })
			h.until("sessions are opened", func(f families) bool { return f.sum("dcs_sessions_opened_total", "node_id=i1-node-2") == 3 })

			o := h.options
			o.Scan.MinInterval = time.Hour
			before := h.collector
			h.collector = collector.New(o, h.own, before)
			before.CloseExcept(h.collector)
			h.api.ResetRequests()
			for range 3 {
				gone.Store(true)
				h.until("the node is gone", func(f families) bool { return f.sum("dcs_node_up", "node_id=i1-node-2") == 0 })
				time.Sleep(10 * time.Millisecond) // more than three discovery intervals
				gone.Store(false)
				h.until("the node is back", up).want(t, tt.opened, "dcs_sessions_opened_total", "node_id=i1-node-2")
			}
			if n := h.requests("scan_clients", "i1-node-2"); n != 0 {
				t.Errorf("%d scans, want none", n)
			}
		})
	}
}
