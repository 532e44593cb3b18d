package config_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"

	promconfig "github.com/prometheus/common/config"
)

// minimal is a minimal valid configuration.
const minimal = `projects:
  - region: cn-north-4
    instances:
      - id: a1
`

func TestDefaults(t *testing.T) {
	got, err := config.Parse("c.yml", []byte(minimal), ".")
	if err != nil {
		t.Fatal(err)
	}
	buckets := []float64{1, 5, 15, 60, 300, 900, 3600, 21600, 86400, 604800}
	want := &config.Config{
		Projects: []config.Project{{
			Region: "cn-north-4", Endpoint: "https://dcs.cn-north-4.myhuaweicloud.com", IAMEndpoint: "https://iam.cn-north-4.myhuaweicloud.com",
			Instances: []config.Instance{{ID: "a1"}}, ReadReplicas: true, MaxConcurrentRequests: 8, RequestsPerSecond: 20,
		}},
		Scan:              config.Scan{Mode: config.ScanOnScrape, MinInterval: 25 * time.Second, Wait: 3 * time.Second},
		DiscoveryInterval: 5 * time.Minute, LimitsInterval: time.Hour, ScrapeTimeout: 30 * time.Second, ScrapeTimeoutOffset: 500 * time.Millisecond,
		MaxSnapshotAge: 5 * time.Minute, IdleThreshold: time.Hour, ActiveThreshold: 10 * time.Second,
		Histograms:      config.Histograms{AgeBuckets: buckets, IdleBuckets: buckets},
		ClientAddress:   config.ClientAddress{Source: "addr"},
		Limits:          config.Limits{Users: 20, Clients: 50, Commands: 50, Databases: 32, Names: 20, Networks: 10, Groups: 50, Hold: time.Hour},
		MetricsEndpoint: config.MetricsAll,
	}
	got.Projects[0].Connection, got.Warnings = "", nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestEveryKey sets every key to a value other than its default.
func TestEveryKey(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ak", "sk", "token"} {
		write(t, filepath.Join(dir, name), name+"-value\n")
	}
	got, err := config.Parse("c.yml", []byte(`
projects:
  - region: eu-de
    cloud: otc.t-systems.com
    project_id: p1
    endpoint: https://dcs.eu-de.otc.t-systems.com/
    iam_endpoint: http://127.0.0.1:5000
    credentials: {access_key_file: ak, secret_key_file: sk, security_token_file: token}
    assume_agency: {domain: other, agency: readers}
    sts_endpoint: https://sts.example
    proxy_url: http://user:pass@proxy.example:3128
    no_proxy: 10.0.0.0/8
    tls_config: {server_name: dcs.example, min_version: TLS13, max_version: TLS13, insecure_skip_verify: false}
    instances:
      - {id: i1, nodes: [n1, n2], max_clients: 10000}
      - id: i2
    discover: {name: ^prod-, tags: {team: orders, 1: '', a b: 2}, enterprise_project_id: 0, max_clients: 9}
    max_clients: 8
    read_replicas: false
    max_concurrent_requests: 3
    requests_per_second: 0.5
scan: {mode: off, min_interval: 0s, wait: 0s}
discovery_interval: 1m
limits_interval: 0s
scrape_timeout: 10s
scrape_timeout_offset: 0s
max_snapshot_age: 0s
idle_threshold: 90s
active_threshold: 5s
client_groups:
  - {group: checkout, cidrs: [10.20.0.0/16, 192.168.0.1, '2001:db8::/32'], users: [orders, '']}
  - {group: workers, names: ^worker-}
histograms: {age_buckets: [0.5, 1], idle_buckets: [7]}
client_address: {source: peer, include_port: false, aggregate: {ipv4: 24, ipv6: 64}}
limits: {users: 0, clients: 1, commands: 2, databases: 3, names: 4, networks: 5, groups: 6, hold: 0s}
metrics_endpoint: exporter
`), dir)
	if err != nil {
		t.Fatal(err)
	}
	p := got.Projects[0]
	if p.Proxy == nil {
		t.Error("no proxy")
	}
	if p.Connection == "" {
		t.Error("no connection")
	}
	if p.Discover.Name.String() != "^prod-" {
		t.Errorf("name: %s", p.Discover.Name)
	}
	p.Proxy, p.Connection, p.Discover.Name = nil, "", nil
	if want := (config.Project{
		Region: "eu-de", ProjectID: "p1", Endpoint: "https://dcs.eu-de.otc.t-systems.com", IAMEndpoint: "http://127.0.0.1:5000",
		Credentials: &config.Credentials{
			AccessKey: dcsapi.Secret{File: filepath.Join(dir, "ak")}, SecretKey: dcsapi.Secret{File: filepath.Join(dir, "sk")}, SecurityToken: dcsapi.Secret{File: filepath.Join(dir, "token")},
		},
		AssumeAgency: &config.Agency{Domain: "other", Agency: "readers"}, STSEndpoint: "https://sts.example",
		TLS:       &promconfig.TLSConfig{ServerName: "dcs.example", MinVersion: promconfig.TLSVersions["TLS13"], MaxVersion: promconfig.TLSVersions["TLS13"]},
		Instances: []config.Instance{{ID: "i1", Nodes: []string{"n1", "n2"}, MaxClients: 10000}, {ID: "i2", MaxClients: 8}}, MaxClients: 8, MaxConcurrentRequests: 3, RequestsPerSecond: .5,
		Discover: &config.Discover{Tags: map[string]string{"team": "orders", "1": "", "a b": "2"}, EnterpriseProjectID: "0", MaxClients: 9},
	}); !reflect.DeepEqual(p, want) {
		t.Errorf("project: got %+v, want %+v", p, want)
	}
	if g := got.ClientGroups; len(g) != 2 || g[1].Names.String() != "^worker-" || g[1].Group != "workers" {
		t.Errorf("groups: %+v", g)
	} else if want := (config.ClientGroup{
		Group: "checkout", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("192.168.0.1/32"), netip.MustParsePrefix("2001:db8::/32")}, Users: []string{"orders", ""},
	}); !reflect.DeepEqual(g[0], want) {
		t.Errorf("group: got %+v, want %+v", g[0], want)
	}
	got.Projects, got.Warnings, got.ClientGroups = nil, nil, nil
	if want := (&config.Config{
		Scan: config.Scan{Mode: config.ScanOff}, DiscoveryInterval: time.Minute, ScrapeTimeout: 10 * time.Second, IdleThreshold: 90 * time.Second, ActiveThreshold: 5 * time.Second,
		Histograms:    config.Histograms{AgeBuckets: []float64{.5, 1}, IdleBuckets: []float64{7}},
		ClientAddress: config.ClientAddress{Source: "peer", Aggregate: config.NetworkBits{IPv4: 24, IPv6: 64}},
		Limits:        config.Limits{Clients: 1, Commands: 2, Databases: 3, Names: 4, Networks: 5, Groups: 6}, MetricsEndpoint: config.MetricsExporter,
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// difference describes how two configurations differ, "" if they do not.
func difference(got, want *config.Config) string {
	if reflect.DeepEqual(got, want) {
		return ""
	}
	return fmt.Sprintf("got  %+v\nwant %+v", got, want)
}

// TestNull checks that a key without a value counts as absent.
func TestNull(t *testing.T) {
	want, err := config.Parse("c.yml", []byte(minimal), ".")
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.Parse("c.yml", []byte("\uFEFF"+minimal+`        nodes:
        max_clients: ~
    project_id: null
    endpoint:
    credentials:
    proxy_url:
    tls_config:
    read_replicas:
    requests_per_second:
scan:
  mode:
scrape_timeout:
histograms: ~
limits: {users: }
metrics_endpoint:
`), ".")
	if err != nil {
		t.Fatal(err)
	}
	if diff := difference(got, want); diff != "" {
		t.Error(diff)
	}
}

// TestProxy checks which proxy a request uses.
func TestProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://env.example:1")
	for _, tt := range []struct{ lines, want string }{
		{"read_replicas: true", "none"},
		{"proxy_from_environment: false", "none"},
		{"proxy_from_environment: true", "http://env.example:1"},
		{"proxy_url: http://u:p@proxy.example:3128", "http://u:p@proxy.example:3128"},
		{"proxy_url: socks5://[::1]:1080", "socks5://[::1]:1080"},
		{"proxy_url: https://proxy.example\n    no_proxy: .myhuaweicloud.com", "<nil>"},
		{"proxy_url: https://proxy.example\n    no_proxy: other.example", "https://proxy.example"},
	} {
		cfg, err := config.Parse("c.yml", []byte(minimal+"    "+tt.lines+"\n"), ".")
		if err != nil {
			t.Errorf("%s: %v", tt.lines, err)
			continue
		}
		got := "none"
		if p := cfg.Projects[0]; p.Proxy != nil {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoint, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			u, err := p.Proxy(r)
			if err != nil {
				t.Error(err)
			}
			got = fmt.Sprint(u)
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.lines, got, tt.want)
		}
	}
}

