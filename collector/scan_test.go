package collector_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestScanOutlivesTheScrape checks that a scan that was sent is seen through
// when the scrape is over before it is answered: the next scrape has its list,
// without a second scan.
func TestScanOutlivesTheScrape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		leave func(*harness)
	}{
		{"short timeout", func(h *harness) { h.scrape(200*time.Millisecond).wantNodeDown(h.t, "node-1", dcsapi.ReasonTimeout) }},
		{"client disconnects", func(h *harness) {
			ctx, cancel := context.WithCancel(h.t.Context())
			time.AfterFunc(150*time.Millisecond, cancel)
			if _, err := h.collector.Scrape(ctx).Gather(); err != nil {
				h.t.Error(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				instances: []emulator.Instance{instanceOf("instance-1", 10)}, collector: seldom,
				// The emulator takes no list for a client that has gone.
				faults: []emulator.Fault{{Operation: "scan_clients", Delay: 600 * time.Millisecond}},
			})
			h.target("instance-1")
			tt.leave(h)
			got := h.scrape(10 * time.Second)
			got.wantNodeUp(t, "node-1", 10)
			got.wantNone(t, "dcs_node_error")
			if n := h.requests("scan_clients", ""); n != 1 {
				t.Errorf("%d scans, want 1", n)
			}
		})
	}
}

// TestUnsentScanIsNotCounted checks that a node whose scan had no turn before
// the scrape was over is scanned by the next one.
func TestUnsentScanIsNotCounted(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 10)}, collector: seldom,
		client: func(o *dcsapi.Options) { o.MaxConcurrentRequests = 1 },
	})
	target := h.target("instance-1")
	if _, err := target.SessionNodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.api.SetFaults(emulator.Fault{Operation: "list_clients", Times: 1, Delay: time.Second})
	go func() { // takes the only slot
		_, _ = h.listClients(t.Context(), target, dcsapi.ListClientsRequest{NodeID: "node-1", Limit: 1}, nil)
	}()
	time.Sleep(50 * time.Millisecond)
	h.scrape(200*time.Millisecond).wantNodeDown(t, "node-1", dcsapi.ReasonTimeout)
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 10)
	if n := h.requests("scan_clients", ""); n != 1 {
		t.Errorf("%d scans, want 1", n)
	}
}

// TestScanIsSeenThroughWithinBounds checks that a scan without an answer is
// waited for no longer than it has to be, and that the list of before is read
// meanwhile.
func TestScanIsSeenThroughWithinBounds(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 10)}})
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 10)
	h.api.SetFaults(emulator.Fault{Operation: "scan_clients", Hang: true, Times: 1})
	for range 2 { // the second one does not send a scan beside the one that is pending
		got := h.scrape(2 * time.Second)
		got.wantNodeUp(t, "node-1", 10)
		got.want(t, 1, "dcs_node_error", "node_id=node-1", "reason=timeout")
	}
	if n := h.requests("scan_clients", ""); n != 1 {
		t.Errorf("%d scans are answered, want 1", n) // one that hangs is recorded at its end
	}
	h.scrape(20*time.Second).wantNone(t, "dcs_node_error")
	if n := h.requests("scan_clients", ""); n != 3 {
		t.Errorf("%d scans, want 3", n)
	}
}

// TestRestart checks that a list that was taken before a restart counts: its
// node is scanned again only when min_interval is over, by the clock of the
// server alone.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		api   func(*emulator.Options)
		fault emulator.Fault
		ahead time.Duration // of the server's clock
		scans int           // of five starts
	}{
		{name: "young list", scans: 1},
		{name: "server's clock is off", ahead: 10 * time.Minute, scans: 1},
		{name: "old list", ahead: -time.Minute, scans: 5, fault: shifted(-2 * time.Hour)},
		{name: "list from the future", scans: 5, fault: shifted(2 * time.Hour)},
		{name: "no time", scans: 5, api: func(o *emulator.Options) { o.TimeForm = "none" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				api:       emulator.Options{Now: func() time.Time { return time.Now().Add(tt.ahead) }},
				instances: []emulator.Instance{instanceOf("instance-1", 10)},
				collector: func(o *collector.Options) { seldom(o); o.MaxSnapshotAge = 0; o.Scan.Wait = 100 * time.Millisecond },
				prepare: func(api *emulator.Server) {
					if tt.api != nil {
						api.SetOptions(tt.api)
					}
					if tt.fault.Rewrite != nil {
						api.AddFault(tt.fault)
					}
				},
			})
			for range 5 {
				h.collector.Close()
				h.collector = collector.New(h.options, h.own, nil)
				h.scrape(10*time.Second).wantNodeUp(t, "node-1", 10)
			}
			if n := h.requests("scan_clients", ""); n != tt.scans {
				t.Errorf("%d scans in five starts, want %d", n, tt.scans)
			}
		})
	}
}

// TestScanAfterRestart checks that people, too, can have a node scanned only
// when its list is older than min_interval.
func TestScanAfterRestart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 10)}, collector: seldom})
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 10)
	h.collector.Close()
	h.collector = collector.New(h.options, h.own, nil)
	target := h.target("instance-1")
	err := h.scan(t.Context(), target, "node-1")
	if early, ok := errors.AsType[reader.ScanTooSoonError](err); !ok || early.DueIn < 59*time.Minute {
		t.Errorf("got %v", err)
	}
	if n := h.requests("scan_clients", ""); n != 1 {
		t.Errorf("%d scans, want 1", n)
	}
}
