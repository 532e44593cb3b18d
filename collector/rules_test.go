package collector_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/common/expfmt"
)

// TestWrongKey checks the rule about keys: three scrapes of ten nodes with a
// wrong key send at most five requests that are refused.
func TestWrongKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 1, 1, 1, 1, 1), instanceOf("instance-2", 1, 1, 1, 1, 1)},
		read: []fleet.Instance{
			{ID: "instance-1", Nodes: []string{"node-1", "node-2", "node-3", "node-4", "node-5"}},
			{ID: "instance-2", Nodes: []string{"node-1", "node-2", "node-3", "node-4", "node-5"}},
		},
		client: func(o *dcsapi.Options) {
			o.Keys = dcsapi.NewConfiguredKey(dcsapi.Secret{Value: "AK"}, dcsapi.Secret{Value: "wrong"}, dcsapi.Secret{})
		},
	})
	for range 3 {
		got := h.scrape(5 * time.Second)
		got.want(t, 0, "dcs_project_up")
		got.want(t, 0, "dcs_up", "instance_id=instance-1")
		got.want(t, 1, "dcs_node_error", "instance_id=instance-2", "node_id=node-5", "reason=auth")
	}
	refused := 0
	for _, r := range h.api.Requests() {
		if r.Status == http.StatusUnauthorized {
			refused++
		}
	}
	if refused == 0 || refused > 5 {
		t.Errorf("%d requests were refused, want 1 to 5", refused)
	}
	if got := h.counter("dcs_session_exporter_scrape_errors_total", "reason=auth"); got != 30 {
		t.Errorf("%v errors are counted, want 30: one per node and scrape, those held off included", got)
	}
}

// TestKeyDies checks that a key that is refused in mid-run stops all requests
// but those in flight, and that other credentials are tried at once.
func TestKeyDies(t *testing.T) {
	t.Parallel()
	keys := &changingKey{key: dcsapi.Key{AccessKey: "AK", SecretKey: "SK"}}
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)},
		client:    func(o *dcsapi.Options) { o.Keys, o.MaxConcurrentRequests = keys, 2 },
	})
	h.scrape(5*time.Second).want(t, 1, "dcs_project_up")
	h.api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "changed", Projects: []string{projectID}})
	h.api.ResetRequests()
	for range 2 {
		got := h.scrape(5 * time.Second)
		got.wantNodeDown(t, "node-7", dcsapi.ReasonAuth)
		got.want(t, 0, "dcs_project_up")
	}
	if n := len(h.api.Requests()); n == 0 || n > 2 {
		t.Errorf("%d requests with a dead key, want 1 or 2: those in flight", n)
	}
	keys.set(dcsapi.Key{AccessKey: "AK", SecretKey: "changed"})
	got := h.scrape(5 * time.Second)
	got.want(t, 1, "dcs_up")
	got.want(t, 1, "dcs_project_up")
}

// changingKey is a source whose key tests change.
type changingKey struct {
	mu  sync.Mutex
	key dcsapi.Key
}

func (c *changingKey) set(k dcsapi.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = k
}

func (c *changingKey) Key(context.Context) (dcsapi.Key, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.key, nil
}

func (c *changingKey) Renew(ctx context.Context, _ dcsapi.Key) (dcsapi.Key, error) {
	return c.Key(ctx)
}

// TestThrottling checks that a throttled project stops asking, and says so.
func TestThrottling(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 1, 1, 1, 1, 1, 1)}})
	h.scrape(5*time.Second).want(t, 1, "dcs_up")
	h.api.AddFault(emulator.Fault{Operation: "list_clients", NodeID: "node-1", Times: 1, Status: 429, Code: "APIGW.0308", Header: http.Header{"Retry-After": {"60"}}})
	h.scrape(3 * time.Second)
	h.api.ResetRequests()
	start := time.Now()
	got := h.scrape(3 * time.Second)
	for n := range 6 {
		got.wantNodeDown(t, fmt.Sprintf("node-%d", n+1), dcsapi.ReasonThrottled)
	}
	if n := len(h.api.Requests()); n != 0 {
		t.Errorf("%d requests while the project is held off", n)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it takes %s to know that nothing will be asked", took)
	}
	got.want(t, 1, "dcs_project_up")
}

// TestShortThrottling checks that a hold-off that is over in time costs
// nothing but time.
func TestShortThrottling(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 1, 1, 1)}})
	h.api.AddFault(emulator.Fault{Operation: "list_nodes", Times: 1, Status: 429, Header: http.Header{"Retry-After": {"1"}}})
	h.scrape(8*time.Second).want(t, 1, "dcs_up")
}

