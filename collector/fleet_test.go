package collector_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// all discovers every instance.
func all(dcsapi.Instance) bool { return true }

// discovering has a harness discover instances rather than list them.
func discovering(match func(dcsapi.Instance) bool, listed ...fleet.Instance) func(*collector.Options) {
	return func(o *collector.Options) {
		o.Projects[0].Instances, o.Projects[0].Discover = listed, match
		o.DiscoveryInterval = time.Nanosecond
	}
}

// until scrapes until a condition holds.
func (h *harness) until(what string, holds func(families) bool) families {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := h.scrape(5 * time.Second)
		if holds(got) {
			return got
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("never: %s", what)
		}
	}
}

// named returns an instance with nodes of its own.
func named(id, name string, sessions ...int) emulator.Instance {
	i := instanceOf(id, sessions...)
	i.Name = name
	for k := range i.Nodes {
		i.Nodes[k].ID = id + "-" + i.Nodes[k].ID
	}
	return i
}

// TestDiscovery follows a fleet: what is read, what is skipped, what comes and
// goes, and what a failed look-up costs.
func TestDiscovery(t *testing.T) {
	stopped := named("i3", "prod-c", 3)
	stopped.Status = "FROZEN"
	old := named("i4", "prod-d", 4)
	old.Unsupported = true
	h := newHarness(t, setup{
		instances: []emulator.Instance{named("i1", "prod-a", 1), named("i2", "dev-b", 2), stopped, old, named("i5", "dev-listed", 5, 6)},
		collector: discovering(func(i dcsapi.Instance) bool { return strings.HasPrefix(i.Name, "prod-") }, fleet.Instance{ID: "i5", MaxClients: 7}),
	})
	got := h.scrape(5 * time.Second)
	got.want(t, 1, "dcs_project_up")
	got.wantNodeUp(t, "i1-node-1", 1)
	got.wantNodeUp(t, "i5-node-2", 6)
	got.want(t, 7, "dcs_node_max_clients", "node_id=i5-node-1")
	got.wantNone(t, "dcs_instance_info", "instance_id=i2")
	got.want(t, 1, "dcs_scrape_skipped", "instance_id=i3", "reason=not_running")
	got.want(t, 1, "dcs_scrape_skipped", "instance_id=i4", "reason=unsupported")
	got.want(t, 1, "dcs_instance_info", "instance_id=i1", "instance_name=prod-a")
	if n := h.requests("list_nodes", ""); n != 0 {
		t.Errorf("%d node lists of single instances, where one list of all does", n)
	}

	h.api.Add(named("i6", "prod-f", 6))
	h.api.Remove("i1")
	h.api.Change("i2", func(i *emulator.Instance) { i.Name = "prod-b" })
	h.api.Change("i3", func(i *emulator.Instance) { i.Status = "RUNNING" })
	h.until("the fleet has changed", func(f families) bool {
		return f.sum("dcs_up", "instance_id=i6") == 1 && f.sum("dcs_up", "instance_id=i3") == 1 && f.sum("dcs_up", "instance_id=i2") == 1
	})
	got = h.until("the one that is gone is read no more", func(f families) bool { return len(f["dcs_up"].GetMetric()) == 4 })
	got.wantNone(t, "dcs_instance_info", "instance_id=i1")
	got.wantNodeUp(t, "i6-node-1", 6)

	before, _ := got.value("dcs_session_exporter_discovery_last_success_timestamp_seconds")
	h.api.AddFault(emulator.Fault{Operation: "list_instances", Status: 500, Code: "DCS.5000"})
	h.api.AddFault(emulator.Fault{Operation: "list_project_nodes", Status: 500, Code: "DCS.5000"})
	for range 3 {
		got = h.scrape(5 * time.Second)
		got.want(t, 1, "dcs_up", "instance_id=i6")
		got.want(t, 1, "dcs_project_up")
	}
	lines := ""
	h.until("the log tells of the failing discovery", func(families) bool {
		lines += h.logs.take()
		return strings.Contains(lines, "cannot list the instances")
	})
	if strings.Count(lines, "cannot list the instances") != 1 || !strings.Contains(lines, "reason=server") {
		t.Errorf("the log does not tell once of the failing discovery:\n%s", lines)
	}
	if at, ok := got.value("dcs_session_exporter_discovery_last_success_timestamp_seconds"); !ok || at < before || at > float64(time.Now().Unix()+1) {
		t.Errorf("last success at %v (there: %v), after %v", at, ok, before)
	}
}

