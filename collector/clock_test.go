package collector_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

var listTime = regexp.MustCompile(`"time":"[^"]*"`)

// shifted makes the times of lists so far ahead of the Date of their answers.
func shifted(ahead time.Duration) emulator.Fault {
	return emulator.Fault{Operation: "list_clients", Rewrite: func(body []byte) []byte {
		at := time.Now().Add(ahead).UTC().Format("2006-01-02T15:04:05.000Z")
		return listTime.ReplaceAll(body, []byte(`"time":"`+at+`"`))
	}}
}

// TestListFromTheFuture checks that a list whose time is ahead of now is not
// taken for a fresh one, and that a failure names the clock.
func TestListFromTheFuture(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		ahead time.Duration
		any   bool // lists of any age are accepted
		up    bool
	}{
		{"a minute", time.Minute, false, true},
		{"four minutes", 4 * time.Minute, false, false},
		{"eight hours", 8 * time.Hour, false, false},
		{"ten years", 10 * 365 * 24 * time.Hour, false, false},
		{"ten years, any age", 10 * 365 * 24 * time.Hour, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				instances: []emulator.Instance{instanceOf("instance-1", 20)},
				faults:    []emulator.Fault{shifted(tt.ahead)},
				collector: func(o *collector.Options) {
					seldom(o)
					if tt.any {
						o.MaxSnapshotAge = 0
					}
				},
			})
			got := h.scrape(10 * time.Second)
			if tt.up {
				got.wantNodeUp(t, "node-1", 20)
				got.wantNone(t, "dcs_node_error")
				return
			}
			got.wantNodeDown(t, "node-1", dcsapi.ReasonStale)
			if lines := h.logs.take(); !strings.Contains(lines, "clock of the API") || !strings.Contains(lines, "max_snapshot_age") {
				t.Errorf("the log does not name the clock, or what to do: %s", lines)
			}
			h.api.SetFaults(emulator.Fault{Operation: "list_clients", Status: 400, Code: "DCS.4957"})
			h.scrape(2*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonBusy) // nor while it is busy
			h.api.ClearFaults()
			h.scrape(10*time.Second).wantNodeUp(t, "node-1", 20)
		})
	}
}

// TestCountersAndTheFuture checks that a list from the future does not make
// the counters jump.
func TestCountersAndTheFuture(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 5)}})
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 5)
	h.api.Change("instance-1", func(i *emulator.Instance) {
		i.Nodes[0].Sessions = slices.Concat(manySessions(5), emulator.Static{{ID: "900000000000", Flags: "N"}})
	})
	h.api.SetFaults(shifted(10 * 365 * 24 * time.Hour))
	h.scrape(10*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonStale)
	h.api.ClearFaults()
	got := h.scrape(10 * time.Second)
	got.wantNodeUp(t, "node-1", 6)
	got.want(t, 1, "dcs_connections_accepted_total", "node_id=node-1")
	got.want(t, 1, "dcs_sessions_opened_total", "node_id=node-1")
}