// TestQuota checks that with a quota on the other side that is below our own
// limit all nodes are read in the end, and that refusals do not multiply.
func TestQuota(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		api:       emulator.Options{Quota: 10},
		instances: []emulator.Instance{instanceOf("instance-1", 1, 1, 1, 1, 1, 1, 1, 1)},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 20 },
		collector: func(o *collector.Options) { o.Scan.MinInterval = time.Hour },
	})
	up := false
	for range 5 {
		got := h.scrape(10 * time.Second)
		if up = got.sum("dcs_up") == 1; up {
			break
		}
	}
	throttled := 0
	for _, r := range h.api.Requests() {
		if r.Status == http.StatusTooManyRequests {
			throttled++
		}
	}
	if !up || throttled > 40 {
		t.Errorf("all nodes are read: %v, after %d refusals of %d requests", up, throttled, len(h.api.Requests()))
	}
}

// TestProxiesHoldTheSessions checks which nodes of an instance are read.
func TestProxiesHoldTheSessions(t *testing.T) {
	node := func(id, role, kind string) emulator.Node {
		return emulator.Node{ID: id, Role: role, Type: kind, Sessions: manySessions(2)}
	}
	master, replica := node("m", "redis-server", "master"), node("s", "redis-server", "slave")
	p1, p2 := node("p1", "redis-proxy", "proxy"), node("p2", "redis-proxy", "proxy")
	for _, tt := range []struct {
		name     string
		nodes    []emulator.Node
		replicas bool
		want     string
	}{
		{"proxy cluster", []emulator.Node{p1, p2, master, replica}, true, "p1 p2"},
		{"master and standby", []emulator.Node{master, replica}, true, "m s"},
		{"masters alone", []emulator.Node{master, replica}, false, "m"},
		{"proxies whatever the replicas", []emulator.Node{p1, master, replica}, false, "p1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := instanceOf("instance-1")
			i.Nodes = tt.nodes
			h := newHarness(t, setup{instances: []emulator.Instance{i}, collector: func(o *collector.Options) { o.Projects[0].ReadReplicas = tt.replicas }})
			got := h.scrape(5 * time.Second)
			var read []string
			for _, m := range got["dcs_node_up"].GetMetric() {
				read = append(read, m.Label[1].GetValue())
			}
			if strings.Join(read, " ") != tt.want {
				t.Errorf("read %v, want %s", read, tt.want)
			}
			got.want(t, 1, "dcs_up")
		})
	}
}

// TestSkippedInstances checks those that are not read on purpose.
func TestSkippedInstances(t *testing.T) {
	stopped, old, empty := instanceOf("stopped", 1), instanceOf("old", 1), instanceOf("empty")
	stopped.Status, old.Unsupported = "FROZEN", true
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 1), stopped, old, empty}})
	for range 2 {
		got := h.scrape(5 * time.Second)
		got.want(t, 1, "dcs_up", "instance_id=instance-1")
		got.want(t, 1, "dcs_scrape_skipped", "instance_id=stopped", "reason=not_running")
		got.want(t, 1, "dcs_scrape_skipped", "instance_id=old", "reason=unsupported")
		got.want(t, 1, "dcs_instance_status", "instance_id=stopped", "status=FROZEN")
		got.wantNone(t, "dcs_up", "instance_id=stopped")
		got.wantNone(t, "dcs_up", "instance_id=old")
		got.wantNone(t, "dcs_node_up", "instance_id=old")
		got.want(t, 0, "dcs_up", "instance_id=empty")
		got.want(t, 1, "dcs_node_error", "instance_id=empty", "reason=not_found")
	}
	asked := 0
	for _, r := range h.api.Requests() {
		if r.InstanceID == "old" && (r.Operation == "scan_clients" || r.Operation == "list_clients") {
			asked++
		}
	}
	if asked > 4 {
		t.Errorf("the unsupported instance was asked for sessions %d times in two scrapes", asked)
	}
}

// TestProjectIDFromIAM checks how a project's id is found out, and what its
// failure costs.
func TestProjectIDFromIAM(t *testing.T) {
	unknown := func(o *dcsapi.Options) { o.ProjectID = "" }
	t.Run("found", func(t *testing.T) {
		h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 3)}, client: unknown})
		for range 2 {
			got := h.scrape(5 * time.Second)
			got.want(t, 1, "dcs_up")
			got.want(t, 1, "dcs_project_up", "region="+region, "project_id="+projectID)
		}
		if n := h.requests("list_projects", ""); n != 1 {
			t.Errorf("IAM was asked %d times", n)
		}
	})
	for _, tt := range []struct {
		name   string
		ids    []string
		reason string
	}{
		{"none", []string{}, "not_found"},
		{"several", []string{"a", "b"}, "not_found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 3)}, client: unknown, prepare: func(api *emulator.Server) { api.SetProjectsAtIAM(region, tt.ids...) }})
			got := h.scrape(5 * time.Second)
			got.want(t, 0, "dcs_project_up", "region="+region, "project_id=")
			got.want(t, 0, "dcs_up")
			got.want(t, 1, "dcs_node_error", "node_id=", "reason="+tt.reason)
			if lines := h.logs.take(); !strings.Contains(lines, "project_id in the configuration") {
				t.Errorf("the log does not say what to do: %s", lines)
			}
		})
	}
}

