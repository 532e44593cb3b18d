package collector_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
)

// endlessAPI has a list without an end.
type endlessAPI struct {
	memoryAPI
	requests atomic.Int64
}

func (a *endlessAPI) ListClients(_ context.Context, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	a.requests.Add(1)
	if consume != nil {
		consume(func(yield func(*dcsapi.Session) bool) {
			for i := range r.Limit {
				if !yield(&dcsapi.Session{ID: fmt.Sprint(r.Offset + i + 1)}) {
					return
				}
			}
		})
	}
	return dcsapi.Page{Time: "t", Taken: a.taken, Count: math.MaxInt64, Sessions: r.Limit, Date: a.taken}, nil
}

// TestEndlessList checks that pages that were planned are not read once there
// are more sessions than a list may have.
func TestEndlessList(t *testing.T) {
	api := &endlessAPI{memoryAPI: memoryAPI{taken: time.Now()}}
	scrapeTwice(t, api, fleet.Instance{ID: "i", Nodes: []string{"n"}}).wantNodeDown(t, "n", dcsapi.ReasonInconsistent)
	if n := api.requests.Load(); n < 2*1000 || n > 2*1020 {
		t.Errorf("%d pages were read, want 1,001 in each scrape, and those that were under way", n)
	}
}

// scrapeTwice returns what the second scrape of an instance finds.
func scrapeTwice(t *testing.T, api collector.API, instances ...fleet.Instance) families {
	t.Helper()
	c := collector.New(collector.Options{
		Projects: []collector.Project{{API: api, PagesAtOnce: 8, Instances: instances}},
		Scan:     reader.ScanOptions{Off: true}, Aggregate: new(testOptions()), DiscoveryInterval: time.Hour, Timeout: time.Minute, Logger: log.NewNopLogger(),
	}, exposition.NewSelfMetrics(), nil)
	defer c.Close()
	out := make(families)
	for range 2 {
		list, err := c.Scrape(t.Context()).Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			out[f.GetName()] = f
		}
	}
	return out
}

// manyNodesAPI has an instance with many nodes, and lets few requests pass.
type manyNodesAPI struct {
	memoryAPI
	nodes []dcsapi.Node
	left  atomic.Int64
}

func (a *manyNodesAPI) ListNodes(context.Context, string) ([]dcsapi.Node, error) { return a.nodes, nil }

func (a *manyNodesAPI) Capacity(time.Time) float64 { return float64(a.left.Load()) }

func (a *manyNodesAPI) ListClients(ctx context.Context, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	a.left.Add(-1)
	return a.memoryAPI.ListClients(ctx, r, consume)
}

// TestHugeInstance checks that the time that an instance takes grows with its
// nodes, not with their square.
func TestHugeInstance(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes its own time")
	}
	const nodes = 20_000
	api := &manyNodesAPI{memoryAPI: memoryAPI{sessions: benchSessions(1), taken: time.Now()}}
	api.left.Store(4000)
	for i := range nodes {
		api.nodes = append(api.nodes, dcsapi.Node{ID: fmt.Sprint("node-", i), Type: "master"})
	}
	start := time.Now()
	got := scrapeTwice(t, api, fleet.Instance{ID: "i"})
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("two scrapes took %v", took)
	}
	if n := len(got["dcs_node_up"].GetMetric()); n != nodes {
		t.Errorf("%d nodes, want %d", n, nodes)
	}
}

// TestTooManyNodes checks that lists of nodes that are long together take no
// memory without end: an instance beyond the bound is not read, and says so.
func TestTooManyNodes(t *testing.T) {
	api := &manyNodesAPI{memoryAPI: memoryAPI{sessions: benchSessions(1), taken: time.Now()}}
	api.left.Store(400)
	for i := range 1900 {
		api.nodes = append(api.nodes, dcsapi.Node{ID: fmt.Sprint("node-", i), Type: "master"})
	}
	var instances []fleet.Instance
	for i := range 12 {
		instances = append(instances, fleet.Instance{ID: fmt.Sprint("i", i)})
	}
	got := scrapeTwice(t, api, instances...)
	if n := len(got["dcs_node_up"].GetMetric()); n != 19_000 {
		t.Errorf("%d nodes, want 19000", n)
	}
	refused := 0
	for _, m := range got["dcs_node_error"].GetMetric() {
		var node, reason string
		for _, l := range m.GetLabel() {
			switch l.GetName() {
			case "node_id":
				node = l.GetValue()
			case "reason":
				reason = l.GetValue()
			}
		}
		if node == "" && reason == string(dcsapi.ReasonInconsistent) {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d instances are beyond the bound, want 2", refused)
	}
}
