package collector_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// limitsFleet is an instance of each kind that has limits of its own.
func limitsFleet() []emulator.Instance {
	server := func(id, kind string) emulator.Node {
		return emulator.Node{ID: id, Role: "redis-server", Type: kind, Sessions: emulator.Static{
			{ID: "1", Addr: "10.0.0.1:1", Flags: "N", Idle: 4000, OMem: 5}, {ID: "2", Addr: "10.0.0.1:2", Flags: "P", Idle: 9000, OMem: 9 << 20}, {ID: "3", Addr: "10.0.0.1:3", Flags: "S", OMem: 3},
		}}
	}
	proxy := func(id string) emulator.Node {
		return emulator.Node{ID: id, Role: "redis-proxy", Type: "proxy", Sessions: emulator.Static{{ID: "1", Addr: "10.0.0.1:1", Flags: "N"}}}
	}
	i := func(id, spec string, nodes ...emulator.Node) emulator.Instance {
		return emulator.Instance{ID: id, ProjectID: projectID, Name: id, SpecCode: spec, MaxMemory: 6144, Nodes: nodes}
	}
	fleet := []emulator.Instance{
		i("ha", "redis.ha.1", server("ha-1", "master"), server("ha-2", "slave")),
		i("cluster", "redis.cluster.1", server("c-1", "master"), server("c-2", "master")),
		i("proxied", "redis.proxy.1", proxy("p-1"), proxy("p-2"), server("p-3", "master"), server("p-4", "master")),
		i("split", "redis.rw.1", proxy("s-1"), server("s-2", "master")),
	}
	fleet[0].Parameters = map[string]string{"maxclients": "7000", "timeout": "3600"}
	fleet[1].Parameters = map[string]string{"maxclients": "unlimited", "client-output-buffer-slave-hard-limit": "512mb", "client-output-buffer-slave-soft-limit": "none"}
	fleet[3].PassThrough, fleet[3].SSL = "off", true
	return fleet
}

// limited reads limits in the background, without pauses to speak of.
func limited(interval time.Duration) func(*collector.Options) {
	return func(o *collector.Options) {
		o.LimitsInterval = interval
		o.Projects[0].RequestsPerSecond = 1e6
	}
}

// scrapeUntil scrapes until a series is there.
func (h *harness) scrapeUntil(name string, labels ...string) families {
	h.t.Helper()
	return h.until(fmt.Sprint(name, labels), func(f families) bool {
		_, ok := f.value(name, labels...)
		return ok
	})
}

// TestLimits checks what is exported of the limits of each kind of instance.
func TestLimits(t *testing.T) {
	h := newHarness(t, setup{instances: limitsFleet(), collector: limited(time.Hour)})
	h.scrapeUntil("dcs_instance_max_clients", "instance_id=split")
	got := h.scrape(10 * time.Second) // lists that were taken before the timeout was known are read again

	got.want(t, 7000, "dcs_node_max_clients", "node_id=ha-1")
	got.want(t, 7000, "dcs_node_max_clients", "node_id=ha-2")
	got.want(t, 1, "dcs_max_clients_info", "instance_id=ha", "source=configs")
	got.want(t, 20000, "dcs_instance_max_clients", "instance_id=cluster")
	got.want(t, 20000, "dcs_instance_max_clients", "instance_id=proxied")
	got.want(t, 10000, "dcs_instance_max_clients", "instance_id=split")
	got.want(t, 1, "dcs_max_clients_info", "instance_id=split", "source=flavors")
	for _, node := range []string{"c-1", "p-1", "s-1"} {
		got.wantNone(t, "dcs_node_max_clients", "node_id="+node)
	}
	got.wantNone(t, "dcs_instance_max_clients", "instance_id=ha")

	got.want(t, 3600, "dcs_node_idle_timeout_seconds", "node_id=ha-1")
	got.want(t, 0, "dcs_node_idle_timeout_seconds", "node_id=c-1")
	got.wantNone(t, "dcs_node_idle_timeout_seconds", "node_id=p-1")
	got.want(t, 1, "dcs_sessions_beyond_idle_timeout", "node_id=ha-1")
	got.wantNone(t, "dcs_sessions_beyond_idle_timeout", "node_id=c-1")

	got.want(t, 256<<20, "dcs_node_output_buffer_limit_bytes", "node_id=ha-1", "class=replica", "kind=hard")
	got.want(t, 512<<20, "dcs_node_output_buffer_limit_bytes", "node_id=c-1", "class=replica", "kind=hard")
	got.wantNone(t, "dcs_node_output_buffer_limit_bytes", "node_id=c-1", "kind=soft")
	got.want(t, 60, "dcs_node_output_buffer_soft_limit_seconds", "node_id=c-1", "class=replica")
	got.wantNone(t, "dcs_node_output_buffer_limit_bytes", "node_id=p-1")

	got.want(t, 6<<30, "dcs_node_max_memory_bytes", "node_id=ha-2")
	got.want(t, 3<<30, "dcs_node_max_memory_bytes", "node_id=c-1")
	got.wantNone(t, "dcs_node_max_memory_bytes", "node_id=p-1")

	got.want(t, 1, "dcs_class_sessions", "node_id=ha-1", "class=normal")
	got.want(t, 1, "dcs_class_sessions", "node_id=ha-1", "class=pubsub")
	got.want(t, 0, "dcs_class_sessions", "node_id=ha-1", "class=master")
	got.want(t, 9<<20, "dcs_class_output_memory_bytes", "node_id=ha-1", "class=pubsub")
	got.want(t, 9<<20, "dcs_class_output_memory_max_bytes", "node_id=ha-1", "class=pubsub")
	got.wantNone(t, "dcs_class_output_memory_bytes", "node_id=ha-1", "class=master")

	got.want(t, 1, "dcs_instance_client_ip_pass_through", "instance_id=split", "state=excluded_by_ssl")
	got.want(t, 1, "dcs_instance_client_ip_pass_through", "instance_id=ha", "state=unsupported")
	got.want(t, 1, "dcs_node_ces_dimension_info", "node_id=p-1", "dimension=dcs_cluster_proxy_node", "value=ces-p-1")

	// One request for each instance, and one for each specification that is needed.
	count := h.api.Counts()
	for operation, want := range map[string]int{"list_configs": 4, "list_flavors": 3} {
		if count[operation] != want {
			t.Errorf("%d requests %s, want %d", count[operation], operation, want)
		}
	}
	h.scrape(10 * time.Second)
	if again := h.api.Counts(); again["list_configs"] != count["list_configs"] {
		t.Error("limits are read again within the interval")
	}
}

