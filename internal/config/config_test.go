package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"

	promconfig "github.com/prometheus/common/config"
)

// minimal is the least that is valid.
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
		DiscoveryInterval: 5 * time.Minute, ScrapeTimeout: 30 * time.Second, ScrapeTimeoutOffset: 500 * time.Millisecond,
		MaxSnapshotAge: 5 * time.Minute, IdleThreshold: time.Hour,
		Histograms:    config.Histograms{AgeBuckets: buckets, IdleBuckets: buckets},
		ClientAddress: config.ClientAddress{Source: "addr"},
		Limits:        config.Limits{Users: 20, Clients: 50, Commands: 50, Databases: 32, Names: 20, Networks: 10},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestEveryKey sets every key to something that is not its default.
func TestEveryKey(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ak", "sk", "token"} {
		write(t, filepath.Join(dir, name), name+"-value\n")
	}
	got, err := config.Parse("c.yml", []byte(`
projects:
  - region: eu-de
    project_id: p1
    endpoint: https://dcs.eu-de.otc.t-systems.com/
    iam_endpoint: http://127.0.0.1:5000
    credentials: {access_key_file: ak, secret_key_file: sk, security_token_file: token}
    proxy_url: http://user:pass@proxy.example:3128
    no_proxy: 10.0.0.0/8
    tls_config: {server_name: dcs.example, min_version: TLS13, max_version: TLS13, insecure_skip_verify: false}
    instances:
      - {id: i1, nodes: [n1, n2], max_clients: 10000}
    read_replicas: false
    max_concurrent_requests: 3
    requests_per_second: 0.5
scan: {mode: off, min_interval: 0s, wait: 0s}
discovery_interval: 1m
scrape_timeout: 10s
scrape_timeout_offset: 0s
max_snapshot_age: 0s
idle_threshold: 90s
histograms: {age_buckets: [0.5, 1], idle_buckets: [7]}
client_address: {source: peer, include_port: true}
limits: {users: 0, clients: 1, commands: 2, databases: 3, names: 4, networks: 5}
metrics_endpoint: all
`), dir)
	if err != nil {
		t.Fatal(err)
	}
	p := got.Projects[0]
	if p.Proxy == nil {
		t.Error("no proxy")
	}
	p.Proxy = nil
	if want := (config.Project{
		Region: "eu-de", ProjectID: "p1", Endpoint: "https://dcs.eu-de.otc.t-systems.com", IAMEndpoint: "http://127.0.0.1:5000",
		Credentials: &config.Credentials{
			AccessKey: dcsapi.Secret{File: filepath.Join(dir, "ak")}, SecretKey: dcsapi.Secret{File: filepath.Join(dir, "sk")}, SecurityToken: dcsapi.Secret{File: filepath.Join(dir, "token")},
		},
		TLS:       &promconfig.TLSConfig{ServerName: "dcs.example", MinVersion: promconfig.TLSVersions["TLS13"], MaxVersion: promconfig.TLSVersions["TLS13"]},
		Instances: []config.Instance{{ID: "i1", Nodes: []string{"n1", "n2"}, MaxClients: 10000}}, MaxConcurrentRequests: 3, RequestsPerSecond: .5,
	}); !reflect.DeepEqual(p, want) {
		t.Errorf("project: got %+v, want %+v", p, want)
	}
	got.Projects = nil
	if want := (&config.Config{
		Scan: config.Scan{Mode: config.ScanOff}, DiscoveryInterval: time.Minute, ScrapeTimeout: 10 * time.Second, IdleThreshold: 90 * time.Second,
		Histograms:    config.Histograms{AgeBuckets: []float64{.5, 1}, IdleBuckets: []float64{7}},
		ClientAddress: config.ClientAddress{Source: "peer", IncludePort: true},
		Limits:        config.Limits{Clients: 1, Commands: 2, Databases: 3, Names: 4, Networks: 5},
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestProblems compares all problems of bad configurations.
func TestProblems(t *testing.T) {
	project := func(lines string) string {
		return "projects:\n  - region: cn-north-4\n    instances: [{id: a1}]\n    " + lines + "\n"
	}
	for _, tt := range []struct {
		name, text string
		want       []string // after "c.yml"
	}{
		{"empty", "", []string{": is empty"}},
		{"only comments", "# nothing\n", []string{": is empty"}},
		{"null", "~\n", []string{": is empty"}},
		{"a list", "- a\n", []string{":1: must be a mapping of keys to values"}},
		{"no YAML", "projects: [\n", []string{":1: is not valid YAML: look at indentation, colons and quotes on this line and the one before"}},
		{"tab", "projects:\n\t- x\n", []string{":2: is not valid YAML: look at indentation, colons and quotes on this line and the one before"}},
		{"not UTF-8", "projects: \n#\xff\n", []string{":2: is not UTF-8 text"}},
		{"second document", minimal + "---\nx: 1\n", []string{":5: a second document: the configuration is one"}},
		{"no projects", "scan: {wait: 1s}\n", []string{":1: projects: is missing: list the projects to read, each with its region and instances"}},
		{"projects is empty", "projects: []\n", []string{":1: projects: is empty: list the projects to read, each with its region and instances"}},
		{"projects is a text", "projects: x\n", []string{":1: projects: must be a list"}},
		{"empty project", "projects: [~]\n", []string{":1: projects[0]: is empty: a project has a region and instances"}},
		{"nothing in a project", "projects:\n  - project_id: p\n", []string{
			":2: projects[0].region: is missing: name the region, such as cn-north-4", ":2: projects[0].instances: is missing: list the instances to read",
		}},
		{"unknown region", "projects:\n  - region: moon-1\n    instances: [{id: a}]\n", []string{
			`:2: projects[0].region: "moon-1" is not a known region: correct it, or set endpoint to the base URL of its DCS API`,
		}},
		{"unknown keys", minimal + "scrape_timout: 5s\nzzzzzzzz: 1\n", []string{
			":5: scrape_timout: is not a key of the configuration: did you mean scrape_timeout?", ":6: zzzzzzzz: is not a key of the configuration",
		}},
		{"key twice", minimal + "idle_threshold: 5s\nidle_threshold: 6s\n", []string{":6: idle_threshold: stands twice, first on line 5"}},
		{"anchors", "projects: &p\n  - region: cn-north-4\nscan: *p\n", []string{
			":1: projects: anchors and aliases are not supported: write the value out",
			":3: scan: anchors and aliases are not supported: write the value out",
		}},
		{"not supported yet", project("discover: {name: x}") + "limits: {hold: 1h}\nmetrics_endpoint: exporter\n", []string{
			":4: projects[0].discover: is not supported in this version: list the instances under instances",
			":5: limits.hold: is not supported in this version: leave it out",
			":6: metrics_endpoint: exporter is not supported in this version: leave the key out, or set it to all",
		}},
		{"discover alone", "projects:\n  - region: cn-north-4\n    discover: {}\n", []string{
			":3: projects[0].discover: is not supported in this version: list the instances under instances",
		}},
		{"durations", minimal + "scrape_timeout: 5\nidle_threshold: 0s\nmax_snapshot_age: soon\ndiscovery_interval: [1s]\n", []string{
			`:5: scrape_timeout: "5" is not a duration such as 500ms, 30s or 1h30m`, ":6: idle_threshold: must be longer than 0",
			`:7: max_snapshot_age: "soon" is not a duration such as 500ms, 30s or 1h30m`, ":8: discovery_interval: must be a duration such as 30s or 5m",
		}},
		{"offset too long", minimal + "scrape_timeout: 1s\nscrape_timeout_offset: 1s\n", []string{":6: scrape_timeout_offset: must be shorter than scrape_timeout (1s)"}},
		{"numbers", minimal + "limits: {users: -1, clients: 10001, names: many, networks: 1.5}\n", []string{
			`:5: limits.users: "-1" is not a whole number from 0 to 10000`, `:5: limits.clients: "10001" is not a whole number from 0 to 10000`,
			`:5: limits.names: "many" is not a whole number from 0 to 10000`, `:5: limits.networks: "1.5" is not a whole number from 0 to 10000`,
		}},
		{"words", minimal + "scan: {mode: sometimes}\nclient_address: {source: port, include_port: yes}\n", []string{
			`:5: scan.mode: "sometimes" is not one of on_scrape, off`, `:6: client_address.source: "port" is not one of addr, peer`,
			`:6: client_address.include_port: "yes" is neither true nor false`,
		}},
		{"buckets", minimal + "histograms:\n  age_buckets: [2, 1]\n  idle_buckets: [0, x]\n", []string{
			":6: histograms.age_buckets: the bounds must rise", `:7: histograms.idle_buckets[0]: "0" is not a number above 0 and up to 1e+12`,
			`:7: histograms.idle_buckets[1]: "x" is not a number above 0 and up to 1e+12`,
		}},
		{"no buckets", minimal + "histograms: {age_buckets: []}\n", []string{":5: histograms.age_buckets: must have 1 to 100 upper bounds, in seconds"}},
		{"instances", "projects:\n  - region: cn-north-4\n    instances:\n      - id: a/b\n      - nodes: [x]\n      - id: a1\n        nodes: []\n      - id: a1\n      - {id: a2, nodes: [x, x], max_clients: 0}\n", []string{
			`:4: projects[0].instances[0].id: "a/b" is not an id: it has letters, digits, - and _, 128 at most`,
			":5: projects[0].instances[1].id: is missing: give the instance's id",
			":7: projects[0].instances[2].nodes: is empty: name nodes, or leave the key out to read all that hold sessions",
			`:8: projects[0].instances[3].id: "a1" is listed already on line 6: an instance is read once`,
			`:9: projects[0].instances[4].nodes[1]: "x" is listed twice`,
			`:9: projects[0].instances[4].max_clients: "0" is not a whole number from 1 to 2147483647`,
		}},
		{"an instance in two projects", minimal + "  - region: cn-east-3\n    instances: [{id: a1}]\n", []string{
			`:6: projects[1].instances[0].id: "a1" is listed already on line 4: an instance is read once`,
		}},
		{"a project twice", "projects:\n  - {region: cn-north-4, project_id: p, instances: [{id: a}]}\n  - {region: cn-north-4, project_id: p, instances: [{id: b}]}\n", []string{
			":3: projects[1]: the same project as on line 2: put its instances there, so that both share one rate limit",
		}},
		{"endpoints", project("endpoint: dcs.example\n    iam_endpoint: http://iam.example"), []string{
			":4: projects[0].endpoint: is not a URL such as https://dcs.cn-north-4.myhuaweicloud.com",
			":5: projects[0].iam_endpoint: must begin with https://: http:// is for loopback only",
		}},
		{"endpoint with a path", project("endpoint: https://x.example/v2?a=b"), []string{":4: projects[0].endpoint: must be a base URL: scheme, host and port only"}},
		{"half a key", project("credentials: {access_key: a, access_key_file: b}"), []string{
			":4: projects[0].credentials.access_key_file: file DIR/b does not exist",
			":4: projects[0].credentials.access_key: set access_key or access_key_file, not both",
			":4: projects[0].credentials.secret_key: is missing: set secret_key or secret_key_file, or leave credentials out to use the default chain",
		}},
		{"requests", project("requests_per_second: 0\n    max_concurrent_requests: 1000"), []string{
			`:4: projects[0].requests_per_second: "0" is not a number above 0 and up to 1000`,
			`:5: projects[0].max_concurrent_requests: "1000" is not a whole number from 1 to 256`,
		}},
		{"proxies", project("proxy_url: http://p.example:1\n    proxy_from_environment: true"), []string{":5: projects[0].proxy_from_environment: set it or proxy_url, not both"}},
		{"no_proxy alone", project("no_proxy: x"), []string{":4: projects[0].no_proxy: belongs to proxy_url, which is not set; proxy_from_environment brings its own"}},
		{"TLS", project("tls_config: {insecure_skip_verify: true, ca: rubbish, min_version: TLS13, max_version: TLS12}"), []string{
			":4: projects[0].tls_config.insecure_skip_verify: TLS is always verified: name the authority that signed the endpoint's certificate in ca_file",
			":4: projects[0].tls_config.min_version: must not be above max_version",
		}},
		{"CA", project("tls_config: {ca: rubbish}"), []string{":4: projects[0].tls_config.ca: holds no certificate in PEM form"}},
		{"certificate without key", project("tls_config: {cert: rubbish}"), []string{
			":4: projects[0].tls_config.cert: a certificate needs its key, and a key its certificate: set cert or cert_file and key or key_file",
		}},
		{"no pair", project("tls_config: {cert: rubbish, key: rubbish}"), []string{":4: projects[0].tls_config.cert: the certificate and the key are not a pair in PEM form"}},
		{"empty text", project("project_id: ''"), []string{`:4: projects[0].project_id: "" is not an id: it has letters, digits, - and _, 128 at most`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := config.Parse("c.yml", []byte(tt.text), "DIR")
			if cfg != nil || err == nil {
				t.Fatalf("accepted: %+v", cfg)
			}
			if _, ok := errors.AsType[config.Problems](err); !ok {
				t.Errorf("the error is a %T", err)
			}
			if want := "c.yml" + strings.Join(tt.want, "\nc.yml"); err.Error() != want {
				t.Errorf("got\n%s\nwant\n%s", err, want)
			}
		})
	}
}

// TestKeyFiles checks what files with secrets must be like.
func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good"), "value\n")
	write(t, filepath.Join(dir, "empty"), " \n")
	write(t, filepath.Join(dir, "two"), "one\ntwo\n")
	write(t, filepath.Join(dir, "large"), strings.Repeat("x", 70_000))
	for file, want := range map[string]string{
		"good": "", "empty": "is empty", "two": "more than one word", "large": "larger than 64 KiB", "missing": "does not exist", ".": "not a regular file",
	} {
		text := fmt.Sprintf("%s    credentials: {access_key: a, secret_key_file: %s}\n", minimal, file)
		_, err := config.Parse("c.yml", []byte(text), dir)
		if (want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
}

const marker = "S3CR3T"

// secretTexts are configurations with a secret where one belongs, or where one
// was put by mistake.
func secretTexts() []string {
	var out []string
	for _, lines := range []string{
		"credentials: {access_key: S3CR3T, secret_key: S3CR3T, security_token: S3CR3T}",
		"credentials: {access_key: [S3CR3T], secret_key: {S3CR3T: S3CR3T}}",
		"credentials: S3CR3T",
		"credentials: [S3CR3T]",
		"credentials: {S3CR3T: x}",
		"credentials: {secret_kye: S3CR3T}",
		"credentials: {access_key: a b S3CR3T, secret_key: ''}",
		"credentials: {access_key: a, secret_key: S3CR3T, secret_key: S3CR3T}",
		"credentials: {access_key: a, secret_key: S3CR3T, secret_key_file: nofile}",
		"credentials: {access_key: a, secret_key: \"S3CR3T}",
		"credentials:\n      access_key: S3CR3T: S3CR3T",
		"credentials: {access_key: &S3CR3T x, secret_key: *S3CR3T}",
		"credentials: {access_key: !S3CR3T x, secret_key: !!int S3CR3T}",
		"proxy_url: http://user:S3CR3T@proxy.example:3128",
		"proxy_url: 'http://user:S3CR3T@ bad'",
		"proxy_url: 'gopher://user:S3CR3T@proxy'",
		"proxy_url: [S3CR3T]",
		"proxy_url: {S3CR3T: S3CR3T}",
		"tls_config: {key: S3CR3T, cert: S3CR3T}",
		"tls_config: {key: [S3CR3T]}",
		"endpoint: https://user:S3CR3T@x.example",
		"endpoint: 'https://user:S3CR3T@x .example'",
	} {
		out = append(out, minimal+"    "+lines+"\n")
	}
	return out
}

// TestSecretsStayIn checks that no error, print or summary repeats a secret.
func TestSecretsStayIn(t *testing.T) {
	for _, text := range secretTexts() {
		cfg, err := config.Parse("c.yml", []byte(text), ".")
		said := fmt.Sprintf("%v %+v %#v %v", err, err, err, cfg)
		if cfg != nil {
			for _, p := range cfg.Projects {
				encoded, _ := json.Marshal(p.Credentials)
				said += cfg.Summary() + fmt.Sprintf("%v %+v %#v %s", p.Credentials, p.Credentials, p.Credentials, encoded)
			}
		}
		if strings.Contains(said, marker) {
			t.Errorf("%s\nis answered with a secret:\n%s", text, said)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(minimal)
	for _, text := range secretTexts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := config.Parse("c.yml", []byte(text), "/nonexistent")
		if (cfg == nil) == (err == nil) {
			t.Errorf("both or neither: %v, %v", cfg, err)
		}
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}

// TestExample checks that the example is valid, and has every key.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../../config.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load("../../config.example.yml"); err != nil {
		t.Error(err)
	}
	// The keys that the code knows stand in it as keys of fields literals.
	for _, file := range []string{"config.go", "project.go", "credentials.go", "http.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\t+"([a-z_]+)": +(?:func\(v value\)|secret\(|file\(|version\()`).FindAllStringSubmatch(string(source), -1) {
			key := m[1]
			if key == "discover" || key == "hold" {
				continue // not in this version
			}
			if !regexp.MustCompile(`(?m)^[ #-]*` + key + `:|\bor ` + key + `\b`).Match(text) {
				t.Errorf("config.example.yml does not show %s", key)
			}
		}
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