// TestDiscoveryFailsFromTheStart checks that a project of which nothing is known
// is down, and that the exporter goes on.
func TestDiscoveryFailsFromTheStart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		instances: []emulator.Instance{named("i1", "a", 1)},
		faults:    []emulator.Fault{{Operation: "list_instances", Status: 403, Code: "DCS.2003"}},
		collector: discovering(all),
	})
	got := h.scrape(2 * time.Second)
	got.want(t, 0, "dcs_project_up")
	got.wantNone(t, "dcs_up")
	got.wantNone(t, "dcs_session_exporter_discovery_last_success_timestamp_seconds")
	if _, err := h.collector.Fleet().Targets(); !errors.Is(err, fleet.ErrNotDiscovered) {
		t.Errorf("targets: %v", err)
	}
	if _, err := h.collector.Fleet().Target("i1"); !errors.Is(err, fleet.ErrNotDiscovered) {
		t.Errorf("target: %v", err)
	}
	h.api.SetFaults()
	h.until("it heals", func(f families) bool { return f.sum("dcs_project_up") == 1 && f.sum("dcs_up") == 1 })
	if list, err := h.collector.Fleet().Targets(); err != nil || len(list) != 1 {
		t.Errorf("targets: %v, %v", list, err)
	}
	if _, err := h.collector.Fleet().Target("i2"); !errors.Is(err, fleet.ErrUnknownTarget) {
		t.Errorf("target: %v", err)
	}
}

// TestBatchFallsShort leaves instances out of the list of all nodes: they are
// asked for themselves.
func TestBatchFallsShort(t *testing.T) {
	h := newHarness(t, setup{instances: []emulator.Instance{named("i1", "a", 1), named("i2", "b", 2), named("i3", "c", 3)}})
	h.api.AddFault(emulator.Fault{Operation: "list_project_nodes", Rewrite: func([]byte) []byte {
		return []byte(`{"count":3,"instances":[{"instance_id":"i1","nodes":[{"node_id":"i1-node-1","node_role":"redis-server"}]},{"instance_id":"i2","nodes":[]},{"instance_id":"i3"}]}`)
	}})
	got := h.scrape(5 * time.Second)
	for n := range 3 {
		got.wantNodeUp(t, fmt.Sprintf("i%d-node-1", n+1), n+1)
	}
	if n := h.requests("list_nodes", ""); n != 2 {
		t.Errorf("%d node lists of single instances, want those of the two that were left out", n)
	}
}

// multi is several projects with emulated APIs of their own.
type multi struct {
	apis     []*emulator.Server
	projects []collector.Project
}

func newMulti(t *testing.T, projects int) *multi {
	t.Helper()
	f := &multi{}
	for range projects {
		var client *dcsapi.Client
		h := newHarness(t, setup{client: func(o *dcsapi.Options) {
			o.Region, o.ProjectID = fmt.Sprintf("region-%d", len(f.apis)), fmt.Sprintf("project-%d", len(f.apis))
			client = dcsapi.New(*o)
		}})
		t.Cleanup(client.Close)
		id := fmt.Sprintf("project-%d", len(f.apis))
		h.api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{id}})
		f.apis = append(f.apis, h.api)
		f.projects = append(f.projects, collector.Project{API: client, ReadReplicas: true, PagesAtOnce: 4})
	}
	return f
}

// add adds an instance to a project.
func (f *multi) add(project int, i emulator.Instance) {
	i.ProjectID = fmt.Sprintf("project-%d", project)
	f.apis[project].Add(i)
}

// TestSeveralProjects checks that projects do not disturb each other, and which
// has an instance that several list.
func TestSeveralProjects(t *testing.T) {
	t.Parallel()
	f := newMulti(t, 4)
	for p := range 4 {
		f.add(p, named(fmt.Sprintf("own-%d", p), "x", p+1))
		f.add(p, named("twice", "x", 10+p))
		f.add(p, named("listed", "x", 20+p))
	}
	for p := range 3 {
		f.projects[p].Discover = all
	}
	f.projects[3].Instances = []fleet.Instance{{ID: "listed"}}
	f.apis[2].AddFault(emulator.Fault{Status: 401, Code: "APIGW.0301", BeforeAuth: true})
	h := newHarness(t, setup{collector: func(o *collector.Options) { o.Projects = f.projects }})
	got := h.until("all is known", func(g families) bool { return len(g["dcs_up"].GetMetric()) == 4 })
	for p, up := range []float64{1, 1, 0, 1} {
		got.want(t, up, "dcs_project_up", fmt.Sprintf("region=region-%d", p), fmt.Sprintf("project_id=project-%d", p))
	}
	got.wantNodeUp(t, "own-0-node-1", 1)
	got.wantNodeUp(t, "own-1-node-1", 2)
	got.wantNone(t, "dcs_up", "instance_id=own-2")
	got.wantNodeUp(t, "twice-node-1", 10)
	got.wantNodeUp(t, "listed-node-1", 23)
	for _, id := range []string{"twice", "listed"} {
		target, err := h.collector.Fleet().Target(id)
		if want := map[string]string{"twice": "project-0", "listed": "project-3"}[id]; err != nil || target.ProjectID != want {
			t.Errorf("%s is in %+v, %v, want %s", id, target, err, want)
		}
	}
	f.apis[0].Remove("twice")
	h.until("the second project has it now", func(g families) bool { return g.sum("dcs_sessions", "node_id=twice-node-1") == 11 })
}

