package collector_test

import (
	"context"
	"fmt"
	"iter"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/sessiontable"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	projectID = "project-1"
	region    = "cn-north-4"
)

// harness is a collector that reads an emulated API over HTTP.
type harness struct {
	t         *testing.T
	api       *emulator.Server
	collector *collector.Collector
	registry  *prometheus.Registry // of the exporter's own metrics
	logs      *logs
	options   collector.Options
	own       *exposition.SelfMetrics
}

// everyNumber says that a session has all its numbers.
const everyNumber = dcsapi.HasAge | dcsapi.HasIdle | dcsapi.HasSub | dcsapi.HasPSub | dcsapi.HasMulti |
	dcsapi.HasQBuf | dcsapi.HasQBufFree | dcsapi.HasOBL | dcsapi.HasOLL | dcsapi.HasOMem

// testOptions returns options with the documented defaults.
func testOptions() aggregate.Options {
	buckets := []float64{1, 5, 15, 60, 300, 900, 3600, 21600, 86400, 604800}
	return aggregate.Options{
		AgeBuckets: buckets, IdleBuckets: buckets, IdleThreshold: time.Hour,
		Limits: aggregate.Limits{Users: 20, Clients: 50, Commands: 50, Databases: 32, Names: 20, Networks: 10},
	}
}

// setup says how a harness differs from the usual one.
type setup struct {
	api       emulator.Options
	client    func(*dcsapi.Options)
	collector func(*collector.Options)
	instances []emulator.Instance
	faults    []emulator.Fault // from the start
	prepare   func(*emulator.Server)
	read      []fleet.Instance // nil to read all of instances
}

// logs collects log lines.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take returns the lines so far, and forgets them.
func (l *logs) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

func newHarness(t *testing.T, s setup) *harness {
	t.Helper()
	api := emulator.New(s.api)
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{projectID}})
	api.Add(s.instances...)
	api.SetFaults(s.faults...)
	if s.prepare != nil {
		s.prepare(api)
	}
	server := httptest.NewServer(api)
	h := &harness{t: t, api: api, logs: &logs{}}

	own := exposition.NewSelfMetrics()
	var client *dcsapi.Client
	clientOptions := dcsapi.Options{
		Region: region, Endpoint: server.URL, IAMEndpoint: server.URL, ProjectID: projectID,
		Keys:              dcsapi.NewConfiguredKey(dcsapi.Secret{Value: "AK"}, dcsapi.Secret{Value: "SK"}, dcsapi.Secret{}),
		RequestsPerSecond: 1000,
		Observer: dcsapi.Observer{
			Request: func(operation, code string, took time.Duration) {
				own.ObserveRequest(client.KnownProjectID(), operation, code, took)
			},
			RateLimited: func(waited time.Duration) { own.ObserveWait(client.KnownProjectID(), waited) },
		},
	}
	if s.client != nil {
		s.client(&clientOptions)
	}
	client = dcsapi.New(clientOptions)

	read := s.read
	if read == nil {
		for _, i := range s.instances {
			read = append(read, fleet.Instance{ID: i.ID})
		}
	}
	options := collector.Options{
		Projects:          []collector.Project{{API: client, Instances: read, ReadReplicas: true, PagesAtOnce: 8}},
		Scan:              reader.ScanOptions{Wait: 2 * time.Second},
		Aggregate:         new(testOptions()),
		MaxSnapshotAge:    5 * time.Minute,
		DiscoveryInterval: 5 * time.Minute,
		Timeout:           20 * time.Second,
		Logger:            log.NewLogfmtLogger(h.logs),
	}
	if s.collector != nil {
		s.collector(&options)
	}
	h.options, h.own = options, own
	h.collector = collector.New(options, own, nil)
	h.registry = prometheus.NewRegistry()
	h.registry.MustRegister(own)
	t.Cleanup(func() {
		api.Close()
		h.collector.Close()
		client.Close()
		server.Close()
	})
	return h
}

// scan scans a node of a target on demand, as the page of sessions does.
func (h *harness) scan(ctx context.Context, t *fleet.Target, nodeID string) error {
	return sessiontable.Scan(ctx, h.collector.Reader(t), t, nodeID)
}

// listClients lists sessions of a target, as the page of sessions does.
func (h *harness) listClients(ctx context.Context, t *fleet.Target, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	r.InstanceID = t.ID
	page, err := h.collector.Reader(t).ListClients(ctx, r, consume)
	t.RefreshNodesAfter(err)
	return page, err
}

// families are metric families by name.
type families map[string]*dto.MetricFamily

// scrape collects everything, sessions and the exporter's own metrics, within
// a time.
func (h *harness) scrape(within time.Duration) families {
	h.t.Helper()
	return h.scrapeOf(h.collector, within)
}

// scrapeOf is scrape with another collector.
func (h *harness) scrapeOf(c *collector.Collector, within time.Duration) families {
	h.t.Helper()
	list, err := h.gatherer(c, within).Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	out := make(families)
	for _, f := range list {
		out[f.GetName()] = f
	}
	return out
}