// TestLimitsConfigured checks that what the configuration says wins, the nearest
// first, for discovered instances too.
func TestLimitsConfigured(t *testing.T) {
	h := newHarness(t, setup{
		instances: limitsFleet(), read: []fleet.Instance{{ID: "ha", MaxClients: 5}},
		collector: func(o *collector.Options) {
			limited(time.Hour)(o)
			o.Projects[0].Discover = func(dcsapi.Instance) bool { return true }
			o.Projects[0].MaxClients = 6
		},
	})
	got := h.scrapeUntil("dcs_node_idle_timeout_seconds", "node_id=c-1")
	got.want(t, 5, "dcs_node_max_clients", "node_id=ha-1")
	got.want(t, 6, "dcs_node_max_clients", "node_id=p-1")
	got.want(t, 1, "dcs_max_clients_info", "instance_id=ha", "source=configuration")
	got.want(t, 1, "dcs_max_clients_info", "instance_id=split", "source=configuration")
}

// TestLimitsOff checks that nothing is asked for with an interval of 0.
func TestLimitsOff(t *testing.T) {
	h := newHarness(t, setup{instances: limitsFleet()})
	for range 3 {
		h.scrape(10*time.Second).wantNone(t, "dcs_node_idle_timeout_seconds")
	}
	if count := h.api.Counts(); count["list_configs"]+count["list_flavors"] > 0 {
		t.Errorf("requests: %v", count)
	}
}

// TestLimitsRefused checks that a key without the permission costs a few requests
// and one line of log, and that the specification stands in.
func TestLimitsRefused(t *testing.T) {
	h := newHarness(t, setup{instances: limitsFleet(), api: emulator.Options{RefuseConfigs: true}, collector: limited(time.Hour)})
	got := h.scrapeUntil("dcs_instance_max_clients", "instance_id=split")
	got.want(t, 10000, "dcs_instance_max_clients", "instance_id=ha")
	got.want(t, 1, "dcs_up", "instance_id=ha")
	for range 3 {
		h.scrape(10 * time.Second)
	}
	if count := h.api.Counts(); count["list_configs"] != 3 {
		t.Errorf("%d requests list_configs, want 3", count["list_configs"])
	}
	lines := h.logs.take()
	if strings.Count(lines, "dcs:instance:getConfiguration, or set limits_interval: 0s") != 1 {
		t.Errorf("the log does not say once what to do:\n%s", lines)
	}
}

// TestLimitsRefusedForSome checks that a key without the permission for some
// instances is asked about the others all the same.
func TestLimitsRefusedForSome(t *testing.T) {
	h := newHarness(t, setup{
		instances: limitsFleet(), collector: limited(50 * time.Millisecond),
		faults: []emulator.Fault{{Operation: "list_configs", InstanceID: "ha", Status: 403, Code: "DCS.2003"}, {Operation: "list_configs", InstanceID: "cluster", Status: 403, Code: "DCS.2003"}},
	})
	read := func(f families, id string) float64 {
		at, _ := f.value("dcs_instance_limits_read_timestamp_seconds", "instance_id="+id)
		return at
	}
	first := h.until("limits of the others", func(f families) bool { return read(f, "proxied") > 0 && read(f, "split") > 0 })
	h.until("limits of the others again", func(f families) bool {
		return read(f, "proxied") > read(first, "proxied") && read(f, "split") > read(first, "split")
	})
	if lines := h.logs.take(); strings.Count(lines, "may not read the configuration") != 1 {
		t.Errorf("the log does not say once that there are refusals:\n%s", lines)
	}
}

