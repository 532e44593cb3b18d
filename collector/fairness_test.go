package collector_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// hangingPages returns faults that leave all pages of a list but the first
// without an answer.
func hangingPages(node string, sessions int) []emulator.Fault {
	var faults []emulator.Fault
	for offset := dcsapi.MaxLimit; offset < sessions; offset += dcsapi.MaxLimit {
		faults = append(faults, emulator.Fault{Operation: "list_clients", NodeID: node, Offset: emulator.At(offset), Hang: true})
	}
	return faults
}

// TestSlowListTakesNothing reads nodes beside one whose huge list hangs: by a
// scrape of all, by a probe of another instance, and as the table of sessions
// does.
func TestSlowListTakesNothing(t *testing.T) {
	for _, requests := range []int{2, 8} {
		t.Run(fmt.Sprint(requests, " at once"), func(t *testing.T) {
			t.Parallel()
			const huge = 100_000
			slow, other, probed := instanceOf("slow", huge), instanceOf("other", slices.Repeat([]int{20}, 10)...), instanceOf("probed", 30)
			slow.Nodes[0].ID, probed.Nodes[0].ID = "huge", "probed-1"
			h := newHarness(t, setup{
				client:    func(o *dcsapi.Options) { o.MaxConcurrentRequests = requests },
				collector: func(o *collector.Options) { o.Projects[0].PagesAtOnce = requests },
				instances: []emulator.Instance{slow, other, probed},
				faults:    hangingPages("huge", huge),
			})
			var wait sync.WaitGroup
			wait.Go(func() { h.probe("slow", 9*time.Second).wantNodeDown(t, "huge", dcsapi.ReasonTimeout) })
			time.Sleep(time.Second) // its list has all slots by now
			wait.Go(func() {
				got := h.scrape(8 * time.Second)
				for k := range 10 {
					got.wantNodeUp(t, fmt.Sprintf("node-%d", k+1), 20)
				}
				got.wantNodeUp(t, "probed-1", 30)
			})
			wait.Go(func() { h.probe("probed", 6*time.Second).wantNodeUp(t, "probed-1", 30) })
			wait.Go(func() {
				start := time.Now()
				page, err := h.listClients(t.Context(), h.target("other"), dcsapi.ListClientsRequest{NodeID: "node-5", Limit: 10}, nil)
				if took := time.Since(start); err != nil || page.Sessions != 10 || took > 6*time.Second {
					t.Errorf("the table of sessions: %+v, %v after %v", page, err, took)
				}
			})
			wait.Wait()
		})
	}
}

// probe collects what there is of one instance, within a time.
func (h *harness) probe(id string, within time.Duration) families {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), within)
	defer cancel()
	list, err := h.collector.Probe(ctx, h.target(id)).Gather()
	if err != nil {
		h.t.Error(err)
	}
	out := make(families)
	for _, f := range list {
		out[f.GetName()] = f
	}
	return out
}
