package collector_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/internal/emulator"
)

// TestTakeOver checks what a new collector keeps of the one before.
func TestTakeOver(t *testing.T) {
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 5)},
		collector: func(o *collector.Options) { o.Scan.MinInterval = time.Hour },
	})
	h.scrape(5*time.Second).wantNodeUp(t, "node-1", 5)
	h.api.ResetRequests()
	again := func(change func(*collector.Options)) families {
		o := h.options
		change(&o)
		before := h.collector
		h.collector = collector.New(o, h.own, before)
		before.CloseExcept(h.collector)
		h.options = o
		return h.scrape(5 * time.Second)
	}
	again(func(*collector.Options) {}).wantNodeUp(t, "node-1", 5)
	if got := fmt.Sprint(h.operations()); got != "[list_clients]" {
		t.Errorf("the same again: %s", got)
	}
	h.api.ResetRequests()
	got := again(func(o *collector.Options) {
		a := testOptions()
		a.AgeBuckets = []float64{7}
		a.Limits.Users = 1
		o.Aggregate = &a
	})
	got.wantNodeUp(t, "node-1", 5)
	if m := got["dcs_session_age_seconds"].Metric; len(m) != 2 || len(m[0].Histogram.Bucket) != 1 || m[0].Histogram.Bucket[0].GetUpperBound() != 7 {
		t.Errorf("the new buckets and limits are not in force: %v", m)
	}
	if got := fmt.Sprint(h.operations()); got != "[list_clients]" {
		t.Errorf("other buckets: %s", got)
	}
	h.api.ResetRequests()
	again(func(o *collector.Options) { o.Projects = nil }).wantNone(t, "dcs_up")
	if len(h.operations()) > 0 {
		t.Errorf("without projects: %v", h.operations())
	}
}

// TestTakeOverInMidScrape changes the configuration while a scrape is under
// way: it ends on the old one, the next begins on the new one.
func TestTakeOverInMidScrape(t *testing.T) {
	h := newHarness(t, setup{
		api:       emulator.Options{ScanDuration: 300 * time.Millisecond},
		instances: []emulator.Instance{instanceOf("instance-1", 5)},
	})
	var wait sync.WaitGroup
	old := h.collector
	wait.Go(func() {
		got := h.scrapeOf(old, 5*time.Second)
		got.wantNodeUp(t, "node-1", 5)
		if n := len(got["dcs_session_age_seconds"].Metric[0].Histogram.Bucket); n != len(testOptions().AgeBuckets) {
			t.Errorf("the old scrape has %d buckets", n)
		}
	})
	for h.counter("dcs_session_exporter_api_requests_total", "operation=scan_clients") == 0 {
		time.Sleep(time.Millisecond)
	}
	o := h.options
	a := testOptions()
	a.AgeBuckets = []float64{7}
	o.Aggregate = &a
	h.collector = collector.New(o, h.own, old)
	got := h.scrape(5 * time.Second)
	got.wantNodeUp(t, "node-1", 5)
	if n := len(got["dcs_session_age_seconds"].Metric[0].Histogram.Bucket); n != 1 {
		t.Errorf("the new scrape has %d buckets", n)
	}
	wait.Wait()
}

// TestChurnIsExported checks the counters from list to list.
func TestChurnIsExported(t *testing.T) {
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 5)}})
	got := h.scrape(5 * time.Second)
	got.want(t, 0, "dcs_sessions_opened_total", "node_id=node-1")
	got.want(t, 0, "dcs_connections_accepted_total", "node_id=node-1")
	h.api.Change("instance-1", func(i *emulator.Instance) {
		i.Nodes[0].Sessions = slices.Concat(manySessions(5)[1:], emulator.Static{{ID: "1010", Flags: "N"}, {ID: "1012", Flags: "N"}})
	})
	got = h.scrape(5 * time.Second)
	got.want(t, 2, "dcs_sessions_opened_total", "node_id=node-1")
	got.want(t, 1, "dcs_sessions_closed_total", "node_id=node-1")
	got.want(t, 8, "dcs_connections_accepted_total", "node_id=node-1")
}