// TestIAMFails checks that a project whose id cannot be found out costs only
// itself.
func TestIAMFails(t *testing.T) {
	t.Parallel()
	f := newMulti(t, 1)
	f.add(0, named("i1", "x", 1))
	f.projects[0].Discover = all
	var client *dcsapi.Client
	newHarness(t, setup{
		client: func(o *dcsapi.Options) {
			o.ProjectID = ""
			client = dcsapi.New(*o)
		},
		faults: []emulator.Fault{{Operation: "list_projects", Status: 500}},
	})
	t.Cleanup(client.Close)
	h := newHarness(t, setup{collector: func(o *collector.Options) {
		o.Projects = []collector.Project{f.projects[0], {API: client, Discover: all, Instances: []fleet.Instance{{ID: "i2"}, {ID: "i3", Nodes: []string{"n"}}}}}
	}})
	got := h.until("the good project is read", func(g families) bool { return g.sum("dcs_up", "instance_id=i1") == 1 })
	got.want(t, 1, "dcs_project_up", "project_id=project-0")
	got.want(t, 0, "dcs_project_up", "project_id=", "region="+region)
	got.want(t, 0, "dcs_up", "instance_id=i2")
	got.want(t, 1, "dcs_node_error", "instance_id=i2", "node_id=", "reason=server")
	got.want(t, 1, "dcs_node_error", "instance_id=i3", "node_id=n", "reason=server")
}

// TestSameProjectTwice checks that two entries that turn out to be one project
// make no series twice.
func TestSameProjectTwice(t *testing.T) {
	f := newMulti(t, 1)
	f.add(0, named("i1", "x", 1))
	f.add(0, named("i2", "x", 2))
	one, two := f.projects[0], f.projects[0]
	one.Discover, two.Discover = all, all
	other := newMulti(t, 1)
	two.API = other.projects[0].API
	other.add(0, named("i1", "x", 1))
	other.add(0, named("i2", "x", 2))
	h := newHarness(t, setup{collector: func(o *collector.Options) {
		o.Projects, o.DiscoveryInterval = []collector.Project{one, two}, time.Nanosecond
	}})
	got := h.until("all is read", func(g families) bool { return g.sum("dcs_up") == 2 })
	got.want(t, 1, "dcs_project_up")
	other.apis[0].AddFault(emulator.Fault{Status: 401, Code: "APIGW.0301", BeforeAuth: true})
	h.until("one of them fails", func(g families) bool { v, ok := g.value("dcs_project_up"); return ok && v == 0 })
}

// TestVanishingInstances has a fleet disappear between the list of instances
// and the reading.
func TestVanishingInstances(t *testing.T) {
	t.Parallel()
	var instances []emulator.Instance
	for n := range 300 {
		instances = append(instances, named(fmt.Sprintf("i%d", n), "x", 1))
	}
	h := newHarness(t, setup{instances: instances, collector: func(o *collector.Options) {
		o.Projects[0].Instances, o.Projects[0].Discover = nil, all
	}})
	if got := h.scrape(10 * time.Second); got.sum("dcs_up") != 300 {
		t.Fatalf("%v of 300 are up", got.sum("dcs_up"))
	}
	for n := range 299 {
		h.api.Remove(fmt.Sprintf("i%d", n))
	}
	h.api.ResetRequests()
	got := h.scrape(10 * time.Second)
	got.want(t, 1, "dcs_up", "instance_id=i299")
	got.want(t, 0, "dcs_up", "instance_id=i0")
	got.want(t, 1, "dcs_node_error", "instance_id=i0", "reason=not_found")
	h.until("they are forgotten", func(g families) bool { return len(g["dcs_up"].GetMetric()) == 1 })
	if n := h.requests("list_instances", ""); n > 3 {
		t.Errorf("the instances were listed %d times", n)
	}
}

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
