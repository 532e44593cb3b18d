package web_test

import (
	"bytes"
	"cmp"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/web"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files")

// start serves an exporter that reads an emulated API with one healthy node,
// one that fails, and instances that are skipped.
func start(t *testing.T) (*emulator.Server, string) { return startWith(t, how{}) }

// how is how an exporter differs from the default one.
type how struct {
	discover     func(dcsapi.Instance) bool
	faults       []emulator.Fault // from the start
	options      func(*collector.Options)
	exporterOnly bool
	reload       func() error
	instances    []emulator.Instance // more than the usual ones
	sessions     *web.Access
	timeout      time.Duration // default 10 s
}

func startWith(t *testing.T, h how) (*emulator.Server, string) {
	t.Helper()
	node := func(id string, sessions emulator.Source) emulator.Node {
		return emulator.Node{ID: id, Name: id + "-name", Role: "redis-server", Type: "master", IP: "192.168.0.7", GroupName: "group-0", AZCode: "az1", Sessions: sessions}
	}
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{"project-1"}})
	api.Add(
		emulator.Instance{
			ID: "instance-1", ProjectID: "project-1", Name: "orders", EngineVersion: "6.0", SpecCode: "redis.single.xu1.large.1", EnterpriseProjectID: 0,
			Nodes: []emulator.Node{node("node-1", emulator.Static{
				{ID: "1", Addr: "10.0.0.1:40001", Name: "api", Cmd: "get", Age: 90, Idle: 3, Flags: "N", FD: "8", DB: "0", Multi: -1, QBuf: 26, QBufFree: 20448, Events: "r", Network: "vpc", User: "orders"},
				{ID: "2", Addr: "10.0.0.1:40002", Name: "api", Cmd: "set", Age: 7300, Idle: 7200, Flags: "N", FD: "9", DB: "1", Multi: -1, Events: "r", Network: "vpc", User: "orders"},
				{ID: "3", Addr: "[2001:db8::7]:40003", Cmd: "subscribe", Age: 4000, Idle: 4000, Flags: "P", FD: "10", DB: "0", Sub: 2, PSub: 1, Multi: -1, Events: "r", Network: "vpc", User: "notify"},
				{ID: "4", Addr: "198.19.1.2:40004", Cmd: "lrange", Age: 60, Flags: "xb", FD: "11", DB: "0", Multi: 3, OBL: 16384, OLL: 3, OMem: 3 << 30, Events: "rw", Network: "vpc", User: "default"},
				{ID: "5", Addr: "/run/redis.sock:0", Name: "odd \"name\"\\\n\xff", Cmd: "NULL", Flags: "Z", FD: "12", DB: "0", Multi: -1, Events: "", Network: "", User: ""},
			}), node("node-2", emulator.Static{})},
		},
		emulator.Instance{ID: "instance-2", ProjectID: "project-1", Name: "stopped", Status: "FROZEN"},
		emulator.Instance{ID: "instance-3", ProjectID: "project-1", Name: "old", Unsupported: true, Nodes: []emulator.Node{node("node-4", nil)}},
		emulator.Instance{ID: "instance-4", ProjectID: "project-1", Name: "broken", Nodes: []emulator.Node{node("node-5", nil)}},
	)
	api.Add(h.instances...)
	api.AddFault(emulator.Fault{Operation: "list_clients", InstanceID: "instance-4", Status: 403, Code: "DCS.2003", Message: "no"})
	for _, f := range h.faults {
		api.AddFault(f)
	}
	upstream := httptest.NewServer(api)

	own := exposition.NewSelfMetrics()
	own.ConfigLoaded(time.Unix(1_700_000_000, 0))
	client := dcsapi.New(dcsapi.Options{
		Region: "cn-north-4", Endpoint: upstream.URL, IAMEndpoint: upstream.URL, ProjectID: "project-1", RequestsPerSecond: 1000,
		Keys: dcsapi.NewConfiguredKey(dcsapi.Secret{Value: "AK"}, dcsapi.Secret{Value: "SK"}, dcsapi.Secret{}),
		Observer: dcsapi.Observer{Request: func(operation, code string, took time.Duration) {
			own.ObserveRequest("project-1", operation, code, took)
		}},
	})
	buckets := []float64{60, 3600}
	options := collector.Options{
		Projects: []collector.Project{{API: client, ReadReplicas: true, PagesAtOnce: 2, Discover: h.discover, Instances: []fleet.Instance{
			{ID: "instance-1", MaxClients: 100}, {ID: "instance-2"}, {ID: "instance-3"}, {ID: "instance-4"},
		}}},
		Scan: reader.ScanOptions{MinInterval: time.Hour, Wait: 2 * time.Second},
		Aggregate: &aggregate.Options{
			AgeBuckets: buckets, IdleBuckets: buckets, IdleThreshold: time.Hour, ActiveBelow: 10 * time.Second,
			Groups: aggregate.NewGroups([]aggregate.GroupRule{{Group: "team a", Users: []string{"a", "orders"}}}),
			Limits: aggregate.Limits{Users: 3, Clients: 50, Commands: 50, Databases: 32, Names: 20, Networks: 10, Groups: 5},
		},
		DiscoveryInterval: time.Hour, Timeout: 10 * time.Second, Logger: log.NewNopLogger(),
	}
	for _, i := range h.instances {
		options.Projects[0].Instances = append(options.Projects[0].Instances, fleet.Instance{ID: i.ID})
	}
	if h.options != nil {
		h.options(&options)
	}
	coll := collector.New(options, own, nil)
	registry := prometheus.NewRegistry()
	registry.MustRegister(own)
	handler := web.NewHandler(web.Options{
		Settings: func() (web.Settings, func()) {
			return web.Settings{
				Collector: coll, Timeout: cmp.Or(h.timeout, 10*time.Second), TimeoutOffset: 500 * time.Millisecond, ExporterOnly: h.exporterOnly,
				Since: time.Now(), InForce: []config.Setting{{Name: "scan.mode", Value: "on_scrape"}},
				KeysInUse: func() []web.KeyState {
					return []web.KeyState{{Origin: "the test", Ends: time.Now().Add(time.Hour), Problem: "not renewed"}}
				},
			}, func() {}
		},
		Reload: h.reload, Sessions: h.sessions,
		Own: registry, Rejected: own.ScrapeRejected, TelemetryPath: "/metrics",
		Version: "1.2.3", Logger: log.NewNopLogger(),
	})
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		api.Close()
		coll.Close()
		client.Close()
		upstream.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return api, server.URL
}