// TestLimitsFail checks that failures keep the last good values, and cost neither
// the sessions nor the other instances.
func TestLimitsFail(t *testing.T) {
	for _, fault := range []emulator.Fault{
		{Status: 404, Code: "DCS.3022"}, {Status: 500, Code: "DCS.5000"}, {Body: []byte("<html>no</html>"), ContentType: "text/html"}, {Body: []byte(`{"redis_config":{}}`)}, {Reset: true},
	} {
		h := newHarness(t, setup{instances: limitsFleet(), collector: limited(50 * time.Millisecond)})
		good := h.scrapeUntil("dcs_node_idle_timeout_seconds", "node_id=ha-1")
		read, _ := good.value("dcs_instance_limits_read_timestamp_seconds", "instance_id=ha")
		fault.Operation, fault.InstanceID = "list_configs", "ha"
		h.api.SetFaults(fault)
		before := h.api.Counts()["list_configs"]
		lines := ""
		h.until("more requests, and a line of log", func(families) bool {
			lines += h.logs.take()
			return lines != "" && h.api.Counts()["list_configs"] >= before+8
		})
		got := h.scrape(10 * time.Second)
		got.want(t, 7000, "dcs_node_max_clients", "node_id=ha-1")
		got.want(t, 1, "dcs_up", "instance_id=ha")
		stale, _ := got.value("dcs_instance_limits_read_timestamp_seconds", "instance_id=ha")
		fresh, _ := got.value("dcs_instance_limits_read_timestamp_seconds", "instance_id=cluster")
		if stale > fresh || fresh <= read {
			t.Errorf("%+v: read %f before, then %f; the other one %f", fault, read, stale, fresh)
		}
		if lines += h.logs.take(); strings.Count(lines, "cannot read the limits of an instance") != 1 {
			t.Errorf("%+v: the log is not one line:\n%s", fault, lines)
		}
	}
}

// TestLimitsPace checks that limits are read at a twentieth of the rate limit.
func TestLimitsPace(t *testing.T) {
	h := newHarness(t, setup{instances: limitsFleet(), collector: func(o *collector.Options) {
		limited(time.Hour)(o)
		o.Projects[0].RequestsPerSecond = 100
	}})
	h.scrapeUntil("dcs_instance_max_clients", "instance_id=split")
	var times []time.Time
	for _, r := range h.api.Requests() {
		if r.Operation == "list_configs" || r.Operation == "list_flavors" {
			times = append(times, r.At)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for k := 1; k < len(times); k++ {
		if gap := times[k].Sub(times[k-1]); gap < 190*time.Millisecond {
			t.Errorf("request %d comes %s after the one before, want 200ms", k+1, gap)
		}
	}
}

// TestLimitsHang checks that requests for limits that hang do not keep a scrape from
// its nodes, even where only one request may be open.
func TestLimitsHang(t *testing.T) {
	h := newHarness(t, setup{
		instances: limitsFleet(), collector: limited(time.Hour),
		client: func(o *dcsapi.Options) { o.MaxConcurrentRequests = 1 },
		faults: []emulator.Fault{{Operation: "list_configs", Hang: true}, {Operation: "list_flavors", Hang: true}},
	})
	for range 3 {
		got := h.scrape(8 * time.Second)
		for _, id := range []string{"ha", "cluster", "proxied", "split"} {
			got.want(t, 1, "dcs_up", "instance_id="+id)
		}
		time.Sleep(100 * time.Millisecond) // a request for limits is open now
	}
}

// TestLimitsThrottled checks that the API may throttle requests for limits without
// harm to the scrapes, and is not asked again at once.
func TestLimitsThrottled(t *testing.T) {
	h := newHarness(t, setup{
		instances: limitsFleet(), collector: limited(time.Hour),
		faults: []emulator.Fault{
			{Operation: "list_configs", Status: 429, Code: "APIGW.0308", Header: http.Header{"Retry-After": {"60"}}},
			{Operation: "list_flavors", Status: 429, Code: "APIGW.0308"},
		},
	})
	asked := func() int { return h.api.Counts()["list_configs"] + h.api.Counts()["list_flavors"] }
	h.until("a request for limits", func(families) bool { return asked() > 0 })
	for range 5 {
		got := h.scrape(5 * time.Second)
		for _, id := range []string{"ha", "cluster", "proxied", "split"} {
			got.want(t, 1, "dcs_up", "instance_id="+id)
		}
		got.want(t, 0, "dcs_session_exporter_holdoff_seconds")
	}
	if n := asked(); n != 1 {
		t.Errorf("%d requests for limits, want 1", n)
	}
}
