package collector_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestSharedFlight checks that overlapping scrapes of every kind send the
// requests of one.
func TestSharedFlight(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		api:       emulator.Options{ScanDuration: 200 * time.Millisecond},
		instances: []emulator.Instance{instanceOf("instance-1", 2500, 20)},
	})
	h.scrape(5*time.Second).want(t, 1, "dcs_up")
	h.api.ResetRequests()
	h.scrape(5 * time.Second)
	alone := len(h.api.Requests())
	h.api.ResetRequests()
	target, err := h.collector.Fleet().Target("instance-1")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for k := range 10 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			gatherer := h.collector.Scrape(ctx)
			if k%2 == 0 {
				gatherer = h.collector.Probe(ctx, target)
			}
			list, err := gatherer.Gather()
			if err != nil {
				t.Error(err)
			}
			wantConsistent(t, list)
			got := make(families)
			for _, f := range list {
				got[f.GetName()] = f
			}
			got.wantNodeUp(t, "node-1", 2500)
		})
	}
	wait.Wait()
	// Polls are spread in time, and depend on it.
	if n := len(h.api.Requests()); n > alone+4 {
		t.Errorf("ten scrapes at once send %d requests, one alone %d", n, alone)
	}
	if n := h.requests("scan_clients", ""); n != 2 {
		t.Errorf("%d scans of two nodes", n)
	}
}

// TestEachLeavesAtItsOwnTime checks that of two scrapes that wait for the same
// node each keeps its own deadline, the longer one gets the list that the
// shorter one began, and what nobody waits for is cancelled.
func TestEachLeavesAtItsOwnTime(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 5, 6)}, collector: func(o *collector.Options) { o.Scan.MinInterval = time.Hour }})
	h.scrape(5*time.Second).want(t, 1, "dcs_up")
	h.api.AddFault(emulator.Fault{Operation: "list_clients", NodeID: "node-1", Delay: 1500 * time.Millisecond, Times: 1})
	h.api.ResetRequests()
	var wait sync.WaitGroup
	wait.Go(func() {
		start := time.Now()
		got := h.scrape(500 * time.Millisecond)
		if took := time.Since(start); took > 1200*time.Millisecond {
			t.Errorf("the short scrape took %s", took)
		}
		got.wantNodeDown(t, "node-1", dcsapi.ReasonTimeout)
		got.want(t, 1, "dcs_node_up", "node_id=node-2")
	})
	wait.Go(func() {
		time.Sleep(200 * time.Millisecond)
		h.scrape(10*time.Second).wantNodeUp(t, "node-1", 5)
	})
	wait.Wait()
	if n := h.requests("list_clients", "node-1"); n != 1 {
		t.Errorf("%d requests for the node, want the one that both wait for", n)
	}

	// The scrape is given up: so is the request.
	h.api.SetFaults(emulator.Fault{Operation: "list_clients", Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = h.collector.Scrape(ctx).Gather()
	}()
	for h.counter("dcs_session_exporter_requests_in_flight") == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	for deadline := time.Now().Add(2 * time.Second); h.counter("dcs_session_exporter_requests_in_flight") > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("requests go on that nobody waits for")
		}
	}
}