func get(t *testing.T, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

const openMetrics = "application/openmetrics-text;version=1.0.0"

// varying matches values that differ from run to run.
var varying = regexp.MustCompile(`(?m)^(dcs_session_snapshot_timestamp_seconds\{[^}]*\}|dcs_node_scrape_duration_seconds\{[^}]*\}|dcs_session_exporter_api_request_duration_seconds_(?:sum|bucket)\{[^}]*\}|dcs_session_exporter_(?:limiter_wait_seconds_total|requests_in_flight|discovery_last_success_timestamp_seconds)\{[^}]*\}) \S+$`)

// TestGolden compares whole scrapes, in both text formats.
func TestGolden(t *testing.T) {
	for _, tt := range []struct{ accept, file string }{
		{"text/plain", "testdata/metrics.txt"},
		{openMetrics, "testdata/metrics.openmetrics.txt"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			_, url := start(t)
			resp, body := get(t, url+"/metrics", http.Header{"Accept": {tt.accept}})
			if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), strings.SplitN(tt.accept, ";", 2)[0]) {
				t.Fatalf("%s, %s", resp.Status, resp.Header.Get("Content-Type"))
			}
			got := varying.ReplaceAllString(body, "$1 VARIES")
			if *update {
				if err := os.WriteFile(tt.file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the scrape differs from %s (see with -update and git diff):\n%s", tt.file, firstDifference(got, string(want)))
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one is longer"
}

// TestScrapeIsClean lints the output, and checks that every metric of the
// catalogue is in it with its type.
func TestScrapeIsClean(t *testing.T) {
	_, url := startWith(t, how{instances: []emulator.Instance{
		{
			ID: "instance-5", ProjectID: "project-1", Name: "with a replica", Parameters: map[string]string{"timeout": "60"},
			Nodes: []emulator.Node{{ID: "node-6", Role: "redis-server", Type: "master", Sessions: emulator.Static{
				{ID: "1", Addr: "192.168.0.8:6379", Cmd: "replconf", Flags: "S", FD: "8", DB: "0", Multi: -1, Events: "r", User: "default"},
			}}},
		},
		{
			ID: "instance-6", ProjectID: "project-1", Name: "without maxclients", SpecCode: "s6", Parameters: map[string]string{"maxclients": ""},
			Nodes: []emulator.Node{{ID: "node-7", Role: "redis-server", Type: "master"}},
		},
	}, options: func(o *collector.Options) {
		o.Scan.MinInterval, o.LimitsInterval, o.Projects[0].RequestsPerSecond = 0, time.Hour, 1e6
	}})
	for _, last := range []string{"dcs_instance_max_clients{", "dcs_sessions_beyond_idle_timeout{"} { // limits are read in the background
		for _, body := get(t, url+"/metrics", nil); !strings.Contains(body, last); _, body = get(t, url+"/metrics", nil) {
		}
	}
	_, text := get(t, url+"/metrics", http.Header{"Accept": {"text/plain"}})
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	resp, body := get(t, url+"/metrics", http.Header{"Accept": {string(expfmt.NewFormat(expfmt.TypeProtoDelim))}})
	families := make(map[string]*dto.MetricFamily)
	decoder := expfmt.NewDecoder(strings.NewReader(body), expfmt.ResponseFormat(resp.Header))
	for {
		f := new(dto.MetricFamily)
		if decoder.Decode(f) != nil {
			break
		}
		families[f.GetName()] = f
	}
	types := map[exposition.Kind]dto.MetricType{
		exposition.Gauge: dto.MetricType_GAUGE, exposition.GaugeHistogram: dto.MetricType_GAUGE_HISTOGRAM,
		exposition.Counter: dto.MetricType_COUNTER, exposition.Histogram: dto.MetricType_HISTOGRAM,
	}
	for _, m := range exposition.Catalogue() {
		f := families[m.Name]
		if f == nil {
			t.Errorf("%s is not in the scrape", m.Name)
			continue
		}
		if f.GetType() != types[m.Kind] || f.GetHelp() != m.Help {
			t.Errorf("%s: type %s and help %q", m.Name, f.GetType(), f.GetHelp())
		}
		for _, metric := range f.Metric {
			if len(metric.Label) != len(m.Labels) {
				t.Errorf("%s has the labels %v, want %v", m.Name, metric.Label, m.Labels)
			}
			if m.Kind == exposition.GaugeHistogram && (len(metric.Histogram.Bucket) == 0 || metric.Histogram.GetSchema() != 3 || len(metric.Histogram.PositiveSpan)+int(metric.Histogram.GetZeroCount()) == 0) {
				t.Errorf("%s lacks classic buckets or native ones: %v", m.Name, metric.Histogram)
			}
		}
		delete(families, m.Name)
	}
	for name := range families {
		t.Errorf("%s is in the scrape, and not in the catalogue", name)
	}
	if _, text := get(t, url+"/metrics", http.Header{"Accept": {openMetrics}}); !strings.Contains(text, "# TYPE dcs_session_age_seconds gaugehistogram\n") || !strings.HasSuffix(text, "# EOF\n") {
		t.Error("OpenMetrics does not say gaugehistogram, or does not end")
	}
}

func TestEndpoints(t *testing.T) {
	_, url := start(t)
	for _, tt := range []struct {
		method, path string
		status       int
		contains     string
	}{
		{"GET", "/-/healthy", 200, "healthy"},
		{"GET", "/-/ready", 200, "ready"},
		{"GET", "/", 200, "metrics"},
		{"GET", "/", 200, "1.2.3"},
		{"GET", "/nothing", 404, ""},
		{"GET", "/-/reload", 405, ""},
		{"POST", "/metrics", 405, ""},
		{"HEAD", "/metrics", 200, ""},
		{"GET", "/metrics", 200, "dcs_up"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, url+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.status || !bytes.Contains(body, []byte(tt.contains)) {
			t.Errorf("%s %s: %s, want %d and %q in\n%.300s", tt.method, tt.path, resp.Status, tt.status, tt.contains, body)
		}
	}
}

// TestReloadFromElsewhere checks that programs can reload the configuration, but
// other sites' pages cannot.
func TestReloadFromElsewhere(t *testing.T) {
	reloads := 0
	_, url := startWith(t, how{reload: func() error { reloads++; return nil }})
	for _, tt := range []struct {
		name   string
		header http.Header
		status int
	}{
		{"another site, says the browser", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		{"another port of this host", http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden},
		{"an old browser", http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		{"a page without an origin", http.Header{"Origin": {"null"}}, http.StatusForbidden},
		{"a program", http.Header{}, http.StatusOK},
		{"its own page", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {url}}, http.StatusOK},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/-/reload", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = tt.header
		before := reloads
		status, body := do(t, req)
		if status != tt.status || (reloads > before) != (tt.status == http.StatusOK) {
			t.Errorf("%s: %d, want %d, %d reloads\n%s", tt.name, status, tt.status, reloads-before, body)
		}
	}
}

// TestDeadlineHeader checks that scrapes end within Prometheus' timeout when the
// API hangs, and that invalid headers are ignored.
func TestDeadlineHeader(t *testing.T) {
	api, url := start(t)
	for _, absurd := range []string{"0", "-3", "NaN", "Inf", "soon", "1e99", ""} {
		_, body := get(t, url+"/metrics", http.Header{"X-Prometheus-Scrape-Timeout-Seconds": {absurd}})
		if !strings.Contains(body, `dcs_up{instance_id="instance-1"} 1`) {
			t.Errorf("timeout %q: instance-1 is not read", absurd)
		}
	}
	api.AddFault(emulator.Fault{Hang: true, BeforeAuth: true})
	begin := time.Now()
	resp, body := get(t, url+"/metrics", http.Header{"X-Prometheus-Scrape-Timeout-Seconds": {"1.5"}})
	if took := time.Since(begin); took > 1400*time.Millisecond || took < 500*time.Millisecond {
		t.Errorf("the answer took %s of 1.5s", took)
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `dcs_up{instance_id="instance-1"} 0`) || !strings.Contains(body, `reason="timeout"`) {
		t.Errorf("%s\n%.500s", resp.Status, body)
	}
}

// TestShortestTimeout checks that a timeout that is too short to read anything is
// raised.
func TestShortestTimeout(t *testing.T) {
	t.Parallel()
	api, url := start(t)
	api.AddFault(emulator.Fault{Operation: "list_clients", Delay: 20 * time.Millisecond})
	_, body := get(t, url+"/metrics", http.Header{"X-Prometheus-Scrape-Timeout-Seconds": {"0.01"}})
	if !strings.Contains(body, `dcs_up{instance_id="instance-1"} 1`) {
		t.Errorf("instance-1 is not read:\n%.500s", body)
	}
}
