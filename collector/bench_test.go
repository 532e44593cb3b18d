package collector_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
	"github.com/prometheus/common/expfmt"
)

// benchSessions returns n sessions as varied as those of a busy node.
func benchSessions(n int) []dcsapi.Session {
	out := make([]dcsapi.Session, n)
	for i := range out {
		out[i] = dcsapi.Session{
			ID: fmt.Sprint(1000 + i), Addr: fmt.Sprintf("10.0.%d.%d:%d", i%9, i%40, 30000+i%30000), FD: fmt.Sprint(i), DB: fmt.Sprint(i % 3),
			Name: fmt.Sprintf("app-%d", i%12), Cmd: []string{"get", "set", "hgetall", "blpop"}[i%4], Flags: "N", Events: "r", Network: "vpc",
			User: fmt.Sprintf("user-%d", i%9), Age: int64(i * 7 % 90000), Idle: int64(i * 3 % 4000), Multi: -1, OMem: int64(i % 3 * 20504), Present: everyNumber,
		}
	}
	return out
}

// BenchmarkAggregate adds up 100,000 sessions of ten nodes.
func BenchmarkAggregate(b *testing.B) {
	sessions := benchSessions(10_000)
	o := testOptions()
	b.ReportAllocs()
	for b.Loop() {
		for range 10 {
			agg := aggregate.New(&o, asIs)
			for i := range sessions {
				agg.Add(&sessions[i])
			}
			if s := agg.Snapshot(nil, time.Time{}); s.Sessions != 10_000 {
				b.Fatal(s.Sessions)
			}
		}
	}
}

// BenchmarkManyUsers adds up 100,000 sessions of 1,000 users at one address.
func BenchmarkManyUsers(b *testing.B) {
	sessions := benchSessions(100_000)
	for i := range sessions {
		sessions[i].Addr, sessions[i].User = "10.0.0.1:1", fmt.Sprint("user-", i*7919%1000)
	}
	o := testOptions()
	for b.Loop() {
		agg := aggregate.New(&o, asIs)
		for i := range sessions {
			agg.Add(&sessions[i])
		}
		if s := agg.Snapshot(nil, time.Time{}); s.Sessions != 100_000 {
			b.Fatal(s.Sessions)
		}
	}
}

// memoryAPI is an API whose lists are in memory and do not change.
type memoryAPI struct {
	collector.API
	sessions []dcsapi.Session
	taken    time.Time
}

func (*memoryAPI) Redact(s string) string                                   { return s }
func (*memoryAPI) Region() string                                           { return region }
func (*memoryAPI) KnownProjectID() string                                   { return projectID }
func (*memoryAPI) ProjectID(context.Context) (string, error)                { return projectID, nil }
func (*memoryAPI) KeyAccepted(context.Context) bool                         { return true }
func (*memoryAPI) ListInstances(context.Context) ([]dcsapi.Instance, error) { return nil, nil }
func (*memoryAPI) ListNodes(context.Context, string) ([]dcsapi.Node, error) { return nil, nil }
func (*memoryAPI) ListProjectNodes(context.Context) (map[string][]dcsapi.Node, error) {
	return nil, nil
}
func (*memoryAPI) Capacity(time.Time) float64 { return 1e6 }

func (a *memoryAPI) ListClients(_ context.Context, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	from, to := min(r.Offset, len(a.sessions)), min(r.Offset+r.Limit, len(a.sessions))
	consume(func(yield func(*dcsapi.Session) bool) {
		for i := from; i < to && yield(&a.sessions[i]); i++ {
		}
	})
	return dcsapi.Page{Time: "t", Taken: a.taken, Count: int64(len(a.sessions)), Sessions: to - from, Date: a.taken}, nil
}

// BenchmarkGather gathers and writes a scrape of 10,000 clients on a node,
// whose list is not new, at raised limits: what is left is the exposition.
func BenchmarkGather(b *testing.B) {
	sessions := benchSessions(10_000)
	for i := range sessions {
		sessions[i].Addr = fmt.Sprintf("10.%d.%d.%d:1", i/62500, i/250%250, i%250)
	}
	o := testOptions()
	o.Limits.Clients = 10_000
	own := exposition.NewSelfMetrics()
	c := collector.New(collector.Options{
		Projects: []collector.Project{{API: &memoryAPI{sessions: sessions, taken: time.Now()}, PagesAtOnce: 1, Instances: []fleet.Instance{{ID: "i", Nodes: []string{"n"}}}}},
		Scan:     reader.ScanOptions{Off: true}, Aggregate: &o, DiscoveryInterval: time.Hour, Timeout: time.Minute, Logger: log.NewNopLogger(),
	}, own, nil)
	defer c.Close()
	b.ReportAllocs()
	series := 0
	for b.Loop() {
		families, err := c.Scrape(b.Context()).Gather()
		if err != nil {
			b.Fatal(err)
		}
		series = 0
		for _, f := range families {
			series += len(f.Metric)
			if _, err := expfmt.MetricFamilyToText(io.Discard, f); err != nil {
				b.Fatal(err)
			}
		}
	}
	if series < 30_000 {
		b.Fatalf("%d series", series)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(series), "ns/series")
}

// BenchmarkGatherFleet gathers 2,000 instances of a node each, whose lists are
// not new: what is left is planning, sharing and the exposition.
func BenchmarkGatherFleet(b *testing.B) {
	api := &memoryAPI{sessions: benchSessions(20), taken: time.Now()}
	project := collector.Project{API: api, PagesAtOnce: 8}
	for i := range 2000 {
		project.Instances = append(project.Instances, fleet.Instance{ID: fmt.Sprintf("instance-%d", i), Nodes: []string{fmt.Sprintf("node-%d", i)}})
	}
	o := testOptions()
	c := collector.New(collector.Options{
		Projects: []collector.Project{project},
		Scan:     reader.ScanOptions{Off: true}, Aggregate: &o, DiscoveryInterval: time.Hour, Timeout: time.Minute, Logger: log.NewNopLogger(),
	}, exposition.NewSelfMetrics(), nil)
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		families, err := c.Scrape(b.Context()).Gather()
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "dcs_up" && len(f.Metric) != 2000 {
				b.Fatalf("%d instances", len(f.Metric))
			}
		}
	}
}