// TestForeignProject checks that a project that the key may not use fails as
// forbidden.
func TestForeignProject(t *testing.T) {
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 3)},
		client:    func(o *dcsapi.Options) { o.ProjectID = "project-2" },
	})
	h.scrape(5*time.Second).want(t, 1, "dcs_node_error", "node_id=", "reason=forbidden")
}

// TestScrapesOverlap checks that scrapes at the same time do not disturb each
// other, and that the node is not scanned once for each.
func TestScrapesOverlap(t *testing.T) {
	h := newHarness(t, setup{
		api:       emulator.Options{ScanDuration: 100 * time.Millisecond},
		instances: []emulator.Instance{instanceOf("instance-1", 1500, 20)},
		collector: func(o *collector.Options) { o.Scan.MinInterval = 25 * time.Second },
	})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			got := h.scrape(10 * time.Second)
			got.wantNodeUp(t, "node-1", 1500)
			got.wantNodeUp(t, "node-2", 20)
		})
	}
	wait.Wait()
	if n := h.requests("scan_clients", ""); n != 2 {
		t.Errorf("%d scans, want one per node", n)
	}
}

// TestScrapeIsGivenUp checks that a scrape whose client has gone ends.
func TestScrapeIsGivenUp(t *testing.T) {
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 1)}})
	h.api.AddFault(emulator.Fault{Hang: true})
	start := time.Now()
	got := h.scrape(300 * time.Millisecond)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the scrape took %s of 300ms", took)
	}
	got.want(t, 0, "dcs_up")
	got.want(t, 1, "dcs_node_error", "node_id=", "reason=timeout")
}

// TestMostSeries checks how many series a node can have at the default limits,
// as docs/cardinality.md says.
func TestMostSeries(t *testing.T) {
	sessions := make(emulator.Static, 20_000)
	for i := range sessions {
		sessions[i] = emulator.Session{
			ID: fmt.Sprint(i + 1), Addr: fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), User: fmt.Sprint("u", i%100), Name: fmt.Sprint("n", i), Cmd: fmt.Sprint("c", i),
			DB: fmt.Sprint(i % 256), Network: fmt.Sprint(i), Flags: "NOPxbdcAuUrtRBeT?", Age: int64(i), Idle: int64(i),
		}
		if i < 5 { // the most replicas that an instance has, and its master
			sessions[i].Flags += "SM"
		}
	}
	i := instanceOf("instance-1", 0)
	i.Nodes[0].Sessions = sessions
	var rules []aggregate.GroupRule // more groups than are told apart, and a name for each
	for n := range 100 {
		rules = append(rules, aggregate.GroupRule{Group: fmt.Sprint("g", n), Users: []string{fmt.Sprint("u", n)}})
	}
	h := newHarness(t, setup{instances: []emulator.Instance{i}, collector: func(o *collector.Options) {
		limited(time.Hour)(o)
		o.Aggregate.Groups, o.Aggregate.Limits.Groups = aggregate.NewGroups(rules), 50
	}})
	h.scrapeUntil("dcs_node_idle_timeout_seconds")
	lines := 0
	for name, f := range h.scrape(10 * time.Second) {
		if strings.HasPrefix(name, "dcs_session_exporter_") && name != "dcs_session_exporter_values_folded" {
			continue
		}
		var b strings.Builder
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if !strings.HasPrefix(line, "#") {
				lines++
			}
		}
	}
	if lines < 1300 || lines > 1400 {
		t.Errorf("a node has %d series; docs/cardinality.md says about 1,350 at most", lines)
	}
}

// TestInstanceRestarts checks that an instance that stops is soon skipped
// rather than failed, and soon read again when it runs.
func TestInstanceRestarts(t *testing.T) {
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 3)}})
	h.scrape(5*time.Second).wantNodeUp(t, "node-1", 3)
	status := func(s string) {
		h.api.Change("instance-1", func(i *emulator.Instance) { i.Status = s })
	}
	within := func(what string, done func(families) bool) {
		t.Helper()
		for range 100 {
			if done(h.scrape(5 * time.Second)) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%s: not within a hundred scrapes", what)
	}
	status("RESTARTING")
	h.scrape(5*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonOther)
	within("skipped", func(f families) bool { return f.sum("dcs_scrape_skipped", "reason=not_running") == 1 })
	status("RUNNING")
	within("read again", func(f families) bool { return f.sum("dcs_node_up") == 1 })
}