// TestEndpoints checks which base URLs are accepted, and how they are normalized.
func TestEndpoints(t *testing.T) {
	for text, want := range map[string]string{
		"https://x.example": "https://x.example", "https://x.example/": "https://x.example", "HTTPS://x.example:8443": "https://x.example:8443",
		"http://127.9.9.9:1": "http://127.9.9.9:1", "http://[::1]:1": "http://[::1]:1", "http://localhost": "http://localhost",
		"http://128.0.0.1": "", "http://localhost.example": "", "http://[::2]": "", "https://": "", "https://:1": "", "https://x:0": "", "https://x:": "",
		"ftp://x": "", "x.example": "", "//x.example": "", "https://x.example/v2": "", "https://u@x.example": "", "https://x.example#": "",
	} {
		cfg, err := config.Parse("c.yml", []byte(minimal+"    project_id: p\n    endpoint: '"+text+"'\n"), ".")
		switch {
		case err != nil && want != "":
			t.Errorf("%s: %v", text, err)
		case err == nil && cfg.Projects[0].Endpoint != want:
			t.Errorf("%s: got %q, want %q", text, cfg.Projects[0].Endpoint, want)
		}
	}
}

// TestSummary compares the output of check.
func TestSummary(t *testing.T) {
	cfg, err := config.Parse("c.yml", []byte("projects:\n"+
		"  - {region: cn-north-4, credentials: {access_key: a, secret_key: s}, instances: [{id: a1, nodes: [n]}, {id: a2}]}\n"+
		"  - {region: cn-east-3, discover: {}}\n  - {region: eu-west-0, project_id: p, instances: [{id: a3}], discover: {name: '^\"x', tags: {b: c, a: b}, enterprise_project_id: 0}}\n"+
		"scan: {mode: off}\nmax_snapshot_age: 0s\nmetrics_endpoint: exporter\n"), ".")
	if err != nil {
		t.Fatal(err)
	}
	const want = `Project in region cn-north-4
  id           from the key's source, or else from IAM at https://iam.cn-north-4.myhuaweicloud.com
  endpoint     https://dcs.cn-north-4.myhuaweicloud.com
  credentials  access key from this file, secret key from this file
  key goes to  dcs.cn-north-4.myhuaweicloud.com, iam.cn-north-4.myhuaweicloud.com (for the project's id)
  instances    2
    a1  1 listed node
    a2  its proxies, or else all its nodes
  limits       8 requests at once, 20 per second
Project in region cn-east-3
  id           from the key's source, or else from IAM at https://iam.cn-east-3.myhuaweicloud.com
  endpoint     https://dcs.cn-east-3.myhuaweicloud.com
  credentials  the default chain: environment, profile files, agency, pod identity
  key goes to  dcs.cn-east-3.myhuaweicloud.com, iam.cn-east-3.myhuaweicloud.com (for the project's id; to get a key, if the source is an identity token)
  instances    all running ones
  limits       8 requests at once, 20 per second
Project in region eu-west-0
  id           p
  endpoint     https://dcs.eu-west-0.myhuaweicloud.com
  credentials  the default chain: environment, profile files, agency, pod identity
  key goes to  dcs.eu-west-0.myhuaweicloud.com, iam.eu-west-0.myhuaweicloud.com (to get a key, if the source is an identity token)
  instances    1, and all running ones, with a name that matches "^\"x", with the tag "a"="b", with the tag "b"="c", in enterprise project "0"
    a3  its proxies, or else all its nodes
  limits       8 requests at once, 20 per second
New session lists are never taken by the exporter: something else scans.
Only /probe serves sessions, /metrics does not.
Lists of any age are used. A scrape takes at most 30s.
`
	if got := cfg.Summary(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLoadMissingFile(t *testing.T) {
	if _, err := config.Load(filepath.Join(t.TempDir(), "no.yml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := config.Load(t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
}

func TestLoadLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.yml")
	write(t, path, minimal)
	if err := os.Truncate(path, 4<<20+1); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); err == nil || err.Error() != path+" is larger than 4 MiB" {
		t.Errorf("got %v", err)
	}
}
