package collector_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestPlan reads more nodes than the rate limit allows in a scrape: some are
// read whole, the others say why not, and all have their turn.
func TestPlan(t *testing.T) {
	t.Parallel()
	sizes := make([]int, 60)
	for i := range sizes {
		sizes[i] = 3
	}
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", sizes...)},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 20 },
	})
	seen := make(map[int]int)
	for scrape := range 6 {
		got := h.scrape(2 * time.Second)
		up := 0
		for n := range sizes {
			node := fmt.Sprintf("node-%d", n+1)
			if got.sum("dcs_node_up", "node_id="+node) == 1 {
				up++
				seen[n]++
				continue
			}
			got.wantNodeDown(t, node, dcsapi.ReasonTimeout)
		}
		// 20 at once and 20 per second: 60 requests, two or three a node.
		if least := 10; up < least {
			t.Errorf("scrape %d: %d nodes are read, want %d or more", scrape, up, least)
		}
		if got.sum("dcs_session_exporter_scrape_errors_total", "reason=timeout") == 0 {
			t.Error("nothing is counted")
		}
		if lines := strings.Count(h.logs.take(), "not all nodes can be read"); lines != 1 {
			t.Errorf("scrape %d: %d lines say so, want one", scrape, lines)
		}
	}
	if len(seen) != len(sizes) {
		t.Errorf("%d of %d nodes had a turn", len(seen), len(sizes))
	}
	if waited := h.counter("dcs_session_exporter_limiter_wait_seconds_total"); waited < 1 {
		t.Errorf("only %v s of waiting are counted", waited)
	}
}

// TestHugeNode checks that a node with very many pages does not keep the others
// waiting.
func TestHugeNode(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 120_000, 5, 5, 5, 5, 5)},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 20 },
	})
	for range 2 {
		got := h.scrape(3 * time.Second)
		got.wantNodeDown(t, "node-1", dcsapi.ReasonTimeout)
		for n := range 5 {
			got.wantNodeUp(t, fmt.Sprintf("node-%d", n+2), 5)
		}
	}
}

// TestRefusalsFall checks that with a quota below our own limits the refusals
// become few.
func TestRefusalsFall(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		api:       emulator.Options{Quota: 25},
		instances: []emulator.Instance{instanceOf("instance-1", make([]int, 20)...)},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 100 },
	})
	count := func(scrapes int) (refused, sent int) {
		h.api.ResetRequests()
		for range scrapes {
			h.scrape(4 * time.Second)
		}
		for _, r := range h.api.Requests() {
			sent++
			if r.Status == http.StatusTooManyRequests {
				refused++
			}
		}
		return refused, sent
	}
	count(2)
	refused, sent := count(3)
	if refused*4 > sent {
		t.Errorf("%d of %d requests are refused", refused, sent)
	}
}

// TestNewNodeIsNotStarved adds a node, which takes three requests, to others
// that take all that the rate limit leaves, asked for by two who scrape at once.
func TestNewNodeIsNotStarved(t *testing.T) {
	t.Parallel()
	sizes := make([]int, 13)
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", sizes[:12]...)},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 20 },
		collector: func(o *collector.Options) {
			o.Scan.MinInterval, o.DiscoveryInterval = 25*time.Second, 500*time.Millisecond
		},
	})
	pair := func() (up bool) {
		var wait sync.WaitGroup
		var scrapes [2]families
		for k := range scrapes {
			wait.Go(func() { scrapes[k] = h.scrape(time.Second) })
		}
		wait.Wait()
		return scrapes[0].sum("dcs_node_up", "node_id=node-13")+scrapes[1].sum("dcs_node_up", "node_id=node-13") > 0
	}
	for range 4 {
		pair()
	}
	h.api.Change("instance-1", func(i *emulator.Instance) { i.Nodes = instanceOf("instance-1", sizes...).Nodes })
	for n := range 8 {
		if pair() {
			t.Logf("it was read in the %d. scrape", n+1)
			return
		}
	}
	t.Error("a new node had no turn in eight scrapes")
}
