package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"golang.org/x/crypto/bcrypt"
)

// TestPrometheusScrapes lets Prometheus scrape the exporter over TLS with basic
// auth, in every format: all must give the numbers of the lists, those of
// invented sessions and those of a real Redis.
func TestPrometheusScrapes(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	connect(t, redis, "").do("ACL SETUSER alice on >pw ~* &* +@all")
	for i := range 40 {
		c := connect(t, redis, fmt.Sprintf("127.0.%d.1", 20+i%4))
		if i%4 == 0 {
			c.do("AUTH alice pw", "CLIENT SETNAME orders-api")
		}
	}
	instances := []emulator.Instance{emulator.DemoFleet(1)[1], emulator.RedisInstance(emulator.Redis{Addr: redis})}
	api, config := harness.StartAPI(t, emulator.Options{}, frozen, instances...)

	cert, key := harness.Certificate(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	web := harness.Write(t, t.TempDir(), "web.yml", fmt.Sprintf(
		"tls_server_config: {cert_file: %s, key_file: %s}\nbasic_auth_users: {prometheus: '%s'}\n", cert, key, hash))
	exporter := harness.StartExporter(t, "--config.file="+config, "--web.config.file="+web)
	recorder := startRecorder(t, exporter.Address, cert, key)

	formats := map[string]struct{ settings, content, kind string }{
		"text004":        {"scrape_protocols: [PrometheusText0.0.4]", "text/plain; version=0.0.4", "histogram"},
		"text100":        {"scrape_protocols: [PrometheusText1.0.0]", "text/plain; version=0.0.4", "histogram"}, // client_golang writes no 1.0.0
		"openmetrics001": {"scrape_protocols: [OpenMetricsText0.0.1]", "application/openmetrics-text; version=0.0.1", "gaugehistogram"},
		"openmetrics100": {"scrape_protocols: [OpenMetricsText1.0.0]", "application/openmetrics-text; version=1.0.0", "gaugehistogram"},
		"default":        {"scrape_interval: 1s", "application/openmetrics-text; version=1.0.0", "gaugehistogram"},
		"protobuf": {
			"scrape_protocols: [PrometheusProto]\n    scrape_native_histograms: true\n    always_scrape_classic_histograms: true",
			"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", "gaugehistogram",
		},
	}
	var jobs strings.Builder
	job := func(name, password, settings string, targets ...string) {
		fmt.Fprintf(&jobs, `
  - job_name: %s
    %s
    scheme: https
    tls_config: {ca_file: %s}
    basic_auth: {username: prometheus, password: %s}
    static_configs: [{targets: ['%s']}]`, name, settings, cert, password, strings.Join(targets, "', '"))
	}
	for _, name := range slices.Sorted(maps.Keys(formats)) {
		// The recorder knows a job by the parameter; the exporter ignores it.
		job(name, "right", formats[name].settings+"\n    params: {job: ["+name+"]}", exporter.Address, recorder.address)
	}
	job("wrong_password", "wrong", "scrape_interval: 1s", exporter.Address)
	p := harness.StartPrometheus(t, everySecond+"scrape_configs:"+jobs.String())

	p.Await(t, `up{job="wrong_password"} == 0`)
	p.Await(t, `count(dcs_up == 1) == %d`, 2*2*len(formats)) // instances, targets, jobs
	want := make(map[string]float64)
	for _, i := range instances {
		for _, n := range i.Nodes {
			maps.Copy(want, expectFrozen(t, api, i.ID, n.ID))
		}
	}
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			matchers := fmt.Sprintf(`job="%s", instance="%s"`, name, exporter.Address)
			have := seriesAt(t, p, time.Time{}, matchers)
			compare(t, have, want)
			if got := recorder.contentType(name); !strings.HasPrefix(got, format.content) {
				t.Errorf("Content-Type %q, want %q", got, format.content)
			}
			for _, metric := range []string{"dcs_session_age_seconds", "dcs_session_idle_seconds"} {
				metadata, err := p.API.TargetsMetadata(t.Context(), `{job="`+name+`"}`, metric, "1")
				if err != nil || len(metadata) != 1 || string(metadata[0].Type) != format.kind || metadata[0].Help == "" {
					t.Errorf("the metadata of %s is %+v, %v; want type %s", metric, metadata, err, format.kind)
				}
			}
			series, _, _, err := p.API.Series(t.Context(), []string{"dcs_sessions{" + matchers + "}"}, time.Now().Add(-time.Minute), time.Now())
			if users := p.Value(t, time.Time{}, `count(dcs_sessions{%s})`, matchers); err != nil || len(series) != int(users) || users < 4 {
				t.Errorf("%d series of dcs_sessions (%v), of which %v are there now", len(series), err, users)
			}
			// Sums are conserved over every dimension.
			sessions := p.Query(t, time.Time{}, `sum by (node_id) (dcs_sessions{%s})`, matchers)
			for _, metric := range []string{"dcs_client_sessions", "dcs_sessions_by_command", "dcs_sessions_by_database", "dcs_sessions_by_name", "dcs_sessions_by_network", "dcs_session_age_seconds_count"} {
				if same := p.Query(t, time.Time{}, `sum by (node_id) (%s{%s}) == sum by (node_id) (dcs_sessions{%[2]s})`, metric, matchers); len(same) != len(sessions) || len(same) != 3 {
					t.Errorf("sums of %s: %v, want %v", metric, same, sessions)
				}
			}
		})
	}
	targets, err := p.API.Targets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets.Active {
		wrong := target.ScrapePool == "wrong_password"
		if (target.Health != v1.HealthGood) != wrong || strings.Contains(target.LastError, "401") != wrong {
			t.Errorf("target %s of job %s is %s: %q", target.ScrapeURL, target.ScrapePool, target.Health, target.LastError)
		}
	}
}

// recorder passes scrapes on, and records what they were answered with.
type recorder struct {
	address string
	mu      sync.Mutex
	types   map[string]string // Content-Type by the URL's parameter job
}

// startRecorder starts a recorder in front of an exporter, with the same
// certificate.
func startRecorder(t *testing.T, exporter, certFile, keyFile string) *recorder {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	r := &recorder{types: make(map[string]string)}
	target := &url.URL{Scheme: "https", Host: exporter}
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(target) },
		Transport:    transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ModifyResponse: func(resp *http.Response) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.types[resp.Request.URL.Query().Get("job")] = resp.Header.Get("Content-Type")
			return nil
		},
	})
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	r.address = server.Listener.Addr().String()
	return r
}

// contentType returns the last Content-Type that a job got.
func (r *recorder) contentType(job string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.types[job]
}