// gatherer returns what a scrape of the exporter gathers.
func (h *harness) gatherer(c *collector.Collector, within time.Duration) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		ctx, cancel := context.WithTimeout(h.t.Context(), within)
		defer cancel()
		sessions := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			families, err := c.Scrape(ctx).Gather()
			wantConsistent(h.t, families)
			return families, err
		})
		return exposition.Collect(exposition.Merge(exposition.Gathered(sessions), exposition.Gathered(h.registry)))
	})
}

// value returns the value of a series, given as "name=value" labels which it
// has among others, and whether there is exactly one.
func (f families) value(name string, labels ...string) (float64, bool) {
	found, value := 0, 0.0
	for _, m := range f[name].GetMetric() {
		have := make([]string, 0, len(m.Label))
		for _, l := range m.Label {
			have = append(have, l.GetName()+"="+l.GetValue())
		}
		if slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(have, l) }) {
			continue
		}
		found++
		switch {
		case m.Gauge != nil:
			value += m.Gauge.GetValue()
		case m.Counter != nil:
			value += m.Counter.GetValue()
		}
	}
	return value, found == 1
}

// sum returns the sum over all series with the labels.
func (f families) sum(name string, labels ...string) float64 {
	v, _ := f.value(name, labels...)
	return v
}

// want checks the value of a series.
func (f families) want(t *testing.T, value float64, name string, labels ...string) {
	t.Helper()
	if got, ok := f.value(name, labels...); !ok || got != value {
		t.Errorf("%s%v: got %v (there: %v), want %v", name, labels, got, ok, value)
	}
}

// wantNone checks that no series has the labels.
func (f families) wantNone(t *testing.T, name string, labels ...string) {
	t.Helper()
	for _, m := range f[name].GetMetric() {
		have := make([]string, 0, len(m.Label))
		for _, l := range m.Label {
			have = append(have, l.GetName()+"="+l.GetValue())
		}
		if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(have, l) }) {
			t.Errorf("%s%v is there: %v", name, labels, m)
		}
	}
}

// wantNodeDown checks that a node is not read, for a reason, and has no
// session series.
func (f families) wantNodeDown(t *testing.T, node string, reason dcsapi.Reason) {
	t.Helper()
	f.want(t, 0, "dcs_node_up", "node_id="+node)
	f.want(t, 1, "dcs_node_error", "node_id="+node, "reason="+string(reason))
	for name := range f {
		if (strings.HasPrefix(name, "dcs_session") || strings.HasPrefix(name, "dcs_client")) && name != "dcs_sessions_reported" {
			f.wantNone(t, name, "node_id="+node)
		}
	}
}

// wantNodeUp checks that a node is read, with a number of sessions.
func (f families) wantNodeUp(t *testing.T, node string, sessions int) {
	t.Helper()
	f.want(t, 1, "dcs_node_up", "node_id="+node)
	if got := f.sum("dcs_sessions", "node_id="+node); got != float64(sessions) {
		t.Errorf("dcs_sessions of %s: got %v, want %d", node, got, sessions)
	}
}

// counter returns the sum of a counter of the exporter's own.
func (h *harness) counter(name string, labels ...string) float64 {
	h.t.Helper()
	list, err := h.registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	out := make(families)
	for _, f := range list {
		out[f.GetName()] = f
	}
	return out.sum(name, labels...)
}

// requests returns how many requests of an operation the API has received for
// a node, "" for any.
func (h *harness) requests(operation, node string) int {
	n := 0
	for _, r := range h.api.Requests() {
		if r.Operation == operation && (node == "" || r.NodeID == node) {
			n++
		}
	}
	return n
}

// operations returns those of the requests that the API has received.
func (h *harness) operations() []string {
	var out []string
	for _, r := range h.api.Requests() {
		out = append(out, r.Operation)
	}
	return out
}

// manySessions returns n sessions of a few users and addresses.
func manySessions(n int) emulator.Static {
	out := make(emulator.Static, n)
	for i := range out {
		out[i] = emulator.Session{
			ID: fmt.Sprint(1000 + i), Addr: fmt.Sprintf("10.0.0.%d:%d", 1+i%5, 30000+i), Name: "app", Cmd: "get", Age: int64(i), Idle: int64(i % 60),
			Flags: "N", FD: fmt.Sprint(8 + i), DB: "0", Multi: -1, QBufFree: 20474, Events: "r", Network: "vpc", User: fmt.Sprintf("u%d", i%3),
		}
	}
	return out
}

// instanceOf returns an instance whose nodes have so many sessions each:
// node-1, node-2 and so on.
func instanceOf(id string, sessions ...int) emulator.Instance {
	i := emulator.Instance{ID: id, ProjectID: projectID, Name: id + "-name", EngineVersion: "6.0", SpecCode: "redis.single.xu1.large.1"}
	for k, n := range sessions {
		i.Nodes = append(i.Nodes, emulator.Node{
			ID: fmt.Sprintf("node-%d", k+1), Name: fmt.Sprintf("name-%d", k+1), Role: "redis-server", Type: "master",
			IP: fmt.Sprintf("192.168.0.%d", k+1), GroupName: "group-0", AZCode: "az1", Sessions: manySessions(n),
		})
	}
	return i
}

// asIs redacts nothing.
func asIs(s string) string { return s }
