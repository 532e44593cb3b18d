package collector_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
)

// TestTooManyValues adds up sessions of which none is like another, after some
// that a busy node may have: those keep their places, and sums are conserved.
func TestTooManyValues(t *testing.T) {
	const usual, odd = 2000, 100_000
	o := testOptions()
	agg := collector.NewAggregator(&o)
	for i := range usual + odd {
		s := dcsapi.Session{ID: fmt.Sprint(i), Addr: fmt.Sprintf("10.0.0.1:%d", i), User: "orders", Cmd: "get", DB: "0", Name: "app", Network: "vpc", Age: 5, OMem: 1, Present: allNumbers}
		if i >= usual {
			s.Addr, s.User = fmt.Sprintf("198.19.%d.%d:1", i/250%250, i%250)+strings.Repeat("0", i/62_500), fmt.Sprint("u", i)
			s.Cmd, s.DB, s.Name, s.Network = s.User, s.User, s.User, s.User
		}
		agg.Add(&s)
	}
	got := agg.Snapshot()
	if got.Sessions != usual+odd || got.OutputMemory.Total != usual+odd || got.Masked != odd {
		t.Errorf("got %d sessions, %d bytes, %d masked", got.Sessions, got.OutputMemory.Total, got.Masked)
	}
	users, ages := int64(0), uint64(0)
	for _, u := range got.Users {
		users += u.Sessions
		ages += u.Age.Count
		if u.User == "orders" && u.Sessions != usual {
			t.Errorf("orders has %d sessions", u.Sessions)
		}
	}
	clients, bytes, own := int64(0), int64(0), int64(0)
	for _, c := range got.Clients {
		clients += c.Sessions
		bytes += c.OutputMemory.Total
		if c.User == "orders" && c.Address == "10.0.0.1" {
			own = c.Sessions
		}
	}
	if users != usual+odd || ages != usual+odd || clients != usual+odd || bytes != usual+odd || own != usual {
		t.Errorf("sums: users %d, ages %d, clients %d, bytes %d; the usual client has %d", users, ages, clients, bytes, own)
	}
	for name, counts := range map[string][]collector.ValueCount{"get": got.Commands, "0": got.Databases, "app": got.Names, "vpc": got.Networks} {
		sum, own := int64(0), int64(0)
		for _, c := range counts {
			sum += c.Sessions
			if c.Value == name {
				own = c.Sessions
			}
		}
		if sum != usual+odd || own != usual {
			t.Errorf("%s: %d of %d sessions, want %d of %d", name, own, sum, usual, usual+odd)
		}
	}
	for dimension, folded := range got.Folded {
		if folded < 900 || folded > 20_000 {
			t.Errorf("%s: %d values are told apart and folded", dimension, folded)
		}
	}
	if got.Addresses != 20_000 {
		t.Errorf("%d addresses, want as many as are told apart", got.Addresses)
	}
}

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
	scrapeTwice(t, api, collector.Instance{ID: "i", Nodes: []string{"n"}}).wantNodeDown(t, "n", dcsapi.ReasonInconsistent)
	if n := api.requests.Load(); n < 2*1000 || n > 2*1020 {
		t.Errorf("%d pages were read, want 1,001 in each scrape, and those that were under way", n)
	}
}

// scrapeTwice returns what the second scrape of an instance finds.
func scrapeTwice(t *testing.T, api collector.API, instance collector.Instance) families {
	t.Helper()
	c := collector.New(collector.Options{
		Projects: []collector.Project{{API: api, PagesAtOnce: 8, Instances: []collector.Instance{instance}}},
		Scan:     collector.ScanOptions{Off: true}, Aggregate: new(testOptions()), DiscoveryInterval: time.Hour, Timeout: time.Minute, Logger: log.NewNopLogger(),
	}, collector.NewOwnMetrics(), nil)
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
	const nodes = 100_000
	api := &manyNodesAPI{memoryAPI: memoryAPI{sessions: benchSessions(1), taken: time.Now()}}
	api.left.Store(4000)
	for i := range nodes {
		api.nodes = append(api.nodes, dcsapi.Node{ID: fmt.Sprint("node-", i), Type: "master"})
	}
	start := time.Now()
	got := scrapeTwice(t, api, collector.Instance{ID: "i"})
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("two scrapes took %v", took)
	}
	if n := len(got["dcs_node_up"].GetMetric()); n != nodes {
		t.Errorf("%d nodes, want %d", n, nodes)
	}
}
